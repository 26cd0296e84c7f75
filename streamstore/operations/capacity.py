"""ConsumedCapacity and ItemCollectionMetrics as replies show them (spec I.3, I.4).

Given units by table and index, shapes the wire's form of them; how many units a read or write costs
is told by codec.sizes and by what the engine says it touched. `given_name` is what the caller wrote
as TableName: an ARN is echoed. `mode` is ReturnConsumedCapacity's value, None where the request has
none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from ..engine.model import IndexInfo, TableInfo

IndexUnits = Iterable[tuple[IndexInfo, float]]
_GIB = 1024**3


def consumed(
    mode: str | None,
    given_name: str,
    table_units: float,
    index_units: IndexUnits = (),
    *,
    transact: Literal["Read", "Write"] | None = None,
) -> dict[str, Any] | None:
    """One ConsumedCapacity entry, or None where the request asked for none.

    `transact` names the arm of a transaction, whose entries repeat the units as Read- or
    WriteCapacityUnits at the top and under Table; the factor 2 of a transaction is already in
    `table_units`.
    """
    if mode is None or mode == "NONE":
        return None
    indexes = list(index_units)
    total = float(table_units) + sum(units for _, units in indexes)
    entry: dict[str, Any] = {"TableName": given_name, "CapacityUnits": total}
    if transact is not None:
        entry[f"{transact}CapacityUnits"] = total
    if mode != "INDEXES":
        return entry
    arm = {"CapacityUnits": float(table_units)}
    if transact is not None:
        arm[f"{transact}CapacityUnits"] = float(table_units)
    entry["Table"] = arm
    for index, units in indexes:
        kind = "GlobalSecondaryIndexes" if index.kind == "GSI" else "LocalSecondaryIndexes"
        charged = entry.setdefault(kind, {}).setdefault(index.name, {"CapacityUnits": 0.0})
        charged["CapacityUnits"] += units
    return entry


class Tally:
    """The units of a batch or transaction, summed a table, answered as a list with one entry a
    table.

    Tables are kept apart by the name given: the order of the list is the order of first mention.
    """

    __slots__ = ("_by_table", "_mode", "_transact")

    def __init__(self, mode: str | None, transact: Literal["Read", "Write"] | None = None) -> None:
        self._mode = mode
        self._transact = transact
        self._by_table: dict[str, tuple[float, list[tuple[IndexInfo, float]]]] = {}

    def add(self, given_name: str, table_units: float, index_units: IndexUnits = ()) -> None:
        """Charge one element's units to its table."""
        units, indexes = self._by_table.get(given_name, (0.0, []))
        indexes.extend(index_units)
        self._by_table[given_name] = (units + table_units, indexes)

    def entries(self) -> list[dict[str, Any]] | None:
        """The reply's ConsumedCapacity list, or None where the request asked for none."""
        if self._mode is None or self._mode == "NONE":
            return None
        shaped = (
            consumed(self._mode, name, units, indexes, transact=self._transact)
            for name, (units, indexes) in self._by_table.items()
        )
        return [entry for entry in shaped if entry is not None]


def collection_metrics(
    mode: str | None, table: TableInfo, item: dict[str, Any], collection_bytes: int
) -> dict[str, Any] | None:
    """One ItemCollectionMetrics entry, or None where not asked for or where the table has no LSI.

    `item` is the item or its key; `collection_bytes` the size of the collection, its index entries
    included.
    """
    if mode != "SIZE" or not any(index.kind == "LSI" for index in table.indexes):
        return None
    low = float(collection_bytes // _GIB)
    return {
        "ItemCollectionKey": {part.name: item[part.name] for part in table.keys.hash},
        "SizeEstimateRangeGB": [low, low + 1.0],
    }
