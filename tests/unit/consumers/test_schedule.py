"""Turns: once for each reason, deadlines by the store's clock, threads that come and go."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from streamstore.clock import ManualClock, SystemClock
from streamstore.consumers.schedule import Schedule


class Task:
    """A Job that does `work`."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.queued = self.busy = False
        self.timer_ms = 0
        self.turn = work


def test_a_job_that_is_queued_gets_one_turn() -> None:
    turns: list[int] = []
    schedule = Schedule(ManualClock(), 0)
    job = Task(lambda: turns.append(1))
    for _ in range(5):
        schedule.put(job)
    assert schedule.run_due()
    assert turns == [1]
    assert not schedule.run_due()


def test_a_job_may_ask_for_its_next_turn_in_a_turn() -> None:
    turns: list[int] = []
    schedule = Schedule(ManualClock(), 0)

    def work() -> None:
        turns.append(1)
        if len(turns) < 3:
            schedule.put(job)

    job = Task(work)
    schedule.put(job)
    schedule.run_due()
    assert len(turns) == 3


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 50)), max_size=60),
    st.lists(st.integers(1, 20), max_size=20),
)
def test_a_job_has_its_turn_at_the_earliest_of_its_deadlines(
    asked: list[tuple[int, int]], steps: list[int]
) -> None:
    clock = ManualClock(1000)
    schedule = Schedule(clock, 0)
    ran: list[tuple[int, int]] = []
    jobs = [Task(lambda n=number: ran.append((clock.now_ms(), n))) for number in range(5)]  # type: ignore[misc]
    expected: dict[int, int] = {}
    for number, delay in asked:
        schedule.at(1000 + delay, jobs[number])
        expected[number] = min(expected.get(number, 10**9), 1000 + delay)
    for step in [*steps, 60]:
        due = [number for number, at in expected.items() if at <= clock.now_ms() + step]
        assert schedule.next_due_ms() == min(expected.values(), default=None)
        clock.advance(step / 1000)
        ran.clear()
        schedule.run_due()
        assert sorted(number for _, number in ran) == sorted(due)
        for number in due:
            del expected[number]
    assert not expected


def test_deadlines_that_were_brought_forward_don_t_pile_up() -> None:
    clock = ManualClock()
    schedule = Schedule(clock, 0)
    job = Task(lambda: None)
    for number in range(10_000):
        schedule.at(clock.now_ms() + 10**7 - number, job)
    assert len(schedule._timers) < 100


def test_threads_are_bounded_and_end_with_stop() -> None:
    schedule = Schedule(SystemClock(), 3)
    begun = threading.Semaphore(0)
    gate = threading.Event()
    names: set[str] = set()

    def work() -> None:
        names.add(threading.current_thread().name)
        begun.release()
        gate.wait(10)

    schedule.start()
    jobs = [Task(work) for _ in range(6)]
    for job in jobs:
        schedule.put(job)
    for _ in range(3):
        assert begun.acquire(timeout=10)
    assert not begun.acquire(timeout=0.05), "a fourth thread came"
    gate.set()
    for _ in range(3):
        assert begun.acquire(timeout=10)
    schedule.stop()
    assert len(names) == 3
    assert not [t for t in threading.enumerate() if t.name.startswith("streamstore-consumer")]
    schedule.put(jobs[0])
    assert not begun.acquire(timeout=0.02), "a turn after the end"


def test_a_deadline_wakes_a_thread_and_an_earlier_one_sooner() -> None:
    clock = SystemClock()
    schedule = Schedule(clock, 2)
    ran: list[int] = []
    done = threading.Semaphore(0)

    def noting(number: int) -> Callable[[], None]:
        def work() -> None:
            ran.append(number)
            done.release()

        return work

    schedule.start()
    late, soon = Task(noting(2)), Task(noting(1))
    began_ms = clock.now_ms()
    schedule.at(began_ms + 60_000, late)
    for _ in range(10_000):
        if schedule._watching:
            break
        threading.Event().wait(0.001)
    assert schedule._watching
    schedule.at(began_ms + 20, soon)
    assert done.acquire(timeout=10)
    # Who watches the later deadline looks again after a second anyway.
    assert 20 <= clock.now_ms() - began_ms < 900, "the watcher of the later deadline was not told"
    assert ran == [1]
    schedule.stop()


def test_a_turn_that_raises_takes_no_thread_down() -> None:
    schedule = Schedule(SystemClock(), 1)
    done = threading.Event()

    def bad() -> None:
        raise RuntimeError("a defect")

    schedule.start()
    schedule.put(Task(bad))
    schedule.put(Task(done.set))
    assert done.wait(10)
    schedule.stop()


def test_a_forked_child_has_no_threads_and_may_stop() -> None:
    schedule = Schedule(SystemClock(), 1)
    schedule.start()
    schedule._pid = os.getpid() + 1  # as a child sees it
    schedule.stop()
    assert [t for t in threading.enumerate() if t.name.startswith("streamstore-consumer")]
    schedule._pid = os.getpid()
    schedule.stop()
