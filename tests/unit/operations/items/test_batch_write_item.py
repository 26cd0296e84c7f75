"""BatchWriteItem: limits, faults of which one fails all, and one record a changed item."""

from __future__ import annotations

from typing import Any

import pytest

P = "One or more parameter values were invalid: "
MISMATCH = "The provided key element does not match the schema"
NOT_ONE = (
    "Supplied AttributeValue has more than one datatypes set,"
    " must contain exactly one of the supported datatypes"
)
DUPLICATES = "Provided list of item keys contains duplicates"


def S(text: str) -> dict[str, str]:  # noqa: N802 - reads as the service's notation
    return {"S": text}


def put(sk: str, **more: Any) -> dict[str, Any]:
    return {"PutRequest": {"Item": {"pk": S("p"), "sk": S(sk), **more}}}


def delete(sk: str) -> dict[str, Any]:
    return {"DeleteRequest": {"Key": {"pk": S("p"), "sk": S(sk)}}}


def puts(count: int) -> list[dict[str, Any]]:
    return [put(str(n)) for n in range(count)]


FAULTS = [
    ({}, "The requestItems parameter is required for BatchWriteItem"),
    (
        {"tab": puts(13), "missing": [{}] * 13},
        "Too many items requested for the BatchWriteItem call",
    ),
    ({"missing": [{}]}, NOT_ONE),
    ({"missing": [{**put("1"), **delete("2")}]}, NOT_ONE),
    ({"missing": [put("1", x={"SS": []}), {}]}, P + "An string set  may not be empty"),
    (
        {"missing": [{"DeleteRequest": {"Key": {"pk": {}}}}]},
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
    ),
    (
        {"missing": [put("1", x=S("x" * 409_600))]},
        "Item size has exceeded the maximum allowed size",
    ),
]


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_what_needs_no_table_is_told_first(shop: Any, number: int) -> None:
    requests, text = FAULTS[number]
    assert shop.refusal("BatchWriteItem", RequestItems=requests) == ("ValidationException", text)


@pytest.mark.parametrize(
    ("count", "words"), [(0, "Member must have length"), (26, "[Member must have length")]
)
def test_the_number_of_requests_a_table_is_a_constraint(shop: Any, count: int, words: str) -> None:
    code, text = shop.refusal("BatchWriteItem", RequestItems={"tab": puts(count)})
    assert code == "ValidationException"
    assert text.startswith("1 validation error detected: Value ")
    assert words in text


@pytest.mark.parametrize(
    ("requests", "text"),
    [
        ([{"PutRequest": {"Item": {"pk": S("p")}}}], MISMATCH),
        ([{"PutRequest": {"Item": {"pk": S("p"), "sk": {"N": "1"}}}}], MISMATCH),
        ([{"DeleteRequest": {"Key": {"pk": S("p")}}}], MISMATCH),
        (
            [put("")],
            (
                "One or more parameter values are not valid. The AttributeValue for a key attribute"
                " cannot contain an empty string value. Key: sk"
            ),
        ),
        (
            [put("1", g={"N": "1"})],
            P + "Type mismatch for Index Key g Expected: S Actual: N IndexName: gs1",
        ),
        ([put("1"), put("1", x=S("x"))], DUPLICATES),
        ([put("1"), delete("1")], DUPLICATES),
    ],
)
def test_one_faulty_element_fails_the_call_and_nothing_is_written(
    shop: Any, requests: Any, text: str
) -> None:
    asked = {"tab": [put("good"), *requests]}
    assert shop.refusal("BatchWriteItem", RequestItems=asked) == ("ValidationException", text)
    assert shop.ask("Scan", TableName="tab")["Count"] == 0
    asked["missing"] = [put("1")]
    code, _ = shop.refusal("BatchWriteItem", RequestItems=asked)
    assert code == "ResourceNotFoundException"


def test_an_arn_and_a_name_of_one_table_share_its_keys(shop: Any) -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/tab"
    refusal = shop.refusal("BatchWriteItem", RequestItems={"tab": [put("1")], arn: [delete("1")]})
    assert refusal == ("ValidationException", DUPLICATES)


def test_all_is_written_and_told_a_table(shop: Any) -> None:
    shop.ask("PutItem", TableName="tab", Item={"pk": S("p"), "sk": S("old"), "x": S("x" * 1500)})
    reply = shop.ask(
        "BatchWriteItem",
        RequestItems={
            "tab": [delete("old"), put("new", l=S("l"), g=S("g")), delete("never")],
            "solo": [{"PutRequest": {"Item": {"pk": S("q"), "x": S("x" * 1500)}}}],
        },
        ReturnConsumedCapacity="INDEXES",
        ReturnItemCollectionMetrics="SIZE",
    )
    assert reply == {
        "UnprocessedItems": {},
        "ConsumedCapacity": [
            {
                "TableName": "tab",
                "CapacityUnits": 6.0,
                "Table": {"CapacityUnits": 4.0},
                "LocalSecondaryIndexes": {"ls1": {"CapacityUnits": 1.0}},
                "GlobalSecondaryIndexes": {"gs2": {"CapacityUnits": 1.0}},
            },
            {"TableName": "solo", "CapacityUnits": 2.0, "Table": {"CapacityUnits": 2.0}},
        ],
        "ItemCollectionMetrics": {
            "tab": [{"ItemCollectionKey": {"pk": S("p")}, "SizeEstimateRangeGB": [0.0, 1.0]}]
        },
    }
    found = shop.ask("Scan", TableName="tab")["Items"]
    assert [item["sk"] for item in found] == [S("new")]
    plain = shop.ask(
        "BatchWriteItem", RequestItems={"solo": [{"DeleteRequest": {"Key": {"pk": S("q")}}}]}
    )
    assert plain == {"UnprocessedItems": {}}


def test_each_changed_item_makes_one_record(shop: Any) -> None:
    view = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    shop.table("fed", StreamSpecification=view)
    items = [{"pk": S(str(n))} for n in range(4)]
    shop.ask("PutItem", TableName="fed", Item=items[0])
    requests = [{"PutRequest": {"Item": item}} for item in items[:3]]
    requests.append({"DeleteRequest": {"Key": items[3]}})
    before = shop.engine.sequence
    shop.ask("BatchWriteItem", RequestItems={"fed": requests})
    assert shop.engine.sequence - before == 2
