"""CreateTable: what it makes, and what it answers."""

from __future__ import annotations

from typing import Any

import pytest

P = "One or more parameter values were invalid: "


def test_a_new_table_shows_creating_and_the_next_request_finds_it_active(desk: Any) -> None:
    made = desk.table()
    assert made["TableStatus"] == "CREATING"
    found = desk.described()
    assert found["TableStatus"] == "ACTIVE"
    assert found["TableId"] == made["TableId"]
    assert found["CreationDateTime"] == desk.clock.now_ms() / 1000


def test_a_name_that_is_taken_is_refused_and_the_table_stays_as_it_was(desk: Any) -> None:
    before = desk.table()["TableId"]
    assert desk.refusal(
        "CreateTable",
        TableName="music",
        AttributeDefinitions=[{"AttributeName": "x", "AttributeType": "N"}],
        KeySchema=[{"AttributeName": "x", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    ) == ("ResourceInUseException", "Table already exists: music")
    assert desk.described()["TableId"] == before


def test_an_arn_as_the_name_makes_the_table_of_that_name(desk: Any) -> None:
    desk.table("arn:aws:dynamodb:us-east-1:000000000000:table/music")
    assert desk.ask("ListTables") == {"TableNames": ["music"]}


def test_a_stream_is_there_at_once_and_the_same_everywhere(desk: Any) -> None:
    wanted = {"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"}
    made = desk.table(StreamSpecification=wanted)
    assert made["StreamSpecification"] == wanted
    [listed] = desk.ask("ListStreams")["Streams"]
    assert listed == {
        "StreamArn": made["LatestStreamArn"],
        "TableName": "music",
        "StreamLabel": made["LatestStreamLabel"],
    }
    assert made["LatestStreamArn"] == f"{made['TableArn']}/stream/{made['LatestStreamLabel']}"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (
            {"StreamEnabled": True},
            P + "Table is being created with a stream enabled, UpdateViewType is required",
        ),
        (
            {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"},
            P + "Table is being created with a stream disabled, UpdateViewType should not be"
            " specified",
        ),
    ],
)
def test_a_stream_that_is_half_asked_for_is_refused(
    desk: Any, wanted: dict[str, Any], text: str
) -> None:
    assert desk.refusal("CreateTable", **request(StreamSpecification=wanted)) == (
        "ValidationException",
        text,
    )


def request(**changes: Any) -> dict[str, Any]:
    return {
        "TableName": "music",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **changes,
    }


def test_a_disabled_stream_is_no_stream(desk: Any) -> None:
    made = desk.table(StreamSpecification={"StreamEnabled": False})
    assert "StreamSpecification" not in made
    assert "LatestStreamArn" not in made
    assert desk.ask("ListStreams") == {"Streams": []}


@pytest.mark.parametrize("member", ["VectorIndexes", "ResourcePolicy", "GlobalTableSourceArn"])
def test_what_is_not_served_is_refused_by_name(desk: Any, member: str) -> None:
    vector = {
        "IndexName": "vec",
        "VectorAttribute": {"AttributeName": "v"},
        "Projection": {"ProjectionType": "ALL"},
        "Dimensions": 3,
        "DistanceFunction": "COSINE",
    }
    value: Any = [vector] if member == "VectorIndexes" else "a" * 40
    assert desk.refusal("CreateTable", **request(**{member: value})) == (
        "ValidationException",
        f"{member} is not supported by streamstore",
    )


def test_tags_come_with_the_table_up_to_fifty(desk: Any) -> None:
    tags = [{"Key": f"k{i}", "Value": str(i)} for i in range(51)]
    assert desk.refusal("CreateTable", **request(Tags=tags))[0] == "LimitExceededException"
    arn = desk.table(Tags=tags[:50])["TableArn"]
    assert desk.ask("ListTagsOfResource", ResourceArn=arn) == {"Tags": tags[:50]}


def test_a_failed_create_leaves_nothing_behind(desk: Any) -> None:
    desk.refusal("CreateTable", **request(StreamSpecification={"StreamEnabled": True}))
    assert desk.ask("ListStreams") == {"Streams": []}
    assert desk.table()["TableStatus"] == "CREATING"


def test_isolated_regions_have_tables_and_streams_of_their_own(make_desk: Any) -> None:
    desk = make_desk(isolate_regions=True)
    wanted = {"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"}
    here = desk.table(StreamSpecification=wanted)
    away = type(desk.scope)(desk.engine, "eu-west-1", "000000000000")
    assert desk.ask("ListTables", away) == {"TableNames": []}
    assert desk.ask("ListStreams", away) == {"Streams": []}
    assert desk.refusal("UpdateTable", away, TableName="music", TableClass="STANDARD")[0] == (
        "ResourceNotFoundException"
    )
    there = desk.ask("CreateTable", away, **request())["TableDescription"]
    assert there["TableArn"] == here["TableArn"].replace("us-east-1", "eu-west-1")
    desk.ask("DeleteTable", TableName="music")
    assert (
        desk.ask("DescribeTable", away, TableName="music")["Table"]["TableId"] == (there["TableId"])
    )
