"""Making, changing and deleting tables, in the group's transaction.

Owns the rows of table_def, index_def and partition, and the TableInfo that goes with them. The
checks of a request, the order of its faults and what is echoed in replies are the operations'; they
call this with a table that the same unit has just looked up in the group. Streams are opened and
closed through engine/streams/shards. Deleting marks the table and frees its name; its rows go later
(tables/removal)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from ...errors import ResourceInUse
from ...storage import statements_tables as sql
from ..model import IndexInfo, KeySchema, KeyType, PartitionInfo, TableInfo
from ..streams import shards
from ..streams.change import ViewType
from .backfill import NOWHERE, fill
from .definitions import pack_index, pack_table, with_attributes

if TYPE_CHECKING:
    from ..writes.group import Group

BillingMode = Literal["PROVISIONED", "PAY_PER_REQUEST"]


def create(
    group: Group,
    *,
    name: str,
    region: str,
    account: str,
    keys: KeySchema,
    attribute_types: Mapping[str, KeyType],
    billing_mode: BillingMode,
    read_units: int = 0,
    write_units: int = 0,
    indexes: Sequence[IndexInfo] = (),
    deletion_protection: bool = False,
    view_type: ViewType | None = None,
    facts: Mapping[str, Any] | None = None,
) -> TableInfo:
    """Make a table with its indexes (their `index_id` is given here), partitions and stream.

    `facts` are kept as they are: nothing but what msgpack keeps, so lists and no tuples.
    Raises ResourceInUse("existing-table") where the name is taken.
    """
    if group.find_table(name, region, account) is not None:
        raise ResourceInUse("existing-table", name)
    catalog = group.engine.catalog
    table = TableInfo(
        table_id=0,
        version=0,
        name=name,
        uuid=str(uuid4()),
        region=region,
        account=account,
        keys=keys,
        attribute_types=dict(attribute_types),
        billing_mode=billing_mode,
        created_ms=group.now_ms,
        updated_ms=group.now_ms,
        read_units=read_units,
        write_units=write_units,
        deletion_protection=deletion_protection,
        facts=dict(facts or {}),
    )
    namespace = catalog.namespace(name, region, account)
    group.tx.run(sql.TABLE_INSERT, (namespace, table.created_ms, pack_table(table)))
    table_id = group.tx.last_rowid()
    partitions = _first_partitions(group, table_id, name, billing_mode, write_units)
    table = replace(
        table,
        table_id=table_id,
        version=group.next_catalogue_version(),
        indexes=tuple(_insert_index(group, table_id, keys, index) for index in indexes),
        partitions=partitions,
        range_starts=tuple(partition.range_start for partition in partitions),
    )
    group.put_table(table)
    if view_type is not None:
        table = shards.enable_stream(group, table, view_type)
    return table


def update(
    group: Group,
    table: TableInfo,
    *,
    billing_mode: BillingMode | None = None,
    read_units: int | None = None,
    write_units: int | None = None,
    deletion_protection: bool | None = None,
    attribute_types: Mapping[str, KeyType] | None = None,
    facts: Mapping[str, Any] | None = None,
    create_index: IndexInfo | None = None,
    delete_index: str | None = None,
    change_indexes: Sequence[IndexInfo] = (),
    view_type: ViewType | None = None,
    disable_stream: bool = False,
    is_update: bool = True,
) -> TableInfo:
    """Change a table as the group has it; what is None stays.

    attribute_types  a delta (spec C.3): new names are added, known ones keep their type; whatever
    no key
                     uses after the change is dropped
    facts            merged into the table's; a value of None removes the fact
    create_index     is filled in pieces; a small table's at once, else `filled_to` says how far it
    is
    change_indexes   existing indexes with other units or facts
    is_update        whether `updated_ms` moves: no for tags and what else is not UpdateTable
    """
    changes: dict[str, Any] = {"version": group.next_catalogue_version()}
    if is_update:
        changes["updated_ms"] = max(group.now_ms, table.updated_ms)
    for member, value in (
        ("billing_mode", billing_mode),
        ("read_units", read_units),
        ("write_units", write_units),
        ("deletion_protection", deletion_protection),
    ):
        if value is not None:
            changes[member] = value
    if facts is not None:
        merged = {**table.facts, **facts}
        changes["facts"] = {fact: value for fact, value in merged.items() if value is not None}
    indexes = _changed_indexes(group, table, create_index, delete_index, change_indexes)
    if indexes is not None:
        changes["indexes"] = indexes
    if attribute_types is not None or delete_index is not None:
        changes["attribute_types"] = _attribute_types(
            table, attribute_types or {}, table.indexes if indexes is None else indexes
        )
    changed = replace(table, **changes)
    group.tx.run(sql.TABLE_SET, (pack_table(changed), changed.table_id))
    group.put_table(changed)
    if create_index is not None:
        changed = fill(group, changed, changed.indexes[-1])
    if disable_stream:
        changed = shards.disable_stream(group, changed)
    if view_type is not None:
        changed = shards.enable_stream(group, changed, view_type)
    return changed


def delete(group: Group, table: TableInfo) -> TableInfo:
    """Delete a table: its name is free, its stream disabled and readable for its time.

    Returns the table as it was last, with facts["dropped"] set.
    """
    if table.stream is not None:
        table = shards.disable_stream(group, table)
    group.tx.run(sql.TABLE_DROP, (group.now_ms, table.table_id))
    group.tx.run(sql.INDEXES_DROP, (group.now_ms, table.table_id))
    dropped = replace(
        table,
        version=group.next_catalogue_version(),
        facts={**table.facts, "dropped": True},
    )
    group.put_table(dropped)
    return dropped


def _first_partitions(
    group: Group, table_id: int, name: str, billing_mode: BillingMode, write_units: int
) -> tuple[PartitionInfo, ...]:
    made = []
    settings = group.engine.settings
    for first, last in shards.first_ranges(settings, name, billing_mode, write_units):
        group.tx.run(sql.PARTITION_INSERT, (table_id, first, last, group.now_ms, 0, 0))
        made.append(PartitionInfo(group.tx.last_rowid(), first, last, group.now_ms))
    return tuple(made)


def _insert_index(
    group: Group, table_id: int, table_keys: KeySchema, index: IndexInfo
) -> IndexInfo:
    index = with_attributes(replace(index, created_ms=group.now_ms), table_keys)
    group.tx.run(sql.INDEX_INSERT, (table_id, index.name, pack_index(index)))
    return replace(index, index_id=group.tx.last_rowid())


def _changed_indexes(
    group: Group,
    table: TableInfo,
    create_index: IndexInfo | None,
    delete_index: str | None,
    change_indexes: Sequence[IndexInfo],
) -> tuple[IndexInfo, ...] | None:
    """The table's indexes after the change, a new one last; None if none changes."""
    if create_index is None and delete_index is None and not change_indexes:
        return None
    indexes = list(table.indexes)
    for changed in change_indexes:
        at = [index.index_id for index in indexes].index(changed.index_id)
        indexes[at] = changed
        group.tx.run(sql.INDEX_SET, (pack_index(changed), changed.index_id))
    if delete_index is not None:
        gone = table.index(delete_index)
        assert gone is not None, "the caller refuses to delete what is not there"
        group.tx.run(sql.INDEX_DROP, (group.now_ms, gone.index_id))
        indexes = [index for index in indexes if index.index_id != gone.index_id]
    if create_index is not None:
        unfilled = replace(create_index, filled_to=NOWHERE)
        indexes.append(_insert_index(group, table.table_id, table.keys, unfilled))
    return tuple(indexes)


def _attribute_types(
    table: TableInfo, delta: Mapping[str, KeyType], indexes: tuple[IndexInfo, ...]
) -> dict[str, KeyType]:
    """The table's attribute definitions with a delta, without those that no key uses."""
    used = {*table.keys.names, *(name for index in indexes for name in index.keys.names)}
    merged = {**delta, **table.attribute_types}
    order = [*table.attribute_types, *(name for name in delta if name not in table.attribute_types)]
    return {name: merged[name] for name in order if name in used}
