"""Statuses as a function of time: what `transition_seconds` prolongs."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.errors import ResourceInUse, ResourceNotFound
from streamstore.operations.tables.status import bare_name, data_plane_table

IN_USE = "Attempt to change a resource which is still in use: Table is being"
KEYS = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}


def test_without_transitions_a_table_is_active_for_the_very_next_request(desk: Any) -> None:
    desk.table()
    assert data_plane_table(desk.scope, "music").name == "music"
    desk.ask("UpdateTable", TableName="music", DeletionProtectionEnabled=False)
    assert desk.described()["TableStatus"] == "ACTIVE"
    assert desk.ask("DeleteTable", TableName="music")


def test_a_table_that_is_being_created_is_not_there_for_items_and_not_to_be_changed(
    make_desk: Any,
) -> None:
    desk = make_desk(transition_seconds=5)
    desk.table(StreamSpecification=KEYS)
    arn = desk.described()["LatestStreamArn"]
    desk.clock.advance(4.999)
    assert desk.described()["TableStatus"] == "CREATING"
    with pytest.raises(ResourceNotFound) as caught:
        data_plane_table(desk.scope, "music")
    assert caught.value.kind == "table"
    for operation, params in (("DeleteTable", {}), ("UpdateTable", {"TableClass": "STANDARD"})):
        assert desk.refusal(operation, TableName="music", **params) == (
            "ResourceInUseException",
            f"{IN_USE} created: music",
        )
    assert desk.ask("DescribeStream", StreamArn=arn)["StreamDescription"]["StreamStatus"] == (
        "ENABLING"
    )
    desk.clock.advance(0.001)
    assert desk.described()["TableStatus"] == "ACTIVE"
    assert data_plane_table(desk.scope, "music").name == "music"
    assert desk.ask("DescribeStream", StreamArn=arn)["StreamDescription"]["StreamStatus"] == (
        "ENABLED"
    )


def test_a_table_that_is_being_updated_serves_items_and_refuses_changes(make_desk: Any) -> None:
    desk = make_desk(transition_seconds=5)
    desk.table(StreamSpecification=KEYS)
    desk.clock.advance(60)
    off = {"StreamEnabled": False}
    arn = desk.ask("UpdateTable", TableName="music", StreamSpecification=off)["TableDescription"][
        "LatestStreamArn"
    ]
    assert desk.described()["TableStatus"] == "UPDATING"
    assert data_plane_table(desk.scope, "music").name == "music"
    assert desk.refusal("DeleteTable", TableName="music") == (
        "ResourceInUseException",
        f"{IN_USE} updated: music",
    )
    assert desk.ask("DescribeStream", StreamArn=arn)["StreamDescription"]["StreamStatus"] == (
        "DISABLING"
    )
    desk.clock.advance(5)
    assert desk.ask("DescribeStream", StreamArn=arn)["StreamDescription"]["StreamStatus"] == (
        "DISABLED"
    )
    assert desk.ask("DeleteTable", TableName="music")
    assert desk.refusal("DescribeTable", TableName="music")[0] == "ResourceNotFoundException"


def test_tagging_is_no_update(make_desk: Any) -> None:
    desk = make_desk(transition_seconds=5)
    arn = desk.table()["TableArn"]
    desk.clock.advance(60)
    desk.ask("TagResource", ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    assert desk.described()["TableStatus"] == "ACTIVE"


def test_units_of_one_group_see_what_the_earlier_ones_did(desk: Any) -> None:
    from streamstore.operations import registry

    create = registry.prepare(
        "CreateTable",
        {
            "TableName": "music",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
        desk.scope,
    )
    delete = registry.prepare("DeleteTable", {"TableName": "music"}, desk.scope)
    order = [create, create, delete, delete, create]
    outcomes = desk.writer.run_many([(plan.apply, plan.cost_bytes) for plan in order])
    errors = [type(outcome.error) for outcome in outcomes]
    none = type(None)
    assert errors == [none, ResourceInUse, none, ResourceNotFound, none]
    assert desk.ask("ListTables") == {"TableNames": ["music"]}


@pytest.mark.parametrize(
    ("given", "bare"),
    [("music", "music"), ("arn:aws:dynamodb:r:1:table/music", "music"), ("a.b-c_d", "a.b-c_d")],
)
def test_a_bare_name_is_found_in_either_spelling(given: str, bare: str) -> None:
    assert bare_name(given) == bare
