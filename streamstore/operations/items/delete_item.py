"""DeleteItem: an item removed by its key; one that is not there is no error."""

from __future__ import annotations

from typing import Any

from ...engine.writes.mutation import Mutation, encode_key
from ...expressions import bind
from ...expressions.legacy import read_expected
from ..parameters import (
    PUT_OR_DELETE,
    refuse_mixing,
    refuse_paths_into_keys,
    refuse_stray_placeholders,
)
from ..plan import Scope, WritePlan
from ..tables.status import data_plane_table
from .writing import plan

_BARE = 2  # TableName and Key


def prepare(params: dict[str, Any], scope: Scope) -> WritePlan:
    """The plan of a checked request, whose Key is a Reading. Raises RequestErrors."""
    reading = params["Key"]
    condition = None
    if len(params) > _BARE:
        refuse_mixing(params, PUT_OR_DELETE)
        refuse_stray_placeholders(params, PUT_OR_DELETE)
    if reading.fault is not None:
        raise reading.fault
    if "ConditionExpression" in params:
        condition = bind(
            names=params.get("ExpressionAttributeNames"),
            values=params.get("ExpressionAttributeValues"),
            condition=params["ConditionExpression"],
        ).condition
    elif len(params) > _BARE:
        condition = read_expected(params.get("Expected"), params.get("ConditionalOperator"))
    table = data_plane_table(scope, params["TableName"])
    key = encode_key(table, reading.values)
    if condition is not None:
        refuse_paths_into_keys(table, condition.paths)
    return plan(Mutation(table, key, "delete", condition=condition), params)
