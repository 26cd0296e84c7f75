"""A store that a workload uses: opened when it is needed, closed in order, or left as a killed
process leaves it. Knows nothing of what is written.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, Final

from ...clock import ManualClock
from ...config import Settings
from ...store import Store

FILE: Final = "store.db"
_TICKS_MAX: Final = 50


class Life:
    """A store that a workload uses, closed and opened again in the course of it."""

    def __init__(
        self, folder: str, clock: ManualClock | None = None, *, settings: Settings | None = None
    ) -> None:
        self.settings = settings or Settings(background=False, first_partitions=2)
        self.folder = folder
        self.path = os.path.join(folder, FILE)
        self.clock = clock or ManualClock()
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        """The open store; opened where it is not."""
        if self._store is None:
            self._store = Store(self.path, self.settings, self.clock)
        return self._store

    @property
    def opened(self) -> Store | None:
        """The open store, or None."""
        return self._store

    def call(self, operation: str, **params: Any) -> Any:
        """An operation by its name."""
        return self.store.call(operation, params)

    def close(self) -> None:
        """In order: what is left is one file."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def die(self) -> None:
        """As a killed process ends: nothing is checkpointed, nothing removed."""
        store, self._store = self._store, None
        if store is not None:
            with suppress(Exception):
                store.readers.close()
            parts = store._parts
            with suppress(Exception):
                if parts.writer is not None:
                    parts.writer.close()
            if parts.claim is not None:
                parts.claim.release()
            store.close()

    def tick(self) -> None:
        """All background work that is due."""
        for _ in range(_TICKS_MAX):
            if not self.store.tick():
                return
