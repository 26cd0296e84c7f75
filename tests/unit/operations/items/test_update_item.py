"""UpdateItem: which stage answers, and what ReturnValues show."""

from __future__ import annotations

from typing import Any

import pytest

P = "One or more parameter values were invalid: "
V = "1 validation error detected: "
MISMATCH = "The provided key element does not match the schema"
EMPTY = "The AttributeValue for a key attribute cannot contain an empty string value."


def S(text: str) -> dict[str, str]:  # noqa: N802 - reads as the service's notation
    return {"S": text}


def N(text: str) -> dict[str, str]:  # noqa: N802
    return {"N": text}


KEY = {"pk": S("p"), "sk": S("1")}
NO_TABLE = ("ResourceNotFoundException", "Requested resource not found")

# In the order of spec B.1; the key of each request has a fault of stage 4 unless it says otherwise.
STAGES = [
    (
        {
            "AttributeUpdates": {"a": {"Action": "DELETE"}},
            "UpdateExpression": "SET",
            "ExpressionAttributeNames": {},
        },
        V + "Can not use both expression and non-expression parameters in the same request:"
        " Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}",
    ),
    (
        {"ExpressionAttributeNames": {"#a": "a"}, "ExpressionAttributeValues": {":v": S("x")}},
        V + "ExpressionAttributeNames can only be specified when using expressions",
    ),
    (
        {"ExpressionAttributeValues": {":v": S("x")}},
        V + "ExpressionAttributeValues can only be specified when using expressions:"
        " UpdateExpression and ConditionExpression are null",
    ),
    ({"UpdateExpression": "SET"}, V + P + "Null attribute value types must have the value of true"),
    (
        {"Key": KEY, "UpdateExpression": "SET a", "ConditionExpression": "("},
        V + 'Invalid UpdateExpression: Syntax error; token: "<EOF>", near: "a"',
    ),
    (
        {"Key": KEY, "UpdateExpression": "SET a = b", "ConditionExpression": "a ="},
        V + 'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="',
    ),
    (
        {
            "Key": KEY,
            "UpdateExpression": "SET a = :v",
            "ExpressionAttributeValues": {":v": {"SS": []}},
        },
        V + P + "An string set  may not be empty",
    ),
    (
        {"Key": KEY, "UpdateExpression": "SET a = :v", "ExpressionAttributeValues": {":v": N("x")}},
        (
            "ExpressionAttributeValues contains invalid value:"
            " The parameter cannot be converted to a numeric value: x for key :v"
        ),
    ),
    (
        {
            "Key": KEY,
            "UpdateExpression": "SET a = :v",
            "ExpressionAttributeValues": {":v": S("x"), ":w": S("y")},
        },
        V + "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}",
    ),
]


@pytest.mark.parametrize("number", range(len(STAGES)))
def test_what_needs_no_table_is_told_before_the_table_is_looked_for(shop: Any, number: int) -> None:
    params, text = STAGES[number]
    request = {"TableName": "missing", "Key": {"pk": {"NULL": False}}, **params}
    assert shop.refusal("UpdateItem", **request) == ("ValidationException", text)


def test_a_missing_table_is_told_before_its_keys_are_thought_of(shop: Any) -> None:
    request = {"TableName": "missing", "Key": {"x": S("")}, "UpdateExpression": "SET pk = sk"}
    assert shop.refusal("UpdateItem", **request) == NO_TABLE


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"Key": {"pk": S("p")}, "UpdateExpression": "SET pk = sk"}, MISMATCH),
        ({"Key": {**KEY, "x": S("x")}}, MISMATCH),
        ({"Key": {"pk": S("p"), "sk": N("1")}}, MISMATCH),
        (
            {"Key": {"pk": S("p"), "sk": S("")}},
            f"One or more parameter values are not valid. {EMPTY} Key: sk",
        ),
        (
            {"UpdateExpression": "SET pk.x = sk"},
            P + "Cannot update attribute pk. This attribute is part of the key",
        ),
        (
            {"UpdateExpression": "SET g.x = sk"},
            (
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not"
                " allowed: IndexKey: g"
            ),
        ),
        (
            {"UpdateExpression": "SET a = sk", "ConditionExpression": "attribute_exists(sk[0])"},
            (
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not"
                " allowed: Key: sk"
            ),
        ),
        (
            {"UpdateExpression": "SET a = nowhere"},
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        (
            {"UpdateExpression": "SET g = :v", "ExpressionAttributeValues": {":v": N("1")}},
            "The update expression attempted to update the secondary index key to unsupported type",
        ),
        (
            {
                "UpdateExpression": "SET a = :v",
                "ExpressionAttributeValues": {":v": S("x" * 409_600)},
            },
            "Item size to update has exceeded the maximum allowed size",
        ),
    ],
)
def test_what_needs_the_table_or_the_item_is_told_bare(shop: Any, params: Any, text: str) -> None:
    request = {"TableName": "tab", "Key": KEY, **params}
    assert shop.refusal("UpdateItem", **request) == ("ValidationException", text)


