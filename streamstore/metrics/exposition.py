"""What was observed, as Prometheus's text and as facts for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from .distribution import BOUNDS, Distribution
from .names import LABELS, PROMETHEUS, SUMMED
from .recording import LATENCY, Metrics

# Every fourth bin is enough of a histogram: factors of 4 from 16 microseconds to 17 seconds.
_BUCKETS: Final = tuple(range(8, 49, 4))


def prometheus(metrics: Metrics) -> Iterator[str]:
    """Lines of the text format: counters, and one histogram of seconds an operation."""
    totals = metrics.totals()
    by_operation: dict[str, Distribution] = {}
    seen = ""
    for name, dimensions, whole in totals:
        labels = {LABELS[key]: value for key, value in dimensions}
        if name == LATENCY:
            by_operation.setdefault(labels["operation"], Distribution()).merge(whole)
            shown, value = "requests_total", float(whole.count)
        else:
            shown, value = PROMETHEUS[name], whole.total
        if shown != seen:
            kind = "summary" if name in SUMMED else "counter"
            yield f"# TYPE streamstore_{shown} {kind}"
            seen = shown
        if name in SUMMED:
            yield f"streamstore_{shown}_sum{_braced(labels)} {value:.12g}"
            yield f"streamstore_{shown}_count{_braced(labels)} {whole.count}"
            continue
        yield f"streamstore_{shown}{_braced(labels)} {value:.12g}"
    yield "# TYPE streamstore_streams_read_request_units_total counter"
    units = by_operation.get("GetRecords", Distribution()).count
    yield f"streamstore_streams_read_request_units_total {units}"
    yield "# TYPE streamstore_request_seconds histogram"
    for operation, whole in sorted(by_operation.items()):
        for place in _BUCKETS:
            labels = {"operation": operation, "le": f"{BOUNDS[place]:.6g}"}
            yield f"streamstore_request_seconds_bucket{_braced(labels)} {whole.below(place)}"
        labels = {"operation": operation, "le": "+Inf"}
        yield f"streamstore_request_seconds_bucket{_braced(labels)} {whole.count}"
        labels = {"operation": operation}
        yield f"streamstore_request_seconds_sum{_braced(labels)} {whole.total:.9g}"
        yield f"streamstore_request_seconds_count{_braced(labels)} {whole.count}"


def _braced(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    # Names of tables, streams, indexes and functions hold nothing that would need escaping, nor
    # does OTHER.
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def facts(metrics: Metrics) -> list[dict[str, Any]]:
    """Every series since the start: Metric, Dimensions, and its sums; latencies in milliseconds."""
    found = []
    for name, dimensions, whole in metrics.totals():
        factor = 1000.0 if name == LATENCY else 1.0
        found.append(
            {
                "Metric": name,
                "Dimensions": dict(dimensions),
                "SampleCount": whole.count,
                "Sum": whole.total * factor,
                "Minimum": whole.least * factor,
                "Maximum": whole.most * factor,
                "p50": whole.percentile(50) * factor,
                "p99": whole.percentile(99) * factor,
            }
        )
    return found
