"""Invocation records in the service's shape: what a destination is told of an event and its end.

Pure: where they go is destinations' business.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..destinations.parcel import Result
from ..functions import LATEST
from ..targets.target import Answered, FunctionError, NotJson


def result_of(
    *,
    function_name: str,
    function_arn: str,
    request_id: str,
    condition: str,
    calls: int,
    event: Any,
    last: Answered | FunctionError | None,
    now_ms: int,
) -> Result:
    """The result of an event that is over after `calls` runs. `last` is what the last one came to,
    None where it never ran.
    """
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": _moment(now_ms),
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": calls,
        },
        "requestPayload": event,
    }
    if isinstance(last, FunctionError):
        record["responseContext"] = {
            "statusCode": last.status,
            "executedVersion": LATEST,
            "functionError": last.kind,
        }
        record["responsePayload"] = last.told()
    elif last is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": LATEST}
        record["responsePayload"] = None if isinstance(last.value, NotJson) else last.value
    return Result(record, function_name, request_id, now_ms)


def _moment(at_ms: int) -> str:
    seconds = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{seconds}.{at_ms % 1000:03d}Z"
