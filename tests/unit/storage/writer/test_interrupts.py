"""Leaders die, and nobody hangs (engine.md 1.6): at every point exhaustively, then at random.

The exhaustive part raises where CPython itself would: at the entry of a Python function and at the
return of a C function that bytecode has called, which is where a profile function is called. What
it raises comes out of the call instruction, after the call had its effect, exactly as a pending
KeyboardInterrupt would. The random part uses PyThreadState_SetAsyncExc on real threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import random
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from streamstore.errors import ConditionFailed, RolledBack
from streamstore.storage.writer import Outcome

INTERRUPTS = 400
THREADS = 6


class Interrupt(BaseException):
    """As KeyboardInterrupt, but nobody else raises it."""


class Interrupter:
    """Raises Interrupt at the n-th point at which CPython might, within the storage room."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.fired = 0

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        if event not in ("call", "c_return") or "streamstore/storage/" not in (
            frame.f_code.co_filename
        ):
            return
        self.left -= 1
        if self.left == 0:
            self.fired += 1
            raise Interrupt

    def watch(self, action: Callable[[], Any]) -> Any:
        sys.setprofile(self)
        try:
            return action()
        finally:
            sys.setprofile(None)


def refuse(group: Any) -> None:
    raise ConditionFailed()


def broken(outcome: Outcome) -> None:
    raise RuntimeError("a cancelled future")


class Case:
    """One round: units of a loop wait, an action is interrupted, somebody else leads."""

    def __init__(self, rig: Any, base: int) -> None:
        self.rig = rig
        self.base = base
        self.told: dict[int, list[Outcome]] = {}

    def enqueue(self, number: int) -> None:
        told = self.told.setdefault(self.base + number, [])
        self.rig.writer.enqueue(self.rig.put(self.base + number), 1, told.append)

    def enqueue_some(self) -> None:
        self.enqueue(0)
        self.rig.writer.enqueue(refuse, 1, broken)
        self.enqueue(1)

    def check(self) -> None:
        writer, rig = self.rig.writer, self.rig
        assert not writer._lock.locked(), "the lock is held by nobody who lives"
        assert not writer._gate.locked()
        for _ in range(10):
            if writer.pending:
                writer.lead()
        assert not writer.pending, "somebody waits for ever"
        assert writer.latched is None
        rows = set(rig.ids())
        assert rig.state == rows, "memory and disk disagree"
        for number, outcomes in self.told.items():
            assert outcomes, f"unit {number} was never told"
            assert len({id(it) for it in outcomes}) == 1
            if outcomes[0].error is None:
                assert number in rows, "an acknowledgement was lost"
            else:
                assert isinstance(outcomes[0].error, RolledBack)
                assert number not in rows, "a definite error was not true"
        last = self.base + 9
        assert writer.run(rig.put(last)) == last
        assert writer._bytes_in == writer._bytes_out
        assert not rig.connection.in_transaction


Action = Callable[[Case], Any]


def run(case: Case) -> None:
    number = case.base + 5
    assert case.rig.writer.run(case.rig.put(number)) == number
    assert number in case.rig.ids()


def run_refused(case: Case) -> None:
    with contextlib.suppress(ConditionFailed):
        case.rig.writer.run(refuse)


def run_many(case: Case) -> None:
    rig, base = case.rig, case.base
    units = [(rig.put(base + 5), 1), (refuse, 1), (rig.put(base + 6), 1)]
    outcomes = rig.writer.run_many(units)
    assert [it.result for it in outcomes] == [base + 5, None, base + 6]


def try_lead(case: Case) -> None:
    case.rig.writer.try_lead()


def lead(case: Case) -> None:
    case.rig.writer.lead()


def exclusive(case: Case) -> None:
    case.rig.writer.exclusive(lambda connection: connection.execute("BEGIN IMMEDIATE"))


def read(case: Case) -> None:
    with case.rig.readers.transaction() as rx:
        rx.one("SELECT count(*) FROM record")


def read_on_the_loop(case: Case) -> None:
    with case.rig.readers.loop_transaction() as rx:
        # To its end: what strikes while an abandoned generator is collected, Python itself drops.
        assert list(rx.iterate("SELECT 1")) == [(1,)]


ACTIONS: list[Action] = [
    run, run_refused, run_many, try_lead, lead, exclusive, read, read_on_the_loop
]  # fmt: skip


def attempt(case: Case, at: int, action: Action) -> Interrupter:
    """Interrupt the action at its n-th point; the case says afterwards whether all is well."""
    interrupter = Interrupter(at)
    with contextlib.suppress(Interrupt):
        interrupter.watch(lambda: action(case))
    return interrupter


@pytest.mark.parametrize("behind_others", [False, True])
@pytest.mark.parametrize("action", ACTIONS)
def test_an_interruption_at_every_single_point_harms_nobody(
    rig: Any, action: Action, behind_others: bool
) -> None:
    for at in range(1, 1000):
        case = Case(rig, at * 10)
        if behind_others:
            case.enqueue_some()
        interrupter = attempt(case, at, action)
        case.check()
        if not interrupter.fired:
            break
    assert not interrupter.fired, "the action never came to its end"
    assert at > 3, "the interrupter met hardly a point"


