"""The Prometheus text: every line of the format, counters that agree, histograms that add up."""

from __future__ import annotations

import re

from streamstore.metrics import Metrics, facts, prometheus

LINE = re.compile(r'streamstore_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+')


def filled() -> Metrics:
    metrics = Metrics()
    for seconds in (0.0001, 0.001, 0.01, 50.0):
        metrics.latencies("GetItem")["users"].append(seconds)
    metrics.latencies("GetRecords")["users"].append(0.002)
    metrics.latencies("ListTables")[""].append(0.002)
    metrics.returned("users", "2026-11-24T15:18:00.000", 3, 300)
    metrics.failed("GetItem", "", "ValidationException", 400)
    metrics.meters["users/by_name"].writes.append(2)
    metrics.expired("users", 4)
    return metrics


def test_every_line_is_of_the_format_and_each_name_has_one_type() -> None:
    types = []
    for line in prometheus(filled()):
        if line.startswith("# TYPE "):
            types.append(line.split()[2])
        else:
            assert LINE.fullmatch(line), line
            name = re.sub(r"_(bucket|sum|count)$", "", line.partition("{")[0].split()[0])
            assert name == types[-1], line
    assert len(types) == len(set(types))


def test_the_text_says_what_was_observed() -> None:
    lines = set(prometheus(filled()))
    assert 'streamstore_requests_total{operation="GetItem",table="users"} 4' in lines
    assert 'streamstore_requests_total{operation="ListTables"} 1' in lines
    assert "streamstore_streams_read_request_units_total 1" in lines
    assert "streamstore_user_errors_total 1" in lines
    assert 'streamstore_time_to_live_deleted_items_total{table="users"} 4' in lines
    index = 'streamstore_consumed_write_capacity_units_total{index="by_name",table="users"} 2'
    assert index in lines
    assert 'streamstore_request_seconds_count{operation="GetItem"} 4' in lines


def test_buckets_are_cumulative() -> None:
    wanted = 'streamstore_request_seconds_bucket{operation="GetItem"'
    counts = [int(line.split()[1]) for line in prometheus(filled()) if line.startswith(wanted)]
    assert counts == sorted(counts)
    assert (counts[0], counts[-2], counts[-1]) == (0, 3, 4)


def test_facts_are_in_the_units_of_cloudwatch() -> None:
    found = {(each["Metric"], *each["Dimensions"].values()): each for each in facts(filled())}
    latency = found["SuccessfulRequestLatency", "GetItem", "users"]
    assert latency["SampleCount"] == 4
    assert latency["Maximum"] == 50_000
