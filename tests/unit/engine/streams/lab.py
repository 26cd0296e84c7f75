"""A store in memory with streams in it, driven from below operations: what the tests of streams
share.

Loaded by path (tests have no packages). It holds a real writer, a real engine and a clock that
moves when told, and writes records whose bodies are labels, so that a test sees at once which of
them a reader got.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from streamstore.clock import Clock, ManualClock
from streamstore.codec import hashing
from streamstore.config import Settings
from streamstore.engine.engine import Engine
from streamstore.engine.model import KeyPart, KeySchema, ShardInfo, StreamInfo, TableInfo
from streamstore.engine.streams import descriptions, log, positions, retention, shards
from streamstore.engine.streams.descriptions import ShardState
from streamstore.engine.streams.log import Position
from streamstore.engine.tables.definitions import pack_table
from streamstore.engine.writes.group import Group
from streamstore.storage import migrate, statements_tables
from streamstore.storage.readers import MemoryReaders
from streamstore.storage.transaction import ReadTransaction
from streamstore.storage.writer import Writer

START_MS = 1_700_000_000_000
DAY = 24 * 3600


class Lab:
    """One store. `reopen` replaces the engine: all that is in memory only."""

    def __init__(self, clock: Clock | None = None, **settings: Any) -> None:
        self.clock: Any = clock or ManualClock(START_MS)
        self.settings = Settings(**settings)
        connection = migrate.open_in_memory()
        self.writer = Writer(
            connection, lambda tx: self.engine.open_group(tx), self.clock, durable=False
        )
        self.readers = MemoryReaders(self.writer, self.clock)
        self.reopen()

    def reopen(self) -> None:
        """Forget everything that is in memory only."""
        with self.reading() as rx:
            self.engine = Engine.load(rx, self.settings, self.clock)
        self.run(lambda group: None)

    def reading(self) -> AbstractContextManager[ReadTransaction]:
        return self.readers.transaction()

    def run(self, unit: Callable[[Group], Any]) -> Any:
        return self.writer.run(unit)

    # Tables.

    def create(
        self,
        name: str = "orders",
        *,
        partitions: int = 1,
        view: Any = "NEW_AND_OLD_IMAGES",
        billing: Any = "PROVISIONED",
    ) -> TableInfo:
        """A table with that many even partitions; with an enabled stream unless `view` is None."""

        def unit(group: Group) -> TableInfo:
            now = group.now_ms
            table = TableInfo(
                table_id=0,
                version=0,
                name=name,
                uuid="u",
                region="us-east-1",
                account="000000000000",
                keys=KeySchema((KeyPart("pk", "S"),)),
                attribute_types={"pk": "S"},
                billing_mode=billing,
                created_ms=now,
                updated_ms=now,
            )
            insert = statements_tables.TABLE_INSERT
            group.tx.run(insert, (name, now, pack_table(table)))
            table = replace(table, table_id=group.tx.last_rowid())
            found = []
            for bounds in hashing.even_ranges(partitions):
                found.append(shards._partition(group, table, bounds, 0, 0))
            table = replace(
                table,
                version=group.next_catalogue_version(),
                partitions=tuple(found),
                range_starts=tuple(partition.range_start for partition in found),
            )
            group.put_table(table)
            return table if view is None else shards.enable_stream(group, table, view)

        made: TableInfo = self.run(unit)
        return made

    def table(self, name: str = "orders") -> TableInfo:
        return self.engine.catalog.table(name)

    def stream(self, name: str = "orders") -> StreamInfo:
        """The newest stream of the table."""
        stream = self.table(name).last_stream
        assert stream is not None
        return stream

    def change(self, verb: Callable[..., TableInfo], *args: Any, name: str = "orders") -> TableInfo:
        """Run enable_stream, disable_stream, split or roll on the table as it is."""

        def unit(group: Group) -> TableInfo:
            table = group.find_table(name)
            assert table is not None
            return verb(group, table, *args)

        changed: TableInfo = self.run(unit)
        return changed

    # Records.

    def append(self, *labels: str, name: str = "orders", pad: int = 0) -> list[int]:
        """One record a label, in one unit; the label's hash says in which shard. Returns their
        counters.
        """
        return self.run(lambda group: [self.append_in(group, each, name, pad) for each in labels])

    @staticmethod
    def append_in(group: Group, label: str, name: str = "orders", pad: int = 0) -> int:
        table = group.find_table(name)
        assert table is not None
        at = table.route(hashing.partition_hash(label.encode()))
        return log.append(group, table, at, label.encode() + b"." * pad)

    def shards(self, stream: StreamInfo | None = None) -> list[ShardState]:
        with self.reading() as rx:
            return descriptions.list_shards(rx, stream or self.stream())

    def shard(self, name: str | None = None, stream: StreamInfo | None = None) -> ShardState:
        """The shard of that name; the only one of the stream if none is given."""
        found = self.shards(stream)
        if name is None:
            assert len(found) == 1
            return found[0]
        return next(each for each in found if each.info.name == name)

    def read(
        self, position: Position, limit: int = 1000, stream: StreamInfo | None = None
    ) -> log.Page:
        with self.reading() as rx:
            return log.read_page(rx, self.engine, stream or self.stream(), position, limit)

    def drain(
        self, position: Position | None, limit: int = 1000, stream: StreamInfo | None = None
    ) -> tuple[list[str], Position | None]:
        """(labels, where it went on) reading until a page is empty or the shard ends."""
        labels: list[str] = []
        while position is not None:
            page = self.read(position, limit, stream)
            labels += [body.rstrip(b".").decode() for _, _, body in page.records]
            position = page.next
            if not page.records:
                break
        return labels, position

    def from_start(self, shard: ShardState | None = None, limit: int = 1000) -> list[str]:
        """The readable labels of a shard; of the stream's only one if none is given."""
        state = shard or self.shard()
        with self.reading() as rx:
            stream = descriptions.load_streams(rx).streams[state.info.stream_id]
        return self.drain(positions.trim_horizon(state), limit, stream)[0]

    def readable(self, stream: StreamInfo | None = None) -> list[str]:
        """The readable labels of all shards of a stream, in no particular order across shards."""
        return [label for shard in self.shards(stream) for label in self.from_start(shard)]

    # Time.

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def trim(self) -> int:
        """A whole round of trimming; returns how many pieces it took."""
        pieces = 1
        while self.run(retention.trim_tick):
            pieces += 1
        return pieces


def open_shard(table: TableInfo, label: str) -> ShardInfo:
    """The open shard to which that label is routed."""
    return table.open_shards[table.route(hashing.partition_hash(label.encode()))]
