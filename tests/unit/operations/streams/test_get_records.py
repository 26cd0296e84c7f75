"""GetRecords: pages, ends, life of iterators (streams page A.8)."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.engine.streams import retention, shards


def test_a_page_is_empty_and_goes_on_while_the_shard_is_open(reader: Any) -> None:
    page = reader.ask("GetRecords", ShardIterator=reader.iterator())
    assert page["Records"] == []
    reader.put("a")
    keys, following = reader.records(page["NextShardIterator"])
    assert keys == ["a"]
    assert following is not None
    assert reader.records(following)[0] == []


def test_a_limit_narrows_a_page_and_the_next_one_begins_behind_it(reader: Any) -> None:
    reader.put(*"abcde")
    at: str | None = reader.iterator()
    pages = []
    for _ in range(3):
        assert at is not None
        keys, at = reader.records(at, Limit=2)
        pages.append("".join(keys))
    assert pages == ["ab", "cd", "e"]


def test_the_same_iterator_gives_the_same_records_with_the_same_ids(reader: Any) -> None:
    reader.put(*"abc")
    at = reader.iterator()
    once = reader.ask("GetRecords", ShardIterator=at)["Records"]
    again = reader.ask("GetRecords", ShardIterator=at)["Records"]
    assert once == again
    assert len({record["eventID"] for record in once}) == 3


def test_a_closed_shard_ends_without_a_next_iterator(reader: Any) -> None:
    reader.put(*"abc")
    at = reader.iterator()
    reader.change(shards.split, None)
    keys, following = reader.records(at, Limit=2)
    assert keys == ["a", "b"]
    assert following is not None
    page = reader.ask("GetRecords", ShardIterator=following)
    assert len(page["Records"]) == 1
    assert "NextShardIterator" not in page
    latest = reader.iterator("LATEST", reader.first_shard)
    assert reader.ask("GetRecords", ShardIterator=latest) == {"Records": []}


def test_the_region_of_a_record_is_that_of_the_request(reader: Any) -> None:
    reader.put("a")
    scope = type(reader.desk.scope)(reader.desk.engine, "ap-south-1", "000000000000", False)
    [record] = reader.ask("GetRecords", scope, ShardIterator=reader.iterator())["Records"]
    assert record["awsRegion"] == "ap-south-1"


@pytest.mark.parametrize("spoil", [lambda at: "garbage", lambda at: at[:-2] + "AA", lambda at: "x"])
def test_an_iterator_that_was_not_made_here_is_invalid(reader: Any, spoil: Any) -> None:
    at = spoil(reader.iterator())
    assert reader.refusal("GetRecords", ShardIterator=at)[0] == "ValidationException"


def test_an_iterator_lives_fifteen_minutes_and_each_next_one_anew(reader: Any) -> None:
    at = reader.iterator()
    reader.clock.advance(15 * 60)
    following = reader.records(at)[1]
    reader.clock.advance(0.001)
    assert reader.refusal("GetRecords", ShardIterator=at) == (
        "ExpiredIteratorException",
        "The provided iterator exceeds the maximum age allowed.",
    )
    reader.clock.advance(14 * 60)
    assert following is not None
    assert reader.records(following)[0] == []


def test_a_position_that_trimming_overtook_is_told_and_never_moved(reader: Any) -> None:
    reader.put("a", "b")
    first, _ = reader.numbers()
    reader.clock.advance(24 * 3600 - 60)
    reader.put("c")
    at = reader.iterator("AT_SEQUENCE_NUMBER", SequenceNumber=first)
    reader.clock.advance(120)
    trimmed = ("TrimmedDataAccessException", "The data you are trying to access has been trimmed")
    assert reader.refusal("GetRecords", ShardIterator=at) == trimmed
    assert (
        reader.refusal(
            "GetShardIterator",
            StreamArn=reader.arn,
            ShardId=reader.first_shard,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=first,
        )
        == trimmed
    )
    assert reader.records(reader.iterator())[0] == ["c"]


def test_an_iterator_of_a_stream_that_is_gone_finds_nothing(reader: Any) -> None:
    arn = reader.arn
    reader.ask("UpdateTable", TableName="music", StreamSpecification={"StreamEnabled": False})
    reader.clock.advance(50 * 3600)
    at = reader.iterator()
    reader.trim(retention.trim_tick)
    assert reader.ask("ListStreams") == {"Streams": []}
    assert reader.refusal("DescribeStream", StreamArn=arn)[0] == "ResourceNotFoundException"
    assert reader.refusal("GetRecords", ShardIterator=at)[0] == "ResourceNotFoundException"


def test_a_reader_that_only_follows_iterators_sees_every_write_once_across_a_split(
    reader: Any,
) -> None:
    written = [f"key{number}" for number in range(60)]
    reader.put(*written[:20])
    reader.change(shards.split, None)
    reader.put(*written[20:40])
    reader.change(shards.split, None)
    reader.put(*written[40:])
    seen: list[str] = []
    for shard in reader.shards():
        at: str | None = reader.iterator(shard=shard["ShardId"])
        while at is not None:
            keys, at = reader.records(at, Limit=3)
            seen += keys
            if not keys:
                break
    assert sorted(seen) == sorted(written)


@pytest.mark.parametrize(
    ("limit", "written", "long"), [(None, 5, False), (None, 250, True), (200, 250, False)]
)
def test_only_a_page_that_may_be_long_asks_to_be_read_off_the_loop(
    reader: Any, limit: int | None, written: int, long: bool
) -> None:
    from streamstore.operations import registry

    reader.put(*(f"k{number}" for number in range(written)))
    params = {"ShardIterator": reader.iterator(), "Limit": limit}
    assert registry.prepare("GetRecords", params, reader.desk.scope).long is long  # type: ignore[union-attr]
