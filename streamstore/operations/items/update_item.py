"""UpdateItem: changes to the attributes of an item, which is created if there is none."""

from __future__ import annotations

from typing import Any

from ...engine.tables.indexes import check_targets
from ...engine.writes.mutation import Mutation, encode_key
from ...errors import ValidationFailed
from ...expressions import bind
from ...expressions.legacy import read_expected, read_updates
from ..parameters import (
    UPDATE,
    refuse_mixing,
    refuse_paths_into_keys,
    refuse_stray_placeholders,
)
from ..plan import Scope, WritePlan
from ..tables.status import data_plane_table
from .writing import plan, with_prefix


def prepare(params: dict[str, Any], scope: Scope) -> WritePlan:
    """The plan of a checked request, whose Key is a Reading. Raises RequestErrors."""
    reading = params["Key"]
    update = condition = None
    try:
        refuse_mixing(params, UPDATE)
        refuse_stray_placeholders(params, UPDATE)
        if reading.fault is not None:
            raise reading.fault
        if "UpdateExpression" in params or "ConditionExpression" in params:
            bound = bind(
                names=params.get("ExpressionAttributeNames"),
                values=params.get("ExpressionAttributeValues"),
                update=params.get("UpdateExpression"),
                condition=params.get("ConditionExpression"),
                bare_set_faults=True,
            )
            update, condition = bound.update, bound.condition
        else:
            condition = read_expected(params.get("Expected"), params.get("ConditionalOperator"))
            update = read_updates(params.get("AttributeUpdates", {}))
    except ValidationFailed as fault:
        raise with_prefix(fault) from None
    table = data_plane_table(scope, params["TableName"])
    key = encode_key(table, reading.values)
    if update is not None:
        check_targets(table, update)
    if condition is not None:
        refuse_paths_into_keys(table, condition.paths)
    return plan(Mutation(table, key, "update", update=update, condition=condition), params)
