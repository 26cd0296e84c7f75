"""AWS/Lambda beside AWS/DynamoDB: what consumers count, asked as CloudWatch asks, and as Prometheus
reads it.
"""

from __future__ import annotations

from streamstore import limits
from streamstore.cloudwatch.operations import get_metric_statistics, list_metrics
from streamstore.consumers.delivery.meters import EVENT_COUNTS, Meters
from streamstore.consumers.metering import Running
from streamstore.metrics import Metrics, prometheus
from streamstore.metrics.names import UNITS, namespace_of

MINUTE = 1_700_000_040


def counted() -> Metrics:
    metrics = Metrics(MINUTE * 1000)
    meters = Meters(metrics, Running(), "f", "uuid-1", event_counts=True)
    meters.begin(1500.0, 3)
    meters.begin(500.0, 2)
    meters.end(0.25, failed=True)
    meters.end(0.05, failed=False)
    meters.begin(None, 0)
    meters.not_run()
    for name in EVENT_COUNTS:
        assert namespace_of(name) == "AWS/Lambda"
        assert UNITS[name] == "Count"
    return metrics


def statistics(metrics: Metrics, name: str, namespace: str, **more: str) -> list[dict[str, object]]:
    request = {
        "Namespace": namespace,
        "MetricName": name,
        "StartTime": MINUTE,
        "EndTime": MINUTE + 60,
        "Period": 60,
        "Statistics": ["Sum", "Maximum", "SampleCount"],
        "Dimensions": [{"Name": key, "Value": value} for key, value in more.items()],
    }
    points: list[dict[str, object]] = get_metric_statistics(metrics, request)["Datapoints"]
    return points


def test_the_metrics_of_a_function_are_asked_for_under_aws_lambda() -> None:
    metrics = counted()
    found = {}
    for name in ("Invocations", "Errors", "Throttles", "Duration", "IteratorAge"):
        [point] = statistics(metrics, name, "AWS/Lambda", FunctionName="f")
        found[name] = (point["Sum"], point["Maximum"], point["Unit"])
    assert found == {
        "Invocations": (2, 1, "Count"),
        "Errors": (1, 1, "Count"),
        "Throttles": (1, 1, "Count"),
        "Duration": (300, 250, "Milliseconds"),
        "IteratorAge": (2000, 1500, "Milliseconds"),
    }
    [at_once] = statistics(metrics, "ConcurrentExecutions", "AWS/Lambda", FunctionName="f")
    assert at_once["Maximum"] == 2
    uuid = {"EventSourceMappingUUID": "uuid-1"}
    [sent] = statistics(metrics, "InvokedEventCount", "AWS/Lambda", **uuid)
    assert sent["Sum"] == 5
    assert statistics(metrics, "Invocations", "AWS/DynamoDB", FunctionName="f") == []


def test_each_namespace_lists_its_own() -> None:
    metrics = counted()
    metrics.series("UserErrors").add(1)

    def listed(**request: str) -> set[tuple[str, str]]:
        reply = list_metrics(metrics, dict(request))["Metrics"]
        return {(each["Namespace"], each["MetricName"]) for each in reply}

    assert listed(Namespace="AWS/DynamoDB") == {("AWS/DynamoDB", "UserErrors")}
    assert ("AWS/Lambda", "Invocations") in listed()
    assert listed(Namespace="AWS/Lambda") == listed() - listed(Namespace="AWS/DynamoDB")


def test_a_mapping_that_doesn_t_ask_for_event_counts_has_none_but_what_expired() -> None:
    metrics = Metrics(MINUTE * 1000)
    meters = Meters(metrics, Running(), "f", "uuid-1", event_counts=False)
    meters.polled(3)
    meters.dropped(1)
    meters.expired(2)
    assert [name for name, _, _ in metrics.totals()] == ["ExpiredEventCount"]


def test_prometheus_reads_them_with_the_prefix_and_sums_with_their_counts() -> None:
    lines = list(prometheus(counted()))
    assert 'streamstore_lambda_invocations_total{function="f"} 2' in lines
    assert 'streamstore_mapping_invoked_events_total{mapping="uuid-1"} 5' in lines
    assert "# TYPE streamstore_lambda_duration_milliseconds summary" in lines
    assert 'streamstore_lambda_duration_milliseconds_sum{function="f"} 300' in lines
    assert 'streamstore_lambda_duration_milliseconds_count{function="f"} 2' in lines


def test_series_of_functions_are_bounded() -> None:
    metrics = Metrics(MINUTE * 1000)
    for number in range(limits.METRIC_SERIES_MAX + 500):
        metrics.series("Invocations", FunctionName=f"f{number}").add(1)
    assert len(metrics.totals()) == limits.METRIC_SERIES_MAX + 1
    assert sum(whole.total for _, _, whole in metrics.totals()) == limits.METRIC_SERIES_MAX + 500
