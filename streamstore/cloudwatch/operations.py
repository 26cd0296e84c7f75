"""The three operations: requests as dicts in, replies as dicts out, whatever protocol they came in.

Numbers may be texts, since the query protocol has nothing else. Periods are whole minutes, counted
from the minute of StartTime (GetMetricStatistics) or from a multiple of the period (GetMetricData),
as the service does. Moments are Moment; latencies are in milliseconds, as their unit says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from .. import limits
from ..metrics import LATENCY, UNITS, Dimensions, Distribution, Metrics, namespace_of
from .moments import Moment, seconds_of

_MINUTE: Final = 60
_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)", re.ASCII)
_YEAR_9999: Final = 253_402_300_800
_DATA_PAGE_MAX: Final = 100_800
_STATISTICS: Final[dict[str, Callable[[Distribution], float]]] = {
    "SampleCount": lambda d: float(d.count),
    "Sum": lambda d: d.total,
    "Average": lambda d: d.total / d.count,
    "Minimum": lambda d: d.least,
    "Maximum": lambda d: d.most,
}

Request = dict[str, Any]


class RefusedError(Exception):
    """The request is refused: the model's error shape, its code in the query protocol, a text."""

    def __init__(self, shape: str, code: str, message: str) -> None:
        super().__init__(message)
        self.shape = shape
        self.code = code
        self.message = message


def _invalid(message: str) -> RefusedError:
    return RefusedError("InvalidParameterValueException", "InvalidParameterValue", message)


def _combined(message: str) -> RefusedError:
    shape = "InvalidParameterCombinationException"
    return RefusedError(shape, "InvalidParameterCombination", message)


def _missing(name: str) -> RefusedError:
    message = f"The parameter {name} is required."
    return RefusedError("MissingRequiredParameterException", "MissingParameter", message)


# Members.


def _text(request: Request, name: str) -> str:
    value = request.get(name)
    if value is None or value == "":
        raise _missing(name)
    if not isinstance(value, str):
        raise _invalid(f"The parameter {name} must be a text.")
    return value


def _number(request: Request, name: str) -> int:
    value = request.get(name)
    if value is None:
        raise _missing(name)
    try:
        if isinstance(value, bool):
            raise ValueError
        return int(value)
    except (ValueError, TypeError, OverflowError):
        raise _invalid(f"The parameter {name} must be a number.") from None


def _many(request: Request, name: str) -> list[Any]:
    value = request.get(name) or []
    if not isinstance(value, list):
        raise _invalid(f"The parameter {name} must be a list.")
    return value


def _structure(value: Any, name: str) -> Request:
    if not isinstance(value, dict):
        raise _invalid(f"The parameter {name} must be a structure.")
    return value


def _time(request: Request, name: str) -> float:
    if request.get(name) is None:
        raise _missing(name)
    try:
        seconds = seconds_of(request[name])
    except (ValueError, OverflowError):
        raise _invalid(f"The parameter {name} must be a timestamp.") from None
    if not 0 <= seconds < _YEAR_9999:
        raise _invalid(f"The parameter {name} must be a timestamp.")
    return seconds


def _range(request: Request) -> tuple[float, float]:
    start, end = _time(request, "StartTime"), _time(request, "EndTime")
    if start >= end:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def _period(request: Request) -> int:
    period = _number(request, "Period")
    if period < _MINUTE or period % _MINUTE:
        raise _invalid("The parameter Period must be a multiple of 60.")
    return period


def _dimensions(request: Request) -> Dimensions:
    found = [_structure(each, "Dimensions") for each in _many(request, "Dimensions")]
    return tuple((_text(each, "Name"), _text(each, "Value")) for each in found)


def _statistic(name: str) -> Callable[[Distribution], float]:
    statistic = _STATISTICS.get(name)
    if statistic is not None:
        return statistic
    percentile = _PERCENTILE.fullmatch(name)
    if percentile is None:
        raise _invalid(f"The value {name} for parameter Stat is not supported.")
    percent = float(percentile[1])
    return lambda distribution: distribution.percentile(percent)


def _offset(request: Request) -> int:
    token = request.get("NextToken")
    if token is None:
        return 0
    if not isinstance(token, str) or not re.fullmatch(r"[0-9]{1,9}", token):
        raise RefusedError("InvalidNextToken", "InvalidNextToken", "Invalid NextToken.")
    return int(token)


# Data.


