"""CloudWatch's operations over metrics whose every minute is known."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.cloudwatch.operations import (
    RefusedError,
    get_metric_data,
    get_metric_statistics,
    list_metrics,
)
from streamstore.metrics import MINUTE_MS, Metrics

FIRST = 1_700_000_100 // 300 * 300  # the second at which observing begins, on a period of 300
DIMENSIONS = [{"Name": "TableName", "Value": "users"}]
METRIC = {"Namespace": "AWS/DynamoDB", "MetricName": "ConsumedReadCapacityUnits"}


@pytest.fixture
def metrics() -> Metrics:
    """In minute n of ten, reads of 1 and of n units, and a latency of n milliseconds."""
    made = Metrics(FIRST * 1000)
    for minute in range(10):
        made.roll(FIRST * 1000 + minute * MINUTE_MS)
        made.meters["users"].reads.extend((1.0, float(minute)))
        made.latencies("GetItem")["users"].append(minute / 1000)
    return made


def statistics(metrics: Metrics, **changes: Any) -> list[dict[str, Any]]:
    asked = {
        **METRIC, "Dimensions": DIMENSIONS, "Period": 60, "Statistics": ["Sum"],
        "StartTime": FIRST, "EndTime": FIRST + 600, **changes,
    }  # fmt: skip
    given = {name: value for name, value in asked.items() if value is not None}
    found: list[dict[str, Any]] = get_metric_statistics(metrics, given)["Datapoints"]
    return found


def test_each_minute_has_its_sum_and_the_end_is_excluded(metrics: Metrics) -> None:
    points = statistics(metrics, StartTime=FIRST + 59.5, EndTime=FIRST + 240)
    shown = [(point["Timestamp"] - FIRST, point["Sum"]) for point in points]
    assert shown == [(0, 1.0), (60, 2.0), (120, 3.0), (180, 4.0)]


def test_periods_begin_with_the_start_and_all_statistics_agree(metrics: Metrics) -> None:
    kinds = ["Sum", "Average", "Minimum", "Maximum", "SampleCount"]
    points = statistics(metrics, StartTime=FIRST + 120, Period="180", Statistics=kinds)
    shown = [[point["Timestamp"] - FIRST, *(point[kind] for kind in kinds)] for point in points]
    assert shown[0] == [120, 3 + 2 + 3 + 4, 12 / 6, 1.0, 4.0, 6.0]
    assert [each[0] for each in shown] == [120, 300, 480]


def test_latencies_are_in_milliseconds(metrics: Metrics) -> None:
    operation = {"Name": "Operation", "Value": "GetItem"}
    (point,) = statistics(
        metrics,
        MetricName="SuccessfulRequestLatency",
        Dimensions=[*DIMENSIONS, operation],
        Period=600,
        Statistics=["Maximum", "SampleCount"],
        ExtendedStatistics=["p50"],
    )
    assert (point["Maximum"], point["SampleCount"], point["Unit"]) == (9.0, 10.0, "Milliseconds")
    assert 3 <= point["ExtendedStatistics"]["p50"] <= 6


@pytest.mark.parametrize(
    "changes",
    [
        {"Namespace": "AWS/Lambda"},
        {"MetricName": "Other"},
        {"Dimensions": []},
        {"Unit": "Bytes"},
        {"StartTime": FIRST + 6000, "EndTime": FIRST + 7000},
    ],
)
def test_nothing_is_found_of_what_is_not_there(metrics: Metrics, changes: dict[str, Any]) -> None:
    assert statistics(metrics, **changes) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Period": 61}, "InvalidParameterValue"),
        ({"Period": 0}, "InvalidParameterValue"),
        ({"Period": "sixty"}, "InvalidParameterValue"),
        ({"Period": float("inf")}, "InvalidParameterValue"),
        ({"Period": None}, "MissingParameter"),
        ({"MetricName": None}, "MissingParameter"),
        ({"Dimensions": ["TableName"]}, "InvalidParameterValue"),
        ({"Dimensions": [{"Name": "TableName"}]}, "MissingParameter"),
        ({"Dimensions": "TableName"}, "InvalidParameterValue"),
        ({"StartTime": FIRST + 600}, "InvalidParameterValue"),
        ({"StartTime": "yesterday"}, "InvalidParameterValue"),
        ({"StartTime": 1e300}, "InvalidParameterValue"),
        ({"StartTime": float("nan")}, "InvalidParameterValue"),
        ({"StartTime": FIRST - 60 * limits.METRIC_DATAPOINTS_MAX}, "InvalidParameterCombination"),
        ({"Statistics": []}, "InvalidParameterCombination"),
        ({"Statistics": ["p50"]}, "InvalidParameterValue"),
        ({"ExtendedStatistics": ["p101"]}, "InvalidParameterValue"),
    ],
)
def test_bad_requests_are_refused(metrics: Metrics, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        statistics(metrics, **changes)
    assert refused.value.code == code


def queries(*names: str) -> list[dict[str, Any]]:
    metric = {**METRIC, "Dimensions": DIMENSIONS}
    stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
    return [{"Id": name, "MetricStat": stat} for name in names]


def test_data_come_newest_first_and_in_pages_that_miss_nothing(metrics: Metrics) -> None:
    asked: dict[str, Any] = {
        "MetricDataQueries": queries("one", "two"),
        "StartTime": FIRST,
        "EndTime": FIRST + 600,
    }
    whole = get_metric_data(metrics, asked)["MetricDataResults"]
    assert whole[0]["Values"] == [float(1 + minute) for minute in range(9, -1, -1)]
    assert whole[0]["Timestamps"] == sorted(whole[0]["Timestamps"], reverse=True)
    gathered: dict[str, list[float]] = {"one": [], "two": []}
    token = None
    for _ in range(20):
        page = get_metric_data(
            metrics, {**asked, "MaxDatapoints": 3, **({"NextToken": token} if token else {})}
        )
        assert sum(len(each["Values"]) for each in page["MetricDataResults"]) <= 3
        for each in page["MetricDataResults"]:
            gathered[each["Id"]] += each["Values"]
        token = page.get("NextToken")
        if token is None:
            break
    assert gathered == {"one": whole[0]["Values"], "two": whole[1]["Values"]}


def test_only_what_is_to_be_returned_is(metrics: Metrics) -> None:
    one, two = queries("one", "two")
    asked = {"StartTime": FIRST, "EndTime": FIRST + 600, "ScanBy": "TimestampAscending"}
    reply = get_metric_data(
        metrics, {**asked, "MetricDataQueries": [{**one, "ReturnData": "false"}, two]}
    )
    (result,) = reply["MetricDataResults"]
    assert (result["Id"], result["Values"][0]) == ("two", 1.0)
    with pytest.raises(RefusedError, match="math"):
        get_metric_data(metrics, {**asked, "MetricDataQueries": [{"Id": "m", "Expression": "1"}]})


def test_metrics_are_listed_by_filter_and_page(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = list_metrics(metrics, {})["Metrics"]
    assert {each["MetricName"] for each in listed} == {
        "ConsumedReadCapacityUnits",
        "SuccessfulRequestLatency",
    }
    by_operation = list_metrics(metrics, {"Dimensions": [{"Name": "Operation"}]})["Metrics"]
    assert [each["MetricName"] for each in by_operation] == ["SuccessfulRequestLatency"]
    other = [{"Name": "TableName", "Value": "other"}]
    for nothing in ({"Namespace": "AWS/EC2"}, {"MetricName": "x"}, {"Dimensions": other}):
        assert list_metrics(metrics, nothing)["Metrics"] == []
    monkeypatch.setattr(limits, "METRICS_LISTED_MAX", 1)
    first = list_metrics(metrics, {})
    second = list_metrics(metrics, {"NextToken": first["NextToken"]})
    assert first["Metrics"] + second["Metrics"] == listed
    assert "NextToken" not in second
    with pytest.raises(RefusedError, match="NextToken"):
        list_metrics(metrics, {"NextToken": "x"})
