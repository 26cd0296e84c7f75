"""What consumers are measured by, under the service's names (spec D.2), in the store's metrics.

By function: Invocations, Errors, Throttles, Duration, ConcurrentExecutions, IteratorAge,
DestinationDeliveryFailures. By mapping, where its MetricsConfig asks for EventCount: what was
polled, filtered, invoked, failed, dropped and delivered to a destination. One of ours beside them:
ExpiredEventCount, records that the stream's retention took before the function did.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

from ...metrics import Metrics

EVENT_COUNTS: Final = (
    "PolledEventCount",
    "FilteredOutEventCount",
    "InvokedEventCount",
    "FailedInvokeEventCount",
    "DroppedEventCount",
    "OnFailureDestinationDeliveredEventCount",
    "ExpiredEventCount",
)


class Running:
    """How many invocations of each function run at once, over all mappings. Thread-safe."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def begin(self, name: str) -> int:
        """One begins; returns how many run now."""
        with self._lock:
            self._counts[name] += 1
            return self._counts[name]

    def end(self, name: str) -> None:
        """One has ended."""
        with self._lock:
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]


class Meters:
    """The series of one mapping and its function. Thread-safe as Metrics is."""

    def __init__(
        self, metrics: Metrics, running: Running, name: str, uuid: str, event_counts: bool
    ) -> None:
        self._metrics = metrics
        self._running = running
        self._name = name
        self._uuid = uuid if event_counts else ""
        # Expired records are always counted: their loss is told nowhere else.
        self._expired_uuid = uuid

    def begin(self, age_ms: float | None, records: int) -> None:
        """An invocation begins; `age_ms` is that of its last record, None where it has none."""
        at_once = self._running.begin(self._name)
        self._function("ConcurrentExecutions", at_once)
        if age_ms is not None:
            self._function("IteratorAge", max(age_ms, 0))
        self._events("InvokedEventCount", records)

    def not_run(self) -> None:
        """It was refused before the function ran."""
        self._running.end(self._name)
        self._function("Throttles", 1)

    def end(self, seconds: float, failed: bool) -> None:
        """It has ended."""
        self._running.end(self._name)
        self._function("Invocations", 1)
        self._function("Errors", int(failed))
        self._function("Duration", seconds * 1000)

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
        self._function("DestinationDeliveryFailures", 1)
        self.dropped(records)

    def expired(self, records: int) -> None:
        """Records that retention took before they were done."""
        if records:
            series = self._metrics.series(
                "ExpiredEventCount", EventSourceMappingUUID=self._expired_uuid
            )
            series.add(records)

    def _function(self, metric: str, value: float) -> None:
        self._metrics.series(metric, FunctionName=self._name).add(value)

    def _events(self, metric: str, value: float) -> None:
        if self._uuid:
            self._metrics.series(metric, EventSourceMappingUUID=self._uuid).add(value)
