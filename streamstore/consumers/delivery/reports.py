"""Failure records in the service's shape (spec B.8): what a mapping says of a batch it gave up on.

Pure: where they go is destinations' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from ..destinations.failure import Failure
from .retries import RECORD_AGE_EXCEEDED, Failed

# How a version is named that was published under no name.
_EXECUTED_VERSION = "$LATEST"


class Source(NamedTuple):
    """What the failures of one shard of one mapping have in common."""

    uuid: str
    function_arn: str
    stream_arn: str
    shard_name: str
    depth: int


def failure_of(
    source: Source,
    condition: str,
    *,
    request_id: str,
    calls: int,
    outcome: Failed | None,
    event: dict[str, Any],
    sequences: Sequence[int],
    created: Sequence[int],
    now_ms: int,
) -> Failure:
    """The failure of a batch with those counters and times, as its function was last called.

    `calls` 0 says that it never was; `outcome` is that of the last call. For the last invocation of
    a window, which has no records, `sequences` and `created` name the last record before it.
    """
    record: dict[str, Any] = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": source.function_arn,
            "condition": condition,
            "approximateInvokeCount": max(calls, 1),
        },
    }
    if outcome is not None and condition != RECORD_AGE_EXCEEDED:
        record["responseContext"] = {
            "statusCode": outcome.status,
            "executedVersion": _EXECUTED_VERSION,
            "functionError": outcome.function_error,
        }
    count = len(event["Records"])
    record["version"] = "1.0"
    record["timestamp"] = moment_ms(now_ms)
    record["DDBStreamBatchInfo"] = {
        "shardId": source.shard_name,
        "startSequenceNumber": f"{source.depth}{sequences[0]:020d}",
        "endSequenceNumber": f"{source.depth}{sequences[-1]:020d}",
        "approximateArrivalOfFirstRecord": moment(created[0]),
        "approximateArrivalOfLastRecord": moment(created[-1]),
        "batchSize": count,
        "streamArn": source.stream_arn,
    }
    return Failure(
        condition, record, orjson.dumps(event), count, source.uuid, source.shard_name, now_ms
    )


def moment(at_ms: int) -> str:
    """Whole seconds, as the service words times of records."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_ms(at_ms: int) -> str:
    """With milliseconds, as the service words the time of a failure."""
    seconds = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{seconds}.{at_ms % 1000:03d}Z"
