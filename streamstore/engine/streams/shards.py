"""Shards of a table's streams: opening, closing, splitting, rolling over, each within one
transaction.

    table ── partition ── partition ── …   ranges of the hash space; all of it, at every instant
    stream ─ shard ────── shard ────── …   one open shard a partition; closed ones behind them

A partition belongs to the table and outlives its streams; a shard is one partition's log for a
time. A split retires a partition in favour of two and, where a stream is enabled, closes its shard
and opens a child for each; a rollover closes a shard and opens one child on the same partition.
Everything happens in the caller's unit: closing, children, routing and the new picture of the table
become visible together or not at all.

Numbers that must never come back are kept in `lineage` by table name for ever: the newest stream
label, the newest shard time and the greatest depth (engine.md 5.1, 5.4). Rows of partitions and
shards are written here, the table's own row is not touched.

Shard ids are deterministic: the hex digits are a hash of the table's name and the shard's starting
number, so that a simulation replays to the same text.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from ... import limits
from ...codec import hashing
from ...config import Settings
from ...errors import LimitExceeded, ResourceNotFound, ValidationFailed
from ...storage import statements_streams as sql
from ...storage import statements_tables
from ..model import PartitionInfo, ShardInfo, StreamInfo, TableInfo
from . import splits
from .change import ViewType
from .descriptions import pack_definition

if TYPE_CHECKING:
    from ..writes.group import Group

T = TypeVar("T")


def first_ranges(
    settings: Settings, table_name: str, billing_mode: str, write_units: int
) -> list[tuple[bytes, bytes]]:
    """The hash ranges with which a table begins, both ends inclusive, ascending.

    The setting `first_partitions` decides where it is given. Else policy `aws` does as the service:
    4 on demand, one for each 1,000 provisioned write units begun; the other policies begin with
    one. The cap on open shards holds.
    """
    own = settings.table(table_name)
    if own.split_policy == "single":
        return hashing.even_ranges(1)
    if own.first_partitions is not None:
        count = own.first_partitions
    elif own.split_policy == "manual":
        count = 1
    elif billing_mode == "PAY_PER_REQUEST":
        count = limits.ON_DEMAND_FIRST_PARTITIONS
    else:
        count = max(1, -(-write_units // limits.PARTITION_WRITE_UNITS_PER_SECOND_MAX))
    return hashing.even_ranges(min(count, open_shards_max(settings, table_name)))


def open_shards_max(settings: Settings, table_name: str) -> int:
    """How many partitions, and so open shards, the table may have."""
    own = settings.table(table_name).open_shards_max
    assert own is not None, "Settings.table fills in what a table leaves out"
    return min(own, limits.OPEN_SHARDS_HARD_MAX)


def enable_stream(group: Group, table: TableInfo, view_type: ViewType) -> TableInfo:
    """Give a table without an enabled stream a new one: a new label, a root shard for each
    partition.
    """
    assert table.stream is None, "the caller refuses a second stream"
    lineage = _Lineage(group, table)
    lineage.label_ms = max(group.now_ms, lineage.label_ms + 1)
    label = _label(lineage.label_ms)
    from_empty = group.tx.one(statements_tables.ITEMS_LEFT, (table.table_id, 1)) is None
    group.tx.run(
        sql.STREAM_INSERT,
        (
            table.table_id,
            lineage.table_name,
            label,
            view_type,
            lineage.label_ms,
            pack_definition(table, from_empty),
        ),
    )
    stream = StreamInfo(
        stream_id=group.tx.last_rowid(),
        table_id=table.table_id,
        table_name=table.name,
        region=table.region,
        account=table.account,
        label=label,
        view_type=view_type,
        keys=table.keys,
        created_ms=lineage.label_ms,
    )
    depth = lineage.depth + 1
    opened = tuple(
        _open(group, lineage, stream.stream_id, partition, None, depth)
        for partition in table.partitions
    )
    lineage.save()
    return _put(group, table, stream=stream, last_stream=stream, open_shards=opened)


def disable_stream(group: Group, table: TableInfo) -> TableInfo:
    """End a table's stream: every open shard closes. What it holds stays readable for its time."""
    assert table.stream is not None, "the caller refuses to disable what is not there"
    disabled = replace(table.stream, disabled_ms=max(group.now_ms, table.stream.created_ms))
    group.tx.run(sql.STREAM_DISABLE, (disabled.disabled_ms, disabled.stream_id))
    for shard in table.open_shards:
        _close(group, shard)
    return _put(group, table, stream=None, last_stream=disabled, open_shards=())


