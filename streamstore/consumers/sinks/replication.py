"""The driver of every sink: first a copy of the table from a snapshot, then its stream, for ever.

    round   ask the sink for its place
            none, another stream, trimmed, not this store's   ->  a new copy, told with the reason
            copying                                           ->  the copy goes on
            following                                         ->  records after the position

Each page is handed to the sink with the place behind it. A copy goes on after the last key it kept,
in a new snapshot if the first one is gone: items then have the newer snapshot's sequence, and
records from the beginning of the copy on are followed afterwards, the older ones of which the sink
leaves alone. What can't be followed without a gap is copied again, never skipped.

Outages of the sink are waited out, at SINK_BACKOFF_SECONDS; those of the store that say
`retryable`, too. Nothing here knows what a sink is made of.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...codec.sizes import item_size
from ...engine.streams import sequence
from ...errors import (
    RecordsTrimmed,
    ResourceNotFound,
    SinkRefused,
    SnapshotFailed,
    StoreClosed,
    StoreError,
    ValidationFailed,
)
from .seam import Change, Item, Place, Sink, Source

if TYPE_CHECKING:
    from ...following.follower import Follower
    from ...following.snapshots import Snapshot
    from ...store import Store

Report = Callable[[dict[str, Any]], None]

_WITH_NEW_IMAGES: Final = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
_DONE: Final = "done"


class Replication:
    """One table into one sink. `run` returns when it is done, or after `stop`, from any thread.

    once         end when what was committed before `run` is in the sink
    start        where a sink of events begins: "trim-horizon" or "latest"
    report       told of each step: {"event": "copy" | "copied" | "settled" | "applied" |
                 "caught-up" | "unavailable" | "waiting", …}; called on the thread of `run`
    outages_max  how many outages in a row are waited out, None for any number
    """

    def __init__(
        self,
        store: Store,
        table: str,
        sink: Sink,
        *,
        once: bool = False,
        start: str = "trim-horizon",
        report: Report = lambda event: None,
        outages_max: int | None = None,
    ) -> None:
        self._store = store
        self._table = table
        self._sink = sink
        self._once = once
        self._start = start
        self._report = report
        self._outages_max = outages_max
        self._outages = 0
        self._reached = False
        self._stopping = False
        self._woken = threading.Event()
        self._follower: Follower | None = None
        self._goal: int | None = None

    def run(self) -> None:
        """Replicate. Raises SinkRefused for what can't be, SinkUnavailable where the sink was not
        there from the first or for too long, and the store's own errors.
        """
        again = ""
        while again != _DONE and not self._stopping:
            try:
                again = self._round(again)
            except StoreError as error:
                self._wait_out(error)

    def stop(self) -> None:
        """Have `run` return, after the page under way. Not from a signal's handler: `ask_to_stop`
        is for that.
        """
        self._stopping = True
        self._woken.set()
        follower = self._follower
        if follower is not None:
            follower.close()

    def ask_to_stop(self) -> None:
        """The same, seen within SINK_LOOK_SECONDS: it takes no lock, so a signal may do it."""
        self._stopping = True

    # A round.

    def _round(self, why: str) -> str:
        """Until there is a reason to copy again ("" for none), or _DONE. `why`: such a reason."""
        described = self._described()
        if described is None:
            return _DONE
        source, arn = described
        place = self._sink.open(source)
        self._reached = True
        if place is None:
            why = "first"
        elif place.stream_arn != arn:
            why = "stream"
        if not self._sink.copies:
            return self._follow(arn, None if why else place, why)
        assert place is not None or why
        if why or (place is not None and place.phase == "copying"):
            place = self._copy(None if why else place, why)
            if place is None:
                return _DONE if self._stopping else ""
        assert place is not None
        return self._follow(arn, place, "")

    def _described(self) -> tuple[Source, str] | None:
        """The table and its enabled stream; waits for one where it had been followed before. None
        when it shall stop.
        """
        while not self._stopping:
            table = self._store.call("DescribeTable", {"TableName": self._table})["Table"]
            stream = table.get("StreamSpecification", {})
            view = stream.get("StreamViewType")
            if stream.get("StreamEnabled"):
                if self._sink.copies and view not in _WITH_NEW_IMAGES:
                    raise SinkRefused(
                        f"The stream of {table['TableName']} is of {view}, without new images: "
                        "disable it and enable one of NEW_IMAGE or NEW_AND_OLD_IMAGES."
                    )
                return _source(table), table["LatestStreamArn"]
            if self._once or not self._reached:
                raise SinkRefused(
                    f"{table['TableName']} has no stream enabled: enable one of NEW_IMAGE or "
                    "NEW_AND_OLD_IMAGES."
                )
            self._report({"event": "waiting", "for": "an enabled stream"})
            self._sleep(limits.FOLLOW_WAIT_SECONDS / 60)
        return None

    # The copy.

    def _copy(self, place: Place | None, why: str) -> Place | None:
        """Copy the table, from `place` on or anew. None when it stopped or is to be tried again."""
        with self._store.snapshot(self._table) as snapshot:
            stream, position = snapshot.stream, snapshot.position
            if stream is None or position is None:
                return None
            if place is None or place.stream_arn != stream.arn:
                place = Place(stream.arn, position, "copying")
                self._report({"event": "copy", "reason": why or "stream", "stream": stream.arn})
                self._sink.begin(place)
            try:
                return self._copied(snapshot, place, sequence.parse(position)[1])
            except SnapshotFailed as failed:
                if failed.bound not in ("deadline", "wal") or self._outages:
                    raise
                self._outages += 1  # one that ends without a page is not tried for ever
                return None

    def _copied(self, snapshot: Snapshot, place: Place, number: int) -> Place | None:
        names = [part.name for part in (*snapshot.table.keys.hash, *snapshot.table.keys.range)]
        count = 0
        for piece in _pieces(snapshot.items(after=place.copied_to)):
            if self._stopping:
                return None
            changes = [Change({name: item[name] for name in names}, number, item) for item in piece]
            place = place._replace(copied_to=changes[-1].key)
            self._sink.apply(changes, place)
            self._outages = 0
            count += len(piece)
            self._report({"event": "copied", "items": count})
        place = place._replace(phase="following", copied_to=None)
        removed = self._sink.settle(place)
        self._report({"event": "settled", "items": count, "removed": removed})
        return place

    # The stream.

    def _follow(self, arn: str, place: Place | None, why: str) -> str:
        """Follow the stream from a place, or from its start where there is none."""
        try:
            if place is None:
                start = self._start if why == "first" else "trim-horizon"
                follower = self._store.follow(arn, start)
                place = Place(arn, follower.position)
                self._report({"event": "begin", "reason": why, "stream": arn})
                self._sink.begin(place)
            else:
                follower = self._store.follow(arn, after=place.position)
            with follower:
                self._follower = follower
                return self._followed(follower, place)
        except RecordsTrimmed:
            return "trimmed"
        except ResourceNotFound as gone:
            if gone.kind != "stream":
                raise
            return "stream"
        except ValidationFailed:
            return "not of this store"  # a number that is still to come: the file was put back
        finally:
            self._follower = None

    def _followed(self, follower: Follower, place: Place) -> str:
        clock = self._store.clock
        if self._once and self._goal is None:
            with self._store.follow(place.stream_arn) as newest:
                self._goal = _counter(newest.position)
        kept = clock.monotonic()
        told = False
        while True:
            records = follower.page(0 if self._once else limits.SINK_LOOK_SECONDS)
            reached = self._goal is not None and _counter(follower.position) >= self._goal
            done = reached or self._stopping
            idle = clock.monotonic() - kept >= limits.SINK_IDLE_SECONDS
            # A position that stands still for longer than the retention could not be gone on from.
            if records or ((done or idle) and follower.position != place.position):
                place = place._replace(position=follower.position)
                self._sink.apply([_change(record) for record in records], place)
                kept = clock.monotonic()
                self._outages = 0
            if records:
                told = False
                self._report(_applied(records, place))
            elif not told:
                told = True
                self._report({"event": "caught-up", "position": follower.position})
            if done:
                return _DONE
            if not records and follower.ended:
                return ""

    # Outages.

    def _wait_out(self, error: StoreError) -> None:
        """Wait before the next round; raises what is not worth waiting for."""
        closed = isinstance(error, StoreClosed) and not self._outages  # perhaps only reopened
        if not self._reached or not (error.retryable or closed):
            raise error
        if self._outages_max is not None and self._outages >= self._outages_max:
            raise error
        steps = limits.SINK_BACKOFF_SECONDS
        seconds = steps[min(self._outages, len(steps) - 1)]
        self._outages += 1
        self._report({"event": "unavailable", "reason": str(error), "retry_seconds": seconds})
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        deadline = self._store.clock.monotonic() + seconds
        while not self._stopping:
            left = deadline - self._store.clock.monotonic()
            if left <= 0:
                return
            self._woken.wait(min(left, limits.SINK_LOOK_SECONDS))


def replicate(store: Store, table: str, sink: Sink, **options: Any) -> None:
    """Replicate a table into a sink in the caller's thread; `options` as of Replication."""
    Replication(store, table, sink, **options).run()


def _source(table: dict[str, Any]) -> Source:
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    names = [part["AttributeName"] for part in table["KeySchema"]]  # the hash key comes first
    return Source(table["TableName"], tuple((name, types[name]) for name in names))


def _pieces(items: Iterator[Item]) -> Iterator[list[Item]]:
    """Pieces of what a sink takes at once: bounded in items and in bytes."""
    piece: list[Item] = []
    size = 0
    for item in items:
        piece.append(item)
        size += item_size(item)
        if len(piece) >= limits.SINK_COPY_ITEMS_MAX or size >= limits.GET_RECORDS_BYTES_MAX:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _change(record: dict[str, Any]) -> Change:
    change = record["dynamodb"]
    return Change(
        change["Keys"], _counter(change["SequenceNumber"]), change.get("NewImage"), record
    )


def _counter(position: str) -> int:
    return sequence.parse(position)[1]


def _applied(records: list[dict[str, Any]], place: Place) -> dict[str, Any]:
    made = records[-1]["dynamodb"]["ApproximateCreationDateTime"]
    return {
        "event": "applied",
        "records": len(records),
        "position": place.position,
        "written_at": made,
    }
