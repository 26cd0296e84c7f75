"""PutItem: an item written whole, in place of the one of the same key if there is one."""

from __future__ import annotations

from typing import Any

from ... import limits
from ...engine.tables.indexes import check_item
from ...engine.writes.mutation import Mutation, encode_item_key
from ...errors import ValidationFailed
from ...expressions import Condition, bind
from ...expressions.legacy import read_expected
from ..parameters import (
    PUT_OR_DELETE,
    refuse_mixing,
    refuse_paths_into_keys,
    refuse_stray_placeholders,
)
from ..plan import Scope, WritePlan
from ..tables.status import data_plane_table
from .writing import ITEM_TOO_LARGE, plan, with_prefix

_BARE = 2  # TableName and Item


def prepare(params: dict[str, Any], scope: Scope) -> WritePlan:
    """The plan of a checked request, whose Item is a Reading. Raises RequestErrors."""
    reading = params["Item"]
    try:
        if reading.fault is not None:
            raise reading.fault
        condition = None if len(params) == _BARE else _condition(params, reading.size)
    except ValidationFailed as fault:
        raise with_prefix(fault) from None
    if reading.size > limits.ITEM_BYTES_MAX:
        raise ValidationFailed(ITEM_TOO_LARGE)
    item = reading.values
    table = data_plane_table(scope, params["TableName"])
    key = encode_item_key(table, item)
    if condition is not None:
        refuse_paths_into_keys(table, condition.paths)
    if table.indexes:
        check_item(table, item, "put")
    mutation = Mutation(table, key, "put", item=item, item_size=reading.size, condition=condition)
    return plan(mutation, params)


def _condition(params: dict[str, Any], size_bytes: int) -> Condition | None:
    """Stages 3 to 6: parameters that go together, the item's size, the condition.

    Expected is judged before the size, an expression after it.
    """
    refuse_mixing(params, PUT_OR_DELETE)
    refuse_stray_placeholders(params, PUT_OR_DELETE)
    if params.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
        raise ValidationFailed("ReturnValues can only be ALL_OLD or NONE", prefixed=True)
    if "ConditionExpression" not in params:
        return read_expected(params.get("Expected"), params.get("ConditionalOperator"))
    if size_bytes > limits.ITEM_BYTES_MAX:
        raise ValidationFailed(ITEM_TOO_LARGE)
    return bind(
        names=params.get("ExpressionAttributeNames"),
        values=params.get("ExpressionAttributeValues"),
        condition=params["ConditionExpression"],
        bare_set_faults=True,
    ).condition
