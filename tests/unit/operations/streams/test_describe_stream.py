"""DescribeStream: shards, lineage, pages, children (streams page A.6)."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.engine.streams import retention, shards

UNKNOWN_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/nope/stream/2015-05-11T21:21:33.291"
UNKNOWN_SHARD = "shardId-00000001414562045508-2bac9cd2"
NOT_A_STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/music"


def test_a_stream_is_described_in_full(reader: Any) -> None:
    described = reader.ask("DescribeStream", StreamArn=reader.arn)["StreamDescription"]
    [shard] = described.pop("Shards")
    assert described == {
        "StreamArn": reader.arn,
        "StreamLabel": reader.arn.rpartition("/")[2],
        "StreamStatus": "ENABLED",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
        "CreationRequestDateTime": reader.clock.now_ms() / 1000,
        "TableName": "music",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    assert set(shard) == {"ShardId", "SequenceNumberRange"}
    assert set(shard["SequenceNumberRange"]) == {"StartingSequenceNumber"}


@pytest.mark.parametrize("operation", ["DescribeStream", "GetShardIterator"])
def test_a_malformed_arn_is_invalid_and_a_well_formed_one_not_found(
    reader: Any, operation: str
) -> None:
    rest = {"ShardId": UNKNOWN_SHARD, "ShardIteratorType": "LATEST"}
    assert reader.refusal(operation, StreamArn=NOT_A_STREAM, **rest)[0] == "ValidationException"
    assert reader.refusal(operation, StreamArn=UNKNOWN_ARN, **rest) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Stream: {UNKNOWN_ARN} not found",
    )


def test_a_split_shows_a_closed_parent_and_its_children_in_order(reader: Any) -> None:
    reader.put(*"abc")
    reader.change(shards.split, None)
    parent, left, right = reader.shards()
    ends = parent["SequenceNumberRange"]
    assert int(ends["StartingSequenceNumber"]) < int(ends["EndingSequenceNumber"])
    for child in (left, right):
        assert child["ParentShardId"] == parent["ShardId"]
        assert child["ShardId"] > parent["ShardId"]
        start = int(child["SequenceNumberRange"]["StartingSequenceNumber"])
        assert start > int(ends["EndingSequenceNumber"])
    of_parent = {"Type": "CHILD_SHARDS", "ShardId": parent["ShardId"]}
    assert reader.shards(ShardFilter=of_parent) == [left, right]
    of_child = {"Type": "CHILD_SHARDS", "ShardId": left["ShardId"]}
    assert reader.shards(ShardFilter=of_child) == []


def test_pages_of_shards_join_and_end_without_an_error(make_reader: Any) -> None:
    reader = make_reader(first_partitions=5)
    whole = [shard["ShardId"] for shard in reader.shards()]
    assert whole == sorted(whole)
    assert len(whole) == 5
    found, after = [], {}
    while True:
        page = reader.ask("DescribeStream", StreamArn=reader.arn, Limit=2, **after)
        page = page["StreamDescription"]
        found += [shard["ShardId"] for shard in page["Shards"]]
        if "LastEvaluatedShardId" not in page:
            break
        assert page["LastEvaluatedShardId"] == found[-1]
        after = {"ExclusiveStartShardId": found[-1]}
    assert found == whole
    assert reader.shards(ExclusiveStartShardId=whole[-1]) == []


def test_nothing_follows_a_shard_that_never_was(reader: Any) -> None:
    assert reader.shards(ExclusiveStartShardId=UNKNOWN_SHARD) == []
    assert reader.shards(ExclusiveStartShardId="s" * 30) == []


def test_a_listing_goes_on_behind_a_shard_that_was_removed_meanwhile(reader: Any) -> None:
    reader.change(shards.roll, reader.first_shard)
    first = reader.first_shard
    reader.clock.advance(25 * 3600)
    reader.trim(retention.trim_tick)
    left = reader.shards()
    assert first not in [shard["ShardId"] for shard in left]
    assert reader.shards(ExclusiveStartShardId=first) == left
    assert len(left) == 1
