"""UpdateItem: changes to the attributes of an item, which is created if there is none (spec E.6)."""

from __future__ import annotations

from typing import Any

from ...engine.tables.indexes import check_targets
from ...engine.writes.mutation import Mutation, encode_key
from ...errors import ValidationFailed
from ...expressions import Bound, bind
from ..parameters import UPDATE, refuse_mixing, refuse_stray_placeholders
from ..plan import Scope, WritePlan
from ..tables.status import data_plane_table
from .writing import plan, with_prefix

_WRAPPED_VALUE = "ExpressionAttributeValues contains invalid value: "


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
            bound = _bind(params)
            update, condition = bound.update, bound.condition
    except ValidationFailed as fault:
        raise with_prefix(fault) from None
    table = data_plane_table(scope, params["TableName"])
    key = encode_key(table, reading.values)
    if update is not None:
        check_targets(table, update)
    return plan(Mutation(table, key, "update", update=update, condition=condition), params)


def _bind(params: dict[str, Any]) -> Bound:
    values = params.get("ExpressionAttributeValues")
    try:
        return bind(
            names=params.get("ExpressionAttributeNames"),
            values=values,
            update=params.get("UpdateExpression"),
            condition=params.get("ConditionExpression"),
        )
    except ValidationFailed as fault:
        # Where the prefix came, the wrapper went: a bad set is told as if it stood in an item (spec B.3).
        if fault.prefixed and fault.message.startswith(_WRAPPED_VALUE) and values.fault.prefixed:
            raise values.fault from None
        raise
