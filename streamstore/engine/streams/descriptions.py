"""Streams and shards as they are on disk, read back as facts.

The catalogue loads enabled and dead streams through here at open; operations read shards through
here inside their one read transaction, closed ones included, so that what DescribeStream says and
what GetRecords does agree. Nothing here writes, and nothing here is cached: shards that are closed
live on disk only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import msgpack

from ...storage import statements_streams as sql
from ..model import KeyPart, KeySchema, ShardInfo, StreamInfo, TableInfo

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction

ALL_SHARDS = 2**31


@dataclass(frozen=True, slots=True)
class ShardState:
    """A shard with its counters, at one instant.

    `first_ordinal`..`next_ordinal - 1` are the records on disk, `byte_count` the bytes of their
    bodies; `horizon_sequence` is the number of the newest record ever trimmed (0: none),
    `horizon_ms` its creation time.
    """

    info: ShardInfo
    last_sequence: int
    first_ordinal: int
    next_ordinal: int
    byte_count: int
    horizon_sequence: int
    horizon_ms: int

    @property
    def record_count(self) -> int:
        return self.next_ordinal - self.first_ordinal


@dataclass(slots=True)
class StreamsOnDisk:
    """What the catalogue needs at open: every stream by id, and the open shards by stream id in
    order of range.
    """

    streams: dict[int, StreamInfo] = field(default_factory=dict)
    open_shards: dict[int, tuple[ShardInfo, ...]] = field(default_factory=dict)

    def of_table(self, table_id: int) -> tuple[StreamInfo | None, StreamInfo | None]:
        """(enabled stream, newest stream) of a table."""
        own = [stream for stream in self.streams.values() if stream.table_id == table_id]
        newest = max(own, key=lambda stream: stream.stream_id, default=None)
        enabled = newest if newest is not None and newest.disabled_ms is None else None
        return enabled, newest


def load_streams(rx: ReadTransaction) -> StreamsOnDisk:
    """Every stream and every open shard of the store."""
    loaded = StreamsOnDisk()
    for row in rx.all(sql.STREAMS_ALL):
        stream = _stream_of_row(row)
        loaded.streams[stream.stream_id] = stream
    shards: dict[int, list[ShardInfo]] = {}
    for row in rx.all(sql.SHARDS_OPEN):
        info = _shard_of_row(row).info
        shards.setdefault(info.stream_id, []).append(info)
    loaded.open_shards = {stream_id: tuple(found) for stream_id, found in shards.items()}
    return loaded


def find_shard(rx: ReadTransaction, stream: StreamInfo, name: str) -> ShardState | None:
    """The shard of that name, or None where the stream has none (any more)."""
    row = rx.one(sql.SHARD_BY_NAME, (stream.stream_id, name))
    return None if row is None else _shard_of_row(row)


def list_shards(
    rx: ReadTransaction,
    stream: StreamInfo,
    *,
    after_name: str = "",
    limit: int = ALL_SHARDS,
    parent_name: str | None = None,
) -> list[ShardState]:
    """Shards in order of name, which is the order of creation: those after `after_name`, at most
    `limit`.

    With `parent_name`, only the immediate children of that shard.
    """
    if parent_name is None:
        rows = rx.all(sql.SHARDS_OF_STREAM, (stream.stream_id, after_name, limit))
    else:
        rows = rx.all(sql.SHARDS_OF_PARENT, (stream.stream_id, parent_name, after_name, limit))
    return [_shard_of_row(row) for row in rows]


def pack_definition(table: TableInfo, from_empty: bool = False) -> bytes:
    """What a stream keeps of its table for the time when the table is gone: its name, place and
    key schema.

    `from_empty`: the table has no item yet, so that replaying the whole stream is the table.
    """
    return cast(
        bytes,
        msgpack.packb(
            {
                "table": table.name,
                "region": table.region,
                "account": table.account,
                "hash": [(part.name, part.type) for part in table.keys.hash],
                "range": [(part.name, part.type) for part in table.keys.range],
                "from_empty": from_empty,
            }
        ),
    )


def _stream_of_row(row: tuple[Any, ...]) -> StreamInfo:
    stream_id, table_id, label, view_type, created_ms, disabled_ms, blob = row
    definition = msgpack.unpackb(blob)
    return StreamInfo(
        stream_id=stream_id,
        table_id=table_id,
        table_name=definition["table"],
        region=definition["region"],
        account=definition["account"],
        label=label,
        view_type=view_type,
        keys=KeySchema(
            tuple(KeyPart(name, kind) for name, kind in definition["hash"]),
            tuple(KeyPart(name, kind) for name, kind in definition["range"]),
        ),
        created_ms=created_ms,
        disabled_ms=disabled_ms,
    )


def _shard_of_row(row: tuple[Any, ...]) -> ShardState:
    return ShardState(ShardInfo(*row[:12]), *row[12:])
