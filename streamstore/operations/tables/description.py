"""The shape of a TableDescription (spec C.4): what CreateTable, DescribeTable, UpdateTable and
DeleteTable answer.

Members that the service leaves out are left out here: no zero dates, no empty lists, no status on
local indexes. Counts are read in the caller's transaction and are exact, where the service
refreshes them every six hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ...engine.model import IndexInfo, KeySchema, TableInfo
from ...storage import statements_tables as sql
from . import features
from .status import TableStatus

if TYPE_CHECKING:
    from ...engine.writes.group import Group
    from ...storage.transaction import ReadTransaction

Shape = dict[str, Any]

# (items, bytes) by index id; the table's own under TABLE.
Counts = Mapping[int, tuple[int, int]]
TABLE: Final = 0
NO_COUNTS: Final[Counts] = {}
NO_STATUSES: Final[Mapping[str, str]] = {}

_ON_DEMAND_WARM: Final = (12_000, 4_000)  # read and write units a second of a new on-demand table


def describe(
    table: TableInfo,
    status: TableStatus,
    counts: Counts,
    now_ms: int,
    index_statuses: Mapping[str, str] = NO_STATUSES,
) -> Shape:
    """The TableDescription of `table` in that status. Times are seconds since 1970 with a
    fraction.

    `index_statuses`: the IndexStatus of GSIs, by name, for the reply of an UpdateTable that is
    about them; of others it follows from the table.
    """
    items, size = counts.get(TABLE, (0, 0))
    shape: Shape = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in table.attribute_types.items()
        ],
        "TableName": table.name,
        "KeySchema": key_schema(table.keys),
        "TableStatus": status,
        "CreationDateTime": table.created_ms / 1000,
        "ProvisionedThroughput": _table_throughput(table, now_ms),
        "TableSizeBytes": size,
        "ItemCount": items,
        "TableArn": table.arn,
        "TableId": table.uuid,
    }
    _add_billing(shape, table)
    _add_indexes(shape, table, status, counts, index_statuses)
    _add_stream(shape, table)
    _add_facts(shape, table)
    shape["DeletionProtectionEnabled"] = table.deletion_protection
    shape["WarmThroughput"] = _warm(table, status)
    return shape


def key_schema(keys: KeySchema) -> list[Shape]:
    """A KeySchema as requests and replies spell it."""
    hashes = [{"AttributeName": part.name, "KeyType": "HASH"} for part in keys.hash]
    return hashes + [{"AttributeName": part.name, "KeyType": "RANGE"} for part in keys.range]


def _table_throughput(table: TableInfo, now_ms: int) -> Shape:
    facts = table.facts
    shape: Shape = {}
    if features.INCREASED_MS in facts:
        shape["LastIncreaseDateTime"] = facts[features.INCREASED_MS] / 1000
    if features.DECREASED_MS in facts:
        shape["LastDecreaseDateTime"] = facts[features.DECREASED_MS] / 1000
    shape["NumberOfDecreasesToday"] = features.decreases_today(facts, now_ms)
    shape["ReadCapacityUnits"] = table.read_units
    shape["WriteCapacityUnits"] = table.write_units
    return shape


def _add_billing(shape: Shape, table: TableInfo) -> None:
    if table.billing_mode != "PAY_PER_REQUEST" and not table.facts.get(features.SWITCHED):
        return
    since: Shape = {}
    if features.ON_DEMAND_MS in table.facts:
        since["LastUpdateToPayPerRequestDateTime"] = table.facts[features.ON_DEMAND_MS] / 1000
    shape["BillingModeSummary"] = {"BillingMode": table.billing_mode, **since}
    shape["TableThroughputModeSummary"] = {"TableThroughputMode": table.billing_mode, **since}


def _add_indexes(
    shape: Shape,
    table: TableInfo,
    status: TableStatus,
    counts: Counts,
    index_statuses: Mapping[str, str],
) -> None:
    local = [_local(table, index, counts) for index in table.indexes if index.kind == "LSI"]
    world = [
        _world(table, index, _index_status(table, index, status, index_statuses), counts)
        for index in table.indexes
        if index.kind == "GSI"
    ]
    if local:
        shape["LocalSecondaryIndexes"] = local
    if world:
        shape["GlobalSecondaryIndexes"] = world


def _local(table: TableInfo, index: IndexInfo, counts: Counts) -> Shape:
    items, size = counts.get(index.index_id, (0, 0))
    return {
        "IndexName": index.name,
        "KeySchema": key_schema(index.keys),
        "Projection": _projection(index),
        "IndexSizeBytes": size,
        "ItemCount": items,
        "IndexArn": f"{table.arn}/index/{index.name}",
    }


def _index_status(
    table: TableInfo, index: IndexInfo, status: TableStatus, asked: Mapping[str, str]
) -> Shape:
    """IndexStatus, and Backfilling of an index that is being added to a live table."""
    if index.name in asked:
        shown = asked[index.name]
        return {"IndexStatus": shown, **({"Backfilling": False} if shown == "CREATING" else {})}
    if index.filled_to is not None:
        return {"IndexStatus": "CREATING", "Backfilling": True}
    if status != "UPDATING":
        return {"IndexStatus": status}
    if table.created_ms < index.created_ms == table.updated_ms:
        # The table shows UPDATING on account of this index (the setting `transition_seconds`).
        return {"IndexStatus": "CREATING", "Backfilling": False}
    return {"IndexStatus": "ACTIVE"}


def _world(table: TableInfo, index: IndexInfo, status: Shape, counts: Counts) -> Shape:
    on_demand = table.billing_mode == "PAY_PER_REQUEST"
    shape = {**_local(table, index, counts), **status}
    shape["ProvisionedThroughput"] = {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": 0 if on_demand else index.read_units,
        "WriteCapacityUnits": 0 if on_demand else index.write_units,
    }
    if index.facts.get("OnDemandThroughput") and on_demand:
        shape["OnDemandThroughput"] = index.facts["OnDemandThroughput"]
    units = _ON_DEMAND_WARM if on_demand else (index.read_units, index.write_units)
    shape["WarmThroughput"] = {
        **_warm_units(index.facts.get("WarmThroughput"), units),
        "Status": shape["IndexStatus"],
    }
    return shape


def _projection(index: IndexInfo) -> Shape:
    shape: Shape = {"ProjectionType": index.projection}
    if index.non_key_attributes:
        shape["NonKeyAttributes"] = list(index.non_key_attributes)
    return shape


def _add_stream(shape: Shape, table: TableInfo) -> None:
    if table.stream is not None:
        shape["StreamSpecification"] = {
            "StreamEnabled": True,
            "StreamViewType": table.stream.view_type,
        }
    # A disabled stream is still the latest one.
    if table.last_stream is not None:
        shape["LatestStreamLabel"] = table.last_stream.label
        shape["LatestStreamArn"] = table.last_stream.arn


def _add_facts(shape: Shape, table: TableInfo) -> None:
    facts = table.facts
    if features.ENCRYPTION in facts:
        shape["SSEDescription"] = facts[features.ENCRYPTION]
    if features.TABLE_CLASS in facts:
        kept = facts[features.TABLE_CLASS]
        summary = {"TableClass": kept["TableClass"]}
        if kept["ms"] is not None:
            summary["LastUpdateDateTime"] = kept["ms"] / 1000
        shape["TableClassSummary"] = summary
    if features.CEILINGS in facts:
        shape["OnDemandThroughput"] = facts[features.CEILINGS]


def _warm(table: TableInfo, status: TableStatus) -> Shape:
    on_demand = table.billing_mode == "PAY_PER_REQUEST"
    units = _ON_DEMAND_WARM if on_demand else (table.read_units, table.write_units)
    return {
        **_warm_units(table.facts.get(features.WARM), units),
        "Status": "UPDATING" if status in ("CREATING", "UPDATING") else status,
    }


def _warm_units(asked: Shape | None, units: tuple[int, int]) -> Shape:
    return {
        "ReadUnitsPerSecond": units[0],
        "WriteUnitsPerSecond": units[1],
        **(asked or {}),
    }


def counts_in_snapshot(rx: ReadTransaction, table: TableInfo) -> Counts:
    """Counts as committed in this read transaction."""
    counts = {TABLE: _pair(rx, sql.TABLE_COUNTERS, table.table_id)}
    for index in table.indexes:
        counts[index.index_id] = _pair(rx, sql.INDEX_COUNTERS, index.index_id)
    return counts


def counts_in_group(group: Group, table: TableInfo) -> Counts:
    """Counts as this group has left them so far, most of which are not in their rows yet."""
    partitions = [group.partition_counters(each.partition_id) for each in table.partitions]
    counts = {
        TABLE: (
            sum(each.item_count for each in partitions),
            sum(each.item_bytes for each in partitions),
        )
    }
    for index in table.indexes:
        entries = group.index_counters(index.index_id)
        counts[index.index_id] = (entries.entry_count, entries.entry_bytes)
    return counts


def _pair(rx: ReadTransaction, statement: str, identity: int) -> tuple[int, int]:
    row = rx.one(statement, (identity,))
    return (0, 0) if row is None else (row[0], row[1])
