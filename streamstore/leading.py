"""How an event loop takes part in group commit, and how it reads: it leads where that is quick, and
never waits for a lock.

All writes that one turn of the loop hands over are led in one go at the end of that turn, so they
commit under one sync. When another thread holds the writer, or COMMIT has become slow, one helper
thread leads instead (engine.md 1.7). Results come back on the loop's own thread, those of one group
in one wake-up.

Short reads of one turn share one read transaction, which ends with the turn. Nobody can tell: what
a turn serves was sent before the transaction began, or a commit since then shows in the engine's
count of commits, and the transaction is begun anew.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any

from . import limits
from .errors import StorageError
from .storage.readers import AnyReaders, MemoryReaders
from .storage.writer import Outcome, Writer

if TYPE_CHECKING:
    from .engine.engine import Engine
    from .operations.plan import ReadPlan, Reply
    from .storage.transaction import ReadTransaction

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
        self._writer.enqueue(unit, cost_bytes, _Awaited(self, future))
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._lead)
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


class _Awaited:
    """Tells an awaiter what became of its write."""

    __slots__ = ("_future", "_leader")

    def __init__(self, leader: LoopLeader, future: asyncio.Future[Any]) -> None:
        self._leader = leader
        self._future = future

    def __call__(self, outcome: Outcome) -> None:
        self._leader._deliver(self._tell, outcome)

    def _tell(self, outcome: Outcome) -> None:
        future = self._future
        # Cancelled by its awaiter, or told already by a leader that was then cut.
        if future.done():
            return
        if outcome.error is None:
            future.set_result(outcome.result)
        else:
            future.set_exception(outcome.error)


class TurnReads:
    """The reads that one event loop makes by itself, those of a turn in one snapshot."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._reader: AbstractContextManager[ReadTransaction] | None = None
        self._readers: AnyReaders | None = None
        self._rx: ReadTransaction | None = None
        self._commits = -1
        self._ending = False

    def read(self, engine: Engine, readers: AnyReaders, plan: ReadPlan) -> Reply:
        """Carry out a short reading plan. Raises Busy where a lock is taken: use a thread then."""
        if isinstance(readers, MemoryReaders):
            # Its transaction is the writer's lock, which nobody may keep.
            with readers.loop_transaction() as rx:
                return plan.read(rx)
        if self._rx is None or engine.commits != self._commits or readers is not self._readers:
            self._begin(engine, readers)
        assert self._rx is not None
        try:
            return plan.read(self._rx)
        except StorageError:
            self.end()
            raise

    def _begin(self, engine: Engine, readers: AnyReaders) -> None:
        self.end()
        self._commits = engine.commits
        reader = readers.loop_transaction()
        self._rx = reader.__enter__()
        self._reader, self._readers = reader, readers
        if not self._ending:
            self._ending = True
            self._loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._ending = False
        self.end()

    def end(self) -> None:
        """End the snapshot, if there is one."""
        reader, self._reader, self._rx = self._reader, None, None
        if reader is not None:
            # A store that is being reopened closes its readers under us; there is nothing to end
            # then.
            with suppress(Exception):
                reader.__exit__(None, None, None)
