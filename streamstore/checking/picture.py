"""The catalogue as a check sees it: tables, streams and shards, dropped and dead ones included.

Owns: reading the rows that say what there is, each by itself, so that one that can't be read does
not hide the others. Must not know: items, records, or what is right.

The engine's catalogue refuses a file whose shards don't fit; this one takes what it finds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgpack

from ..engine.model import IndexInfo, KeyPart, KeySchema, PartitionInfo, TableInfo
from ..engine.streams.change import VIEW_TYPES
from ..engine.tables.definitions import unpack_index, unpack_table
from . import statements as sql
from .findings import UNREADABLE, Findings

if TYPE_CHECKING:
    from ..storage.transaction import ReadTransaction

Progress = Callable[[str, int, int], None]


class Shard(NamedTuple):
    """A row of `shard`, as it is."""

    shard_id: int
    stream_id: int
    partition_id: int
    name: str
    parent_name: str | None
    depth: int
    range_start: bytes
    range_end: bytes
    opened_ms: int
    closed_ms: int | None
    start_sequence: int
    end_sequence: int | None
    last_sequence: int
    first_ordinal: int
    next_ordinal: int
    byte_count: int
    horizon_sequence: int
    horizon_ms: int


class Partition(NamedTuple):
    """A row of `partition`, as it is."""

    partition_id: int
    table_id: int
    range_start: bytes
    range_end: bytes
    created_ms: int
    retired_ms: int | None
    item_count: int
    item_bytes: int


class Stream(NamedTuple):
    """A row of `stream`. `from_empty`: its table had no item when it began."""

    stream_id: int
    table_id: int
    table_name: str
    label: str
    view_type: str
    created_ms: int
    disabled_ms: int | None
    keys: KeySchema
    from_empty: bool

    @property
    def place(self) -> str:
        return f"stream {self.label} of table {self.table_name!r}"


class Index(NamedTuple):
    """An index with the counters of its row."""

    info: IndexInfo
    entry_count: int
    entry_bytes: int


class Picture:
    """Everything that has an id."""

    def __init__(self) -> None:
        self.state: dict[str, tuple[str, Any]] = {}
        self.tables: dict[int, TableInfo] = {}
        self.dropped: set[int] = set()
        self.table_ids: set[int] = set()
        self.indexes: dict[int, list[Index]] = {}
        self.index_ids: set[int] = set()
        self.partitions: dict[int, list[Partition]] = {}
        self.streams: dict[int, Stream] = {}
        self.stream_ids: set[int] = set()
        # By table name, the newest label's time, the newest shard's, and the greatest depth.
        self.used: dict[str, tuple[int, int, int]] = {}

    def enabled(self, table_id: int) -> list[Stream]:
        """The enabled streams of a table: one, or none."""
        return [
            stream
            for stream in self.streams.values()
            if stream.table_id == table_id and stream.disabled_ms is None
        ]

    @property
    def counter(self) -> int:
        """The store's counter of sequence numbers, 0 where there is none."""
        kind, value = self.state.get("sequence", ("integer", 0))
        return int(value) if kind == "integer" else 0


def label_of(created_ms: int) -> str:
    """The label of a stream that was made then."""
    moment = datetime.fromtimestamp(created_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{created_ms % 1000:03d}"


def load(rx: ReadTransaction, found: Findings) -> Picture:
    """What the catalogue's rows say; what can't be read of them is found."""
    picture = Picture()
    with found.section("the facts of the store"):
        picture.state = {name: (kind, value) for name, kind, value in rx.all(sql.STATE)}
    with found.section("the lineages"):
        picture.used = {
            name: (label, opened, depth) for name, label, opened, depth in rx.all(sql.LINEAGES)
        }
    with found.section("the partitions"):
        for row in rx.all(sql.PARTITIONS):
            picture.partitions.setdefault(row[1], []).append(Partition(*row))
    with found.section("the indexes"):
        _load_indexes(rx, found, picture)
    with found.section("the tables"):
        _load_tables(rx, found, picture)
    with found.section("the streams"):
        _load_streams(rx, found, picture)
    return picture


def shards_of(rx: ReadTransaction, stream: Stream) -> list[Shard]:
    """The shards of a stream, the newest first."""
    return [Shard(*row) for row in rx.all(sql.SHARDS, (stream.stream_id,))]


def _load_indexes(rx: ReadTransaction, found: Findings, picture: Picture) -> None:
    for index_id, table_id, name, dropped_ms, count, size, definition in rx.all(sql.INDEXES):
        picture.index_ids.add(index_id)
        try:
            info = unpack_index(index_id, definition)
        except UNREADABLE as error:
            found.add("bytes", f"index {name!r}", f"its definition can't be read ({error!r})")
            continue
        if info.name != name:
            found.add("key", f"index {name!r}", f"its definition calls it {info.name!r}")
        if dropped_ms is None:
            picture.indexes.setdefault(table_id, []).append(Index(info, count, size))


def _load_tables(rx: ReadTransaction, found: Findings, picture: Picture) -> None:
    for table_id, name, dropped_ms, definition in rx.all(sql.TABLES):
        picture.table_ids.add(table_id)
        if dropped_ms is not None:
            picture.dropped.add(table_id)
        try:
            picture.tables[table_id] = unpack_table(
                table_id,
                definition,
                version=0,
                indexes=tuple(index.info for index in picture.indexes.get(table_id, ())),
                partitions=tuple(
                    PartitionInfo(row.partition_id, row.range_start, row.range_end, row.created_ms)
                    for row in picture.partitions.get(table_id, ())
                    if row.retired_ms is None
                ),
            )
        except UNREADABLE as error:
            found.add("bytes", f"table {name!r}", f"its definition can't be read ({error!r})")
            continue
        own = picture.tables[table_id].name
        # Where regions are isolated, account and region stand before the name.
        if name.rpartition("/")[2] != own:
            found.add("key", f"table {name!r}", f"its definition calls it {own!r}")


def _load_streams(rx: ReadTransaction, found: Findings, picture: Picture) -> None:
    for stream_id, table_id, name, label, view, created_ms, disabled_ms, blob in rx.all(
        sql.STREAMS
    ):
        picture.stream_ids.add(stream_id)
        try:
            read = msgpack.unpackb(blob)
            keys = KeySchema(
                tuple(KeyPart(part, kind) for part, kind in read["hash"]),
                tuple(KeyPart(part, kind) for part, kind in read["range"]),
            )
        except UNREADABLE as error:
            place = f"stream {label} of table {name!r}"
            found.add("bytes", place, f"its definition can't be read ({error!r})")
            continue
        stream = picture.streams[stream_id] = Stream(
            stream_id,
            table_id,
            name,
            label,
            view,
            created_ms,
            disabled_ms,
            keys,
            from_empty=bool(read.get("from_empty")),
        )
        if view not in VIEW_TYPES:
            found.add("bytes", stream.place, f"its view type is {view!r}")
        if read["table"] != name or label != label_of(created_ms):
            found.add("key", stream.place, "its name or label is not that of its definition")
