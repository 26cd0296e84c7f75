"""ListStreams: a stable order, a page at a time (streams page A.5)."""

from __future__ import annotations

from typing import Any

UNKNOWN_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/nope/stream/2015-05-11T21:21:33.291"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_streams_are_listed_a_page_at_a_time_in_a_stable_order(desk: Any) -> None:
    for name in ("ccc", "aaa", "bbb"):
        desk.table(name, StreamSpecification=STREAM)
    whole = [each["StreamArn"] for each in desk.ask("ListStreams")["Streams"]]
    assert whole == sorted(whole)
    first = desk.ask("ListStreams", Limit=2)
    assert first["LastEvaluatedStreamArn"] == whole[1]
    # A stream that is made between two pages, and a table that goes: nothing is lost or repeated.
    desk.table("aab", StreamSpecification=STREAM)
    desk.ask("DeleteTable", TableName="bbb")
    rest = desk.ask("ListStreams", ExclusiveStartStreamArn=first["LastEvaluatedStreamArn"])
    assert [each["StreamArn"] for each in rest["Streams"]] == whole[2:]
    assert "LastEvaluatedStreamArn" not in rest


def test_a_table_without_a_stream_or_without_existence_has_an_empty_list(desk: Any) -> None:
    desk.table()
    for name in ("music", "never"):
        assert desk.ask("ListStreams", TableName=name) == {"Streams": []}


def test_streams_of_one_table_are_listed_and_no_other_s(desk: Any) -> None:
    for name in ("aaa", "aaa2", "aaaa"):
        desk.table(name, StreamSpecification=STREAM)
    [only] = desk.ask("ListStreams", TableName="aaa")["Streams"]
    assert only["TableName"] == "aaa"


def test_a_malformed_start_is_refused_and_one_of_a_gone_table_is_not(desk: Any) -> None:
    desk.table(StreamSpecification=STREAM)
    assert desk.refusal("ListStreams", ExclusiveStartStreamArn="x" * 40)[0] == "ValidationException"
    listed = desk.ask("ListStreams", ExclusiveStartStreamArn=UNKNOWN_ARN)
    assert listed == {"Streams": []}
