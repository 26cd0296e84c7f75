"""Calls of an embedded store are counted, whichever way they come."""

from __future__ import annotations

import asyncio

import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.errors import ConditionFailed, Throttled, ValidationFailed
from streamstore.metrics import Metrics

TABLE = {
    "TableName": "tab",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
}


def put(key: str, **more: object) -> dict[str, object]:
    return {"TableName": "tab", "Item": {"id": {"S": key}}, **more}


def counts(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Calls by operation and table, everything else by its sum."""
    found = {}
    for name, dimensions, whole in metrics.totals():
        timed = name == "SuccessfulRequestLatency"
        labels = tuple(value for _, value in dimensions)
        found[(name, *labels)] = whole.count if timed else whole.total
    return found


@pytest.fixture
def store() -> streamstore.Store:
    opened = streamstore.open(clock=ManualClock(), background=False)
    opened.call("CreateTable", TABLE)
    return opened


def test_every_way_in_counts_the_same(store: streamstore.Store) -> None:
    refused = put("1", ConditionExpression="attribute_not_exists(id)")
    store.call("PutItem", put("1"))
    with pytest.raises(ConditionFailed):
        store.call("PutItem", refused)
    with pytest.raises(ValidationFailed):
        store.call("GetItem", {"TableName": "tab", "Key": {}})
    answers = store.call_many(
        [
            ("PutItem", put("2")),
            ("PutItem", refused),
            ("GetItem", {"TableName": "tab", "Key": {"id": {"S": "1"}}}),
            ("Nothing", {}),
        ]
    )
    assert [isinstance(answer, Exception) for answer in answers] == [False, True, False, True]

    async def awaited() -> None:
        await store.submit("PutItem", put("3"))
        with pytest.raises(ConditionFailed):
            await store.submit("PutItem", refused)
        await store.submit("GetItem", {"TableName": "tab", "Key": {"id": {"S": "1"}}})
        await asyncio.sleep(0)

    asyncio.run(awaited())
    found = counts(store.metrics)
    assert found["SuccessfulRequestLatency", "PutItem", "tab"] == 3
    assert found["SuccessfulRequestLatency", "GetItem", "tab"] == 2
    assert found["ConditionalCheckFailedRequests", "tab"] == 3
    assert found["UserErrors",] == 2
    assert found["ConsumedWriteCapacityUnits", "tab"] == 3
    assert found["ConsumedReadCapacityUnits", "tab"] == 1


def test_units_are_those_of_the_replies(store: streamstore.Store) -> None:
    store.call(
        "UpdateTable",
        {
            "TableName": "tab",
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "by", "AttributeType": "S"},
            ],
            "GlobalSecondaryIndexUpdates": [
                {
                    "Create": {
                        "IndexName": "by_by",
                        "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                }
            ],
        },
    )
    while store.tick():
        pass
    large = {"id": {"S": "1"}, "by": {"S": "x"}, "t": {"S": "y" * 5000}}
    asked = {"ReturnConsumedCapacity": "INDEXES"}
    calls: list[tuple[str, dict[str, object]]] = [
        ("PutItem", {"TableName": "tab", "Item": large}),
        ("PutItem", {"TableName": "tab", "Item": {"id": {"S": "2"}, "by": {"S": "z"}}}),
        ("UpdateItem", {"TableName": "tab", "Key": {"id": {"S": "1"}}}),
        ("BatchWriteItem", {"RequestItems": {"tab": [{"PutRequest": {"Item": large}}]}}),
        ("TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "tab", "Item": large}}]}),
        ("GetItem", {"TableName": "tab", "Key": {"id": {"S": "1"}}, "ConsistentRead": True}),
        ("BatchGetItem", {"RequestItems": {"tab": {"Keys": [{"id": {"S": "1"}}]}}}),
        (
            "TransactGetItems",
            {"TransactItems": [{"Get": {"TableName": "tab", "Key": {"id": {"S": "1"}}}}]},
        ),
        ("Scan", {"TableName": "tab"}),
        (
            "Query",
            {
                "TableName": "tab",
                "IndexName": "by_by",
                "KeyConditionExpression": "#b = :b",
                "ExpressionAttributeNames": {"#b": "by"},
                "ExpressionAttributeValues": {":b": {"S": "x"}},
            },
        ),
        ("DeleteItem", {"TableName": "tab", "Key": {"id": {"S": "1"}}}),
    ]
    shown: dict[str, float] = {}
    for operation, params in calls:
        consumed = store.call(operation, {**params, **asked})["ConsumedCapacity"]
        kind = "Read" if "Get" in operation or operation in ("Scan", "Query") else "Write"
        for entry in consumed if isinstance(consumed, list) else [consumed]:
            arms = {"": entry["Table"], **entry.get("GlobalSecondaryIndexes", {})}
            for index, arm in arms.items():
                name = f"{kind} {index}"
                shown[name] = shown.get(name, 0.0) + arm["CapacityUnits"]
    found = counts(store.metrics)
    for kind in ("Read", "Write"):
        metric = f"Consumed{kind}CapacityUnits"
        assert found[metric, "tab"] == shown[f"{kind} "]
        assert found[metric, "by_by", "tab"] == shown[f"{kind} by_by"]


def test_calls_belong_to_the_minute_of_the_store_s_clock(store: streamstore.Store) -> None:
    clock = store.clock
    assert isinstance(clock, ManualClock)
    first = clock.now_ms() // 60_000
    store.call("PutItem", put("1"))
    clock.advance(600)
    store.call("PutItem", put("2"))
    store.call("PutItem", put("3"))
    dimensions = (("Operation", "PutItem"), ("TableName", "tab"))
    name = "SuccessfulRequestLatency"
    points = store.metrics.points(name, dimensions, first, first + 11)
    assert {minute - first: each.count for minute, each in points.items()} == {0: 1, 10: 2}


def test_a_throttled_poll_is_counted_for_its_table() -> None:
    clock = ManualClock()
    store = streamstore.open(clock=clock, background=False, describe_stream_per_second=1)
    view = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    made = store.call("CreateTable", {**TABLE, "StreamSpecification": view})
    arn = made["TableDescription"]["LatestStreamArn"]
    store.call("DescribeStream", {"StreamArn": arn})
    with pytest.raises(Throttled):
        store.call("DescribeStream", {"StreamArn": arn})
    clock.advance(1)
    store.call("DescribeStream", {"StreamArn": arn})
    assert counts(store.metrics)["ThrottledRequests", "DescribeStream", "tab"] == 1


def test_expired_items_are_counted() -> None:
    clock = ManualClock()
    store = streamstore.open(clock=clock, background=False)
    store.call("CreateTable", TABLE)
    ttl = {"Enabled": True, "AttributeName": "until"}
    store.call("UpdateTimeToLive", {"TableName": "tab", "TimeToLiveSpecification": ttl})
    until = {"N": str(clock.now_ms() // 1000 + 5)}
    store.call("PutItem", {"TableName": "tab", "Item": {"id": {"S": "1"}, "until": until}})
    for _ in range(4):
        clock.advance(5)
        while store.tick():
            pass
    assert counts(store.metrics)["TimeToLiveDeletedItemCount", "tab"] == 1
    assert counts(store.metrics)["ConsumedWriteCapacityUnits", "tab"] == 1
