"""Observing: series of numbers by metric and dimensions, and the minutes they belong to.

An observation appends a number to a Series, which is a list: all that a request pays for. Series
are summed up later, in pieces, when one is long, when a minute ends, or when somebody asks.
Appending needs no lock: one bytecode of CPython does it, and summing up takes what it has seen.

Minutes are those of the store's clock, told by whoever calls `roll`: once a second in a server and
in the background, at each call of an embedded store. Everything is bounded: the number of series
(what comes beyond goes to those of the table OTHER), the minutes kept, the points in them.
"""

from __future__ import annotations

import threading
from typing import Final

from .. import limits
from .distribution import Distribution

Dimensions = tuple[tuple[str, str], ...]

OTHER: Final = "(other)"
LATENCY: Final = "SuccessfulRequestLatency"
MINUTE_MS: Final = 60_000
FOLD_AT: Final = 512

# Dimensions of series that are not a table's, of which there may be many.
_OWNERS: Final = frozenset({"FunctionName", "EventSourceMappingUUID"})
_THROTTLED: Final = {
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
}
_READS: Final = {"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"}
_WRITES: Final = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}


class Series(list[float]):
    """One metric with its dimensions: the observations not yet summed up, and the sums."""

    __slots__ = ("_lock", "dimensions", "minute", "name", "seen_minute", "whole")

    def __init__(self, name: str, dimensions: Dimensions, lock: threading.RLock) -> None:
        super().__init__()
        self.name = name
        self.dimensions = dimensions
        self.whole = Distribution()
        self.minute = Distribution()
        self.seen_minute = 0
        self._lock = lock

    def add(self, value: float) -> None:
        """One observation, for those that are not counted by the microsecond."""
        self.append(value)
        if len(self) >= FOLD_AT:
            self.fold()

    def fold(self) -> None:
        """Sum up what was observed."""
        with self._lock:
            size = len(self)
            if not size:
                return
            values = self[:size]
            del self[:size]
            part = Distribution()
            part.take(values)
            self.minute.merge(part)
            self.whole.merge(part)


class Latencies(dict[str, Series]):
    """The latencies of one operation in seconds, by table ("" where it names none)."""

    def __init__(self, metrics: Metrics, operation: str) -> None:
        super().__init__()
        self._metrics = metrics
        self.operation = operation

    def __missing__(self, table: str) -> Series:
        series = self._metrics.series(LATENCY, table, Operation=self.operation)
        if series.dimensions[-1][1] != OTHER:
            self[table] = series
        return series


