"""Scan: which stage answers, and that segments and pages cover everything once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamstore.codec.hashing import partition_hash
from streamstore.codec.keys import encode
from streamstore.engine.tables.positions import segment_range

P = "One or more parameter values were invalid: "
START = "The provided starting key is invalid"


def S(text: str) -> dict[str, str]:  # noqa: N802 - reads as the service's notation
    return {"S": text}


NO_TABLE = [
    (
        {"Limit": 0},
        (
            "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint:"
            " Member must have value greater than or equal to 1"
        ),
    ),
    (
        {"Segment": -1, "TotalSegments": 0},
        (
            "2 validation errors detected: Value '0' at 'totalSegments' failed to satisfy"
            " constraint: Member must have value greater than or equal to 1; Value '-1' at"
            " 'segment' failed to satisfy constraint: Member must have value greater than or"
            " equal to 0"
        ),
    ),
    (
        {"AttributesToGet": ["a"], "FilterExpression": "=", "Segment": 1},
        (
            "Can not use both expression and non-expression parameters in the same request:"
            " Non-expression parameters: {AttributesToGet}"
            " Expression parameters: {FilterExpression}"
        ),
    ),
    (
        {"ExpressionAttributeValues": {":v": S("x")}, "ProjectionExpression": "a", "Segment": 1},
        (
            "ExpressionAttributeValues can only be specified when using expressions:"
            " FilterExpression is null"
        ),
    ),
    (
        {"Select": "SPECIFIC_ATTRIBUTES", "Segment": 1},
        (
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get"
            " SPECIFIC_ATTRIBUTES"
        ),
    ),
    (
        {"Select": "ALL_PROJECTED_ATTRIBUTES", "Segment": 1},
        "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
    ),
    (
        {"Segment": 1, "FilterExpression": "="},
        (
            "The TotalSegments parameter is required but was not present in the request"
            " when Segment parameter is present"
        ),
    ),
    (
        {"TotalSegments": 1},
        (
            "The Segment parameter is required but was not present in the request"
            " when parameter TotalSegments is present"
        ),
    ),
    (
        {"Segment": 2, "TotalSegments": 2, "ExclusiveStartKey": {"pk": {}}},
        (
            "The Segment parameter is zero-based and must be less than parameter TotalSegments:"
            " Segment: 2 is not less than TotalSegments: 2"
        ),
    ),
    (
        {"ExclusiveStartKey": {"pk": {"NULL": False}}, "FilterExpression": "="},
        f"{START}: {P}Null attribute value types must have the value of true",
    ),
    ({"FilterExpression": "="}, 'Invalid FilterExpression: Syntax error; token: "=", near: "="'),
]


@pytest.mark.parametrize("number", range(len(NO_TABLE)))
def test_what_needs_no_table_is_told_first_and_bare(shop: Any, number: int) -> None:
    params, text = NO_TABLE[number]
    assert shop.refusal("Scan", TableName="missing", **params) == ("ValidationException", text)


WITH_TABLE = [
    (
        {"IndexName": "none", "ExclusiveStartKey": {}},
        "The table does not have the specified index: none",
    ),
    (
        {"IndexName": "gs1", "ConsistentRead": True, "ExclusiveStartKey": {}},
        "Consistent reads are not supported on global secondary indexes",
    ),
    (
        {"ExclusiveStartKey": {"pk": S("p")}, "FilterExpression": "attribute_exists(pk.x)"},
        f"{START}: The provided key element does not match the schema",
    ),
    ({"IndexName": "gs2", "ExclusiveStartKey": {"pk": S("p"), "sk": S("1")}}, START),
    (
        {"IndexName": "gs2", "ExclusiveStartKey": {"pk": S("p"), "sk": S("1"), "g": {"N": "1"}}},
        "The provided key element does not match the schema",
    ),
    (
        {
            "FilterExpression": "attribute_exists(pk.x)",
            "IndexName": "gs1",
            "Select": "ALL_ATTRIBUTES",
        },
        (
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not"
            " allowed: Key: pk"
        ),
    ),
    (
        {"IndexName": "gs1", "Select": "ALL_ATTRIBUTES"},
        P + "Select type ALL_ATTRIBUTES is not supported for global secondary index gs1"
        " because its projection type is not ALL",
    ),
    (
        {"IndexName": "gs1", "AttributesToGet": ["z", "a"]},
        P + "Global secondary index gs1 does not project [z]",
    ),
]


@pytest.mark.parametrize("number", range(len(WITH_TABLE)))
def test_rules_of_indexes_starts_and_projections(shop: Any, number: int) -> None:
    params, text = WITH_TABLE[number]
    assert shop.refusal("Scan", TableName="tab", **params) == ("ValidationException", text)
    code, _ = shop.refusal("Scan", TableName="missing", **params)
    assert code == "ResourceNotFoundException"


def test_a_start_key_of_another_segment_is_refused(shop: Any) -> None:
    place = partition_hash(encode(S("p")))
    for segment in range(4):
        first, last = segment_range(segment, 4)
        request = {"Segment": segment, "TotalSegments": 4, "ExclusiveStartKey": {"pk": S("p")}}
        if first <= place <= last:
            assert shop.ask("Scan", TableName="solo", **request)["Count"] == 0
            continue
        assert shop.refusal("Scan", TableName="solo", **request) == (
            "ValidationException",
            (
                f"{START}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct"
                f" Segment. TotalSegments: 4 Segment: {segment}"
            ),
        )


def test_a_filter_may_name_keys_and_sees_what_an_index_lacks_as_missing(shop: Any) -> None:
    item = {"pk": S("p"), "sk": S("1"), "g": S("g"), "n": {"N": "1"}, "z": S("z"), "a": S("a")}
    shop.ask("PutItem", TableName="tab", Item=item)
    request = {"TableName": "tab", "IndexName": "gs1", "ReturnConsumedCapacity": "INDEXES"}
    for text, count in (
        ("pk = :p", 1),
        ("attribute_exists(z)", 0),
        ("attribute_not_exists(z)", 1),
        ("attribute_exists(a)", 1),
    ):
        if ":p" in text:
            request["ExpressionAttributeValues"] = {":p": S("p")}
        else:
            request.pop("ExpressionAttributeValues", None)
        reply = shop.ask("Scan", **request, FilterExpression=text)
        assert (reply["Count"], reply["ScannedCount"]) == (count, 1)
        assert reply["ConsumedCapacity"] == {
            "TableName": "tab",
            "CapacityUnits": 0.5,
            "Table": {"CapacityUnits": 0.0},
            "GlobalSecondaryIndexes": {"gs1": {"CapacityUnits": 0.5}},
        }


def test_an_lsi_fetches_what_it_lacks(shop: Any) -> None:
    item = {"pk": S("p"), "sk": S("1"), "l": S("l"), "z": S("z")}
    shop.ask("PutItem", TableName="tab", Item=item)
    reply = shop.ask("Scan", TableName="tab", IndexName="ls1", Select="ALL_ATTRIBUTES")
    assert reply["Items"] == [item]
    reply = shop.ask("Scan", TableName="tab", IndexName="ls1")
    assert reply["Items"] == [{"pk": S("p"), "sk": S("1"), "l": S("l")}]


def test_an_empty_table_costs_one_read(shop: Any) -> None:
    reply = shop.ask("Scan", TableName="solo", ReturnConsumedCapacity="TOTAL", ConsistentRead=True)
    assert reply == {
        "Items": [],
        "Count": 0,
        "ScannedCount": 0,
        "ConsumedCapacity": {"TableName": "solo", "CapacityUnits": 1.0},
    }


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    total=st.integers(1, 5),
    limit=st.integers(1, 7) | st.none(),
    index=st.sampled_from([None, "gs2", "ls1"]),
    counting=st.booleans(),
)
def test_segments_and_pages_cover_everything_once(
    shop: Any, total: int, limit: int | None, index: str | None, counting: bool
) -> None:
    for n in range(25):
        item = {"pk": S(f"p{n % 9}"), "sk": S(str(n)), "g": S(str(n % 4)), "l": S(str(n % 2))}
        shop.ask("PutItem", TableName="tab", Item=item)
    seen: list[str] = []
    count = 0
    for segment in range(total):
        request: dict[str, Any] = {"TableName": "tab", "Segment": segment, "TotalSegments": total}
        if index:
            request["IndexName"] = index
        if limit:
            request["Limit"] = limit
        if counting:
            request["Select"] = "COUNT"
        while True:
            page = shop.ask("Scan", **request)
            count += page["Count"]
            seen += [item["sk"]["S"] for item in page.get("Items", ())]
            assert ("Items" in page) != counting
            if "LastEvaluatedKey" not in page:
                break
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    assert count == 25
    if not counting:
        assert sorted(seen) == sorted(str(n) for n in range(25))
