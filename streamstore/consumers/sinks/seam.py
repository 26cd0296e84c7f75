"""The seam between a stream and whatever keeps it elsewhere: what every sink stands on.

    driver                                    sink
    open(source)                         ->   the Place it has kept, or None
    begin(place)                              a copy begins: what is there is stale until confirmed
    apply(changes, place)      repeated       items of the copy, then changes of the stream
    settle(place)                             the copy is whole: what it did not name is gone
    apply(changes, place)      for ever

A sink that keeps its Place in the same transaction as the changes has everything exactly once; one
that can't keeps it afterwards, and gets some changes again after a crash, with the same sequence.
Three things make that harmless: a later change of a key has a greater sequence, an item of a copy
has that of its snapshot, and a change with an image holds the whole item.

A sink raises SinkUnavailable for what may pass (the driver waits and calls `open` again) and
SinkRefused for what does not. It is used by one thread at a time. Nothing here knows a database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

Item = dict[str, Any]


class Source(NamedTuple):
    """The table that is replicated. `keys`: its key attributes as (name, "S" | "N" | "B"), the hash
    key first.
    """

    table: str
    keys: tuple[tuple[str, str], ...]


class Change(NamedTuple):
    """What one key holds from `sequence` on, a number of the store's one counter.

    key     the key attributes, as values of the wire, binary ones as bytes
    image   the whole item; None where it is gone, or where the stream's view type has no image
    record  the stream's record with its ShardId; None for an item of a copy
    """

    key: Item
    sequence: int
    image: Item | None
    record: dict[str, Any] | None = None


class Place(NamedTuple):
    """How far a sink has come.

    stream_arn  the stream it follows; another one means that changes in between are not known
    position    the sequence number to follow after, from the beginning of the copy on
    phase       "copying" until `settle`
    copied_to   while copying: the key of the last item that was copied, None before the first
    """

    stream_arn: str
    position: str
    phase: Literal["copying", "following"] = "following"
    copied_to: Item | None = None


class Sink(Protocol):
    """Where changes are kept.

    copies  True for a sink of items: it begins with a copy and needs whole new images. False for a
            sink of events: it begins where the stream does, is never given a copy, and is told of
            records that were trimmed before it saw them by a `begin`.
    """

    copies: bool

    def open(self, source: Source) -> Place | None:
        """The place that was kept last; None if there is none. Called again after each failure."""

    def begin(self, place: Place) -> None:
        """Keep `place`; what was kept before is stale."""

    def apply(self, changes: Sequence[Change], place: Place) -> None:
        """Keep the changes, in their order, and `place`. No changes: keep the place alone."""

    def settle(self, place: Place) -> int:
        """Remove what was not named since `begin`, keep `place`; how much was removed."""

    def close(self) -> None:
        """Let go of everything. Twice is once."""
