"""UpdateTable: checks before and after the lookup, streams, capacity (spec C.3; streams A.4)."""

from __future__ import annotations

from typing import Any

import pytest

P = "One or more parameter values were invalid: "
UNITS = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
ON = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
OFF = {"StreamEnabled": False}
NOTHING = (
    "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled,"
    " GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
)
NEITHER = (
    P + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is"
    " PAY_PER_REQUEST"
)
CREATE = {
    "IndexName": "index",
    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


def update(desk: Any, **params: Any) -> dict[str, Any]:
    changed: dict[str, Any] = desk.ask("UpdateTable", TableName="music", **params)
    return changed["TableDescription"]  # type: ignore[no-any-return]


def refusal(desk: Any, **params: Any) -> str:
    code, text = desk.refusal("UpdateTable", TableName="music", **params)
    assert code == "ValidationException"
    return str(text)


ALONE = [
    ({}, NOTHING),
    ({"GlobalSecondaryIndexUpdates": []}, NOTHING),
    ({"AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}]}, NOTHING),
    ({"BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": UNITS}, NEITHER),
    (
        {"BillingMode": "PROVISIONED"},
        P + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
    ),
    (
        {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 10**12 + 1}},
        "Given value 1000000000001 for WriteCapacityUnits is out of bounds",
    ),
    (
        {"GlobalSecondaryIndexUpdates": [{}]},
        P + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create,"
        " GlobalSecondaryIndexUpdate.Delete must not be null",
    ),
    (
        {
            "GlobalSecondaryIndexUpdates": [
                {"Create": CREATE},
                {"Delete": {"IndexName": "index"}},
            ]
        },
        P + "Only one global secondary index update per index is allowed simultaneously. Index:"
        " index",
    ),
    (
        {"ReplicaUpdates": [{"Create": {"RegionName": "r"}}]},
        "ReplicaUpdates is not supported by streamstore",
    ),
]


@pytest.mark.parametrize(("params", "text"), ALONE)
def test_what_is_wrong_with_the_request_itself_is_told_before_the_table_is_looked_up(
    desk: Any, params: dict[str, Any], text: str
) -> None:
    assert refusal(desk, **params) == text


def test_then_the_table_is_looked_up(desk: Any) -> None:
    assert desk.refusal("UpdateTable", TableName="music", StreamSpecification=OFF) == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: music not found",
    )


@pytest.mark.parametrize(
    ("enabled", "wanted", "text"),
    [
        (True, ON, "Table already has an enabled stream: TableName: music"),
        (
            True,
            {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            "Table already has an enabled stream: TableName: music",
        ),
        (
            False,
            {"StreamEnabled": True},
            P + "If stream is being enabled then UpdateViewType is required",
        ),
        (
            True,
            {**ON, "StreamEnabled": False},
            P + "If stream is being disabled, then UpdateViewType must not be specified",
        ),
        (False, OFF, "Table has no stream to disable: TableName: music"),
    ],
)
def test_a_stream_change_that_does_not_fit_the_table_is_refused(
    desk: Any, enabled: bool, wanted: dict[str, Any], text: str
) -> None:
    desk.table(**({"StreamSpecification": ON} if enabled else {}))
    assert refusal(desk, StreamSpecification=wanted) == text


def test_stream_and_capacity_are_not_changed_together(desk: Any) -> None:
    desk.table(BillingMode=None, ProvisionedThroughput=UNITS)
    more = {"ReadCapacityUnits": 2, "WriteCapacityUnits": 2}
    text = "You cannot modify stream status while updating table IOPS"
    assert refusal(desk, StreamSpecification=ON, ProvisionedThroughput=more) == text
    assert update(desk, StreamSpecification=ON, BillingMode="PAY_PER_REQUEST")["LatestStreamArn"]


def test_a_stream_goes_and_comes_again_under_a_new_name(desk: Any) -> None:
    first = desk.table(StreamSpecification=ON)["LatestStreamArn"]
    off = update(desk, StreamSpecification=OFF)
    assert off["TableStatus"] == "UPDATING"
    for shown in (off, desk.described()):
        assert "StreamSpecification" not in shown
        assert shown["LatestStreamArn"] == first
    again = update(desk, StreamSpecification=ON)
    assert again["StreamSpecification"] == ON
    assert again["LatestStreamArn"] != first
    listed = [each["StreamArn"] for each in desk.ask("ListStreams", TableName="music")["Streams"]]
    assert listed == sorted([first, again["LatestStreamArn"]])


def test_capacity_moves_and_is_dated_and_decreases_are_counted_by_the_day(desk: Any) -> None:
    desk.table(BillingMode=None, ProvisionedThroughput=UNITS)

    def to(read: int, write: int) -> dict[str, Any]:
        desk.clock.advance(1)
        units = {"ReadCapacityUnits": read, "WriteCapacityUnits": write}
        throughput: dict[str, Any] = update(desk, ProvisionedThroughput=units)[
            "ProvisionedThroughput"
        ]
        assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (read, write)
        return throughput

    up = to(5, 5)
    assert up["LastIncreaseDateTime"] == desk.clock.now_ms() / 1000
    assert "LastDecreaseDateTime" not in up
    down = to(4, 5)
    assert down["LastDecreaseDateTime"] == desk.clock.now_ms() / 1000
    assert [down["NumberOfDecreasesToday"], to(3, 5)["NumberOfDecreasesToday"]] == [1, 2]
    desk.clock.advance(24 * 3600)
    assert desk.described()["ProvisionedThroughput"]["NumberOfDecreasesToday"] == 0
    assert to(2, 5)["NumberOfDecreasesToday"] == 1


def test_capacity_that_would_not_change_is_refused_with_both_numbers(desk: Any) -> None:
    desk.table(BillingMode=None, ProvisionedThroughput=UNITS)
    assert refusal(desk, ProvisionedThroughput=UNITS) == (
        "The provisioned throughput for the table will not change. The requested value equals the"
        " current value. Current ReadCapacityUnits provisioned for the table: 1. Requested"
        " ReadCapacityUnits: 1. Current WriteCapacityUnits provisioned for the table: 1. Requested"
        " WriteCapacityUnits: 1. Refer to the Amazon DynamoDB Developer Guide for current limits"
        " and how to request higher limits."
    )


def test_capacity_on_an_on_demand_table_needs_the_mode_too(desk: Any) -> None:
    desk.table()
    assert refusal(desk, ProvisionedThroughput=UNITS) == NEITHER
    changed = update(desk, ProvisionedThroughput=UNITS, BillingMode="PROVISIONED")
    assert changed["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert changed["ProvisionedThroughput"]["ReadCapacityUnits"] == 1


def test_switching_to_on_demand_is_dated_and_zeroes_the_units(desk: Any) -> None:
    desk.table(BillingMode=None, ProvisionedThroughput=UNITS)
    desk.clock.advance(60)
    changed = update(desk, BillingMode="PAY_PER_REQUEST")
    since = desk.clock.now_ms() / 1000
    assert changed["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"] == since
    assert changed["ProvisionedThroughput"]["ReadCapacityUnits"] == 0


def test_on_demand_ceilings_merge_are_removed_by_minus_one_and_end_with_the_mode(desk: Any) -> None:
    desk.table(OnDemandThroughput={"MaxReadRequestUnits": 5})
    changed = update(desk, OnDemandThroughput={"MaxWriteRequestUnits": 6})
    assert changed["OnDemandThroughput"] == {"MaxReadRequestUnits": 5, "MaxWriteRequestUnits": 6}
    changed = update(desk, OnDemandThroughput={"MaxReadRequestUnits": -1})
    assert changed["OnDemandThroughput"] == {"MaxWriteRequestUnits": 6}
    update(desk, BillingMode="PROVISIONED", ProvisionedThroughput=UNITS)
    assert "OnDemandThroughput" not in desk.described()
    assert refusal(desk, OnDemandThroughput={"MaxReadRequestUnits": 5}) == (
        P + "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table"
        " BillingMode is PROVISIONED"
    )


def test_a_lone_setting_is_a_change(desk: Any) -> None:
    desk.table(SSESpecification={"Enabled": True})
    assert update(desk, DeletionProtectionEnabled=True)["DeletionProtectionEnabled"] is True
    assert update(desk, DeletionProtectionEnabled=False)["DeletionProtectionEnabled"] is False
    classed = update(desk, TableClass="STANDARD_INFREQUENT_ACCESS")["TableClassSummary"]
    assert classed["LastUpdateDateTime"] == desk.clock.now_ms() / 1000
    assert "SSEDescription" not in update(desk, SSESpecification={"Enabled": False})
    assert "SSEDescription" not in desk.described()


def test_index_changes_that_are_refused_change_nothing_else(desk: Any) -> None:
    desk.table()
    before = desk.described()
    text = refusal(
        desk, GlobalSecondaryIndexUpdates=[{"Create": CREATE}], DeletionProtectionEnabled=True
    )
    assert "Some index key attributes are not defined" in text
    assert desk.described() == before


def test_going_provisioned_with_global_indexes_needs_their_capacity(desk: Any) -> None:
    names = ("pk", "g")
    desk.table(
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
        GlobalSecondaryIndexes=[CREATE, {**CREATE, "IndexName": "other"}],
    )
    assert refusal(desk, BillingMode="PROVISIONED", ProvisionedThroughput=UNITS) == (
        P + "ProvisionedThroughput must be specified for index: index,other"
    )


def test_a_refused_update_leaves_the_table_and_its_stream_alone(desk: Any) -> None:
    desk.table(StreamSpecification=ON)
    before = desk.described()
    refusal(desk, StreamSpecification=ON, DeletionProtectionEnabled=True)
    assert desk.described() == before