@pytest.mark.parametrize(("method", "strikes"), [("published", 2), ("abandoned", 1)])
def test_a_recovery_that_is_interrupted_is_finished_by_whoever_leads_next(
    make_rig: Any, method: str, strikes: int
) -> None:
    """A leader dies, its recovery is cut in the group's method, the next one's at every point."""
    rig = make_rig(memory=True)
    kind: Any = type(rig.group(None))
    left: list[bool] = []

    class Group(kind):  # type: ignore[misc]
        def cut(self, name: str) -> None:
            if name == method and left:
                left.pop()
                raise Interrupt

        def published(self) -> None:
            self.cut("published")
            super().published()

        def abandoned(self) -> None:
            self.cut("abandoned")
            super().abandoned()

    rig.writer._open_group = lambda tx: Group(rig, tx)

    def interrupted(group: Any) -> None:
        raise Interrupt

    for at in range(1, 200):
        case = Case(rig, at * 10)
        case.enqueue_some()
        left[:] = [True] * strikes
        with pytest.raises(Interrupt):
            rig.writer.run(rig.put(at * 10 + 5) if method == "published" else interrupted)
        assert not left
        assert rig.writer.pending
        interrupter = attempt(case, at, lambda it: it.rig.writer.lead())
        case.check()
        if not interrupter.fired:
            break
    assert not interrupter.fired
    assert at > 10


def test_an_interrupted_waiter_withdraws_what_has_not_begun(rig: Any) -> None:
    inside, go = threading.Event(), threading.Event()
    caught: list[BaseException] = []

    def hold(group: Any) -> None:
        inside.set()
        assert go.wait(10)

    def wait() -> None:
        try:
            rig.writer.run(rig.put(1))
        except Interrupt as error:
            caught.append(error)

    holder = threading.Thread(target=rig.writer.run, args=(hold,))
    waiter = threading.Thread(target=wait)
    holder.start()
    assert inside.wait(10)
    waiter.start()
    while not rig.writer._queue:
        assert waiter.is_alive()
    assert waiter.ident is not None
    interrupt(waiter.ident)
    waiter.join(10)
    assert len(caught) == 1
    go.set()
    holder.join(10)
    rig.writer.run(rig.put(2))
    assert rig.ids() == [2]


def interrupt(ident: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(Interrupt))


class Worker(threading.Thread):
    """Writes rows until told to stop. Says when it is ready for the next interruption."""

    def __init__(self, rig: Any, base: int, stop: threading.Event) -> None:
        super().__init__()
        self.rig, self.stop = rig, stop
        self.number = base
        self.acknowledged: list[int] = []
        self.refused: list[int] = []
        self.interrupted = 0
        self.ready = False

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                self.ready = True
                self.write()
            except Interrupt:
                self.interrupted += 1

    def write(self) -> None:
        while not self.stop.is_set():
            self.number += 1
            number = self.number
            try:
                self.rig.writer.run(self.rig.put(number))
            except RolledBack:
                self.refused.append(number)
            else:
                self.acknowledged.append(number)


async def submit_and_cancel(rig: Any, base: int, stop: threading.Event, seed: int) -> list[int]:
    """An event loop in the same writer, half of whose awaits are cancelled; what it was told."""
    dice = random.Random(seed)
    loop = asyncio.get_running_loop()
    acknowledged: list[int] = []

    def submit(number: int) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = loop.create_future()

        def settle(outcome: Outcome) -> None:
            if not future.done():
                future.set_result(outcome)

        def deliver(outcome: Outcome) -> None:
            loop.call_soon_threadsafe(settle, outcome)

        rig.writer.enqueue(rig.put(number), 1, deliver)
        return future

    async def lead_while_pending() -> None:
        while not stop.is_set() or rig.writer.pending:
            if rig.writer.pending:
                rig.writer.try_lead()
            await asyncio.sleep(0.001)

    leader = asyncio.create_task(lead_while_pending())
    while not stop.is_set():
        futures = {base + n: submit(base + n) for n in range(8)}
        base += 8
        await asyncio.sleep(0)
        for future in futures.values():
            if dice.random() < 0.5:
                future.cancel()
        for number, future in futures.items():
            if not future.cancelled():
                outcome = await asyncio.wait_for(future, 20)
                if outcome.error is None:
                    acknowledged.append(number)
                else:
                    assert isinstance(outcome.error, RolledBack)
    await leader
    return acknowledged


def test_hundreds_of_interrupted_leaders_and_cancelled_awaits_lose_nothing(rig: Any) -> None:
    stop = threading.Event()
    workers = [Worker(rig, k * 1_000_000, stop) for k in range(THREADS)]
    told: list[int] = []
    failed: list[BaseException] = []

    def serve() -> None:
        try:
            told.extend(asyncio.run(submit_and_cancel(rig, 50_000_000, stop, seed=1)))
        except BaseException as error:
            failed.append(error)

    loop = threading.Thread(target=serve)
    for thread in [*workers, loop]:
        thread.start()
    dice = random.Random(7)
    sent = 0
    deadline = rig.clock.monotonic() + 6
    while sent < INTERRUPTS and rig.clock.monotonic() < deadline:
        worker = dice.choice(workers)
        if worker.ready and worker.ident is not None:
            worker.ready = False
            interrupt(worker.ident)
            sent += 1
        stop.wait(dice.random() * 0.005)
    stop.set()
    for thread in [*workers, loop]:
        thread.join(20)
        assert not thread.is_alive(), "somebody hangs"
    assert not failed
    assert sum(worker.interrupted for worker in workers) > sent // 2 > 30
    while rig.writer.pending:
        rig.writer.lead()
    assert rig.writer.latched is None
    rows = set(rig.ids())
    assert rig.state == rows
    for worker in workers:
        assert set(worker.acknowledged) <= rows
        assert not set(worker.refused) & rows
    assert set(told) <= rows
    assert len(told) > 20
    assert rig.writer.run(rig.put(99_000_000)) == 99_000_000
