"""CreateTable: checks in the order of spec C.2, then the table under the lock, where only its name
can be in the way.
"""

from __future__ import annotations

from typing import Any

from ...engine.tables import tables
from ...engine.writes.group import Group
from ..plan import Reply, Scope, WritePlan
from . import features
from .definitions import read_definition
from .description import NO_COUNTS, describe
from .status import bare_name
from .throughput import check_ceilings, read_billing


def prepare(params: dict[str, Any], scope: Scope) -> WritePlan:
    """The plan of a checked request. Its reply shows CREATING; the next request sees the table as
    it is.
    """
    billing = read_billing(params)
    definition = read_definition(params, billing)
    check_ceilings(params.get("OnDemandThroughput", {}), billing.mode, updating=False)
    view_type = features.created_view_type(params)
    features.refuse_unserved(params)
    facts = features.created_facts(params, scope.region, scope.account)
    name = bare_name(params["TableName"])

    def apply(group: Group) -> Reply:
        if billing.mode == "PAY_PER_REQUEST":
            facts[features.ON_DEMAND_MS] = group.now_ms
        table = tables.create(
            group,
            name=name,
            region=scope.region,
            account=scope.account,
            keys=definition.keys,
            attribute_types=definition.attribute_types,
            billing_mode=billing.mode,
            read_units=billing.read_units,
            write_units=billing.write_units,
            indexes=definition.indexes,
            deletion_protection=params.get("DeletionProtectionEnabled", False),
            view_type=view_type,
            facts=facts,
        )
        return {"TableDescription": describe(table, "CREATING", NO_COUNTS, group.now_ms)}

    return WritePlan(apply, table=name)
