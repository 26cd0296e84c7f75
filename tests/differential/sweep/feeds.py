"""The four calls of DynamoDB Streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from case import Case
from servers import Door

UNKNOWN = "arn:aws:dynamodb:us-east-1:000000000000:table/gone/stream/2026-11-24T00:00:00.000"
NO_SHARD = "shardId-00000001700000000000-00000000"
BIG = "9" * 30


def facts_of(door: Door) -> dict[str, Any]:
    """What this server calls the stream of the table `fed`, the shard that has its records, their
    numbers, and iterators in it.
    """
    described = door.ask("DescribeTable", {"TableName": "fed"})[1]["Table"]
    arn = described["LatestStreamArn"]
    facts: dict[str, Any] = {"stream": arn}
    shards = door.ask("DescribeStream", {"StreamArn": arn})[1]["StreamDescription"]["Shards"]
    for shard in shards:
        place = {"StreamArn": arn, "ShardId": shard["ShardId"]}
        trim = {**place, "ShardIteratorType": "TRIM_HORIZON"}
        iterator = door.ask("GetShardIterator", trim)[1]["ShardIterator"]
        records = door.ask("GetRecords", {"ShardIterator": iterator})[1]["Records"]
        if not records and "shard" in facts:
            continue
        latest = {**place, "ShardIteratorType": "LATEST"}
        facts |= {
            "shard": shard["ShardId"],
            "trim": iterator,
            "latest": door.ask("GetShardIterator", latest)[1]["ShardIterator"],
        }
        if records:
            numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
            facts |= {"first": numbers[0], "last": numbers[-1]}
            return facts
    return facts


def cases() -> Iterator[Case]:
    """All."""
    yield from _streams()
    yield from _iterators()
    for limit in (1, 2, 3, 999, 1000, 1001, 0, -1):
        for iterator in ("$trim", "$latest"):
            params = {"ShardIterator": iterator, "Limit": limit}
            yield Case("feed records", "GetRecords", params)
    for bad in ("x", "a" * 2048, "a" * 2049, "${stream}|1|AAAA", "${trim}x", ""):
        yield Case("feed bad iterator", "GetRecords", {"ShardIterator": bad})


def _streams() -> Iterator[Case]:
    for params in (
        {}, {"Limit": 1}, {"Limit": 100}, {"Limit": 101}, {"TableName": "fed"},
        {"TableName": "plain"}, {"TableName": "gone"}, {"TableName": "ab"},
        {"ExclusiveStartStreamArn": "$stream"}, {"ExclusiveStartStreamArn": UNKNOWN},
        {"TableName": "plain", "ExclusiveStartStreamArn": "$stream"},
        {"ExclusiveStartStreamArn": "x" * 37}, {"ExclusiveStartStreamArn": "x" * 36},
    ):  # fmt: skip
        yield Case("feed list", "ListStreams", params)
    for arn in ("$stream", UNKNOWN, "$arn_plain", "x" * 36, "x" * 37, "x" * 1024, "x" * 1025):
        yield Case("feed describe", "DescribeStream", {"StreamArn": arn})
    for more in (
        {"ExclusiveStartShardId": "$shard"}, {"ExclusiveStartShardId": NO_SHARD},
        {"ExclusiveStartShardId": "short"}, {"Limit": 100}, {"Limit": 101},
        {"ShardFilter": {}}, {"ShardFilter": {"Type": "CHILD_SHARDS"}},
        {"ShardFilter": {"ShardId": "$shard"}},
        {"ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": "$shard"}},
        {"ShardFilter": {"Type": "NOPE", "ShardId": "$shard"}},
        {"ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": "qwerty"}},
        {"ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": NO_SHARD}},
    ):  # fmt: skip
        yield Case("feed describe more", "DescribeStream", {"StreamArn": "$stream", **more})


def _iterators() -> Iterator[Case]:
    for kind in ("TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER",
                 "AT_TIMESTAMP", "NOPE", ""):  # fmt: skip
        for more in (
            {}, {"SequenceNumber": "$first"}, {"SequenceNumber": "$last"},
            {"SequenceNumber": "0" * 21}, {"SequenceNumber": BIG}, {"SequenceNumber": "x" * 21},
            {"SequenceNumber": "1" * 20}, {"SequenceNumber": "1" * 41}, {"Timestamp": 1.5},
            {"Timestamp": 99999999999}, {"Timestamp": 1.5, "SequenceNumber": "$first"},
        ):  # fmt: skip
            params = {"StreamArn": "$stream", "ShardId": "$shard", "ShardIteratorType": kind}
            yield Case(f"feed iterator {kind}", "GetShardIterator", {**params, **more})
    for arn, shard in (
        (UNKNOWN, "$shard"), ("$stream", NO_SHARD), ("$stream", "s" * 27), ("$stream", "s" * 28),
        ("$stream", "s" * 65), ("$stream", "s" * 66), ("x" * 37, "$shard"), ("x" * 36, "s"),
    ):  # fmt: skip
        params = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        yield Case("feed iterator place", "GetShardIterator", params)
