"""UpdateTable: what the request says by itself, then the table, then what the two are together
(spec C.3, A.4).

What it does to the table's indexes is worked out in operations/index_changes.
"""

from __future__ import annotations

from typing import Any, Final

from ...engine.model import TableInfo
from ...engine.tables import tables
from ...engine.writes.group import Group
from ...errors import ValidationFailed
from ..index_changes import (
    IndexChanges,
    check_alone,
    index_changes,
    requested_types,
    with_deleted,
)
from ..plan import Reply, Scope, WritePlan
from . import features
from .description import counts_in_group, describe
from .status import bare_name, changeable_table
from .throughput import (
    Billing,
    billing_after,
    check_ceilings,
    check_requested_change,
    requested_mode,
)

Request = dict[str, Any]

_CHANGES: Final = (
    "ProvisionedThroughput", "BillingMode", "TableThroughputMode", "StreamSpecification",
    "GlobalSecondaryIndexUpdates", "SSESpecification", "ReplicaUpdates", "TableClass",
    "DeletionProtectionEnabled", "OnDemandThroughput", "WarmThroughput",
    "GlobalTableSettingsReplicationMode", "GlobalTableWitnessUpdates", "MultiRegionConsistency",
    "VectorIndexUpdates",
)  # fmt: skip


def prepare(params: Request, scope: Scope) -> WritePlan:
    """The plan of a checked request. Its reply shows UPDATING; the next request sees the table as
    it is then.
    """
    _check_alone(params)
    name = params["TableName"]

    def apply(group: Group) -> Reply:
        table = changeable_table(group, scope, name)
        changes, indexes = _changes(table, params, group.now_ms)
        after = tables.update(group, table, **changes)
        shown = with_deleted(after, table, indexes)
        counts = counts_in_group(group, shown)
        described = describe(shown, "UPDATING", counts, group.now_ms, indexes.statuses)
        return {"TableDescription": described}

    return WritePlan(apply, table=bare_name(name))


def _check_alone(params: Request) -> None:
    """What is wrong with the request whatever its table is."""
    # An empty list of index changes and an empty ceiling ask for nothing; False is a change.
    if not any(params.get(name) not in (None, [], {}) for name in _CHANGES):
        raise ValidationFailed(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled,"
            " GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
        )
    check_requested_change(params)
    check_alone(params.get("GlobalSecondaryIndexUpdates", []))
    features.refuse_unserved(params)


def _changes(table: TableInfo, params: Request, now_ms: int) -> tuple[dict[str, Any], IndexChanges]:
    """The engine's changes for this request on this table, and those of its indexes by
    themselves.
    """
    billing = billing_after(table, params)
    _check_stream_alone(params)
    indexes = index_changes(table, params, billing)
    check_ceilings(params.get("OnDemandThroughput", {}), billing.mode, updating=True)
    facts = features.updated_facts(table, params, now_ms)
    _keep_billing_facts(facts, table, billing, now_ms)
    changes: dict[str, Any] = {
        "billing_mode": billing.mode,
        "read_units": billing.read_units,
        "write_units": billing.write_units,
        "facts": facts,
        "attribute_types": requested_types(params) or None,
        **indexes.arguments,
    }
    if "DeletionProtectionEnabled" in params:
        changes["deletion_protection"] = params["DeletionProtectionEnabled"]
    return {**changes, **features.stream_changes(table, params)}, indexes


def _check_stream_alone(params: Request) -> None:
    if "StreamSpecification" in params and (
        "ProvisionedThroughput" in params or requested_mode(params) == "PROVISIONED"
    ):
        raise ValidationFailed("You cannot modify stream status while updating table IOPS")


def _keep_billing_facts(
    facts: dict[str, Any], table: TableInfo, billing: Billing, now_ms: int
) -> None:
    """Note when the mode was switched and units went up or down (spec C.4)."""
    if billing.mode != table.billing_mode:
        facts[features.SWITCHED] = True
        if billing.mode == "PAY_PER_REQUEST":
            facts[features.ON_DEMAND_MS] = now_ms
        else:
            facts[features.CEILINGS] = None
        return
    if billing.read_units > table.read_units or billing.write_units > table.write_units:
        facts[features.INCREASED_MS] = now_ms
    if billing.read_units < table.read_units or billing.write_units < table.write_units:
        features.count_decrease(facts, now_ms)
