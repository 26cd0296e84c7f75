"""A unit on its way to disk, and the group in flight that carries it.

Owns: the data that a dying leader leaves behind, laid out so that whoever holds the lock next can
tell what happened and finish it; the way to take the lock that no exception can cut. Must not know:
SQL, or when to lead.

A unit is one request's write: a function of the open Group. A member of the queue is settled when
its flight is, so one assignment settles a whole group. Which state a flight is in:

    evidence        COMMIT returned. It is recorded by the C call that executes it (`list.extend`
    over `map`), so no exception can fall between the two. committing      COMMIT was issued and did
    not return: nobody knows what a restart will find. neither         nothing was committed,
    whatever was applied. settled         every member has its result or error; `delivered` of them
    have been told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import apsw

from ...errors import Busy, Latched, RolledBack, StorageError, StoreClosed
from ...limits import BUSY_SECONDS_THREAD
from ..connection import translate
from ..transaction import WriteTransaction


class Group(Protocol):
    """What the engine keeps for one group.

    `published` and `abandoned` may be called twice, after an interruption: the second call must be
    harmless. `tx` is the transaction that the group was opened on.
    """

    tx: WriteTransaction

    def mark(self) -> Any:
        """Before a unit: a token for `undo`."""

    def undo(self, token: Any, /) -> None:
        """The unit failed and its savepoint is rolled back."""

    def flush(self) -> None:
        """Just before COMMIT; may run SQL."""

    def published(self) -> None:
        """After COMMIT, before any outcome is delivered."""

    def abandoned(self) -> None:
        """The group is rolled back, or its outcome is unknown."""


Unit = Callable[[Any], Any]


class Outcome:
    """What became of a unit: its result, or the error that it or its group raised."""

    __slots__ = ("error", "result")

    def __init__(self) -> None:
        self.result: Any = None
        self.error: BaseException | None = None


class Member(Outcome):
    """A unit in the queue or in a flight. `wake` is the lock that its thread sleeps on, if it
    sleeps.

    `deliver` is None for a thread that waits. `withdrawn`: its thread was interrupted and won't
    look.
    """

    __slots__ = ("cost", "deliver", "flight", "unit", "wake", "withdrawn")

    def __init__(self, unit: Unit, cost: int, deliver: Callable[[Outcome], None] | None) -> None:
        self.unit = unit
        self.cost = cost
        self.deliver = deliver
        self.result = self.error = None
        self.flight: Flight | None = None
        self.wake: Any = None
        self.withdrawn = False


class Flight:
    """The group in flight: see the module's text for its states."""

    __slots__ = (
        "committing", "delivered", "evidence", "group", "members", "retried", "settled", "tx"
    )  # fmt: skip

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.tx: WriteTransaction | None = None
        self.group: Group | None = None
        self.evidence: list[Any] = []
        self.committing = self.settled = self.retried = False
        self.delivered = 0

    def deliver(self) -> BaseException | None:
        """Tell every member that was not told yet; returns an interruption that came meanwhile.

        What a callback raises is dropped and stops nobody. A callback that was cut short is called
        once more, since the interruption may have come before it did anything.
        """
        members = self.members
        interruption: BaseException | None = None
        while self.delivered < len(members):
            try:
                for member in members[self.delivered :]:
                    if member.wake is not None and member.wake.locked():
                        member.wake.release()
                    if member.deliver is not None:
                        member.deliver(member)
                    self.delivered += 1
                    self.retried = False
            except BaseException as error:
                if not isinstance(error, Exception):
                    interruption = error
                if self.retried:
                    self.delivered += 1
                self.retried = not self.retried
        return interruption

    def forget(self) -> None:
        """After the last delivery: members know their flight, so a flight that knew its members
        would be garbage that only the collector finds, with all their images.
        """
        self.members = []
        self.tx = self.group = None


class Alone(Exception):
    """The first unit of a group failed: no savepoint was taken for it, nothing else was applied."""


class Attempt:
    """`with` this to hold the lock if it is free. StopIteration says that it was not.

    The entry is C all through, an iterator over `acquire(False)` whose sentinel is False, and so is
    the exit. CPython (3.11 to 3.13) looks for pending exceptions neither on the way into the block
    nor on the way out of it, so the lock can't be left locked; `if lock.acquire(False): try:` can
    be cut between the two.
    """

    __slots__ = ("__enter__", "__exit__")

    def __init__(self, take: Callable[[], bool], lock: Any) -> None:
        self.__enter__ = iter(take, False).__next__
        self.__exit__ = lock.__exit__


def definite(cause: BaseException | None) -> StorageError:
    """A fresh error that says that nothing was written, and why. Each member gets its own, since
    each raises it.

    `cause` is what ended the group, or why it may not begin; None for an interrupted leader.
    """
    if isinstance(cause, Latched):
        return Latched(cause.cause)
    if isinstance(cause, StoreClosed | Busy):
        return type(cause)(*cause.args)
    if isinstance(cause, apsw.BusyError):
        return Busy(
            "Another program has held the lock on the store file for"
            f" {BUSY_SECONDS_THREAD:g} s. Nothing was written; try again."
        )
    why: object = translate(cause) if isinstance(cause, apsw.Error) else cause
    if not isinstance(cause, Exception):
        why = "the thread that led the group was interrupted"
    error = RolledBack(f"The group was rolled back, nothing was written: {why}. Try again.")
    error.__cause__ = cause
    return error
