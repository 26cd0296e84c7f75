"""BatchGetItem: limits, faults, and what comes back when there is too much."""

from __future__ import annotations

from typing import Any

import pytest

P = "One or more parameter values were invalid: "
MIXED = (
    "Can not use both expression and non-expression parameters in the same request:"
    " Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}"
)


def S(text: str) -> dict[str, str]:  # noqa: N802 - reads as the service's notation
    return {"S": text}


def key(sk: str, pk: str = "p") -> dict[str, Any]:
    return {"pk": S(pk), "sk": S(sk)}


def keys(count: int) -> list[dict[str, Any]]:
    return [key(str(n)) for n in range(count)]


FAULTS = [
    ({}, "The requestItems parameter is required for BatchGetItem"),
    (
        {"tab": {"Keys": []}},
        (
            "1 validation error detected: Value at 'requestItems.tab.member.keys' failed to satisfy"
            " constraint: Member must have length greater than or equal to 1"
        ),
    ),
    (
        {"tab": {"Keys": keys(101)}},
        (
            "1 validation error detected: Value at 'requestItems.tab.member.keys' failed to satisfy"
            " constraint: Member must have length less than or equal to 100"
        ),
    ),
    (
        {
            "tab": {"Keys": keys(51), "AttributesToGet": ["a"]},
            "num": {"Keys": keys(50), "ProjectionExpression": ","},
        },
        MIXED,
    ),
    (
        {"tab": {"Keys": keys(51)}, "missing": {"Keys": keys(50), "ProjectionExpression": ","}},
        "Too many items requested for the BatchGetItem call",
    ),
    (
        {"missing": {"Keys": [{"x": {}}], "ExpressionAttributeNames": {"#a": "a"}}},
        "ExpressionAttributeNames can only be specified when using expressions",
    ),
    (
        {"missing": {"Keys": [key("1"), {"x": {"SS": []}}], "ProjectionExpression": ","}},
        P + "An string set  may not be empty",
    ),
    (
        {"missing": {"Keys": [key("1")] * 2, "AttributesToGet": ["a", "a"]}},
        P + "Duplicate value in attribute name: a",
    ),
    ({"missing": {"Keys": [key("1"), key("1")]}}, "Provided list of item keys contains duplicates"),
    (
        {"missing": {"Keys": [{"id": {"N": "1"}}, {"id": {"N": "1.0"}}]}},
        "Provided list of item keys contains duplicates",
    ),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_what_needs_no_table_is_told_first(shop: Any, number: int) -> None:
    requests, text = FAULTS[number]
    assert shop.refusal("BatchGetItem", RequestItems=requests) == ("ValidationException", text)


def test_then_come_tables_and_then_keys(shop: Any) -> None:
    bad = {"Keys": [{"pk": S("p")}], "ProjectionExpression": "sk.x"}
    code, _ = shop.refusal("BatchGetItem", RequestItems={"tab": bad, "missing": bad})
    assert code == "ResourceNotFoundException"
    _, text = shop.refusal("BatchGetItem", RequestItems={"tab": bad})
    assert text.endswith("Key: sk")
    assert shop.refusal("BatchGetItem", RequestItems={"tab": {"Keys": bad["Keys"]}}) == (
        "ValidationException",
        "The provided key element does not match the schema",
    )


def test_every_table_answers_and_units_are_rounded_item_by_item(shop: Any) -> None:
    for n in (1, 2):
        shop.ask("PutItem", TableName="tab", Item={**key(str(n)), "x": S("x" * 100)})
    shop.ask("PutItem", TableName="solo", Item={"pk": S("q"), "x": S("x" * 5000)})
    reply = shop.ask(
        "BatchGetItem",
        RequestItems={
            "tab": {"Keys": [key("2"), key("9"), key("1")], "ProjectionExpression": "sk"},
            "solo": {
                "Keys": [{"pk": S("q")}],
                "ConsistentRead": True,
                "ProjectionExpression": "pk",
            },
            "num": {"Keys": [{"id": {"N": "1"}, "bin": {"B": b"b"}}]},
        },
        ReturnConsumedCapacity="TOTAL",
    )
    assert reply == {
        "Responses": {
            "tab": [{"sk": S("2")}, {"sk": S("1")}],
            "solo": [{"pk": S("q")}],
            "num": [],
        },
        "UnprocessedKeys": {},
        "ConsumedCapacity": [
            {"TableName": "tab", "CapacityUnits": 1.5},
            {"TableName": "solo", "CapacityUnits": 2.0},
            {"TableName": "num", "CapacityUnits": 0.5},
        ],
    }


def test_what_does_not_fit_16_mib_is_handed_back_and_can_be_asked_for_again(shop: Any) -> None:
    for n in range(50):
        shop.ask("PutItem", TableName="tab", Item={**key(str(n)), "x": S("x" * 400_000)})
    rest = {"Keys": [{"pk": S("q")}]}
    request: dict[str, Any] = {
        "tab": {
            "Keys": keys(50),
            "ProjectionExpression": "#s",
            "ExpressionAttributeNames": {"#s": "sk"},
            "ConsistentRead": True,
        },
        "solo": rest,
    }
    seen = []
    rounds = 0
    while request:
        reply = shop.ask("BatchGetItem", RequestItems=request)
        seen += [item["sk"]["S"] for item in reply["Responses"].get("tab", ())]
        unprocessed = reply["UnprocessedKeys"]
        rounds += 1
        if rounds == 1:
            assert len(seen) == 41
            assert unprocessed == {"tab": {**request["tab"], "Keys": keys(50)[41:]}, "solo": rest}
            assert reply["Responses"]["solo"] == []
        request = unprocessed
    assert rounds == 2
    assert seen == [str(n) for n in range(50)]
