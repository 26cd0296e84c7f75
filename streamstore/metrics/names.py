"""What metrics are called: at CloudWatch, with their namespace and unit, and in Prometheus's text.

A metric's name says its namespace: those of tables and streams are AWS/DynamoDB's, those of
functions and event source mappings AWS/Lambda's.
"""

from __future__ import annotations

from typing import Final

from .recording import LATENCY

DYNAMODB: Final = "AWS/DynamoDB"
LAMBDA: Final = "AWS/Lambda"

# Of functions and mappings -> its name in Prometheus's text. Those in _SUMMED are numbers of which
# more than the sum is worth knowing.
_OF_LAMBDA: Final = {
    "Invocations": "lambda_invocations_total",
    "Errors": "lambda_errors_total",
    "Throttles": "lambda_throttles_total",
    "Duration": "lambda_duration_milliseconds",
    "ConcurrentExecutions": "lambda_concurrent_executions",
    "IteratorAge": "lambda_iterator_age_milliseconds",
    "AsyncEventsReceived": "lambda_async_events_received_total",
    "AsyncEventAge": "lambda_async_event_age_milliseconds",
    "AsyncEventsDropped": "lambda_async_events_dropped_total",
    "DestinationDeliveryFailures": "lambda_destination_delivery_failures_total",
    "PolledEventCount": "mapping_polled_events_total",
    "FilteredOutEventCount": "mapping_filtered_out_events_total",
    "InvokedEventCount": "mapping_invoked_events_total",
    "FailedInvokeEventCount": "mapping_failed_invoke_events_total",
    "DroppedEventCount": "mapping_dropped_events_total",
    "OnFailureDestinationDeliveredEventCount": "mapping_destination_delivered_events_total",
    "ExpiredEventCount": "mapping_expired_events_total",
}
SUMMED: Final = frozenset({"Duration", "ConcurrentExecutions", "IteratorAge", "AsyncEventAge"})
_MILLISECONDS: Final = frozenset({LATENCY, "Duration", "IteratorAge", "AsyncEventAge"})
PROMETHEUS: Final = {
    "ReturnedRecordsCount": "returned_records_total",
    "ReturnedBytes": "returned_bytes_total",
    "UserErrors": "user_errors_total",
    "SystemErrors": "system_errors_total",
    "ThrottledRequests": "throttled_requests_total",
    "ReadThrottleEvents": "read_throttle_events_total",
    "WriteThrottleEvents": "write_throttle_events_total",
    "ConditionalCheckFailedRequests": "conditional_check_failed_requests_total",
    "TransactionConflict": "transaction_conflicts_total",
    "ConsumedReadCapacityUnits": "consumed_read_capacity_units_total",
    "ConsumedWriteCapacityUnits": "consumed_write_capacity_units_total",
    "TimeToLiveDeletedItemCount": "time_to_live_deleted_items_total",
    **_OF_LAMBDA,
}
LABELS: Final = {
    "TableName": "table",
    "Operation": "operation",
    "StreamLabel": "stream",
    "GlobalSecondaryIndexName": "index",
    "FunctionName": "function",
    "EventSourceMappingUUID": "mapping",
}
# Every metric's unit at CloudWatch.
UNITS: Final = {
    LATENCY: "Milliseconds",
    **{name: "Milliseconds" if name in _MILLISECONDS else "Count" for name in PROMETHEUS},
    "ReturnedBytes": "Bytes",
}


def namespace_of(metric: str) -> str:
    """The CloudWatch namespace that a metric belongs to."""
    return LAMBDA if metric in _OF_LAMBDA else DYNAMODB