def _periods(
    metrics: Metrics, request: Request, start: int, end: float, period: int
) -> dict[int, Distribution]:
    """Sums by the second at which their period begins, ascending."""
    name = _text(request, "MetricName")
    if _text(request, "Namespace") != namespace_of(name):
        return {}
    found: dict[int, Distribution] = {}
    minutes = metrics.points(name, _dimensions(request), start // _MINUTE, math.ceil(end / _MINUTE))
    for minute, distribution in minutes.items():
        at = start + (minute * _MINUTE - start) // period * period
        found.setdefault(at, Distribution()).merge(distribution)
    return found


def _factor(name: str) -> float:
    return 1000.0 if name == LATENCY else 1.0


def _scaled(name: str, stat: str, value: float) -> float:
    return value if stat == "SampleCount" else value * _factor(name)


def get_metric_statistics(metrics: Metrics, request: Request) -> Request:
    """Label and Datapoints, ascending."""
    name = _text(request, "MetricName")
    start, end = _range(request)
    period = _period(request)
    plain = [str(each) for each in _many(request, "Statistics")]
    extended = [str(each) for each in _many(request, "ExtendedStatistics")]
    if not plain and not extended:
        raise _combined("Statistics and ExtendedStatistics can't both be empty.")
    if any(each not in _STATISTICS for each in plain):
        raise _invalid("The parameter Statistics holds an unknown statistic.")
    if any(_PERCENTILE.fullmatch(each) is None for each in extended):
        raise _invalid("The parameter ExtendedStatistics holds an unknown statistic.")
    first = int(start) // _MINUTE * _MINUTE
    wanted = math.ceil((end - first) / period)
    if wanted > limits.METRIC_DATAPOINTS_MAX:
        raise _combined(
            f"You have requested up to {wanted:,} datapoints, which exceeds the limit of"
            f" {limits.METRIC_DATAPOINTS_MAX:,}. You may reduce the datapoints requested by"
            " increasing Period, or decreasing the time range."
        )
    unit = UNITS.get(name, "None")
    points: list[Request] = []
    if request.get("Unit") in (None, "", unit):
        for at, sums in _periods(metrics, request, first, end, period).items():
            point: Request = {"Timestamp": Moment(at), "Unit": unit}
            for each in plain:
                point[each] = _scaled(name, each, _statistic(each)(sums))
            if extended:
                point["ExtendedStatistics"] = {
                    each: _scaled(name, each, _statistic(each)(sums)) for each in extended
                }
            points.append(point)
    return {"Label": name, "Datapoints": points}


def get_metric_data(metrics: Metrics, request: Request) -> Request:
    """MetricDataResults of MetricStat queries, newest first unless ScanBy says otherwise."""
    queries = [
        _structure(each, "MetricDataQueries") for each in _many(request, "MetricDataQueries")
    ]
    if not queries:
        raise _missing("MetricDataQueries")
    if len(queries) > limits.METRIC_QUERIES_MAX:
        raise _invalid(f"At most {limits.METRIC_QUERIES_MAX} MetricDataQueries are taken.")
    start, end = _range(request)
    order = request.get("ScanBy") or "TimestampDescending"
    if order not in ("TimestampDescending", "TimestampAscending"):
        raise _invalid("The parameter ScanBy is none of TimestampDescending, TimestampAscending.")
    room = _DATA_PAGE_MAX
    if request.get("MaxDatapoints") is not None:
        room = min(max(_number(request, "MaxDatapoints"), 1), _DATA_PAGE_MAX)
    offset = skip = _offset(request)
    beyond = False
    results = []
    for query in queries:
        if str(query.get("ReturnData", True)).lower() == "false":
            continue
        label, points = _series(metrics, query, start, end)
        if order == "TimestampDescending":
            points.reverse()
        page = points[skip : skip + room]
        complete = len(points) <= skip + room
        skip = max(skip - len(points), 0)
        room -= len(page)
        offset += len(page)
        beyond = beyond or not complete
        results.append(
            {
                "Id": _text(query, "Id"),
                "Label": label,
                "Timestamps": [moment for moment, _ in page],
                "Values": [value for _, value in page],
                "StatusCode": "Complete" if complete else "PartialData",
            }
        )
    reply: Request = {"MetricDataResults": results, "Messages": []}
    if beyond:
        reply["NextToken"] = str(offset)
    return reply


def _series(
    metrics: Metrics, query: Request, start: float, end: float
) -> tuple[str, list[tuple[Moment, float]]]:
    _text(query, "Id")
    if query.get("MetricStat") is None:
        raise RefusedError(
            "ValidationException",
            "ValidationError",
            "Only queries with a MetricStat are served; metric math is not.",
        )
    stat = _structure(query["MetricStat"], "MetricStat")
    metric = _structure(stat.get("Metric"), "Metric")
    period = _period(stat)
    name = _text(metric, "MetricName")
    wanted = _text(stat, "Stat")
    statistic = _statistic(wanted)
    label = str(query.get("Label") or name)
    if stat.get("Unit") not in (None, "", UNITS.get(name, "None")):
        return label, []
    first = int(start) // period * period
    periods = _periods(metrics, metric, first, end, period)
    return label, [
        (Moment(at), _scaled(name, wanted, statistic(sums))) for at, sums in periods.items()
    ]


def list_metrics(metrics: Metrics, request: Request) -> Request:
    """A page of the metrics observed in the last three hours that fit the request."""
    offset = _offset(request)
    wanted = [_structure(each, "Dimensions") for each in _many(request, "Dimensions")]
    filters = [(_text(each, "Name"), each.get("Value")) for each in wanted]
    if request.get("RecentlyActive") not in (None, "", "PT3H"):
        raise _invalid("The parameter RecentlyActive can only be PT3H.")
    found = []
    for name, dimensions in metrics.observed():
        namespace = namespace_of(name)
        if request.get("Namespace") not in (None, "", namespace):
            continue
        if request.get("MetricName") not in (None, "", name):
            continue
        if all(_has(dimensions, key, value) for key, value in filters):
            shown = [{"Name": key, "Value": value} for key, value in dimensions]
            found.append({"Namespace": namespace, "MetricName": name, "Dimensions": shown})
    page = found[offset : offset + limits.METRICS_LISTED_MAX]
    reply: Request = {"Metrics": page}
    if len(found) > offset + len(page):
        reply["NextToken"] = str(offset + len(page))
    return reply


def _has(dimensions: Dimensions, name: str, value: Any) -> bool:
    return any(key == name and value in (None, "", held) for key, held in dimensions)


OPERATIONS: Final[dict[str, Callable[[Metrics, Request], Request]]] = {
    "GetMetricData": get_metric_data,
    "GetMetricStatistics": get_metric_statistics,
    "ListMetrics": list_metrics,
}
