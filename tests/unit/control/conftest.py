"""A store in memory with a table of a hash and a range key, on a clock that moves when told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.store import Store


def make_table(store: Store, name: str, **more: Any) -> None:
    store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "at", "KeyType": "RANGE"},
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        **more,
    )


@pytest.fixture
def store() -> Iterator[Store]:
    with streamstore.open(
        clock=ManualClock(), enable_control=True, first_partitions=1, background=False
    ) as opened:
        make_table(opened, "orders")
        yield opened


@pytest.fixture
def put(store: Store) -> Any:
    """put(number, table="orders"): an item; its key reads "a/NUMBER"."""

    def put(number: int, table: str = "orders") -> None:
        item = {"id": {"S": "a"}, "at": {"N": str(number)}}
        store.client.put_item(TableName=table, Item=item)

    return put


class Reader:
    """One shard of a table's stream, read by the calls that a consumer makes."""

    def __init__(self, store: Store, table: str) -> None:
        self.client = store.client
        self.arn = self.client.describe_table(TableName=table)["Table"]["LatestStreamArn"]

    def shards(self) -> list[dict[str, Any]]:
        """All shards, on as many pages as there are."""
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            page = self.client.describe_stream(StreamArn=self.arn, **after)["StreamDescription"]
            found += page["Shards"]
            if "LastEvaluatedShardId" not in page:
                return found
            after = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}

    def iterator(self, shard: str, kind: str = "TRIM_HORIZON", **more: str) -> str:
        reply = self.client.get_shard_iterator(
            StreamArn=self.arn, ShardId=shard, ShardIteratorType=kind, **more
        )
        return str(reply["ShardIterator"])

    def page(self, iterator: str, limit: int = 1000) -> tuple[list[str], str | None]:
        """The sequence numbers of a page, and the next iterator."""
        reply = self.client.get_records(ShardIterator=iterator, Limit=limit)
        numbers = [record["dynamodb"]["SequenceNumber"] for record in reply["Records"]]
        return numbers, reply.get("NextShardIterator")


@pytest.fixture
def reader(store: Store) -> Any:
    """reader(table="orders"): reads that table's stream."""

    def make(table: str = "orders") -> Reader:
        return Reader(store, table)

    return make


@pytest.fixture
def another_table(store: Store) -> Any:
    def make(name: str, **more: Any) -> None:
        make_table(store, name, **more)

    return make
