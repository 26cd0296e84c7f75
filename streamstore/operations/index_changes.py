"""GlobalSecondaryIndexUpdates of UpdateTable: which indexes a live table gets, loses and changes
(spec C.3).

What the list says by itself is told before the table is looked for, what it is together with the
table afterwards. The engine carries it out: a new index is filled beside the table's writers
(engine/tables/backfill), a deleted one is gone with the commit and its entries are removed later.
One index can be made or deleted at a time, and one that is being filled may only be deleted.

The texts for indexes that don't exist or don't change were not found in a capture of the service;
they follow those for tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from .. import limits
from ..engine.model import IndexInfo, KeyType, TableInfo
from ..errors import LimitExceeded, ResourceInUse, ResourceNotFound, ValidationFailed
from .tables.definitions import PARAMETERS, Request, read_added_index
from .tables.throughput import (
    Billing,
    check_ceilings,
    check_index_throughput,
    refuse_unchanged_index,
    units_of,
)

_ACTIONS: Final = ("Update", "Create", "Delete")
_BLOCKED: Final = (
    "This operation cannot be performed with given input values. Please contact DynamoDB service"
    " team for more info: Action Blocked: IndexUpdate"
)
_CEILINGS: Final = "OnDemandThroughput"
_WARM: Final = "WarmThroughput"


@dataclass(frozen=True, slots=True)
class IndexChanges:
    """What an UpdateTable request does to a table's indexes."""

    create: IndexInfo | None = None
    delete: IndexInfo | None = None
    change: tuple[IndexInfo, ...] = ()

    @property
    def statuses(self) -> dict[str, str]:
        """IndexStatus by name, as the reply shows it of those that the request touches."""
        shown = dict.fromkeys((index.name for index in self.change), "UPDATING")
        if self.create is not None:
            shown[self.create.name] = "CREATING"
        if self.delete is not None:
            shown[self.delete.name] = "DELETING"
        return shown

    @property
    def arguments(self) -> dict[str, Any]:
        """The same as the engine's `update` takes it."""
        return {
            "create_index": self.create,
            "delete_index": None if self.delete is None else self.delete.name,
            "change_indexes": self.change,
        }


def check_alone(updates: list[Request]) -> None:
    """Each element has one action, and no index has two. Raises ValidationFailed."""
    named: set[str] = set()
    for update in updates:
        action = next((action for action in _ACTIONS if action in update), None)
        if len(update) > 1:
            # An element is one of the three (the model); what of two would be done can't be told.
            raise ValidationFailed(
                f"{PARAMETERS}Only one of GlobalSecondaryIndexUpdate.Update,"
                " GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete can be"
                " specified"
            )
        if action is None:
            raise ValidationFailed(
                f"{PARAMETERS}One of GlobalSecondaryIndexUpdate.Update,"
                " GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be"
                " null"
            )
        name = update[action]["IndexName"]
        if name in named:
            raise ValidationFailed(
                f"{PARAMETERS}Only one global secondary index update per index is allowed"
                f" simultaneously. Index: {name}"
            )
        named.add(name)


def index_changes(table: TableInfo, params: Request, billing: Billing) -> IndexChanges:
    """The changes that a request means for this table; `billing` is the table's after it.

    Raises ValidationFailed, ResourceNotFound, ResourceInUse, LimitExceeded."""
    updates: list[Request] = params.get("GlobalSecondaryIndexUpdates", [])
    _check_switch(table, updates, billing)
    created: list[IndexInfo] = []
    deleted: list[IndexInfo] = []
    changed: list[IndexInfo] = []
    for update in updates:
        if "Update" in update:
            changed.append(_changed(table, update["Update"], billing))
        elif "Create" in update:
            created.append(_created(table, update["Create"], requested_types(params), billing))
        else:
            name = update["Delete"]["IndexName"]
            gone = _world(table, name)
            if gone is None:
                raise ResourceNotFound("table", name)
            deleted.append(gone)
    _check_one_at_a_time(table, created, deleted)
    return IndexChanges(
        created[0] if created else None, deleted[0] if deleted else None, tuple(changed)
    )


def requested_types(params: Request) -> dict[str, KeyType]:
    """The request's AttributeDefinitions."""
    types: dict[str, KeyType] = {}
    for each in params.get("AttributeDefinitions", ()):
        types.setdefault(each["AttributeName"], each["AttributeType"])
    return types


