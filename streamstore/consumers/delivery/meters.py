"""What mappings are measured by, under the service's names (spec D.2), in the store's metrics.

By function, beside what every invocation counts (metering): IteratorAge and
DestinationDeliveryFailures. By mapping, where its MetricsConfig asks for EventCount: what was
polled, filtered, invoked, failed, dropped and delivered to a destination. One of ours beside them:
ExpiredEventCount, records that the stream's retention took before the function did.
"""

from __future__ import annotations

from typing import Final

from ...metrics import Metrics
from ..metering import FunctionMeters, Running

EVENT_COUNTS: Final = (
    "PolledEventCount",
    "FilteredOutEventCount",
    "InvokedEventCount",
    "FailedInvokeEventCount",
    "DroppedEventCount",
    "OnFailureDestinationDeliveredEventCount",
    "ExpiredEventCount",
)


class Meters:
    """The series of one mapping and its function. Thread-safe as Metrics is."""

    def __init__(
        self, metrics: Metrics, running: Running, name: str, uuid: str, event_counts: bool
    ) -> None:
        self._metrics = metrics
        self._function = FunctionMeters(metrics, running, name)
        self._uuid = uuid if event_counts else ""
        # Expired records are always counted: their loss is told nowhere else.
        self._expired_uuid = uuid

    def begin(self, age_ms: float | None, records: int) -> None:
        """An invocation begins; `age_ms` is that of its last record, None where it has none."""
        self._function.begin()
        if age_ms is not None:
            self._function.add("IteratorAge", max(age_ms, 0))
        self._events("InvokedEventCount", records)

    def not_run(self) -> None:
        """It was refused before the function ran."""
        self._function.not_run()

    def end(self, seconds: float, failed: bool) -> None:
        """It has ended."""
        self._function.end(seconds, failed)

    def failed(self, records: int) -> None:
        """Records of an invocation that failed, or that reported failures."""
        self._events("FailedInvokeEventCount", records)

    def polled(self, records: int) -> None:
        self._events("PolledEventCount", records)

    def filtered(self, records: int) -> None:
        """So many of those that were looked at didn't pass; 0 where all did."""
        self._events("FilteredOutEventCount", records)

    def dropped(self, records: int) -> None:
        self._events("DroppedEventCount", records)

    def delivered(self, records: int) -> None:
        """A destination has taken them."""
        self._events("OnFailureDestinationDeliveredEventCount", records)

    def undelivered(self, records: int) -> None:
        """A destination has not."""
        self._function.add("DestinationDeliveryFailures", 1)
        self.dropped(records)

    def expired(self, records: int) -> None:
        """Records that retention took before they were done."""
        if records:
            series = self._metrics.series(
                "ExpiredEventCount", EventSourceMappingUUID=self._expired_uuid
            )
            series.add(records)

    def _events(self, metric: str, value: float) -> None:
        if self._uuid:
            self._metrics.series(metric, EventSourceMappingUUID=self._uuid).add(value)