def split(
    group: Group, table: TableInfo, shard_name: str | None, boundary: bytes | None = None
) -> TableInfo:
    """Split one partition in two, at `boundary` (the last hash of the lower half) or in the middle.

    Without a shard's name the widest partition is split, the first of several. The items' counters
    are divided: counted where the partition has at most TICK_ROWS_MAX items, else in proportion to
    the halves of its range (hashes spread evenly); their sum stays exact. Age and load are the
    policy's to judge.
    Raises LimitExceeded at the cap of open shards, ResourceNotFound for a name that is no open
    shard, ValidationFailed for a range of one value, a boundary outside of it and a table whose
    policy is `single`.
    """
    if group.engine.settings.table(table.name).split_policy == "single":
        raise ValidationFailed(
            f"The split policy of table {table.name} is single: one shard for ever"
        )
    at = _widest(table) if shard_name is None else _position(table, shard_name)
    parent = table.partitions[at]
    if parent.range_start == parent.range_end:
        raise ValidationFailed("The shard's range is a single hash and can't be split")
    if boundary is None:
        sample = group.engine.samples.sample(parent.partition_id)
        boundary = splits.boundary(sample, parent.range_start, parent.range_end)
    elif not parent.range_start <= boundary < parent.range_end:
        raise ValidationFailed("The boundary must lie in the shard's range and before its end")
    return split_at(group, table, at, boundary)


def split_at(group: Group, table: TableInfo, at: int, boundary: bytes) -> TableInfo:
    """Split the partition at that position; the boundary lies in it and before its end.

    Raises LimitExceeded at the cap of open shards.
    """
    cap = open_shards_max(group.engine.settings, table.name)
    if len(table.partitions) >= cap:
        raise LimitExceeded(f"Table {table.name} has {cap} open shards, which is its maximum", cap)
    halves = _divide(group, table, table.partitions[at], boundary)
    changed = replace(table, partitions=_spliced(table.partitions, at, halves))
    opened = table.open_shards
    if table.stream is not None:
        closed = _close(group, opened[at])
        lineage = _Lineage(group, table)
        children = tuple(
            _open(group, lineage, closed.stream_id, half, closed, closed.depth + 1)
            for half in halves
        )
        lineage.save()
        opened = _spliced(opened, at, children)
    return _put(
        group,
        changed,
        range_starts=tuple(partition.range_start for partition in changed.partitions),
        open_shards=opened,
    )


def roll(group: Group, table: TableInfo, shard_name: str) -> TableInfo:
    """Close a shard and open one child on its partition. Raises ResourceNotFound for a name that
    is no open shard.
    """
    at = _position(table, shard_name)
    closed = _close(group, table.open_shards[at])
    lineage = _Lineage(group, table)
    child = _open(group, lineage, closed.stream_id, table.partitions[at], closed, closed.depth + 1)
    lineage.save()
    return _put(group, table, open_shards=_spliced(table.open_shards, at, (child,)))


def rates(group: Group, table: TableInfo) -> dict[str, float]:
    """Write units a second of each open shard, by name, averaged over the last five minutes."""
    samples = group.engine.samples
    return {
        shard.name: samples.units_per_second(shard.partition_id, group.now_ms)
        for shard in table.open_shards
    }


class _Lineage:
    """The `lineage` row of one table name, while a unit changes it.

    It goes by the plain name even where regions are isolated: tables of one name in two regions
    then share their labels' times and depths, which keeps (table name, label) unique and harms
    nobody.
    """

    __slots__ = ("depth", "group", "label_ms", "shard_ms", "table_name")

    def __init__(self, group: Group, table: TableInfo) -> None:
        self.group = group
        self.table_name = table.name
        row = group.tx.one(sql.LINEAGE, (self.table_name,))
        self.label_ms, self.shard_ms, self.depth = (0, 0, 0) if row is None else row

    def save(self) -> None:
        self.group.tx.run(
            sql.LINEAGE_SET, (self.table_name, self.label_ms, self.shard_ms, self.depth)
        )


