"""Everything of a store's file at one instant: the items of its tables and the records on disk.

For people who look inside (`streamstore dump`), so it shows what is there: records too that are
past the trim horizon and not removed yet, and the streams of tables that are gone. All of it is one
read transaction on a connection of its own, at most 10 minutes and 1 GiB of WAL
(storage/readers/pinned); SnapshotFailed names the bound that was met. At most a page of rows is
held at a time.

Must not know: how anything is written down.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from .. import limits
from ..codec.items import unpack
from ..codec.sizes import Item
from ..engine.catalog import Catalog
from ..engine.model import StreamInfo, TableInfo
from ..engine.streams.descriptions import ShardState, list_shards, load_streams
from ..engine.tables import pages
from ..errors import ResourceNotFound
from ..operations.streams.images import shape_records
from ..storage import statements_streams as sql
from ..storage.readers import MemoryReaders
from .pieces import pieces

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.streams.log import Record
    from ..storage.readers import AnyReaders

_BITS: Final = limits.RECORD_ORDINAL_BITS
_ALL_ROWS: Final = 2**62


class Contents:
    """A store's file at one instant. Close it, or use it in a `with` block.

    `table`: only the table of that name, and the streams of tables that had it. Raises
    ResourceNotFound where there is neither.
    """

    def __init__(self, engine: Engine, readers: AnyReaders, table: str | None = None) -> None:
        assert not isinstance(readers, MemoryReaders), "a store in memory has no file"
        self._prefix = engine.event_id_prefix.hex()
        self._pinned = readers.pin()
        try:
            with self._pinned.reading() as rx:
                streams = load_streams(rx)
                catalog = Catalog(engine.settings)
                catalog.load(rx, streams, 0)
        except BaseException:
            self.close()
            raise
        self.tables = [each for each in catalog.tables() if table in (None, each.name)]
        self.streams = [
            stream
            for _, stream in sorted(streams.streams.items())
            if table in (None, stream.table_name)
        ]
        if table is not None and not self.tables and not self.streams:
            self.close()
            raise ResourceNotFound("table", table)

    def items(self, table: TableInfo) -> Iterator[Item]:
        """Every item of one of `tables`, binary values as bytes, in order of hashes."""
        with self._pinned.reading() as rx:
            rows = iter(pages.scan_rows(rx, table, None, 0, 1, None, _ALL_ROWS))
        for page in pieces(self._pinned, rows, _body_bytes):
            for row in page:
                yield unpack(pages.body_of(row))

    def records(self, stream: StreamInfo) -> Iterator[dict[str, Any]]:
        """Every record of one of `streams` as GetRecords gives it, and its ShardId: shard by shard
        in order of their creation, each in order of its numbers.
        """
        with self._pinned.reading() as rx:
            shards = list_shards(rx, stream)
        for shard in shards:
            for record in self._records(stream, shard):
                record["ShardId"] = shard.info.name
                yield record

    def close(self) -> None:
        """Let go of the state. Twice is once."""
        self._pinned.close()

    def __enter__(self) -> Contents:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _records(self, stream: StreamInfo, shard: ShardState) -> Iterator[dict[str, Any]]:
        start = shard.info.shard_id << _BITS
        bounds = (start | shard.first_ordinal, start | shard.next_ordinal, _ALL_ROWS)
        with self._pinned.reading() as rx:
            rows: Iterator[Record] = iter(rx.iterate(sql.RECORDS_PAGE, bounds))
        for page in pieces(self._pinned, rows, lambda record: len(record[2])):
            yield from shape_records(
                page,
                depth=shard.info.depth,
                view_type=stream.view_type,
                region=stream.region,
                id_prefix=self._prefix,
            )


def _body_bytes(row: tuple[Any, ...]) -> int:
    return len(pages.body_of(row))
