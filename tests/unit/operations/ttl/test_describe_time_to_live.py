"""DescribeTimeToLive: statuses over time, and when the attribute is told."""

from __future__ import annotations

from typing import Any


def description(desk: Any) -> dict[str, Any]:
    reply: dict[str, Any] = desk.ask("DescribeTimeToLive", TableName="music")
    (shown,) = reply.values()
    return shown  # type: ignore[no-any-return]


def change(desk: Any, enabled: bool) -> None:
    specification = {"Enabled": enabled, "AttributeName": "e"}
    desk.ask("UpdateTimeToLive", TableName="music", TimeToLiveSpecification=specification)


def test_statuses_follow_at_once(desk: Any) -> None:
    desk.table()
    assert description(desk) == {"TimeToLiveStatus": "DISABLED"}
    change(desk, True)
    assert description(desk) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "e"}
    change(desk, False)
    assert description(desk) == {"TimeToLiveStatus": "DISABLED"}


def test_a_transition_is_shown_for_as_long_as_the_setting_says(make_desk: Any) -> None:
    desk = make_desk(transition_seconds=60)
    desk.table()
    desk.clock.advance(60)
    for enabled, under_way, then in (
        (True, "ENABLING", {"TimeToLiveStatus": "ENABLED", "AttributeName": "e"}),
        (False, "DISABLING", {"TimeToLiveStatus": "DISABLED"}),
    ):
        change(desk, enabled)
        assert description(desk) == {"TimeToLiveStatus": under_way, "AttributeName": "e"}
        desk.clock.advance(59.999)
        assert description(desk)["TimeToLiveStatus"] == under_way
        desk.clock.advance(0.001)
        assert description(desk) == then


def test_an_unknown_table_is_not_found(desk: Any) -> None:
    assert desk.refusal("DescribeTimeToLive", TableName="gone") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: gone not found",
    )
    code, text = desk.refusal("DescribeTimeToLive", TableName="a b")
    assert code == "ValidationException"
    assert "at 'tableName' failed to satisfy constraint" in text
