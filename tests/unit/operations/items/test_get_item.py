"""GetItem: which stage answers, and what of an item comes back."""

from __future__ import annotations

from typing import Any

import pytest

P = "One or more parameter values were invalid: "
KEY = {"pk": {"S": "p"}, "sk": {"S": "1"}}

STAGES = [
    (
        {"AttributesToGet": ["a", "a"], "ProjectionExpression": ",", "Key": {"pk": {}}},
        (
            "Can not use both expression and non-expression parameters in the same request:"
            " Non-expression parameters: {AttributesToGet}"
            " Expression parameters: {ProjectionExpression}"
        ),
    ),
    (
        {"ExpressionAttributeNames": {"#a": "a"}, "Key": {"pk": {}}},
        "ExpressionAttributeNames can only be specified when using expressions",
    ),
    (
        {"ProjectionExpression": ",", "Key": {"pk": {}}},
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
    ),
    (
        {"AttributesToGet": []},
        (
            "1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy"
            " constraint: Member must have length greater than or equal to 1"
        ),
    ),
    ({"AttributesToGet": ["a", "", "a"]}, "Empty attribute name"),
    ({"AttributesToGet": ["a", "b", "a"]}, P + "Duplicate value in attribute name: a"),
    (
        {"ProjectionExpression": "a,"},
        'Invalid ProjectionExpression: Syntax error; token: "<EOF>", near: ","',
    ),
]


@pytest.mark.parametrize("number", range(len(STAGES)))
def test_what_needs_no_table_is_told_first(shop: Any, number: int) -> None:
    params, text = STAGES[number]
    request = {"TableName": "missing", "Key": KEY, **params}
    assert shop.refusal("GetItem", **request) == ("ValidationException", text)


def test_then_comes_the_table_and_then_the_key(shop: Any) -> None:
    assert shop.refusal("GetItem", TableName="missing", Key={"x": {"S": ""}}) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    for key in ({"pk": {"S": "p"}}, {**KEY, "x": {"S": "x"}}, {**KEY, "sk": {"BOOL": True}}):
        assert shop.refusal("GetItem", TableName="tab", Key=key) == (
            "ValidationException",
            "The provided key element does not match the schema",
        )
    _, text = shop.refusal("GetItem", TableName="tab", Key=KEY, ProjectionExpression="a, g.x")
    assert text.endswith("IndexKey: g")


ITEM = {
    **KEY,
    "a": {"N": "1"},
    "m": {"M": {"x": {"S": "x"}, "y": {"S": "y"}}},
    "l2": {"L": [{"S": "0"}, {"S": "1"}, {"S": "2"}]},
}


@pytest.mark.parametrize(
    ("params", "item"),
    [
        ({}, ITEM),
        ({"ProjectionExpression": "a"}, {"a": {"N": "1"}}),
        (
            {"ProjectionExpression": "l2[2], #m.x, l2[0]", "ExpressionAttributeNames": {"#m": "m"}},
            {"m": {"M": {"x": {"S": "x"}}}, "l2": {"L": [{"S": "0"}, {"S": "2"}]}},
        ),
        ({"ProjectionExpression": "nothing"}, {}),
        ({"AttributesToGet": ["a", "m.x", "pk"]}, {"a": {"N": "1"}, "pk": {"S": "p"}}),
    ],
)
def test_a_projection_keeps_what_it_names(shop: Any, params: Any, item: Any) -> None:
    shop.ask("PutItem", TableName="tab", Item=ITEM)
    assert shop.ask("GetItem", TableName="tab", Key=KEY, **params) == {"Item": item}
    other = {"pk": {"S": "p"}, "sk": {"S": "2"}}
    assert shop.ask("GetItem", TableName="tab", Key=other, **params) == {}


@pytest.mark.parametrize(
    ("size", "consistent", "units"),
    [
        (None, True, 1.0),
        (None, False, 0.5),
        (None, None, 0.5),
        (4000, True, 1.0),
        (4100, True, 2.0),
        (4100, None, 1.0),
        (9000, None, 1.5),
    ],
)
def test_units_round_up_to_4_kib_and_halve_where_eventual(
    shop: Any, size: int | None, consistent: bool | None, units: float
) -> None:
    if size is not None:
        shop.ask("PutItem", TableName="tab", Item={**KEY, "x": {"S": "x" * size}})
    request: dict[str, Any] = {"TableName": "tab", "Key": KEY, "ProjectionExpression": "pk"}
    if consistent is not None:
        request["ConsistentRead"] = consistent
    reply = shop.ask("GetItem", **request, ReturnConsumedCapacity="INDEXES")
    assert reply["ConsumedCapacity"] == {
        "TableName": "tab",
        "CapacityUnits": units,
        "Table": {"CapacityUnits": units},
    }
    assert "ConsumedCapacity" not in shop.ask("GetItem", **request, ReturnConsumedCapacity="NONE")