def test_a_failing_condition_hides_an_update_that_could_not_be_done(shop: Any) -> None:
    code, _ = shop.refusal(
        "UpdateItem",
        TableName="tab",
        Key=KEY,
        UpdateExpression="SET a = nowhere",
        ConditionExpression="attribute_exists(pk)",
    )
    assert code == "ConditionalCheckFailedException"


OLD = {
    **KEY,
    "a": N("1"),
    "m": {"M": {"x": S("old"), "y": S("keep")}},
    "l2": {"L": [S("0"), S("1")]},
    "s": {"SS": ["a"]},
}
VALUES = {":one": N("1"), ":x": S("new"), ":s": {"SS": ["a"]}}
RETURNED = [
    # expression, UPDATED_OLD, UPDATED_NEW
    ("SET a = a + :one", {"a": N("1")}, {"a": N("2")}),
    ("SET m.x = :x", {"m": {"M": {"x": S("old")}}}, {"m": {"M": {"x": S("new")}}}),
    ("SET l2[1] = :x", {"l2": {"L": [S("1")]}}, {"l2": {"L": [S("new")]}}),
    ("SET l2[9] = :x", None, None),
    ("SET fresh = :x", None, {"fresh": S("new")}),
    ("REMOVE a", {"a": N("1")}, None),
    ("REMOVE nothing", None, None),
    ("DELETE s :s", {"s": {"SS": ["a"]}}, None),
    ("SET a = :one REMOVE m.x", {"a": N("1"), "m": {"M": {"x": S("old")}}}, {"a": N("1")}),
]


@pytest.mark.parametrize(("text", "old", "new"), RETURNED)
def test_updated_attributes_are_the_value_at_each_target(
    shop: Any, text: str, old: Any, new: Any
) -> None:
    values = {name: value for name, value in VALUES.items() if name in text.split()}
    request = {"TableName": "tab", "Key": KEY, "UpdateExpression": text}
    if values:
        request["ExpressionAttributeValues"] = values
    for mode, expected in (("UPDATED_OLD", old), ("UPDATED_NEW", new)):
        shop.ask("PutItem", TableName="tab", Item=OLD)
        reply = shop.ask("UpdateItem", **request, ReturnValues=mode)
        assert reply == ({} if expected is None else {"Attributes": expected})


def test_all_old_and_all_new_are_whole_items_with_keys(shop: Any) -> None:
    request = {
        "TableName": "tab",
        "Key": KEY,
        "UpdateExpression": "SET a = :v",
        "ExpressionAttributeValues": {":v": N("2")},
    }
    assert shop.ask("UpdateItem", **request, ReturnValues="ALL_OLD") == {}
    request["ExpressionAttributeValues"] = {":v": N("3")}
    assert shop.ask("UpdateItem", **request, ReturnValues="ALL_OLD") == {
        "Attributes": {**KEY, "a": N("2")}
    }
    assert shop.ask("UpdateItem", **request, ReturnValues="ALL_NEW") == {
        "Attributes": {**KEY, "a": N("3")}
    }
    assert shop.ask("UpdateItem", **request, ReturnValues="NONE") == {}


def test_without_an_expression_it_makes_an_item_of_its_key(shop: Any) -> None:
    bare = {"TableName": "tab", "Key": KEY}
    assert shop.ask("UpdateItem", **bare, ReturnValues="UPDATED_NEW") == {}
    assert shop.ask("GetItem", **bare) == {"Item": KEY}
    assert shop.ask("UpdateItem", **bare, ReturnValues="ALL_NEW") == {"Attributes": KEY}


def test_clearing_what_is_not_there_makes_no_item(shop: Any) -> None:
    request = {"TableName": "tab", "Key": KEY, "UpdateExpression": "REMOVE a"}
    for mode in ("ALL_NEW", "ALL_OLD", "UPDATED_NEW", "UPDATED_OLD"):
        assert shop.ask("UpdateItem", **request, ReturnValues=mode) == {}
    assert shop.ask("GetItem", TableName="tab", Key=KEY) == {}


def test_units_go_by_the_larger_image_also_when_nothing_changed(shop: Any) -> None:
    shop.ask("PutItem", TableName="tab", Item={**KEY, "a": S("x" * 2500)})
    request = {"TableName": "tab", "Key": KEY, "ReturnConsumedCapacity": "TOTAL"}
    for text in ("REMOVE nothing", "REMOVE a"):
        reply = shop.ask("UpdateItem", **request, UpdateExpression=text)
        assert reply["ConsumedCapacity"] == {"TableName": "tab", "CapacityUnits": 3.0}
    reply = shop.ask("UpdateItem", **request, UpdateExpression="REMOVE a")
    assert reply["ConsumedCapacity"]["CapacityUnits"] == 1.0
