"""DescribeContinuousBackups and UpdateContinuousBackups: nothing is promised that is not kept."""

from __future__ import annotations

from typing import Any

import pytest

NEVER_ENABLED = {
    "ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }
}


def wanted(enabled: bool, **more: Any) -> dict[str, Any]:
    return {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled, **more}}


def test_a_table_is_one_on_which_point_in_time_recovery_was_never_enabled(desk: Any) -> None:
    arn = desk.table()["TableArn"]
    for name in ("music", arn):
        assert desk.ask("DescribeContinuousBackups", TableName=name) == NEVER_ENABLED


def test_disabling_what_is_disabled_changes_nothing(desk: Any) -> None:
    desk.table()
    assert desk.ask("UpdateContinuousBackups", TableName="music", **wanted(False)) == NEVER_ENABLED
    assert desk.ask("DescribeContinuousBackups", TableName="music") == NEVER_ENABLED


@pytest.mark.parametrize("more", [{}, {"RecoveryPeriodInDays": 7}])
def test_enabling_is_refused_in_plain_words(desk: Any, more: dict[str, Any]) -> None:
    desk.table()
    code, text = desk.refusal("UpdateContinuousBackups", TableName="music", **wanted(True, **more))
    assert code == "ValidationException"
    assert "point-in-time recovery is not kept" in text
    assert desk.ask("DescribeContinuousBackups", TableName="music") == NEVER_ENABLED


def test_a_recovery_period_needs_recovery(desk: Any) -> None:
    desk.table()
    period = wanted(False, RecoveryPeriodInDays=7)
    code, text = desk.refusal("UpdateContinuousBackups", TableName="music", **period)
    assert code == "ValidationException"
    assert text.startswith("RecoveryPeriodInDays")


@pytest.mark.parametrize(
    ("operation", "params"),
    [("DescribeContinuousBackups", {}), ("UpdateContinuousBackups", wanted(False))],
)
def test_a_missing_table_is_told_by_the_error_of_these_calls(
    desk: Any, operation: str, params: dict[str, Any]
) -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/gone"
    for name in ("gone", arn):
        refusal = desk.refusal(operation, TableName=name, **params)
        assert refusal == ("TableNotFoundException", "Table not found: gone")
