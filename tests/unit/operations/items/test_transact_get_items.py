"""TransactGetItems: what refuses the request, what cancels it, what comes back."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.errors import TransactionCanceled

P = "One or more parameter values were invalid: "


def S(text: str) -> dict[str, str]:  # noqa: N802 - reads as the service's notation
    return {"S": text}


def get(sk: str, table: str = "tab", **more: Any) -> dict[str, Any]:
    return {"Get": {"TableName": table, "Key": {"pk": S("p"), "sk": S(sk)}, **more}}


@pytest.mark.parametrize(
    ("elements", "text"),
    [
        (
            [get("1", "missing", Key={"pk": {"SS": []}}, ProjectionExpression=",")],
            P + "An string set  may not be empty",
        ),
        (
            [get("1", "missing", ProjectionExpression="a,")],
            'Invalid ProjectionExpression: Syntax error; token: "<EOF>", near: ","',
        ),
        (
            [get("1"), get("1")],
            "Transaction request cannot include multiple operations on one item",
        ),
        (
            [get("1"), get("")],
            (
                "One or more parameter values are not valid. The AttributeValue for a key attribute"
                " cannot contain an empty string value. Key: sk"
            ),
        ),
        (
            [get("1", ProjectionExpression="pk.x")],
            (
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not"
                " allowed: Key: pk"
            ),
        ),
    ],
)
def test_what_refuses_the_request(shop: Any, elements: Any, text: str) -> None:
    refusal = shop.refusal("TransactGetItems", TransactItems=elements)
    assert refusal == ("ValidationException", text)


def test_a_missing_table_comes_before_keys(shop: Any) -> None:
    code, _ = shop.refusal("TransactGetItems", TransactItems=[get(""), get("1", "missing")])
    assert code == "ResourceNotFoundException"


def test_a_key_that_does_not_fit_is_a_reason_to_cancel(shop: Any) -> None:
    elements = [get("1"), get("2", Key={"pk": S("p")}), get("3")]
    with pytest.raises(TransactionCanceled) as caught:
        shop.ask("TransactGetItems", TransactItems=elements)
    assert [(reason.code, reason.message) for reason in caught.value.reasons] == [
        ("None", None),
        ("ValidationError", "The provided key element does not match the schema"),
        ("None", None),
    ]


def test_responses_are_in_request_order_and_twice_the_units(shop: Any) -> None:
    item = {"pk": S("p"), "sk": S("1"), "x": S("x" * 5000)}
    shop.ask("PutItem", TableName="tab", Item=item)
    shop.ask("PutItem", TableName="solo", Item={"pk": S("q"), "a": S("a")})
    reply = shop.ask(
        "TransactGetItems",
        TransactItems=[
            get("none"),
            {
                "Get": {
                    "TableName": "solo",
                    "Key": {"pk": S("q")},
                    "ProjectionExpression": "#a",
                    "ExpressionAttributeNames": {"#a": "a"},
                }
            },
            get("1"),
            {"Get": {"TableName": "num", "Key": {"id": {"N": "1"}, "bin": {"B": b"b"}}}},
        ],
        ReturnConsumedCapacity="INDEXES",
    )
    assert reply["Responses"] == [{}, {"Item": {"a": S("a")}}, {"Item": item}, {}]
    assert reply["ConsumedCapacity"] == [
        {
            "TableName": name,
            "CapacityUnits": units,
            "ReadCapacityUnits": units,
            "Table": {"CapacityUnits": units, "ReadCapacityUnits": units},
        }
        for name, units in (("tab", 6.0), ("solo", 2.0), ("num", 2.0))
    ]


def test_a_projection_that_finds_nothing_leaves_no_item(shop: Any) -> None:
    shop.ask("PutItem", TableName="tab", Item={"pk": S("p"), "sk": S("1")})
    reply = shop.ask("TransactGetItems", TransactItems=[get("1", ProjectionExpression="nothing")])
    assert reply == {"Responses": [{}]}


def test_more_than_4_mib_together_are_refused(shop: Any) -> None:
    for n in range(11):
        item = {"pk": S("p"), "sk": S(str(n)), "x": S("x" * 400_000)}
        shop.ask("PutItem", TableName="tab", Item=item)
    ten = [get(str(n)) for n in range(10)]
    assert len(shop.ask("TransactGetItems", TransactItems=ten)["Responses"]) == 10
    code, text = shop.refusal("TransactGetItems", TransactItems=[*ten, get("10")])
    assert code == "ValidationException"
    assert text.startswith("Transaction payload size cannot exceed 4MB.")