def with_deleted(table: TableInfo, before: TableInfo, changes: IndexChanges) -> TableInfo:
    """The table as the reply shows it: a deleted index stands where it stood."""
    if changes.delete is None:
        return table
    place = before.indexes.index(changes.delete)
    shown = (*table.indexes[:place], changes.delete, *table.indexes[place:])
    return replace(table, indexes=shown)


def _world(table: TableInfo, name: str) -> IndexInfo | None:
    index = table.index(name)
    return index if index is not None and index.kind == "GSI" else None


def _check_switch(table: TableInfo, updates: list[Request], billing: Billing) -> None:
    """A table that becomes PROVISIONED brings throughput for each of its GSIs."""
    if billing.mode != "PROVISIONED" or table.billing_mode == "PROVISIONED":
        return
    brought = {
        update["Update"]["IndexName"]
        for update in updates
        if "ProvisionedThroughput" in update.get("Update", ())
    }
    going = {update["Delete"]["IndexName"] for update in updates if "Delete" in update}
    lacking = [
        index.name
        for index in table.indexes
        if index.kind == "GSI" and index.name not in brought | going
    ]
    if lacking:
        raise ValidationFailed(
            f"{PARAMETERS}ProvisionedThroughput must be specified for index: {','.join(lacking)}"
        )


def _created(
    table: TableInfo, index: Request, types: Mapping[str, KeyType], billing: Billing
) -> IndexInfo:
    name = index["IndexName"]
    if table.index(name) is not None:
        raise ValidationFailed(f"{PARAMETERS}Index already exists: {name}")
    made = read_added_index(index, dict(types), table.attribute_types, billing)
    if sum(each.kind == "GSI" for each in table.indexes) >= limits.GSI_MAX:
        raise ValidationFailed(
            f"{PARAMETERS}GlobalSecondaryIndex count exceeds the per-table limit of"
            f" {limits.GSI_MAX}"
        )
    attributes = sum(len(each.non_key_attributes) for each in (*table.indexes, made))
    if attributes > limits.NON_KEY_ATTRIBUTES_MAX:
        raise ValidationFailed(
            f"{PARAMETERS}Number of NonKeyAttributes in all indexes exceeds per-table limit of"
            f" {limits.NON_KEY_ATTRIBUTES_MAX}"
        )
    return made


def _changed(table: TableInfo, update: Request, billing: Billing) -> IndexInfo:
    index = _world(table, update["IndexName"])
    if index is None:
        raise ValidationFailed(_BLOCKED)
    if index.filled_to is not None:
        raise ResourceInUse("index", table.name, index.name)
    facts = dict(index.facts)
    ceilings = update.get(_CEILINGS)
    if ceilings:
        check_ceilings(ceilings, billing.mode, updating=True)
        merged = {**facts.get(_CEILINGS, {}), **ceilings}
        facts[_CEILINGS] = {name: units for name, units in merged.items() if units != -1}
    if update.get(_WARM):
        facts[_WARM] = {**facts.get(_WARM, {}), **update[_WARM]}
    throughput = update.get("ProvisionedThroughput")
    if throughput is None:
        if not ceilings and not update.get(_WARM):
            raise ValidationFailed(
                f"{PARAMETERS}One of ProvisionedThroughput, OnDemandThroughput, WarmThroughput must"
                f" be specified for index: {index.name}"
            )
        return replace(index, facts=facts)
    check_index_throughput(update, billing)
    read, write = units_of(throughput)
    if table.billing_mode == "PROVISIONED":
        refuse_unchanged_index(index, read, write)
    return replace(index, read_units=read, write_units=write, facts=facts)


def _check_one_at_a_time(
    table: TableInfo, created: list[IndexInfo], deleted: list[IndexInfo]
) -> None:
    """One index may be made or deleted at once; one that is being filled counts, unless it is the
    one to go.
    """
    filling = [index for index in table.indexes if index.filled_to is not None]
    others = [index for index in filling if index not in deleted]
    if len(created) + len(deleted) > 1 or (others and (created or deleted)):
        raise LimitExceeded(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted"
            " simultaneously per table",
            1,
        )
