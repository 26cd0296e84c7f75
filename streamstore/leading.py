"""How an event loop takes part in group commit: it leads where that is quick, and never waits for a
lock.

All writes that one turn of the loop hands over are led in one go at the end of that turn, so they
commit under one
sync. When another thread holds the writer, or COMMIT has become slow, one helper thread leads
instead (engine.md 1.7).
Results come back on the loop's own thread, those of one group in one wake-up.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from . import limits
from .storage.writer import Outcome, Writer

Unit = Callable[[Any], Any]
Deliver = Callable[[Outcome], None]


class LoopLeader:
    """The place of one event loop in the writer's queue. Make and use it on that loop's thread
    only.
    """

    def __init__(self, writer: Writer, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._loop = loop
        self._thread_id = threading.get_ident()
        self._scheduled = False
        self._helping = False
        self._arrived: list[tuple[Deliver, Outcome]] = []
        self._arrived_lock = threading.Lock()

    def enqueue(self, unit: Unit, cost_bytes: int, deliver: Deliver) -> None:
        """Queue a unit; `deliver` is called on the loop's thread after COMMIT. Raises Throttled
        when the queue is full.
        """
        self._writer.enqueue(unit, cost_bytes, lambda outcome: self._deliver(deliver, outcome))
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._lead)

    def submit(self, unit: Unit, cost_bytes: int) -> asyncio.Future[Any]:
        """Queue a unit; the future has its reply or its error. Cancelling the future does not
        withdraw the write.
        """
        future: asyncio.Future[Any] = self._loop.create_future()

        def deliver(outcome: Outcome) -> None:
            if future.cancelled():
                return
            if outcome.error is None:
                future.set_result(outcome.result)
            else:
                future.set_exception(outcome.error)

        self.enqueue(unit, cost_bytes, deliver)
        return future

    def _deliver(self, deliver: Deliver, outcome: Outcome) -> None:
        if threading.get_ident() == self._thread_id:
            deliver(outcome)
            return
        with self._arrived_lock:
            self._arrived.append((deliver, outcome))
            first = len(self._arrived) == 1
        if first:
            self._loop.call_soon_threadsafe(self._take_in)

    def _take_in(self) -> None:
        with self._arrived_lock:
            arrived, self._arrived = self._arrived, []
        for deliver, outcome in arrived:
            deliver(outcome)

    def _lead(self) -> None:
        self._scheduled = False
        writer = self._writer
        quick = writer.commit_seconds <= limits.LOOP_COMMIT_SECONDS_MAX
        if quick and not self._helping and writer.try_lead() and not writer.pending:
            return
        if writer.pending and not self._helping:
            self._helping = True
            self._loop.run_in_executor(None, self._help)

    def _help(self) -> None:
        """On a helper thread: wait for the lock and lead until nothing is queued."""
        try:
            self._writer.lead()
        finally:
            self._loop.call_soon_threadsafe(self._helped)

    def _helped(self) -> None:
        self._helping = False
        if self._writer.pending:
            self._lead()
