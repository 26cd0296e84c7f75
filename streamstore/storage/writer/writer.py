"""The writer: a queue in front of group commit, without a thread of its own.

Owns: who leads and who waits, the bounds of the queue, the lock, other work under the lock,
closing. Must not know: what happens to a group (commit.py), what a unit writes.

Whoever finds the lock free leads: it commits for all who wait, threads and event loops alike, up to
its own unit, and hands the rest on to the first who waits. Waiting threads look up every
WAITER_WAKE_SECONDS and lead themselves if nobody does, so a leader that died, or a wake-up that got
lost, costs them no more than that. An event loop never waits: it enqueues, calls `try_lead`, and,
while `pending` is true, calls it again soon or lets a thread call `lead`.

Leaders die: KeyboardInterrupt and asynchronous exceptions strike between any two bytecodes. The
lock is therefore only ever held by a `with` statement whose entry and exit are C (see Attempt), and
everything about the group in flight is in one object that the next holder of the lock finishes.
tests/unit/storage/test_writer_interrupts.py hunts this.

A unit must not call the writer: it would wait for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock
from typing import Any, TypeVar

import apsw

from ...clock import Clock
from ...errors import Busy, Latched, StorageError, StoreClosed, Throttled
from ...limits import (
    BUSY_SECONDS_THREAD,
    GROUP_APPLY_SECONDS_MAX,
    GROUP_UNITS_MAX,
    LEAD_GROUPS_MAX,
    QUEUE_BYTES_MAX,
    QUEUE_UNITS_MAX,
    WAITER_WAKE_SECONDS,
)
from ..connection import keep_for_ever, on_fork, translate
from ..transaction import WriteTransaction
from .commit import GroupCommit
from .flight import Attempt, Group, Member, Outcome, Unit, definite

T = TypeVar("T")


class Writer(GroupCommit):
    """The one way to write. Thread-safe.

    `durable`: COMMIT syncs, so `syncs` counts it. False in memory and with a weaker durability.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        open_group: Callable[[WriteTransaction], Group],
        clock: Clock,
        *,
        durable: bool = True,
    ) -> None:
        super().__init__(connection, open_group, clock, durable)
        self._make_locks()
        self._closing = self._closed = False
        self.wal_alarm_bytes = 1 << 62  # of `wal_bytes`, past which `on_wal_growth` is called
        self.on_wal_growth: Callable[[], None] | None = None
        self.on_pending: Callable[[], None] | None = None  # a loop's units wait and nobody leads
        on_fork(self)

    def _make_locks(self) -> None:
        self._lock: Any = Lock()
        self._gate = Lock()
        self._take = partial(self._lock.acquire, False)

    # ---- asking for a write ----

    def run(self, unit: Unit, cost_bytes: int = 512) -> Any:
        """Write and wait: the unit's result, from any thread.

        `cost_bytes` is the encoded size, for the bounds of groups and of the queue. Raises the
        unit's own error, Throttled when too many wait already, or a StorageError.
        """
        member = Member(unit, cost_bytes, None)
        try:
            self._admit(member)
            self._await((member,))
        except BaseException:
            # Whoever is interrupted won't look at the outcome: what has not begun must not happen
            # later.
            member.withdrawn = True
            raise
        error = member.error
        if error is None:
            return member.result
        # An error whose traceback leads back to it would be garbage that only the collector finds.
        member.error = None
        try:
            raise error
        finally:
            del error

    def run_many(self, units: Sequence[tuple[Unit, int]]) -> list[Outcome]:
        """Write many units, each on its own, in as few groups as the bounds allow.

        One outcome each, in order; an error is an outcome too.
        """
        outcomes: list[Outcome] = []
        for start in range(0, len(units), GROUP_UNITS_MAX):
            members = [
                Member(unit, cost, None) for unit, cost in units[start : start + GROUP_UNITS_MAX]
            ]
            outcomes += members
            try:
                self._admit_many(members)
                self._await(members)
            except StorageError as refusal:
                for member in members:
                    member.error = definite(refusal)
            except BaseException:
                for member in members:
                    member.withdrawn = True
                raise
        return outcomes

    def enqueue(self, unit: Unit, cost_bytes: int, deliver: Callable[[Outcome], None]) -> None:
        """Ask for a write without waiting.

        `deliver(outcome)` is called once it is settled, by whichever thread leads; what it raises
        is dropped, and after an interruption of a leader it may be called twice. Follow up with
        `try_lead`, and again while `pending`. Raises Throttled when the queue is full.
        """
        self._admit(Member(unit, cost_bytes, deliver))

    def _admit(self, member: Member) -> None:
        cost = member.cost
        with self._gate:
            refusal = self._refusal()
            if refusal is not None:
                raise definite(refusal)
            waiting_bytes = self._bytes_in - self._bytes_out
            if len(self._queue) >= QUEUE_UNITS_MAX or waiting_bytes + cost > QUEUE_BYTES_MAX:
                raise Throttled(
                    f"{len(self._queue)} writes ({waiting_bytes} bytes) wait already. Try again."
                )
            self._bytes_in += cost
            self._queue.append(member)

    def _admit_many(self, members: list[Member]) -> None:
        """As `_admit`, but without a bound: a thread has at most one group's worth queued."""
        with self._gate:
            refusal = self._refusal()
            if refusal is not None:
                raise refusal
            self._bytes_in += sum(member.cost for member in members)
            self._queue.extend(members)

    def _refusal(self) -> StorageError | None:
        if self._shut is None and self._closing:
            return StoreClosed("The store is closing. Open it again.")
        return self._shut

    def _await(self, members: Sequence[Member]) -> None:
        """Until the last of this thread's members is settled: lead if nobody does, else sleep."""
        last = members[-1]
        try:
            while (flight := last.flight) is None or not flight.settled:
                if not self._lead_if_free(last, BUSY_SECONDS_THREAD):
                    self._sleep(members)
        finally:
            if self._queue:
                self._hand_on()

    def _sleep(self, members: Sequence[Member]) -> None:
        wake = members[-1].wake
        if wake is not None:
            wake.acquire(True, WAITER_WAKE_SECONDS)
            return
        wake = Lock()
        wake.acquire()
        for member in members:
            member.wake = wake
        # The caller looks again before it sleeps: the leader may have settled the members before it
        # saw `wake`.

    def _hand_on(self) -> None:
        """With the lock free again, wake the first who waits, so that somebody leads."""
        try:
            first = self._queue[0]
        except IndexError:
            return
        with suppress(Exception):
            if first.wake is not None:
                if first.wake.locked():
                    first.wake.release()
            elif first.deliver is not None and self.on_pending is not None:
                self.on_pending()

    # ---- leading ----

    @property
    def pending(self) -> bool:
        """Somebody waits, or outcomes are not all delivered: a loop calls `try_lead` again soon."""
        return bool(self._queue) or self._flight is not None

    def try_lead(self) -> bool:
        """Lead if the lock is free, without waiting for anything: for an event loop.

        True if groups were led; it stops when the queue is empty or 10 ms have passed. False:
        somebody else leads, or another program holds SQLite's lock; then let a thread call `lead`.
        """
        led = self._lead_if_free(None, 0.0)
        if led and self._queue and self._queue[0].deliver is None:
            self._hand_on()
        return led

    def lead(self) -> None:
        """Lead, from a thread, until nobody waits or LEAD_GROUPS_MAX groups are done."""
        with self._lock:
            self._lead(None, BUSY_SECONDS_THREAD)
        if self._queue:
            self._hand_on()

    def _lead_if_free(self, until: Member | None, busy_seconds: float) -> bool:
        held = False
        try:
            with Attempt(self._take, self._lock):
                held = True
                return self._lead(until, busy_seconds)
        except StopIteration:
            if held:
                raise
            return False

    def _lead(self, until: Member | None, busy_seconds: float) -> bool:
        """Under the lock: commit groups, until this thread's own last member is settled."""
        if self._flight is not None:
            self._recover(self._flight, None)
        queue = self._queue
        deadline = self._monotonic() + GROUP_APPLY_SECONDS_MAX
        for _ in range(LEAD_GROUPS_MAX):
            if not queue:
                break
            if not self._one_group(busy_seconds):
                return False
            if until is not None and (flight := until.flight) is not None and flight.settled:
                # Units of an event loop have no thread that could take over; they stay with this
                # leader unless their loop can be told.
                if not queue or queue[0].deliver is None or self.on_pending is not None:
                    break
            elif not busy_seconds and self._monotonic() > deadline:
                break
        if not queue and self._bytes_out != self._bytes_in:
            with self._gate:
                if not queue:
                    # Mends what an interruption between two lines miscounted.
                    self._bytes_out = self._bytes_in
        if self.wal_bytes >= self.wal_alarm_bytes and self.on_wal_growth is not None:
            with suppress(Exception):
                self.on_wal_growth()
        return True

    # ---- the connection for other work ----

    @contextmanager
    def holding(self, wait: bool = True) -> Iterator[apsw.Connection]:
        """The connection, with the lock held and no transaction open.

        With `wait` False raises Busy if the lock is taken.
        """
        held = False
        try:
            with self._lock if wait else Attempt(self._take, self._lock):
                held = True
                if self._flight is not None:
                    self._recover(self._flight, None)
                if self._shut is not None and not isinstance(self._shut, Latched):
                    raise definite(self._shut)
                if self._connection.in_transaction:
                    self._roll_back()  # exclusive work was cut, and then its end too
                yield self._connection
        except StopIteration:
            if held:
                raise
            raise Busy("The writer's lock is taken.") from None
        finally:
            if held and self._queue:
                self._hand_on()

    @property
    def connection(self) -> apsw.Connection:
        """For whoever is inside `holding` already."""
        return self._connection

    def exclusive(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work(connection)` under the lock, outside a transaction, behind those who wait.

        For checkpoints and the like. An SQLite error other than Busy latches the store; a latched
        store refuses.
        """
        with self.holding() as connection:
            self._lead(None, BUSY_SECONDS_THREAD)
            if self._shut is not None:
                raise definite(self._shut)
            self._busy_seconds = -1.0
            try:
                return work(connection)
            except (apsw.Error, StorageError) as error:
                told = translate(error)
                if not isinstance(told, Busy):
                    self.latch(told)
                raise told from error
            finally:
                self._roll_back()

    def close(self, finish: Callable[[apsw.Connection], None] | None = None) -> None:
        """Serve those who wait, refuse the rest, close the connection. Twice is once.

        `finish(connection)` runs before that, unless the store is latched; what it raises is
        raised.
        """
        with self._gate:
            self._closing = True
        with self._lock:
            if self._closed:
                return
            if self._flight is not None:
                self._recover(self._flight, None)
            while self._queue:
                self._lead(None, BUSY_SECONDS_THREAD)
            self._shut = StoreClosed("The store is closed. Open it again.")
            try:
                if finish is not None and self.latched is None:
                    finish(self._connection)
            finally:
                self._connection.close(True)
                self._closed = True

    def forked(self) -> None:
        """In a forked child: leave the parent's connection alone, hold up nobody, refuse."""
        keep_for_ever(self._connection)
        keep_for_ever(self._control)
        self._make_locks()
        self._queue.clear()
        self._flight = None
        self._shut = StoreClosed(
            "This process was forked from the one that opened the store. Open it again here."
        )
