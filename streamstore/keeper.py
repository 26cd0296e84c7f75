"""The one daemon thread of an open store: it runs background ticks, and nothing else.

It starts at the first write, or at open when something is due, and is joined by close. A tick is a
bounded piece of work that answers "more?"; between pieces the thread lets go of the writer's lock,
so that requests go first. A tick that fails is reported and tried again a second later: background
work never takes the store down.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from . import limits
from .errors import StoreError

log = logging.getLogger("streamstore")


class Keeper:
    """Runs `tick` each second while it answers False, and again at once while it answers True."""

    def __init__(self, tick: Callable[[], bool]) -> None:
        self._tick = tick
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.failures = 0

    @property
    def running(self) -> bool:
        return self._thread is not None

    def start(self) -> None:
        """Start the thread, once; later calls do nothing."""
        if self._thread is not None or self._stop.is_set():
            return
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(
                    target=self._run, name="streamstore-background", daemon=True
                )
                thread.start()
                self._thread = thread

    def wake(self) -> None:
        """Have the next tick run now; from any thread, and cheap."""
        self._wake.set()

    def stop(self) -> None:
        """End the thread and wait for it; the tick under way is finished first."""
        self._stop.set()
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(limits.TICK_EVERY_SECONDS)
            self._wake.clear()
            if self._stop.is_set():
                break
            try:
                while self._tick() and not self._stop.is_set():
                    pass
            except StoreError as error:
                self.failures += 1
                if self.failures == 1:
                    log.warning("background work failed, and is tried again: %s", error)
