"""The time that retention believes, and the age at which a record is too old.

Retention throws data away by the clock, so a clock that is set wrong must not be able to empty a
store. While the process runs, wall time is compared with the boot clock (`Clock.stepped_ms`). After
a step forward of more than an hour retention goes on as if the step had not happened, at the old
pace, until the new time has stood for ten minutes or somebody confirms it. Smaller steps, steps
back, time that passed while the store was closed and the moves of a ManualClock are believed at
once: the clocks report no step for the latter two.

It decides nothing about records that were trimmed before: those stay behind their shard's persisted
horizon.
"""

from __future__ import annotations

import threading
from typing import Final

from ... import limits
from ...clock import Clock
from ...config import Settings

_STEP_MS_MAX: Final = limits.CLOCK_STEP_SECONDS_MAX * 1000
# A held time that moves by more than this has not stood still, and its ten minutes start again.
_STANDS_WITHIN_MS: Final = 60_000
_CACHED_TABLES_MAX: Final = 4096
_UNLIMITED_MS: Final = 2**62


class Horizon:
    """The age limit of records, by table name, on a clock that is not believed blindly.
    Thread-safe.
    """

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings
        self._believed_step_ms = clock.stepped_ms()
        self._held_step_ms: int | None = None
        self._held_since = 0.0
        self._lock = threading.Lock()
        self._retention_ms: dict[str, int] = {}

    def now_ms(self) -> int:
        """The time, in milliseconds since 1970, by which records age."""
        step = self._clock.stepped_ms()
        if step == self._believed_step_ms:
            return self._clock.now_ms()
        with self._lock:
            return self._clock.now_ms() - self._doubted_ms(step)

    def cut_ms(self, table_name: str) -> int:
        """Records created before this time are past the horizon; those created at it or later
        are kept.
        """
        return self.now_ms() - self.retention_ms(table_name)

    def retention_ms(self, table_name: str) -> int:
        """How long the records of that table are kept, in milliseconds; where that is for ever, by
        a number that puts the horizon before all times.
        """
        known = self._retention_ms.get(table_name)
        if known is None:
            seconds = self._settings.table(table_name).retention_seconds
            assert seconds is not None, "Settings.table fills in what a table leaves out"
            known = seconds * 1000 if seconds else _UNLIMITED_MS
            if len(self._retention_ms) >= _CACHED_TABLES_MAX:
                self._retention_ms.clear()
            self._retention_ms[table_name] = known
        return known

    @property
    def held_ms(self) -> int:
        """By how much retention lags behind the clock because of a step that is not believed
        yet; 0 normally.
        """
        with self._lock:
            return self._doubted_ms(self._clock.stepped_ms())

    def confirm(self) -> int:
        """Believe the clock as it is now; returns the milliseconds that were held back."""
        with self._lock:
            step = self._clock.stepped_ms()
            held = self._doubted_ms(step)
            self._believe(step)
            return held

    def _doubted_ms(self, step: int) -> int:
        if step - self._believed_step_ms <= _STEP_MS_MAX:
            self._believe(step)
            return 0
        if self._held_step_ms is None or abs(step - self._held_step_ms) > _STANDS_WITHIN_MS:
            self._held_step_ms = step
            self._held_since = self._clock.monotonic()
        elif self._clock.monotonic() - self._held_since >= limits.CLOCK_SETTLE_SECONDS:
            self._believe(step)
            return 0
        return step - self._believed_step_ms

    def _believe(self, step: int) -> None:
        self._believed_step_ms = step
        self._held_step_ms = None
