"""The only place that reads the time. Everything else is given a Clock.

Milliseconds since 1970 (UTC) are the unit on disk and between rooms; seconds appear only on the
wire.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the store asks of time."""

    def now_ms(self) -> int:
        """Wall time in milliseconds since 1970."""
        ...

    def monotonic(self) -> float:
        """Seconds of a clock that never steps back; for measuring and for deadlines of real
        waiting.
        """
        ...

    def stepped_ms(self) -> int:
        """How far wall time has run ahead of boot time since the clock was made; 0 where the clock
        is trusted.
        """
        ...


class SystemClock:
    """The machine's clock, with the boot clock beside it so that a step of it can be seen."""

    def __init__(self) -> None:
        self._boot_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        self._wall_at_start = time.time_ns()
        self._boot_at_start = time.clock_gettime_ns(self._boot_id)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def stepped_ms(self) -> int:
        wall = time.time_ns() - self._wall_at_start
        boot = time.clock_gettime_ns(self._boot_id) - self._boot_at_start
        return (wall - boot) // 1_000_000


class ManualClock:
    """A clock that moves only when told; its moves are trusted. Thread-safe."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return time.monotonic()

    def stepped_ms(self) -> int:
        return 0

    def advance(self, seconds: float) -> int:
        """Move by `seconds` (negative moves back); returns the new time in milliseconds."""
        with self._lock:
            self._now_ms += round(seconds * 1000)
            return self._now_ms

    def set_ms(self, now_ms: int) -> None:
        with self._lock:
            self._now_ms = now_ms


class ShiftedClock:
    """Another clock plus an offset that may be moved: what `streamstore clock advance` moves in a
    server.
    """

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._offset_ms = 0
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        return self._base.now_ms() + self._offset_ms

    def monotonic(self) -> float:
        return self._base.monotonic()

    def stepped_ms(self) -> int:
        return self._base.stepped_ms()

    def advance(self, seconds: float) -> int:
        """Move the offset by `seconds`; returns the new time in milliseconds."""
        with self._lock:
            self._offset_ms += round(seconds * 1000)
            return self.now_ms()
