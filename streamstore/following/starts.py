"""Where following begins: words, sequence numbers and times, and which stream is meant.

All is turned into one number: the store has one counter, so "after this number" means the same in
every shard. This module reads a snapshot where a time has to be looked up, and follows nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ..engine.streams import log, sequence
from ..errors import ResourceNotFound, ValidationFailed

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.model import StreamInfo
    from ..engine.streams.descriptions import ShardState
    from ..storage.transaction import ReadTransaction

_MOMENT_MS_MAX: Final = 2**53


class Start(NamedTuple):
    """Where following begins. `value`: a sequence counter ("at", "after") or milliseconds since
    1970 ("time").
    """

    kind: Literal["latest", "trim-horizon", "at", "after", "time"]
    value: int = 0


def parse_start(text: str) -> Start:
    """`latest`, `trim-horizon` (the service's spellings too), a sequence number, from which on it
    begins, or a time: ISO 8601 (UTC where no zone is named) or seconds since 1970.

    Raises ValidationFailed for anything else.
    """
    word = text.strip().lower().replace("_", "-")
    if word == "latest":
        return Start("latest")
    if word == "trim-horizon":
        return Start("trim-horizon")
    if word.isascii() and word.isdigit() and len(word) >= sequence.SEQUENCE_CHARS_MIN:
        return Start("at", sequence.parse(word)[1])
    try:
        seconds = float(word)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise _no_start(text) from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds < _MOMENT_MS_MAX / 1000:
        raise _no_start(text)
    return Start("time", round(seconds * 1000))


def start_of(start: str, after: str | None) -> Start:
    """The place that a caller means: after a number if there is one, else `parse_start`."""
    if after is not None:
        return Start("after", sequence.parse(after)[1])
    return parse_start(start)


def _no_start(text: str) -> ValidationFailed:
    return ValidationFailed(
        f"{text!r} is no place to begin: give latest, trim-horizon, a sequence number or a time"
    )


def stream_named(engine: Engine, name: str) -> StreamInfo:
    """The stream of that ARN, or the newest one of the table of that name or ARN. Raises
    ResourceNotFound.
    """
    if "/stream/" in name:
        stream = engine.catalog.stream_by_arn(name)
    else:
        stream = engine.catalog.table(name).last_stream
    if stream is None:
        raise ResourceNotFound("stream", name)
    return stream


def before_time(
    rx: ReadTransaction, shards: list[ShardState], floor_ms: int, committed: int
) -> int:
    """The number before the first record of any shard that was made at that time or later."""
    first = committed + 1
    for shard in shards:
        shard_id, beyond = shard.info.shard_id, shard.next_ordinal
        if shard.first_ordinal == beyond:
            continue
        if log.record_at(rx, shard_id, beyond - 1)[log.BY_TIME] < floor_ms:
            continue
        found = log.search(rx, shard_id, shard.first_ordinal, beyond, log.BY_TIME, floor_ms)
        first = min(first, log.record_at(rx, shard_id, found)[0])
    return first - 1
