"""A mapping as replies of the Lambda API show it (spec B.3)."""

from __future__ import annotations

from typing import Any, Final

from ..functions import Functions
from ..mapping import Mapping

_ARN_FIELDS: Final = 6


def mapping_arn(mapping: Mapping) -> str:
    """The mapping's own ARN, in the region and account of its stream."""
    region, account = home(mapping.stream_arn)
    return f"arn:aws:lambda:{region}:{account}:event-source-mapping:{mapping.uuid}"


def function_arn(mapping: Mapping) -> str:
    """The ARN of its function, in the region and account of its stream."""
    region, account = home(mapping.stream_arn)
    return Functions.arn(mapping.function_name, region, account, mapping.qualifier)


def home(arn: str) -> tuple[str, str]:
    """Region and account of an ARN."""
    fields = arn.split(":", _ARN_FIELDS - 1)
    return fields[3], fields[4]


def described(mapping: Mapping, *, listed: bool = False) -> dict[str, Any]:
    """The members of an EventSourceMappingConfiguration; in a list, filters under a key of the
    caller's own are not shown.
    """
    on_failure = {"Destination": mapping.destination} if mapping.destination else {}
    members: dict[str, Any] = {
        "UUID": mapping.uuid,
        "EventSourceMappingArn": mapping_arn(mapping),
        "EventSourceArn": mapping.stream_arn,
        "FunctionArn": function_arn(mapping),
        "State": mapping.state,
        "StateTransitionReason": mapping.transition_reason,
        "LastModified": mapping.modified_ms / 1000,
        "LastProcessingResult": mapping.last_result,
        "StartingPosition": mapping.starting_position,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window_seconds,
        "ParallelizationFactor": mapping.parallelization_factor,
        "BisectBatchOnFunctionError": mapping.bisect,
        "MaximumRetryAttempts": mapping.retry_attempts_max,
        "MaximumRecordAgeInSeconds": mapping.record_age_seconds_max,
        "TumblingWindowInSeconds": mapping.tumbling_window_seconds,
        "FunctionResponseTypes": ["ReportBatchItemFailures"]
        if mapping.report_item_failures
        else [],
        "DestinationConfig": {"OnFailure": on_failure},
    }
    if mapping.filters and not (listed and mapping.kms_key):
        filters = [{"Pattern": pattern} for pattern in mapping.filters]
        members["FilterCriteria"] = {"Filters": filters}
    if mapping.kms_key:
        members["KMSKeyArn"] = mapping.kms_key
    if mapping.event_count_metrics:
        members["MetricsConfig"] = {"Metrics": ["EventCount"]}
    return members
