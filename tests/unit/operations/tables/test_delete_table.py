"""DeleteTable: gone at once, unless protected."""

from __future__ import annotations

from typing import Any

NOT_FOUND = (
    "ResourceNotFoundException",
    "Requested resource not found: Table: music not found",
)


def test_a_deleted_table_shows_deleting_and_is_gone_for_the_next_request(desk: Any) -> None:
    made = desk.table()
    gone = desk.ask("DeleteTable", TableName="music")["TableDescription"]
    assert gone["TableStatus"] == "DELETING"
    assert gone["TableId"] == made["TableId"]
    assert desk.refusal("DescribeTable", TableName="music") == NOT_FOUND
    assert desk.refusal("DeleteTable", TableName="music") == NOT_FOUND
    assert desk.ask("ListTables") == {"TableNames": []}


def test_the_name_is_free_and_its_next_owner_sees_nothing_of_the_first(desk: Any) -> None:
    first = desk.table()["TableId"]
    desk.ask("PutItem", TableName="music", Item={"pk": {"S": "a"}})
    desk.ask("DeleteTable", TableName="music")
    assert desk.table()["TableId"] != first
    assert desk.described()["ItemCount"] == 0
    assert desk.ask("GetItem", TableName="music", Key={"pk": {"S": "a"}}) == {}


def test_a_protected_table_is_not_deleted(desk: Any) -> None:
    desk.table(DeletionProtectionEnabled=True)
    assert desk.refusal("DeleteTable", TableName="music") == (
        "ValidationException",
        (
            "Resource cannot be deleted as it is currently protected against deletion."
            " Disable deletion protection first."
        ),
    )
    desk.ask("UpdateTable", TableName="music", DeletionProtectionEnabled=False)
    assert desk.ask("DeleteTable", TableName="music")


def test_a_deleted_table_s_stream_is_disabled_and_still_read(desk: Any) -> None:
    made = desk.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    desk.ask("DeleteTable", TableName="music")
    arn = made["LatestStreamArn"]
    description = desk.ask("DescribeStream", StreamArn=arn)["StreamDescription"]
    assert (description["StreamStatus"], description["TableName"]) == ("DISABLED", "music")
    assert all("EndingSequenceNumber" in s["SequenceNumberRange"] for s in description["Shards"])
    assert [s["StreamArn"] for s in desk.ask("ListStreams", TableName="music")["Streams"]] == [arn]


def test_an_arn_names_the_table_whatever_its_region_and_account(desk: Any) -> None:
    desk.table()
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/music"
    assert desk.ask("DeleteTable", TableName=arn)["TableDescription"]["TableName"] == "music"
