"""UpdateTimeToLive: what it refuses, and that items expire by what it sets."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.engine.tables import ttl

NOW = 1_700_000_000


def change(desk: Any, enabled: bool, attribute: str = "e") -> dict[str, Any]:
    specification = {"Enabled": enabled, "AttributeName": attribute}
    reply: dict[str, Any] = desk.ask(
        "UpdateTimeToLive", TableName="music", TimeToLiveSpecification=specification
    )
    assert reply == {"TimeToLiveSpecification": specification}
    return reply


def refusal(desk: Any, enabled: bool, attribute: str = "e") -> str:
    specification = {"Enabled": enabled, "AttributeName": attribute}
    code, text = desk.refusal(
        "UpdateTimeToLive", TableName="music", TimeToLiveSpecification=specification
    )
    assert code == "ValidationException"
    return str(text)


def test_a_change_to_what_is_so_already_is_refused(desk: Any) -> None:
    desk.table()
    assert refusal(desk, False) == "TimeToLive is already disabled"
    change(desk, True)
    other = "TimeToLive is active on a different AttributeName: current AttributeName is e"
    assert refusal(desk, True) == "TimeToLive is already enabled"
    assert refusal(desk, True, "f") == other
    assert refusal(desk, False, "f") == other
    change(desk, False)
    assert refusal(desk, False) == "TimeToLive is already disabled"
    assert refusal(desk, False, "f") == "TimeToLive is already disabled"
    change(desk, True, "f")


def test_another_change_while_one_is_under_way_is_refused(make_desk: Any) -> None:
    desk = make_desk(transition_seconds=60)
    desk.table()
    desk.clock.advance(60)
    too_soon = "Time to live has been modified multiple times within a fixed interval"
    change(desk, True)
    assert refusal(desk, False) == too_soon
    assert refusal(desk, True) == "TimeToLive is already enabled"
    desk.clock.advance(60)
    change(desk, False)
    assert refusal(desk, True) == too_soon
    desk.clock.advance(60)
    change(desk, True)


def test_a_table_must_be_there_and_not_in_the_making(desk: Any, make_desk: Any) -> None:
    specification = {"Enabled": True, "AttributeName": "e"}
    asked = {"TableName": "gone", "TimeToLiveSpecification": specification}
    assert desk.refusal("UpdateTimeToLive", **asked) == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: gone not found",
    )
    slow = make_desk(transition_seconds=60)
    slow.table("gone")
    assert slow.refusal("UpdateTimeToLive", **asked)[0] == "ResourceInUseException"


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "e"}}, "tableName"),
        ({"TableName": "music"}, "timeToLiveSpecification"),
        (
            {"TableName": "music", "TimeToLiveSpecification": {"AttributeName": "e"}},
            "timeToLiveSpecification.enabled",
        ),
        (
            {"TableName": "music", "TimeToLiveSpecification": {"Enabled": True}},
            "timeToLiveSpecification.attributeName",
        ),
    ],
)
def test_members_that_must_be_there(desk: Any, params: dict[str, Any], path: str) -> None:
    code, text = desk.refusal("UpdateTimeToLive", **params)
    assert code == "ValidationException"
    assert text == (
        f"1 validation error detected: Value null at '{path}' failed to satisfy constraint:"
        " Member must not be null"
    )


def test_expired_items_stay_readable_until_a_tick_and_the_table_stays_as_it_was(
    desk: Any,
) -> None:
    desk.table()
    before = desk.described()
    desk.ask("PutItem", TableName="music", Item={"pk": {"S": "a"}, "e": {"N": str(NOW - 1)}})
    change(desk, True)
    described = desk.described()
    assert {**described, "ItemCount": 0, "TableSizeBytes": 0} == before
    assert desk.ask("Scan", TableName="music")["Count"] == 1
    while desk.writer.run(ttl.ttl_tick):
        pass
    assert desk.ask("Scan", TableName="music")["Count"] == 0
    assert desk.described()["ItemCount"] == 0
