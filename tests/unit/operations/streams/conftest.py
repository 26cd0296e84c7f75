"""A reader of streams: the desk with a table that has a stream, and the short way to ask it."""

from __future__ import annotations

from typing import Any

import pytest

STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


class Reader:
    """Reads the stream of the table `music`, which begins with that many shards."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.ask = desk.ask
        self.refusal = desk.refusal
        self.clock = desk.clock
        desk.table(StreamSpecification=STREAM)

    @property
    def arn(self) -> str:
        found: str = self.desk.described()["LatestStreamArn"]
        return found

    def shards(self, **params: Any) -> list[dict[str, Any]]:
        described = self.ask("DescribeStream", StreamArn=self.arn, **params)["StreamDescription"]
        found: list[dict[str, Any]] = described["Shards"]
        return found

    @property
    def first_shard(self) -> str:
        name: str = self.shards()[0]["ShardId"]
        return name

    def put(self, *keys: str) -> None:
        for key in keys:
            self.ask("PutItem", TableName="music", Item={"pk": {"S": key}})

    def iterator(self, kind: str = "TRIM_HORIZON", shard: str | None = None, **more: Any) -> str:
        made: str = self.ask(
            "GetShardIterator",
            StreamArn=self.arn,
            ShardId=shard or self.first_shard,
            ShardIteratorType=kind,
            **more,
        )["ShardIterator"]
        return made

    def records(self, at: str, **params: Any) -> tuple[list[str], str | None]:
        """(keys of the records, next iterator)"""
        page = self.ask("GetRecords", ShardIterator=at, **params)
        keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in page["Records"]]
        return keys, page.get("NextShardIterator")

    def numbers(self) -> list[str]:
        page = self.ask("GetRecords", ShardIterator=self.iterator())
        return [record["dynamodb"]["SequenceNumber"] for record in page["Records"]]

    def change(self, verb: Any, *args: Any) -> None:
        """Split or roll, as engine/streams/shards does it."""
        self.desk.writer.run(lambda group: verb(group, group.find_table("music"), *args))

    def trim(self, tick: Any) -> None:
        while self.desk.writer.run(tick):
            pass


@pytest.fixture
def reader(make_desk: Any) -> Reader:
    """A reader whose stream begins with one shard."""
    return Reader(make_desk(first_partitions=1))


@pytest.fixture
def make_reader(make_desk: Any) -> Any:
    """Readers with settings of the test's own."""
    return lambda **settings: Reader(make_desk(**settings))
