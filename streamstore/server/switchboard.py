"""What all connections of a server share: the way to the writer, the threads for long reads, the
making of pages.

It lives on one event loop, which it never lets wait: writes queue and are led at the end of the
loop's turn, or by a helper thread (leading.py); reads that are too long for the loop run in a few
threads of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .. import limits
from ..leading import LoopLeader, TurnReads
from ..operations.plan import Delayed, ReadPlan, WritePlan
from ..storage.writer import Outcome, Writer
from .protocol import Desk

if TYPE_CHECKING:
    from .pages import PageProtocol


class Switchboard:
    """What all connections of one server share. Lives on one event loop.

    `page` makes the protocol for one page request, given what to call when it is answered.
    """

    def __init__(
        self,
        desk: Desk,
        loop: asyncio.AbstractEventLoop,
        page: Callable[[Callable[[], None]], PageProtocol],
        connections: set[Any],
    ) -> None:
        self.desk = desk
        desk.reads = TurnReads(loop)
        self.loop = loop
        self.page = page
        self.connections = connections
        self.large_bodies = 0
        self._leader: LoopLeader | None = None
        self._writer: Writer | None = None  # the one that `_leader` leads for
        self._threads: ThreadPoolExecutor | None = None

    def enqueue(self, plan: WritePlan, deliver: Callable[[Outcome], None]) -> None:
        """Queue a write; raises Throttled. `deliver` is called on the loop after COMMIT."""
        leader = self._leader
        writer = self.desk.store.writer
        if leader is None or writer is not self._writer:
            # The first write, or the first one after the store was reopened with another writer.
            self._writer = writer
            self.desk.store.start_background()
            leader = self._leader = self.desk.store.leader(self.loop)
        leader.enqueue(plan.apply, plan.cost_bytes, deliver)

    def read_long(self, plan: ReadPlan, deliver: Callable[[Outcome], None]) -> None:
        """Read in a thread; `deliver` is called on the loop's thread.

        A delayed plan waits on the loop, which takes no thread, and is then what it has become.
        """
        if isinstance(plan, Delayed):
            self.loop.call_later(plan.seconds, self._go_on, plan, deliver)
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(limits.LONG_READ_THREADS, "streamstore-read")
        self._threads.submit(self._read, plan, deliver)

    def _go_on(self, delayed: Delayed, deliver: Callable[[Outcome], None]) -> None:
        """The time of a delayed plan has come. Never raises: the loop calls it."""
        outcome = Outcome()
        try:
            if self.desk.paused is not None:
                raise self.desk.paused
            plan = delayed.then()
            if isinstance(plan, WritePlan):
                self.enqueue(plan, deliver)
                return
            if isinstance(plan, ReadPlan):
                self.read_long(plan, deliver)
                return
            outcome.result = plan.reply
        except Exception as error:
            outcome.error = error
        deliver(outcome)

    def _read(self, plan: ReadPlan, deliver: Callable[[Outcome], None]) -> None:
        outcome = Outcome()
        try:
            outcome.result = self.desk.store.read(plan)
        except Exception as error:
            outcome.error = error
        self.loop.call_soon_threadsafe(deliver, outcome)

    def sweep(self) -> None:
        """Close connections that are idle for long, and those whose clients stopped reading."""
        for wire in list(self.connections):
            wire.sweep()

    def close(self) -> None:
        """End the threads; those that read are waited for."""
        if self._threads is not None:
            self._threads.shutdown()
