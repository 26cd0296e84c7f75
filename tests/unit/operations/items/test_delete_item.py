"""DeleteItem: which stage answers, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest

P = "One or more parameter values were invalid: "
KEY = {"pk": {"S": "p"}, "sk": {"S": "1"}}

STAGES = [
    (
        {"ReturnValues": "ALL_NEW", "ConditionExpression": "="},
        (
            "1 validation error detected: Value 'ALL_NEW' at 'returnValues' failed to satisfy"
            " constraint: Member must satisfy enum value set: [ALL_OLD, NONE]"
        ),
    ),
    (
        {"ConditionalOperator": "AND", "ConditionExpression": "="},
        (
            "Can not use both expression and non-expression parameters in the same request:"
            " Non-expression parameters: {ConditionalOperator}"
            " Expression parameters: {ConditionExpression}"
        ),
    ),
    (
        {"ExpressionAttributeValues": {":v": {"S": "x"}}},
        (
            "ExpressionAttributeValues can only be specified when using expressions:"
            " ConditionExpression is null"
        ),
    ),
    (
        {"Key": {"pk": {"SS": []}}, "ConditionExpression": "="},
        P + "An string set  may not be empty",
    ),
    (
        {"ConditionExpression": "="},
        'Invalid ConditionExpression: Syntax error; token: "=", near: "="',
    ),
]


@pytest.mark.parametrize("number", range(len(STAGES)))
def test_what_needs_no_table_is_told_first_and_without_a_prefix(shop: Any, number: int) -> None:
    params, text = STAGES[number]
    request = {"TableName": "missing", "Key": KEY, **params}
    assert shop.refusal("DeleteItem", **request) == ("ValidationException", text)


def test_then_comes_the_table_and_then_the_key(shop: Any) -> None:
    code, _ = shop.refusal("DeleteItem", TableName="missing", Key={"x": {"S": ""}})
    assert code == "ResourceNotFoundException"
    request = {"TableName": "tab", "Key": {"pk": {"S": "p"}}}
    assert shop.refusal("DeleteItem", **request, ConditionExpression="attribute_exists(pk)") == (
        "ValidationException",
        "The provided key element does not match the schema",
    )
    code, text = shop.refusal(
        "DeleteItem", TableName="tab", Key=KEY, ConditionExpression="attribute_exists(sk.x)"
    )
    assert text.endswith("Key: sk")


def test_an_item_goes_once_and_costs_its_size(shop: Any) -> None:
    item = {**KEY, "g": {"S": "g"}, "x": {"S": "x" * 1500}}
    shop.ask("PutItem", TableName="tab", Item=item)
    request = {
        "TableName": "tab",
        "Key": KEY,
        "ReturnValues": "ALL_OLD",
        "ReturnConsumedCapacity": "INDEXES",
        "ReturnItemCollectionMetrics": "SIZE",
    }
    metrics = {"ItemCollectionKey": {"pk": {"S": "p"}}, "SizeEstimateRangeGB": [0.0, 1.0]}
    assert shop.ask("DeleteItem", **request) == {
        "Attributes": item,
        "ConsumedCapacity": {
            "TableName": "tab",
            "CapacityUnits": 4.0,
            "Table": {"CapacityUnits": 2.0},
            "GlobalSecondaryIndexes": {"gs2": {"CapacityUnits": 2.0}},
        },
        "ItemCollectionMetrics": metrics,
    }
    assert shop.ask("DeleteItem", **request) == {
        "ConsumedCapacity": {
            "TableName": "tab",
            "CapacityUnits": 1.0,
            "Table": {"CapacityUnits": 1.0},
        },
        "ItemCollectionMetrics": metrics,
    }


def test_a_condition_that_fails_keeps_the_item(shop: Any) -> None:
    shop.ask("PutItem", TableName="tab", Item=KEY)
    code, text = shop.refusal(
        "DeleteItem", TableName="tab", Key=KEY, ConditionExpression="attribute_exists(a)"
    )
    assert (code, text) == ("ConditionalCheckFailedException", "The conditional request failed")
    assert shop.ask("GetItem", TableName="tab", Key=KEY) == {"Item": KEY}


def test_number_keys_are_equal_by_value(shop: Any) -> None:
    shop.ask("PutItem", TableName="num", Item={"id": {"N": "1.0"}, "bin": {"B": b"a"}})
    key = {"id": {"N": "10E-1"}, "bin": {"B": b"a"}}
    reply = shop.ask("DeleteItem", TableName="num", Key=key, ReturnValues="ALL_OLD")
    assert reply == {"Attributes": {"id": {"N": "1"}, "bin": {"B": b"a"}}}
