"""Recording: minutes, bounds, and what each error counts as."""

from __future__ import annotations

import threading

import pytest

from streamstore import limits
from streamstore.metrics import FOLD_AT, LATENCY, MINUTE_MS, OTHER, Metrics

TABLE = (("TableName", "users"),)


def minutes(metrics: Metrics, name: str) -> dict[int, float]:
    found = metrics.points(name, TABLE, 0, 1 << 40)
    return {minute: each.total for minute, each in found.items()}


def test_observations_belong_to_the_minute_in_which_they_came() -> None:
    metrics = Metrics()
    meter = metrics.meters["users"]
    for minute, units in enumerate((1.0, 2.0, 0.0, 4.0)):
        metrics.roll(minute * MINUTE_MS + 59_999)
        if units:
            meter.writes.append(units)
    expected = {0: 1.0, 1: 2.0, 3: 4.0}
    assert minutes(metrics, "ConsumedWriteCapacityUnits") == expected
    metrics.roll(2 * MINUTE_MS)  # the clock stepped back
    meter.writes.append(8.0)
    metrics.roll(3 * MINUTE_MS)
    meter.writes.append(16.0)
    assert minutes(metrics, "ConsumedWriteCapacityUnits") == {**expected, 2: 8.0, 3: 20.0}
    name, dimensions, whole = metrics.totals()[0]
    assert (name, dimensions, whole.total) == ("ConsumedWriteCapacityUnits", TABLE, 31.0)


def test_minutes_are_kept_for_three_hours_and_totals_for_ever() -> None:
    metrics = Metrics()
    metrics.meters["users"].reads.append(0.5)
    metrics.roll((limits.METRIC_MINUTES_KEPT - 1) * MINUTE_MS)
    assert metrics.observed() == [("ConsumedReadCapacityUnits", TABLE)]
    metrics.roll(limits.METRIC_MINUTES_KEPT * MINUTE_MS)
    assert metrics.observed() == []
    assert [whole.total for _, _, whole in metrics.totals()] == [0.5]


def test_more_tables_than_series_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "METRIC_SERIES_MAX", 10)
    metrics = Metrics()
    latencies = metrics.latencies("PutItem")
    for number in range(50):
        latencies[f"table{number}"].append(0.001)
        metrics.meters[f"table{number}/index"].writes.append(1)
    shared = {dict(dimensions)["TableName"] for _, dimensions in metrics.observed()}
    assert OTHER in shared
    assert len(metrics.totals()) <= 10 + 3
    counted = sum(whole.count for name, _, whole in metrics.totals() if name == LATENCY)
    assert counted == 50


def test_points_are_bounded_whatever_is_observed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "METRIC_POINTS_MAX", 20)
    metrics = Metrics()
    for minute in range(100):
        metrics.roll(minute * MINUTE_MS)
        for name in ("one", "two", "three"):
            metrics.meters[name].reads.append(1)
    found = metrics.points("ConsumedReadCapacityUnits", (("TableName", "one"),), 0, 200)
    assert list(found) == list(range(100 - len(found), 100))
    assert 5 <= len(found) <= 8


def test_idle_series_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "METRIC_SERIES_MAX", 8)
    metrics = Metrics()
    for number in range(8):
        metrics.meters[f"old{number}"].reads.append(1)
    metrics.roll(MINUTE_MS)
    metrics.roll((limits.METRIC_MINUTES_KEPT + 2) * MINUTE_MS)
    metrics.meters["new"].reads.append(1)
    assert ("ConsumedReadCapacityUnits", (("TableName", "new"),)) in metrics.observed()


@pytest.mark.parametrize(
    ("operation", "code", "status", "counted"),
    [
        ("GetItem", "ValidationException", 400, {"UserErrors"}),
        ("GetItem", "InternalServerError", 500, {"SystemErrors"}),
        ("GetItem", "ThrottlingException", 400, {"ThrottledRequests", "ReadThrottleEvents"}),
        ("PutItem", "ThrottlingException", 400, {"ThrottledRequests", "WriteThrottleEvents"}),
        ("DescribeStream", "ThrottlingException", 400, {"ThrottledRequests"}),
        ("GetRecords", "LimitExceededException", 400, {"ThrottledRequests"}),
        ("CreateTable", "LimitExceededException", 400, {"UserErrors"}),
        ("PutItem", "ConditionalCheckFailedException", 400, {"ConditionalCheckFailedRequests"}),
        ("PutItem", "TransactionConflictException", 400, {"UserErrors", "TransactionConflict"}),
    ],
)
def test_each_error_counts_under_its_name(
    operation: str, code: str, status: int, counted: set[str]
) -> None:
    metrics = Metrics()
    metrics.failed(operation, "users", code, status)
    assert {name for name, _ in metrics.observed()} == counted


def test_nothing_is_lost_between_threads_that_observe_and_one_that_sums_up() -> None:
    metrics = Metrics()
    series = metrics.latencies("GetItem")["users"]
    each = 40 * FOLD_AT

    def observe() -> None:
        for _ in range(each):
            series.append(0.001)

    threads = [threading.Thread(target=observe) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        metrics.fold()
    for thread in threads:
        thread.join()
    assert metrics.totals()[0][2].count == 3 * each
