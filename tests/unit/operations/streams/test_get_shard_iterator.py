"""GetShardIterator: five kinds of beginnings (streams page A.7)."""

from __future__ import annotations

from typing import Any

import pytest

UNKNOWN_SHARD = "shardId-00000001414562045508-2bac9cd2"


def test_the_five_kinds_begin_where_they_say(reader: Any) -> None:
    reader.put("a", "b")
    reader.clock.advance(10)
    moment = reader.clock.now_ms() / 1000
    reader.put("c")
    _, second, third = reader.numbers()
    assert reader.records(reader.iterator())[0] == ["a", "b", "c"]
    assert reader.records(reader.iterator("LATEST"))[0] == []
    at = reader.iterator("AT_SEQUENCE_NUMBER", SequenceNumber=second)
    assert reader.records(at)[0] == ["b", "c"]
    after = reader.iterator("AFTER_SEQUENCE_NUMBER", SequenceNumber=second)
    assert reader.records(after)[0] == ["c"]
    assert reader.records(reader.iterator("AT_TIMESTAMP", Timestamp=moment))[0] == ["c"]
    assert reader.records(reader.iterator("AT_TIMESTAMP", Timestamp=moment - 5))[0] == ["c"]
    assert reader.records(reader.iterator("AT_TIMESTAMP", Timestamp=1))[0] == ["a", "b", "c"]
    past_end = reader.iterator("AFTER_SEQUENCE_NUMBER", SequenceNumber=third)
    assert reader.records(past_end)[0] == []


def test_the_starting_number_of_a_shard_is_as_good_as_its_horizon(reader: Any) -> None:
    reader.put("a", "b")
    start = reader.shards()[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    at = reader.iterator("AT_SEQUENCE_NUMBER", SequenceNumber=start)
    assert reader.records(at)[0] == ["a", "b"]


COMPANIONS = [
    ("AT_SEQUENCE_NUMBER", {}, "SequenceNumber"),
    ("AFTER_SEQUENCE_NUMBER", {}, "SequenceNumber"),
    ("AT_TIMESTAMP", {}, "Timestamp"),
    ("TRIM_HORIZON", {"SequenceNumber": "1" * 21}, "SequenceNumber"),
    ("LATEST", {"SequenceNumber": "1" * 21}, "SequenceNumber"),
    ("LATEST", {"Timestamp": 1}, "Timestamp"),
    ("AT_SEQUENCE_NUMBER", {"SequenceNumber": "1" * 21, "Timestamp": 1}, "Timestamp"),
    ("AT_TIMESTAMP", {"SequenceNumber": "1" * 21, "Timestamp": 1}, "SequenceNumber"),
    ("AT_SEQUENCE_NUMBER", {"SequenceNumber": "9" * 40}, "SequenceNumber"),
    ("AT_TIMESTAMP", {"Timestamp": 4_000_000_000}, "Timestamp"),
]


@pytest.mark.parametrize(("kind", "more", "named"), COMPANIONS)
def test_a_type_takes_its_own_companion_and_no_other(
    reader: Any, kind: str, more: dict[str, Any], named: str
) -> None:
    code, text = reader.refusal(
        "GetShardIterator",
        StreamArn=reader.arn,
        ShardId=reader.first_shard,
        ShardIteratorType=kind,
        **more,
    )
    assert code == "ValidationException"
    assert named in text


@pytest.mark.parametrize("kind", ["TRIM_HORIZON", "LATEST"])
def test_a_number_where_none_is_needed_is_refused_in_the_words_of_the_service(
    reader: Any, kind: str
) -> None:
    number = {"ShardIteratorType": kind, "SequenceNumber": "1" * 21}
    place = {"StreamArn": reader.arn, "ShardId": reader.first_shard}
    assert reader.refusal("GetShardIterator", **place, **number)[1] == (
        "One or more parameter values were invalid:"
        " SequenceNumber should not be passed for this iterator type"
    )


@pytest.mark.parametrize("number", ["9" * 40, "0" * 21, "9" * 21])
def test_a_number_of_another_shard_is_refused(reader: Any, number: str) -> None:
    place = {"StreamArn": reader.arn, "ShardId": reader.first_shard}
    for kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
        asked = {"ShardIteratorType": kind, "SequenceNumber": number}
        refused = reader.refusal("GetShardIterator", **place, **asked)
        assert refused == ("ValidationException", "Invalid SequenceNumber for the shard")


def test_an_unknown_shard_is_not_found(reader: Any) -> None:
    code, text = reader.refusal(
        "GetShardIterator",
        StreamArn=reader.arn,
        ShardId=UNKNOWN_SHARD,
        ShardIteratorType="LATEST",
    )
    assert code == "ResourceNotFoundException"
    assert UNKNOWN_SHARD in text
