"""Readers and call rates of streams, bounded where the settings say so; off by default.

The service lets two processes read a shard, ListStreams be called 5 times a second and
DescribeStream 10 times (streams page A.8, A.13). Who reads is not told by a request, so a reader is
the chain of its iterators: a call with an iterator that was handed out as some reader's next one,
or that this reader used just now (a retry), is that reader's; any other begins a new one. A reader
not seen for READER_SEEN_SECONDS is gone. Rates are buckets that hold one second's calls.

All of it is in memory, on the store's clock, and bounded; a restart forgets it.
"""

from __future__ import annotations

import threading
from typing import Final

from .. import limits
from ..clock import Clock
from ..config import Settings
from ..errors import LimitExceeded, RequestError, Throttled

TOO_MANY: Final = "Too many operations for a given subscriber."
RATE_EXCEEDED: Final = "Rate exceeded"


class _Reader:
    """One chain of iterators: the one it used last, the one it was then given, and when."""

    __slots__ = ("next", "seen_ms", "used")

    def __init__(self, used: str, seen_ms: int) -> None:
        self.used = used
        self.next = ""
        self.seen_ms = seen_ms


class Pacing:
    """What the calls of one store have used up. Thread-safe."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self._readers_max = settings.shard_readers_max
        self._rates = {
            "GetRecords": settings.get_records_per_second,
            "DescribeStream": settings.describe_stream_per_second,
            "ListStreams": settings.list_streams_per_second,
        }
        self._lock = threading.Lock()
        # What is left of a second's calls, and as of when, by operation and shard.
        self._buckets: dict[tuple[str, int], tuple[float, int]] = {}
        self._readers: dict[int, list[_Reader]] = {}

    def call(self, operation: str, table: str = "") -> None:
        """Count a call of ListStreams or DescribeStream. Raises Throttled beyond the rate."""
        with self._lock:
            if not self._take(operation, 0):
                raise _about(Throttled(RATE_EXCEEDED), table)

    def read(self, shard_id: int, iterator: str, table: str = "") -> None:
        """Count a GetRecords on a shard. Raises LimitExceeded beyond the readers or the rate."""
        with self._lock:
            admitted = not self._readers_max or self._admit(shard_id, iterator)
            if not admitted or not self._take("GetRecords", shard_id):
                raise _about(LimitExceeded(TOO_MANY), table)

    def hand_out(self, shard_id: int, iterator: str, following: str | None) -> None:
        """Tell which iterator that GetRecords answered with; None at the end of the shard."""
        if not self._readers_max:
            return
        with self._lock:
            readers = self._readers.get(shard_id, [])
            for reader in readers:
                if reader.used == iterator:
                    if following is None:
                        readers.remove(reader)
                    else:
                        reader.next = following
                    return

    def _take(self, operation: str, shard_id: int) -> bool:
        rate = self._rates[operation]
        if not rate:
            return True
        now_ms = self._clock.now_ms()
        most = max(rate, 1.0)
        left, as_of = self._buckets.get((operation, shard_id), (most, now_ms))
        left = min(most, left + max(now_ms - as_of, 0) * rate / 1000)
        taken = left >= 1
        if len(self._buckets) >= limits.PACED_MAX:
            self._buckets.clear()
        self._buckets[operation, shard_id] = (left - taken, now_ms)
        return taken

    def _admit(self, shard_id: int, iterator: str) -> bool:
        now_ms = self._clock.now_ms()
        gone_ms = now_ms - limits.READER_SEEN_SECONDS * 1000
        readers = [each for each in self._readers.get(shard_id, ()) if each.seen_ms > gone_ms]
        if len(self._readers) >= limits.PACED_MAX:
            self._readers.clear()
        self._readers[shard_id] = readers
        for reader in readers:
            if iterator in (reader.used, reader.next):
                reader.used, reader.seen_ms = iterator, now_ms
                return True
        if len(readers) >= self._readers_max:
            return False
        readers.append(_Reader(iterator, now_ms))
        return True


def _about(error: RequestError, table: str) -> RequestError:
    error.table = table
    return error


def pacing_of(settings: Settings, clock: Clock) -> Pacing | None:
    """The pacing that the settings ask for, None where they ask for none."""
    asked = (
        settings.shard_readers_max
        or settings.get_records_per_second
        or settings.describe_stream_per_second
        or settings.list_streams_per_second
    )
    return Pacing(settings, clock) if asked else None
