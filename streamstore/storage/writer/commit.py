"""One group under the writer's lock: begin, apply, commit, and every way that it can end.

Owns: the transaction round the units, what each of them is told, the latch, the counters. Must not
know: who leads and who waits (writer.py does).

A unit that raises is undone alone, through its savepoint, and its error is its outcome; the others
go on. Unless SQLite has rolled the whole transaction back, which is looked at after every error:
then every member gets RolledBack, definite and retryable. If COMMIT itself fails, every member gets
OutcomeUnknown, and the store latches: it reads on, and refuses writes until it is opened anew
(engine.md 1.4, 1.5).

`_recover` finishes a flight from whatever state an interruption left it in. It may itself be cut
anywhere, and run again by whoever holds the lock next: every step of it can be repeated.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any, Final

import apsw

from ...clock import Clock
from ...errors import Latched, OutcomeUnknown, StorageError
from ...limits import GROUP_APPLY_SECONDS_MAX, GROUP_BYTES_MAX, GROUP_UNITS_MAX, PAGE_SIZE_BYTES
from .. import failpoints, statements
from ..connection import set_busy, translate
from ..transaction import WriteTransaction
from .flight import Alone, Flight, Group, Member, definite

log = logging.getLogger("streamstore.storage")

WAL_FRAME_BYTES: Final = PAGE_SIZE_BYTES + 24
COMMIT_WEIGHT: Final = 0.2  # of the newest COMMIT in the moving average
COMMIT_ONCE: Final = (statements.COMMIT,)


class GroupCommit:
    """Commits what is in `_queue`, a group at a time. Every method but `latch` needs the writer's
    lock.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        open_group: Callable[[WriteTransaction], Group],
        clock: Clock,
        durable: bool,
    ) -> None:
        self._connection = connection
        self._control = connection.cursor()
        self._open_group = open_group
        self._monotonic = clock.monotonic
        self._durable = durable
        self._busy_seconds = -1.0
        self._queue: deque[Member] = deque()
        self._gate: Any = Lock()  # guards admission: the queue's two counters of bytes and its end
        self._bytes_in = self._bytes_out = 0
        self._flight: Flight | None = None
        self._shut: StorageError | None = None  # why writes are refused
        self.latched: Latched | None = None
        self.commit_seconds = 0.0  # moving average
        self.groups = self.units = self.commits = self.syncs = 0
        self._pages_written = self._pages()
        self.wal_bytes = 0  # since the last checkpoint, which sets it: see maintenance.py
        self.on_committing: Callable[[], None] | None = None  # may refuse, by raising
        self.on_committed: Callable[[], None] | None = None  # before anybody is told
        self.on_delivered: Callable[[], None] | None = None

    def latch(self, cause: BaseException) -> None:
        """Refuse every write from now on: what is on disk is unknown until a reopen."""
        if self.latched is None:
            self.latched = Latched(cause)
            log.error("the store refuses writes from now on: %s", cause)
        if self._shut is None:
            self._shut = self.latched

    def _one_group(self, busy_seconds: float) -> bool:
        """Begin, apply, commit, deliver. False: another program holds the lock, all wait on."""
        flight = self._flight = Flight()
        try:
            if not self._begin(flight, busy_seconds):
                self._flight = None
                return False
            self._apply(flight)
            self._commit(flight)
        except Exception as error:
            self._recover(flight, error)
        except BaseException as error:
            self._recover(flight, error)
            raise
        return True

    def _begin(self, flight: Flight, busy_seconds: float) -> bool:
        try:
            if self._shut is not None:
                raise self._shut
            if busy_seconds != self._busy_seconds:
                set_busy(self._connection, busy_seconds)
                self._busy_seconds = busy_seconds
            failpoints.hit("group-before-begin")
            if self._connection.in_transaction:
                self._roll_back()
            self._control.execute(statements.BEGIN_IMMEDIATE)
            flight.tx = WriteTransaction(self._connection)
            flight.group = self._open_group(flight.tx)
            failpoints.hit("group-after-begin")
        except Exception as error:
            if busy_seconds == 0 and isinstance(error, apsw.BusyError):
                return False
            # Everybody has waited as long as this leader has, and is told the same.
            for _ in range(len(self._queue)):
                self._take_next(flight)
            raise
        return True

    def _take_next(self, flight: Flight) -> Member:
        # In this order a member is never in neither place; `_abandon` mends one that is in both.
        member = self._queue[0]
        flight.members.append(member)
        member.flight = flight
        self._queue.popleft()
        self._bytes_out += member.cost
        return member

    def _apply(self, flight: Flight) -> None:
        """Apply what waits, within the bounds of a group. The first unit needs no savepoint: see
        Alone.
        """
        queue, members, execute = self._queue, flight.members, self._control.execute
        tx, group, monotonic = flight.tx, flight.group, self._monotonic
        assert tx is not None
        assert group is not None
        deadline = monotonic() + GROUP_APPLY_SECONDS_MAX
        room_bytes = GROUP_BYTES_MAX
        applied = False
        while queue:
            if members and (
                queue[0].cost > room_bytes
                or len(members) >= GROUP_UNITS_MAX
                or monotonic() > deadline
            ):
                break
            member = queue[0]  # as _take_next, inline: it runs once a unit
            members.append(member)
            member.flight = flight
            queue.popleft()
            self._bytes_out += member.cost
            room_bytes -= member.cost
            if member.withdrawn:
                continue
            token = group.mark()
            if applied:
                execute(statements.SAVEPOINT)
            try:
                member.result = member.unit(group)
            except Exception as error:
                self._check_alive(tx, error)
                member.error = error
                if not applied:
                    raise Alone from error
                tx.close_iterators()
                execute(statements.ROLLBACK_TO)
                execute(statements.RELEASE)
                group.undo(token)
            else:
                if applied:
                    execute(statements.RELEASE)
                applied = True
            if failpoints.armed:
                failpoints.hit("group-unit-applied")

    def _check_alive(self, tx: WriteTransaction, error: Exception) -> None:
        """After every error: going on in a transaction that is rolled back is autocommit."""
        if tx.lost is not None or not self._connection.in_transaction:
            raise tx.lost or error

    def _commit(self, flight: Flight) -> None:
        tx, group = flight.tx, flight.group
        assert tx is not None
        assert group is not None
        failpoints.hit("group-before-flush")
        group.flush()
        if tx.lost is not None:
            # A unit has swallowed the error; all that came after it was refused.
            raise tx.lost
        if self.on_committing is not None:
            self.on_committing()
        tx.end()
        failpoints.hit("group-before-commit")
        commit, record = map(self._control.execute, COMMIT_ONCE), flight.evidence.extend
        started = self._monotonic()
        flight.committing = True
        record(commit)
        seconds = self._monotonic() - started
        failpoints.hit("group-after-commit")
        self._land(flight)
        if self.on_committed is not None:
            self.on_committed()
        self._count(len(flight.members), seconds)
        failpoints.hit("group-before-deliver")
        self._deliver(flight)
        failpoints.hit("group-after-deliver")

    def _pages(self) -> int:
        """Pages this connection has written so far, to the WAL."""
        return self._connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0]

    def _count(self, units: int, seconds: float) -> None:
        self.groups += 1
        self.units += units
        pages = self._pages()
        written = pages - self._pages_written
        if written:
            self._pages_written = pages
            self.commits += 1
            self.syncs += self._durable
            self.wal_bytes += written * WAL_FRAME_BYTES
            self.commit_seconds += COMMIT_WEIGHT * (seconds - self.commit_seconds)

    def _recover(self, flight: Flight, cause: BaseException | None) -> None:
        """Finish a flight from whatever state it is in, and deliver."""
        if not flight.settled:
            if flight.evidence:
                self._land(flight)
            elif flight.committing:
                self._doubt(flight, cause)
            else:
                self._abandon(flight, cause)
        self._deliver(flight)

    def _land(self, flight: Flight) -> None:
        """COMMIT returned: what is in memory changes, then one assignment settles every member."""
        assert flight.group is not None
        try:
            flight.group.published()
        except Exception as error:
            # The rows are durable, the picture in memory is not theirs: only a reopen makes them
            # agree.
            self.latch(error)
        failpoints.hit("group-after-published")
        flight.settled = True

    def _doubt(self, flight: Flight, cause: BaseException | None) -> None:
        """COMMIT failed: `in_transaction` proves nothing now, nobody can say what a restart will
        find.
        """
        why = cause or RuntimeError("COMMIT did not return")
        if isinstance(why, apsw.Error):
            why = translate(why)
        self.latch(why)
        self._roll_back()
        self._tell_abandoned(flight)
        for member in flight.members:
            member.result = None
            member.error = OutcomeUnknown(
                f"COMMIT failed, so this write is wholly there or wholly absent: {why}"
            )
        flight.settled = True

    def _abandon(self, flight: Flight, cause: BaseException | None) -> None:
        """Nothing was committed: all get a definite error; a first unit that failed its own."""
        self._roll_back()
        self._tell_abandoned(flight)
        members = flight.members
        if members and self._queue and self._queue[0] is members[-1]:
            self._queue.popleft()
        for member in members:
            member.flight = flight
            if not isinstance(cause, Alone):
                member.result = None
                member.error = definite(cause)
        flight.settled = True

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._control.execute(statements.ROLLBACK)
        except apsw.ConnectionClosedError:
            pass
        except apsw.Error as error:
            if self._connection.in_transaction:
                self.latch(translate(error))

    def _tell_abandoned(self, flight: Flight) -> None:
        if flight.tx is not None:
            flight.tx.end()
            flight.tx.drop_cursor()
        if flight.group is not None:
            try:
                flight.group.abandoned()
            except Exception as error:
                self.latch(error)

    def _deliver(self, flight: Flight) -> None:
        """Hand every outcome out; an interruption that came meanwhile is raised at the end."""
        interruption = flight.deliver()
        self._flight = None
        flight.forget()
        if self.on_delivered is not None:
            with suppress(Exception):
                self.on_delivered()
        if interruption is not None:
            raise interruption
