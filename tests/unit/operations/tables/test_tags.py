"""Tags of a table."""

from __future__ import annotations

from typing import Any

import pytest


def tag(number: int) -> dict[str, str]:
    return {"Key": f"k{number}", "Value": f"v{number}"}


def test_tags_are_added_replaced_removed_and_listed(desk: Any) -> None:
    arn = desk.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})[
        "TableArn"
    ]
    stream = desk.described()["LatestStreamArn"]
    assert desk.ask("ListTagsOfResource", ResourceArn=arn) == {"Tags": []}
    assert desk.ask("TagResource", ResourceArn=arn, Tags=[tag(1), tag(2)]) == {}
    desk.ask("TagResource", ResourceArn=arn, Tags=[{"Key": "k2", "Value": "new"}, tag(3)])
    assert desk.ask("UntagResource", ResourceArn=arn, TagKeys=["k1", "never"]) == {}
    assert desk.ask("ListTagsOfResource", ResourceArn=arn) == {
        "Tags": [{"Key": "k2", "Value": "new"}, tag(3)]
    }
    assert desk.described()["LatestStreamArn"] == stream


def test_fifty_tags_are_a_table_s_limit(desk: Any) -> None:
    arn = desk.table()["TableArn"]
    desk.ask("TagResource", ResourceArn=arn, Tags=[tag(n) for n in range(50)])
    desk.ask("TagResource", ResourceArn=arn, Tags=[tag(49)])
    code, _ = desk.refusal("TagResource", ResourceArn=arn, Tags=[tag(50)])
    assert code == "LimitExceededException"


@pytest.mark.parametrize("operation", ["TagResource", "UntagResource", "ListTagsOfResource"])
def test_resources_are_arns_of_tables_that_exist(desk: Any, operation: str) -> None:
    desk.table()
    rest: dict[str, Any] = {"Tags": [tag(1)], "TagKeys": ["k1"]}
    assert desk.refusal(operation, ResourceArn="music", **rest) == (
        "ValidationException",
        "Invalid TableArn: Invalid ResourceArn provided as input music",
    )
    unknown = "arn:aws:dynamodb:us-east-1:000000000000:table/other"
    assert desk.refusal(operation, ResourceArn=unknown, **rest) == (
        "ResourceNotFoundException",
        f"Requested resource not found: ResourcArn: {unknown} not found",
    )


def test_an_empty_list_of_tags_is_refused(desk: Any) -> None:
    arn = desk.table()["TableArn"]
    assert desk.refusal("TagResource", ResourceArn=arn, Tags=[]) == (
        "ValidationException",
        "Atleast one Tag needs to be provided as Input.",
    )
    assert desk.refusal("UntagResource", ResourceArn=arn, TagKeys=[])[0] == "ValidationException"
