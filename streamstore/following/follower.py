"""Following a stream as it grows: the records of all its shards as one line, in order of commit.

The store has one counter of sequence numbers, so the records of a stream have one order: that of
their commits, the same for every reader. A follower merges its shards by that number, each page in
one read transaction, and so gives parents before children without a rule of its own, across splits
and rollovers. Because of the one order a single number says how far it has come: `position`, after
which another follower goes on without a gap and without a duplicate.

Who waits is woken by the commit (engine/streams/tail) and reads then; waking decides nothing.
Beside a live owner in another process nobody can be woken, so there it looks again every 20 ms.
No transaction is held while it waits, or while its user is at work.

A stream that is disabled ends its followers once they have read all of it. A follower that has
fallen behind the trim horizon is told so by RecordsTrimmed; it never skips records in silence, but
at the beginning, from TRIM_HORIZON. It knows nothing of HTTP, and of a record's shape only whom to
ask.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from .. import limits
from ..engine.streams import log, positions, sequence
from ..engine.streams.descriptions import ShardState, list_shards
from ..engine.streams.log import Position
from ..engine.streams.tail import Bell
from ..errors import RecordsTrimmed, ValidationFailed
from ..operations.streams.images import shape_records
from ..storage import statements_streams as sql
from .sources import Source, Sources, Taken, exactly, json_ids, level, news, number_of
from .starts import Start, before_time

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.model import StreamInfo
    from ..storage.readers import AnyReaders
    from ..storage.transaction import ReadTransaction

Record = dict[str, Any]

_ENDLESS: Final = 2**63
_CHILDREN_MAX: Final = 2


class Follower(Iterator[Record]):
    """The records of one stream, one after another, each as GetRecords gives it plus its ShardId.

    An iterator that waits for what is committed next; `page` gives what is there in one go. For
    one thread at a time, but `close` may be called from any. Make it with `Store.follow`.
    Raises RecordsTrimmed where it has fallen behind the trim horizon, StoreClosed when the store
    was closed or reopened under it: follow again after `position` then.
    """

    def __init__(
        self,
        engine: Engine,
        readers: AnyReaders,
        stream: StreamInfo,
        start: Start,
        *,
        polls: bool = False,
    ) -> None:
        self.stream = stream
        self._engine = engine
        self._id_prefix = engine.event_id_prefix.hex()
        self._readers = readers
        self._polls = polls
        self._bell = Bell()
        self._closed = False
        self._given: deque[Record] = deque()
        # Shards of the first snapshot that wait for their parents to be read, by the parent's name.
        self._waiting: dict[str, list[ShardState]] = {}
        self._sources: Sources = {}
        self._ids = ""
        self._after = 0
        self._depth = 1
        # Where everything of a snapshot was given, what `news` asks for; None where more may be.
        self._level: int | None = None
        with readers.transaction() as rx:
            self._begin(rx, start)

    # Reading.

    @property
    def ended(self) -> bool:
        """Whether nothing can come any more: the stream is disabled and all of it was given."""
        return not self._sources

    @property
    def position(self) -> str:
        """A sequence number: what `turn` or `page` gave is at it or before it, all else after."""
        return sequence.wire(self._depth, self._after)

    def __next__(self) -> Record:
        while not self._given:
            if self._closed:
                raise StopIteration
            page = self.page()
            if not page:
                raise StopIteration
            self._given.extend(page)
        return self._given.popleft()

    def page(self, timeout: float | None = None) -> list[Record]:
        """The next records, at most FOLLOW_RECORDS_MAX and about 1 MiB; waits for a commit where
        there are none.

        [] when `timeout` seconds have passed, after `close`, and when the stream has ended. Not to
        be mixed with iterating, which reads ahead.
        """
        monotonic = self._engine.clock.monotonic
        deadline = None if timeout is None else monotonic() + timeout
        while not self._closed:
            records = self.turn()
            if records or self.ended:
                return records
            left = limits.FOLLOW_WAIT_SECONDS if deadline is None else deadline - monotonic()
            if left <= 0:
                break
            self._wait(min(left, limits.FOLLOW_WAIT_SECONDS))
        return []

    def turn(self) -> list[Record]:
        """The next records that are committed now; [] if there are none. Never waits for any."""
        with self._readers.transaction() as rx:
            taken = self._news(rx) if self._level is not None else self._take(rx)
        return self._shaped(taken)

    def _shaped(self, taken: Taken) -> list[Record]:
        """Records in the shape of GetRecords; those that follow each other in shards of one depth
        in one go.
        """
        line: list[Record] = []
        for depth, run in groupby(taken, _depth_of):
            some = list(run)
            shaped = shape_records(
                [record for record, _ in some],
                depth=depth,
                view_type=self.stream.view_type,
                region=self.stream.region,
                id_prefix=self._id_prefix,
            )
            for shape, (_, source) in zip(shaped, some, strict=True):
                shape["ShardId"] = source.name
            line += shaped
        return line

    async def wait_async(self, timeout: float) -> bool:
        """For an event loop: wait until `turn` may give something; False if time ran out."""
        if self._polls:
            import asyncio

            await asyncio.sleep(min(timeout, limits.FOLLOW_POLL_SECONDS))
            return True
        return await self._engine.tail.wait_for_async(list(self._sources), self._after, timeout)

    def close(self) -> None:
        """End the iteration, from any thread: whoever waits wakes up."""
        self._closed = True
        self._bell.ring()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, timeout: float) -> None:
        self._bell.clear()
        if self._closed:
            return
        if self._polls:
            self._bell.wait(min(timeout, limits.FOLLOW_POLL_SECONDS))
        else:
            self._engine.tail.wait_for(list(self._sources), self._after, timeout, self._bell)

    # Where to begin.

    def _begin(self, rx: ReadTransaction, start: Start) -> None:
        shards = list_shards(rx, self.stream)
        committed = positions.committed_counter(rx)
        if start.kind == "time" and start.value > self._engine.clock.now_ms():
            raise ValidationFailed("The time to begin at must not be in the future")
        if start.kind in ("at", "after") and start.value > committed:
            raise ValidationFailed(
                f"Invalid SequenceNumber: {sequence.wire(1, start.value)} is still to come"
            )
        after = {"at": start.value - 1, "after": start.value}.get(start.kind, committed)
        oldest = start.kind == "trim-horizon"
        if start.kind == "time":
            cut_ms = self._engine.horizon.cut_ms(self.stream.table_name)
            oldest = start.value < cut_ms
            after = before_time(rx, shards, start.value, committed)
        if oldest:
            after = 0
        chosen = [
            s for s in shards if oldest or s.info.closed_ms is None or s.last_sequence > after
        ]
        known = {shard.info.name for shard in shards}
        names = {shard.info.name for shard in chosen}
        for shard in chosen:
            info = shard.info
            if info.parent_name in names:
                self._waiting.setdefault(str(info.parent_name), []).append(shard)
                continue
            if oldest:
                self._add(shard, positions.trim_horizon(shard))
                continue
            orphan = info.parent_name is not None and info.parent_name not in known
            if start.kind != "time" and orphan and after < info.start_sequence:
                raise RecordsTrimmed  # what its parent had after that number is gone
            self._add(shard, exactly(shard, max(after, info.start_sequence)))
        self._after = after

    def _add(self, shard: ShardState, position: Position) -> Source:
        source = self._sources[shard.info.shard_id] = Source(shard, position)
        self._depth = max(self._depth, source.depth)
        self._ids = json_ids(self._sources)
        return source

    # One snapshot.

    def _news(self, rx: ReadTransaction) -> Taken:
        """What came since everything was given: looked for in all shards at once, where nothing
        else has happened to them.
        """
        assert self._level is not None, "asked for where everything was given"
        taken = news(rx, self._engine, self.stream, self._sources, self._level)
        if taken is None:
            self._level = None
            return self._take(rx)
        if taken:
            self._after = taken[-1][0][0]
        else:
            self._after = max(self._after, positions.committed_counter(rx))
        return taken

    def _take(self, rx: ReadTransaction) -> Taken:
        """The next records in order of their numbers."""
        self._look(rx)
        readable = sum(source.more for source in self._sources.values())
        rows = max(limits.FOLLOW_PIECE_RECORDS_MIN, limits.FOLLOW_RECORDS_MAX // (readable or 1))
        taken: Taken = []
        size = 0
        while len(taken) < limits.FOLLOW_RECORDS_MAX and size < limits.GET_RECORDS_BYTES_MAX:
            self._fill(rx, rows)
            merged = self._merged()
            if not merged:
                # All of this snapshot is given: the place to go on from is its newest number.
                self._after = max(self._after, positions.committed_counter(rx))
                self._level = level(rx, self._sources)
                break
            for record, source in merged[: limits.FOLLOW_RECORDS_MAX - len(taken)]:
                taken.append((record, source))
                source.given += 1
                size += len(record[2])
                if size >= limits.GET_RECORDS_BYTES_MAX:
                    break
            self._after = taken[-1][0][0]
            for source in self._sources.values():
                if source.given:
                    del source.buffer[: source.given]
                    source.given = 0
        return taken

    def _look(self, rx: ReadTransaction) -> None:
        """Note which sources have, or may have, something in this snapshot."""
        for source in self._sources.values():
            source.more = False
        # What is not yet given of any shard is above the number given last.
        for shard_id, last in rx.all(sql.SHARDS_MOVED, (self._ids, self._after)):
            source = self._sources[shard_id]
            if last is None:
                source.more = True
            else:
                source.last = last
                source.more = last > source.position.after

    def _fill(self, rx: ReadTransaction, rows: int) -> None:
        """Read on in every shard of which nothing is at hand, in its children where it ended."""
        empty = [source for source in self._sources.values() if source.more and not source.buffer]
        while empty:
            source = empty.pop()
            if source.ended:
                empty += self._end(rx, source)
                continue
            self._fetch(rx, source, rows)
            if source.more and not source.buffer:
                empty.append(source)

    def _fetch(self, rx: ReadTransaction, source: Source, rows: int) -> None:
        """Read on in one shard."""
        try:
            page = log.read_page(rx, self._engine, self.stream, source.position, rows)
        except RecordsTrimmed:
            if source.position.exact:
                raise
            # From the trim horizon on, a shard that is gone has nothing that was wanted.
            source.ended = True
            return
        source.buffer.extend(page.records)
        if page.next is None:
            source.ended = True
            if page.records:
                source.position = source.position._replace(exact=True)
        else:
            source.position = page.next
            source.more = bool(page.records) and page.next.after < source.last

    def _merged(self) -> Taken:
        """What is at hand up to the first number behind which a shard has not been read yet."""
        ready = [source for source in self._sources.values() if source.buffer]
        bound = min((s.buffer[-1][0] for s in ready if s.more), default=_ENDLESS)
        merged = [
            (record, source)
            for source in ready
            for record in source.buffer[: bisect_left(source.buffer, (bound + 1,))]
        ]
        # Numbers are never equal, so nothing behind them is compared.
        merged.sort(key=number_of)
        return merged

    def _end(self, rx: ReadTransaction, source: Source) -> list[Source]:
        """A shard is read to its end: its children take its place."""
        del self._sources[source.position.shard_id]
        children = self._waiting.pop(source.name, None)
        if children is None:
            children = list_shards(
                rx,
                self.stream,
                after_name=source.name,
                limit=_CHILDREN_MAX,
                parent_name=source.name,
            )
        added = []
        for child in children:
            if source.position.exact:
                position = exactly(child, child.info.start_sequence)
            else:
                position = positions.trim_horizon(child)
            added.append(self._add(child, position))
        self._ids = json_ids(self._sources)
        return added


def _depth_of(taken: tuple[log.Record, Source]) -> int:
    return taken[1].depth
