"""The items of a table at one instant, and the exact place in its stream that belongs to it.

Everything is read in one transaction: the items, and how far each open shard had come. A change is
either in the items or after the positions, never both and never neither, so a copy that begins with
the items and follows the stream from there has no gap and no duplicate.

A store in a file is read on a connection of its own that keeps its state until `close`, at most 10
minutes and 1 GiB of WAL (storage/readers/pinned). A store in memory has no second connection: the
items are copied under the lock, at most 256 MiB of them. Either way SnapshotFailed names the bound
that was met.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from .. import limits
from ..codec.items import unpack
from ..codec.sizes import Item
from ..engine.model import StreamInfo, TableInfo
from ..engine.streams import positions, sequence
from ..engine.streams.descriptions import list_shards, load_streams
from ..engine.tables import pages
from ..engine.tables.positions import Position, page_key, scan_start
from ..errors import ResourceNotFound, SnapshotFailed
from ..storage import statements_tables as sql
from ..storage.readers import MemoryReaders
from .pieces import pieces

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..storage.readers import AnyReaders, Pinned
    from ..storage.transaction import ReadTransaction


_ALL_ROWS: Final = 2**62


class Snapshot:
    """One table at one instant. Make it with `Store.snapshot`, use it in a `with` block.

    stream      the enabled stream of the table, None without one
    position    a sequence number: `store.follow(table, after=snapshot.position)` goes on from here
    positions   for each open shard, by ShardId, the number after which to go on with
                AFTER_SEQUENCE_NUMBER; {} without a stream
    taken_ms    the store's time, in milliseconds since 1970
    """

    def __init__(self, engine: Engine, readers: AnyReaders, table: str) -> None:
        self.table = engine.catalog.table(table)
        self.taken_ms = engine.clock.now_ms()
        self.stream: StreamInfo | None = None
        self.position: str | None = None
        self.positions: dict[str, str] = {}
        self._pinned: Pinned | None = None
        self._copy: list[bytes] | None = None
        if isinstance(readers, MemoryReaders):
            with readers.transaction() as rx:
                self._find_place(rx)
                self._copy = _copied(rx, self.table)
            return
        self._pinned = readers.pin()
        try:
            with self._pinned.reading() as rx:
                self._find_place(rx)
        except BaseException:
            self.close()
            raise

    def items(self, after: Item | None = None) -> Iterator[Item]:
        """Every item once, in the wire's shape with binary values as bytes, in order of hashes.

        `after`: only those behind that key, which need not exist; another snapshot's last one, say.
        Raises SnapshotFailed where a bound is met, and after `close`.
        """
        start = None if after is None else scan_start(self.table, None, after)
        if self._pinned is None:
            for body in self._copied_bodies():
                item = unpack(body)
                if start is None or self._position(item) > start:
                    yield item
            return
        with self._pinned.reading() as rx:
            rows = pages.scan(rx, self.table, None, start=start)
        for piece in pieces(self._pinned, rows, lambda row: row[1]):
            for item, _ in piece:
                yield item

    def close(self) -> None:
        """Let go of the state. Twice is once."""
        self._copy = None
        if self._pinned is not None:
            self._pinned.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _position(self, item: Item) -> Position:
        return scan_start(self.table, None, page_key(self.table, None, item))

    def _copied_bodies(self) -> Iterator[bytes]:
        at = 0
        while True:
            if self._copy is None:
                raise SnapshotFailed("closed")
            if at == len(self._copy):
                return
            yield self._copy[at]
            at += 1

    def _find_place(self, rx: ReadTransaction) -> None:
        """What this state knows of the table, which the catalogue in memory may be ahead of."""
        table_id = self.table.table_id
        if all(row[0] != table_id for row in rx.all(sql.TABLES)):
            raise ResourceNotFound("table", self.table.name)
        self.stream, _ = load_streams(rx).of_table(table_id)
        if self.stream is None:
            return
        opened = [s for s in list_shards(rx, self.stream) if s.info.closed_ms is None]
        depth = max(shard.info.depth for shard in opened)
        self.position = sequence.wire(depth, positions.committed_counter(rx))
        self.positions = {
            shard.info.name: sequence.wire(shard.info.depth, shard.last_sequence)
            for shard in opened
        }


def _copied(rx: ReadTransaction, table: TableInfo) -> list[bytes]:
    """The stored bodies of every item."""
    size = 0
    bodies: list[bytes] = []
    for row in pages.scan_rows(rx, table, None, 0, 1, None, _ALL_ROWS):
        body = pages.body_of(row)
        size += len(body)
        if size > limits.SNAPSHOT_MEMORY_BYTES_MAX:
            raise SnapshotFailed("memory")
        bodies.append(body)
    return bodies