def _open(
    group: Group,
    lineage: _Lineage,
    stream_id: int,
    partition: PartitionInfo,
    parent: ShardInfo | None,
    depth: int,
) -> ShardInfo:
    """A new open shard, which uses one sequence number for its start."""
    start = group.next_sequence()
    # The table's newest shard time is at least the parent's, so ids sort by creation and after
    # their parents'.
    lineage.shard_ms = opened_ms = max(group.now_ms, lineage.shard_ms + 1)
    lineage.depth = max(lineage.depth, depth)
    digits = blake2b(f"{lineage.table_name}/{start}".encode(), digest_size=4).hexdigest()
    name = f"shardId-{opened_ms:020d}-{digits}"
    parent_name = None if parent is None else parent.name
    row = (stream_id, partition.partition_id, name, parent_name, depth)
    bounds = (partition.range_start, partition.range_end)
    group.tx.run(sql.SHARD_INSERT, (*row, *bounds, opened_ms, start, start))
    shard_id = group.tx.last_rowid()
    return ShardInfo(
        shard_id,
        stream_id,
        partition.partition_id,
        name,
        parent_name,
        depth,
        *bounds,
        opened_ms,
        start,
    )


def _close(group: Group, shard: ShardInfo) -> ShardInfo:
    """Close an open shard: it ends with its last record's number, or its own starting one if it
    had none.
    """
    counters = group.shard_counters(shard.shard_id)
    closed = replace(
        shard,
        closed_ms=max(group.now_ms, shard.opened_ms),
        end_sequence=counters.last_sequence,
    )
    group.tx.run(sql.SHARD_CLOSE, (closed.closed_ms, closed.end_sequence, shard.shard_id))
    engine = group.engine

    def settle() -> None:
        engine.shard_counters.pop(shard.shard_id, None)
        engine.tail.closed(shard.shard_id)

    group.after_commit(settle)
    return closed


def _divide(
    group: Group, table: TableInfo, parent: PartitionInfo, boundary: bytes
) -> tuple[PartitionInfo, PartitionInfo]:
    """Retire a partition and make two of it, with its items' counters divided between them."""
    whole = group.partition_counters(parent.partition_id)
    lower = (parent.range_start, boundary)
    upper = (hashing.successor(boundary), parent.range_end)
    if whole.item_count <= limits.TICK_ROWS_MAX:
        row = group.tx.one(sql.PARTITION_ITEMS, (table.table_id, *lower))
        assert row is not None, "an aggregate always has a row"
        count, size = row
    else:
        width = _width(*lower)
        total = _width(parent.range_start, parent.range_end)
        count = whole.item_count * width // total
        size = whole.item_bytes * width // total
    group.tx.run(statements_tables.PARTITION_RETIRE, (group.now_ms, parent.partition_id))
    halves = (
        _partition(group, table, lower, count, size),
        _partition(group, table, upper, whole.item_count - count, whole.item_bytes - size),
    )
    engine = group.engine

    def settle() -> None:
        engine.partition_counters.pop(parent.partition_id, None)
        engine.samples.forget(parent.partition_id)

    group.after_commit(settle)
    return halves


def _partition(
    group: Group, table: TableInfo, bounds: tuple[bytes, bytes], count: int, size: int
) -> PartitionInfo:
    group.tx.run(
        statements_tables.PARTITION_INSERT,
        (table.table_id, *bounds, group.now_ms, count, size),
    )
    partition_id = group.tx.last_rowid()
    return PartitionInfo(partition_id, *bounds, group.now_ms)


def _put(group: Group, table: TableInfo, **changes: object) -> TableInfo:
    """The table with these changes and a new version, put where the group's later units see it."""
    changed = replace(table, version=group.next_catalogue_version(), **changes)  # type: ignore[arg-type]
    group.put_table(changed)
    return changed


def _position(table: TableInfo, shard_name: str) -> int:
    for position, shard in enumerate(table.open_shards):
        if shard.name == shard_name:
            return position
    raise ResourceNotFound("shard", shard_name)


def _widest(table: TableInfo) -> int:
    widths = [_width(p.range_start, p.range_end) for p in table.partitions]
    return widths.index(max(widths))


def _width(first: bytes, last: bytes) -> int:
    return int.from_bytes(last) - int.from_bytes(first) + 1


def _spliced(old: tuple[T, ...], at: int, new: tuple[T, ...]) -> tuple[T, ...]:
    return old[:at] + new + old[at + 1 :]


def _label(label_ms: int) -> str:
    moment = datetime.fromtimestamp(label_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{label_ms % 1000:03d}"
