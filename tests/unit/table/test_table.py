"""The Table over a real store: native values in and out, through the client."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3.dynamodb.conditions
import pytest

import streamstore
from streamstore.client import ClientError
from streamstore.table import Attr, Key, Table

ITEM = {
    "id": "a",
    "n": 7,
    "text": "é",
    "blob": b"\x00\xff",
    "tags": {"x", "y"},
    "sizes": {1, Decimal("2.5")},
    "nested": {"list": [1, None, True, {"deep": b"x"}]},
}


@pytest.fixture
def table() -> Iterator[Table]:
    with streamstore.open(":memory:", background=False) as store:
        store.client.create_table(
            TableName="orders",
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "n", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "n", "KeyType": "RANGE"},
            ],
            LocalSecondaryIndexes=[
                {
                    "IndexName": "same",
                    "KeySchema": [
                        {"AttributeName": "id", "KeyType": "HASH"},
                        {"AttributeName": "n", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield store.table("orders")


def test_an_item_comes_back_as_it_was_put(table: Table) -> None:
    table.put_item(Item=ITEM)
    got = table.get_item(Key={"id": "a", "n": 7})
    assert got["Item"] == ITEM
    assert isinstance(got["Item"]["n"], Decimal)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert "Item" not in table.get_item(Key={"id": "a", "n": 8})


def test_a_write_answers_native_attributes_and_metrics(table: Table) -> None:
    table.put_item(Item=ITEM)
    reply = table.update_item(
        Key={"id": "a", "n": 7},
        UpdateExpression="SET tags = :t",
        ExpressionAttributeValues={":t": {"z"}},
        ReturnValues="UPDATED_OLD",
        ReturnItemCollectionMetrics="SIZE",
    )
    assert reply["Attributes"] == {"tags": {"x", "y"}}
    assert reply["ItemCollectionMetrics"]["ItemCollectionKey"] == {"id": "a"}
    reply = table.delete_item(Key={"id": "a", "n": 7}, ReturnValues="ALL_OLD")
    assert reply["Attributes"] == {**ITEM, "tags": {"z"}}


@pytest.mark.parametrize("source", ["ours", "boto3's", "text"])
def test_conditions_may_be_objects_or_texts(table: Table, source: str) -> None:
    for n in range(10):
        table.put_item(Item={"id": "a", "n": n, "even": n % 2 == 0})
    if source == "text":
        request: dict[str, Any] = {
            "KeyConditionExpression": "id = :i AND n > :n",
            "FilterExpression": "#e = :e",
            "ExpressionAttributeNames": {"#e": "even"},
            "ExpressionAttributeValues": {":i": "a", ":n": 3, ":e": True},
        }
    else:
        key, attr = (Key, Attr)
        if source == "boto3's":
            key, attr = boto3.dynamodb.conditions.Key, boto3.dynamodb.conditions.Attr
        request = {
            "KeyConditionExpression": key("id").eq("a") & key("n").gt(3),
            "FilterExpression": attr("even").eq(True),
        }
    reply = table.query(**request)
    assert [item["n"] for item in reply["Items"]] == [4, 6, 8]
    page = table.query(**request, Limit=2)
    assert page["LastEvaluatedKey"] == {"id": "a", "n": 5}
    page = table.query(**request, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert [item["n"] for item in page["Items"]] == [6, 8]


def test_objects_and_texts_may_stand_side_by_side(table: Table) -> None:
    table.put_item(Item={"id": "a", "n": 1, "size": 5})
    request = {
        "Key": {"id": "a", "n": 1},
        "UpdateExpression": "SET #s = #s + :d",
        "ConditionExpression": Attr("size").between(1, 5) & ~Attr("gone").exists(),
        "ExpressionAttributeNames": {"#s": "size"},
        "ExpressionAttributeValues": {":d": 1},
    }
    table.update_item(**request)
    with pytest.raises(table.client.exceptions.ConditionalCheckFailedException):
        table.update_item(**request)
    assert table.scan(FilterExpression=Attr("size").eq(6))["Count"] == 1
    assert request["ExpressionAttributeValues"] == {":d": 1}, "the caller's dict is left alone"


def test_the_predecessors_of_expressions_take_native_values(table: Table) -> None:
    for n in range(3):
        table.put_item(Item={"id": "a", "n": n, "colour": "red"})
    table.update_item(
        Key={"id": "a", "n": 1},
        AttributeUpdates={"colour": {"Value": "blue", "Action": "PUT"}},
        Expected={"colour": {"ComparisonOperator": "EQ", "AttributeValueList": ["red"]}},
    )
    page = table.query(
        KeyConditions={"id": {"AttributeValueList": ["a"], "ComparisonOperator": "EQ"}},
        QueryFilter={"colour": {"AttributeValueList": ["blue"], "ComparisonOperator": "EQ"}},
    )
    assert page["Items"] == [{"id": "a", "n": 1, "colour": "blue"}]


def test_a_float_never_reaches_the_store(table: Table) -> None:
    with pytest.raises(TypeError, match="Float types are not supported"):
        table.put_item(Item={"id": "a", "n": 1.5})


def test_a_batch_writer_sends_all_in_batches_and_keeps_the_last_of_a_key(table: Table) -> None:
    with table.batch_writer(overwrite_by_pkeys=["id", "n"]) as batch:
        for n in range(60):
            batch.put_item({"id": "a", "n": n, "round": 1})
        batch.put_item(Item={"id": "a", "n": 59, "round": 2})
        batch.delete_item(Key={"id": "a", "n": 58})
    items = table.query(KeyConditionExpression=Key("id").eq("a"))["Items"]
    assert [item["n"] for item in items] == [*range(58), 59]
    assert items[-1]["round"] == 2


def test_two_entries_of_one_key_in_a_batch_are_refused_without_that(table: Table) -> None:
    batch = table.batch_writer()
    batch.put_item(Item={"id": "a", "n": 1})
    batch.put_item(Item={"id": "a", "n": 1})
    with pytest.raises(ClientError, match="contains duplicates"):
        batch.flush()


def test_facts_of_the_table_are_attributes(table: Table) -> None:
    assert table.name == table.table_name == "orders"
    assert table.table_status == "ACTIVE"
    assert table.key_schema[0] == {"AttributeName": "id", "KeyType": "HASH"}
    assert table.table_arn.endswith(":table/orders")
    assert table.global_secondary_indexes is None
    count = table.item_count
    table.put_item(Item={"id": "a", "n": 1})
    assert table.item_count == count, "facts are kept"
    table.reload()
    assert table.creation_date_time.tzinfo is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = table.nonsense
    assert repr(table) == "Table(name='orders')"


def test_a_table_can_be_waited_for_and_deleted(table: Table) -> None:
    table.wait_until_exists()
    assert table.delete()["TableDescription"]["TableStatus"] == "DELETING"
    table.wait_until_not_exists()
    with pytest.raises(table.client.exceptions.ResourceNotFoundException):
        table.load()
