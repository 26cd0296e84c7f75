"""What is said of each function's asynchronous invocations, in the memory of this process, as its
functions are.

A version or alias has settings of its own, as on the service: what is said of "$LATEST" holds where
none is named, and for nothing else.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from ... import limits


class EventConfig(NamedTuple):
    """One function's settings; None and "" are what was not said.

    retries          how often a failed event is tried again, 0..2
    age_seconds_max  how long an event may wait, 60..21,600
    on_success, on_failure   destinations: an ARN, or a file's URL
    """

    retries: int | None = None
    age_seconds_max: int | None = None
    on_success: str = ""
    on_failure: str = ""
    modified_ms: int = 0

    @property
    def retries_max(self) -> int:
        """How often a failed event is tried again."""
        return limits.EVENT_RETRIES_MAX if self.retries is None else self.retries

    @property
    def age_ms_max(self) -> int:
        """How old an event may become."""
        seconds = self.age_seconds_max
        return 1000 * (limits.EVENT_AGE_SECONDS_MAX if seconds is None else seconds)


NOTHING_SAID = EventConfig()


class EventConfigs:
    """Settings by function name and version or alias. Thread-safe."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], EventConfig] = {}
        self._lock = threading.Lock()

    def get(self, name: str, qualifier: str) -> EventConfig | None:
        """What was said, None where nothing was."""
        return self._by_name.get((name, qualifier))

    def put(self, name: str, qualifier: str, config: EventConfig) -> None:
        """Say it, in place of what was said before."""
        with self._lock:
            self._by_name = {**self._by_name, (name, qualifier): config}

    def remove(self, name: str, qualifier: str) -> bool:
        """Unsay it; whether anything was said."""
        with self._lock:
            kept = dict(self._by_name)
            found = kept.pop((name, qualifier), None)
            self._by_name = kept
        return found is not None

    def of(self, name: str) -> list[tuple[str, EventConfig]]:
        """(version or alias, what is said of it) of one function, ascending."""
        found = self._by_name.items()
        return sorted((qualifier, config) for (each, qualifier), config in found if each == name)
