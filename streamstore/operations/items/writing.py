"""What the single-item writes share: carrying a mutation out under the lock, and the reply's
optional parts (spec I).

The plan of a write is a bound method of a small object; a request that asks for nothing back, which
is nearly every one, answers {} without looking further. What may be returned by which operation is
checked by the operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...codec.sizes import Item, write_units
from ...engine.tables.items import collection_bytes
from ...engine.writes.applied import Applied
from ...engine.writes.apply import apply
from ...engine.writes.mutation import Mutation
from ...errors import ConditionFailed, ValidationFailed
from ...limits import WRITE_UNIT_BYTES
from ..capacity import collection_metrics, consumed
from ..parameters import PREFIX
from ..plan import Reply, WritePlan

if TYPE_CHECKING:
    from ...engine.writes.group import Group

ITEM_TOO_LARGE: Final = "Item size has exceeded the maximum allowed size"
# What a write costs in the writer's queue beside its item: the request, the old image, index
# entries.
COST_BYTES: Final = 512

Params = dict[str, Any]


def plan(mutation: Mutation, params: Params) -> WritePlan:
    """The plan of one write; `params` says what it shall answer."""
    write = ItemWrite(mutation, params)
    return WritePlan(write.carry_out, COST_BYTES + mutation.item_size, mutation.table.name)


def with_prefix(fault: ValidationFailed) -> ValidationFailed:
    """A fault as PutItem and UpdateItem say it since 2026 (spec B.3)."""
    return ValidationFailed(PREFIX + fault.message) if fault.prefixed else fault


class ItemWrite:
    """One write of one item, and what its caller wants to hear of it."""

    __slots__ = ("mutation", "params")

    def __init__(self, mutation: Mutation, params: Params) -> None:
        self.mutation = mutation
        self.params = params

    def carry_out(self, group: Group) -> Reply:
        """Write and answer. Raises ConditionFailed, with the item only where it was asked for."""
        params = self.params
        try:
            applied = apply(group, self.mutation)
        except ConditionFailed as failure:
            if (
                failure.item is None
                or params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            ):
                raise
            raise ConditionFailed() from None
        # What nearly every write costs is told without a call.
        if (
            applied.new_size <= WRITE_UNIT_BYTES
            and applied.old_size <= WRITE_UNIT_BYTES
            and not applied.index_writes
        ):
            group.engine.metrics.meters[applied.table.name].writes.append(1)
        else:
            note_units(group, applied)
        reply: Reply = {}
        if "ReturnValues" in params:
            attributes = returned(params["ReturnValues"], self.mutation, applied)
            if attributes:
                reply["Attributes"] = attributes
        if "ReturnConsumedCapacity" in params:
            units = table_units(applied)
            entry = consumed(
                params["ReturnConsumedCapacity"], params["TableName"], units, applied.index_writes
            )
            if entry is not None:
                reply["ConsumedCapacity"] = entry
        if "ReturnItemCollectionMetrics" in params:
            metrics = metrics_of(group, params["ReturnItemCollectionMetrics"], applied)
            if metrics is not None:
                reply["ItemCollectionMetrics"] = metrics
        return reply


def table_units(applied: Applied) -> int:
    """Write units on the table's arm: by the larger image, at least one, whether or not anything
    changed.
    """
    return write_units(max(applied.old_size, applied.new_size))


def note_units(group: Group, applied: Applied, factor: int = 1) -> None:
    """Meter what a write consumed, on its table and its global indexes."""
    meters = group.engine.metrics.meters
    meters[applied.table.name].writes.append(table_units(applied) * factor)
    for index, index_units in applied.index_writes:
        if index.kind == "GSI":
            meters[f"{applied.table.name}/{index.name}"].writes.append(index_units)


def metrics_of(group: Group, mode: str, applied: Applied) -> dict[str, Any] | None:
    """ItemCollectionMetrics of one write, or None where there are none."""
    if mode != "SIZE":
        return None
    size_bytes = collection_bytes(group.tx, applied.table, applied.key)
    return collection_metrics(mode, applied.table, applied.key.item, size_bytes)


class Metrics:
    """ItemCollectionMetrics of a batch or transaction: one entry a collection, by table."""

    __slots__ = ("_mode", "_seen", "by_table")

    def __init__(self, mode: str | None) -> None:
        self._mode = mode
        self._seen: set[tuple[int, bytes]] = set()
        # By the name of the table as given; empty where nothing was asked for.
        self.by_table: dict[str, list[dict[str, Any]]] = {}

    def note(self, group: Group, given_name: str, applied: Applied) -> None:
        """Count in the collection that a write touched."""
        collection = (applied.table.table_id, applied.key.pk)
        if self._mode is None or collection in self._seen:
            return
        self._seen.add(collection)
        entry = metrics_of(group, self._mode, applied)
        if entry is not None:
            self.by_table.setdefault(given_name, []).append(entry)


def returned(mode: str, mutation: Mutation, applied: Applied) -> Item | None:
    """The reply's Attributes for a value of ReturnValues, None or {} for none."""
    if mode == "ALL_OLD":
        return applied.old
    if mode == "ALL_NEW":
        return applied.new
    update = mutation.update
    if mode == "NONE" or update is None:
        return None
    if mode == "UPDATED_OLD":
        return update.updated_old(applied.old)
    return update.updated_new(applied.old, applied.key.item)