class ByOperation(dict[str, Latencies]):
    """The latencies of each operation that was ever asked for; operations are few."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def __missing__(self, operation: str) -> Latencies:
        return self.setdefault(operation, Latencies(self._metrics, operation))


class Meter:
    """What one table, or one of its indexes, consumed: units a request."""

    __slots__ = ("reads", "writes")

    def __init__(self, metrics: Metrics, table: str, index: str) -> None:
        more = {"GlobalSecondaryIndexName": index} if index else {}
        self.reads = metrics.series("ConsumedReadCapacityUnits", table, **more)
        self.writes = metrics.series("ConsumedWriteCapacityUnits", table, **more)


class Meters(dict[str, Meter]):
    """Meters by table; those of indexes by table, a slash, and index."""

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics

    def __missing__(self, name: str) -> Meter:
        table, _, index = name.partition("/")
        meter = Meter(self._metrics, table, index)
        if meter.writes.dimensions[-1][1] != OTHER:
            self[name] = meter
        return meter

    def note_page(self, table: str, index: str | None, units: float, fetched: float) -> None:
        """A page of a Query or Scan: units on its table, or on its global index."""
        if index is None:
            self[table].reads.append(units)
            return
        self[f"{table}/{index}"].reads.append(units)
        if fetched:
            self[table].reads.append(fetched)


class Metrics:
    """All that one store counts. Thread-safe; it outlives a reopening of the store.

    `latencies` by operation and `meters` by table are for the hot path: look up, append.
    """

    def __init__(self, now_ms: int = 0) -> None:
        self._lock = threading.RLock()
        self._series: dict[tuple[str, Dimensions], Series] = {}
        self._minute = now_ms // MINUTE_MS
        self._minutes: dict[int, dict[tuple[str, Dimensions], Distribution]] = {}
        self._points = 0
        self.by_operation = ByOperation(self)
        self.meters = Meters(self)

    # Observing.

    def latencies(self, operation: str) -> Latencies:
        """The latencies of an operation that is served, to be kept by whoever asks."""
        return self.by_operation[operation]

    def series(self, name: str, table: str = "", **more: str) -> Series:
        """The series of a metric with these dimensions; OTHER's when there are too many."""
        dimensions = tuple(sorted({**more, **({"TableName": table} if table else {})}.items()))
        with self._lock:
            found = self._series.get((name, dimensions))
            if found is not None:
                return found
            if len(self._series) >= limits.METRIC_SERIES_MAX:
                if table not in ("", OTHER):
                    operation = {k: v for k, v in more.items() if k == "Operation"}
                    return self.series(name, OTHER, **operation)
                if not _OWNERS.isdisjoint(more) and OTHER not in more.values():
                    return self.series(name, **dict.fromkeys(more, OTHER))
            made = self._series[name, dimensions] = Series(name, dimensions, self._lock)
            made.seen_minute = self._minute
            return made

    def failed(self, operation: str, table: str, code: str, status: int) -> None:
        """A call that was refused or that failed, by the error's code and HTTP's status."""
        if status >= 500:
            self.series("SystemErrors", table, Operation=operation).add(1)
        elif code in _THROTTLED or (code == "LimitExceededException" and operation == "GetRecords"):
            self.series("ThrottledRequests", table, Operation=operation).add(1)
            kind = "Read" if operation in _READS else "Write" if operation in _WRITES else ""
            if kind and table:
                self.series(f"{kind}ThrottleEvents", table).add(1)
        elif code == "ConditionalCheckFailedException":
            self.series("ConditionalCheckFailedRequests", table).add(1)
        else:
            self.series("UserErrors").add(1)
            if code == "TransactionConflictException":
                self.series("TransactionConflict", table).add(1)

    def returned(self, table: str, label: str, records: int, size_bytes: int) -> None:
        """A page of GetRecords: one streams read request unit, whatever is in it."""
        for name, value in (("ReturnedRecordsCount", records), ("ReturnedBytes", size_bytes)):
            self.series(name, table, Operation="GetRecords", StreamLabel=label).add(value)

    def expired(self, table: str, items: int) -> None:
        """Items that time to live deleted."""
        self.series("TimeToLiveDeletedItemCount", table).add(items)

    # Minutes.

    def roll(self, now_ms: int) -> None:
        """Tell the time of the store's clock: at a new minute the one before is put away."""
        minute = now_ms // MINUTE_MS
        if minute == self._minute:
            return
        with self._lock:
            if minute != self._minute:
                self._put_away()
                self._minute = minute
                self._forget(minute - limits.METRIC_MINUTES_KEPT)

    def fold(self) -> None:
        """Sum up all that was observed; once a second is enough."""
        with self._lock:
            for series in self._series.values():
                if series:
                    series.fold()

    def _put_away(self) -> None:
        self.fold()
        points = self._minutes.setdefault(self._minute, {})
        for key, series in self._series.items():
            if series.minute.count:
                before = points.get(key)
                if before is None:
                    points[key] = series.minute
                    self._points += 1
                else:
                    before.merge(series.minute)
                series.minute = Distribution()
                series.seen_minute = self._minute

    def _forget(self, until: int) -> None:
        """Drop minutes too old or too much, and series that nobody has written to since."""
        for minute in sorted(self._minutes):
            if minute > until and self._points <= limits.METRIC_POINTS_MAX:
                break
            self._points -= len(self._minutes.pop(minute))
        if len(self._series) < limits.METRIC_SERIES_MAX * 3 // 4:
            return
        for key, series in list(self._series.items()):
            if series.seen_minute <= until and not series:
                del self._series[key]
        self.meters.clear()
        for latencies in self.by_operation.values():
            latencies.clear()

    # Asking.

    def observed(self) -> list[tuple[str, Dimensions]]:
        """Every metric that has been observed within the time kept, sorted."""
        with self._lock:
            self.fold()
            found = {key for key, series in self._series.items() if series.minute.count}
            for points in self._minutes.values():
                found.update(points)
        return sorted(found)

    def points(
        self, name: str, dimensions: Dimensions, start_minute: int, end_minute: int
    ) -> dict[int, Distribution]:
        """What was observed in each minute of [start, end) that had any, ascending."""
        key = (name, tuple(sorted(dimensions)))
        found: dict[int, Distribution] = {}
        with self._lock:
            series = self._series.get(key)
            if series is not None:
                series.fold()
            for minute in sorted({*self._minutes, self._minute}):
                if not start_minute <= minute < end_minute:
                    continue
                both = Distribution()
                kept = self._minutes.get(minute, {}).get(key)
                if kept is not None:
                    both.merge(kept)
                if minute == self._minute and series is not None:
                    both.merge(series.minute)
                if both.count:
                    found[minute] = both
        return found

    def totals(self) -> list[tuple[str, Dimensions, Distribution]]:
        """Every series since the start, sorted by name and dimensions."""
        with self._lock:
            self.fold()
            found = [
                (name, dimensions, series.whole)
                for (name, dimensions), series in self._series.items()
                if series.whole.count
            ]
        return sorted(found, key=lambda each: each[:2])
