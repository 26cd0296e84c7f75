"""Group commit seen from outside: who gets what, when, and within which bounds."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable
from typing import Any

import apsw
import pytest

from streamstore import limits
from streamstore.errors import (
    Busy,
    ConditionFailed,
    Latched,
    RolledBack,
    StorageError,
    StoreClosed,
    Throttled,
)
from streamstore.storage.writer import Outcome, commit, writer

MANY = 40


def refuse(group: Any) -> None:
    raise ConditionFailed()


def test_a_result_is_the_units_own_and_its_row_is_committed(rig: Any) -> None:
    assert rig.writer.run(rig.put(7)) == 7
    assert rig.ids() == [7]
    assert rig.state == {7}


def test_a_unit_sees_the_units_before_it_in_its_group(rig: Any) -> None:
    def count(group: Any) -> int:
        rows: int = group.tx.one("SELECT count(*) FROM record")[0]
        return rows

    outcomes = rig.writer.run_many([(rig.put(1), 1), (count, 1), (rig.put(2), 1), (count, 1)])
    assert [it.result for it in outcomes] == [1, 1, 2, 2]
    assert rig.events.count("begin") == 1


@pytest.mark.parametrize("bad", [{0}, {1}, {5}, {0, 1}, {0, 1, 2, 3, 4, 5}, {2, 4}])
def test_a_unit_that_raises_is_undone_alone(rig: Any, bad: set[int]) -> None:
    def half(number: int) -> Callable[[Any], None]:
        def unit(group: Any) -> None:
            rig.put(number)(group)
            raise ConditionFailed()

        return unit

    units = [(half(n) if n in bad else rig.put(n), 1) for n in range(6)]
    outcomes = rig.writer.run_many(units)
    assert {n for n, it in enumerate(outcomes) if isinstance(it.error, ConditionFailed)} == bad
    good = sorted(set(range(6)) - bad)
    assert [it.result for it in outcomes if it.error is None] == good
    assert rig.ids() == good
    assert rig.state == set(good)


def test_a_programming_error_in_a_unit_is_raised_to_its_caller_and_harms_nobody(rig: Any) -> None:
    def wrong(group: Any) -> None:
        rig.put(1)(group)
        raise ZeroDivisionError

    outcomes = rig.writer.run_many([(rig.put(0), 1), (wrong, 1), (rig.put(2), 1)])
    assert isinstance(outcomes[1].error, ZeroDivisionError)
    assert rig.ids() == [0, 2]
    with pytest.raises(ZeroDivisionError):
        rig.writer.run(wrong)
    assert rig.ids() == [0, 2]


def test_nothing_in_memory_changes_before_commit_and_nobody_hears_before_that(rig: Any) -> None:
    told: list[tuple[Any, set[int]]] = []
    rig.writer.enqueue(rig.put(1), 1, lambda it: told.append((it.result, set(rig.state))))
    rig.writer.enqueue(refuse, 1, lambda it: told.append((it.error, set(rig.state))))
    assert told == []
    assert rig.writer.try_lead()
    assert rig.events == ["begin", "undo", "flush", "published"]
    assert told[0] == (1, {1})
    assert isinstance(told[1][0], ConditionFailed)


def test_a_group_takes_256_units_and_no_more(rig: Any) -> None:
    for n in range(limits.GROUP_UNITS_MAX + 1):
        rig.writer.enqueue(rig.put(n), 1, lambda it: None)
    rig.writer.lead()
    assert rig.events.count("begin") == 2
    assert rig.writer.units == limits.GROUP_UNITS_MAX + 1


def test_a_group_takes_4_mib_and_never_cuts_a_unit(rig: Any) -> None:
    big = limits.GROUP_BYTES_MAX
    for n, cost in enumerate([big // 2, big // 2, 1, big * 2, 1]):
        rig.writer.enqueue(rig.put(n), cost, lambda it: None)
    rig.writer.lead()
    # Two halves; the small one alone, since the next is too large; the large one alone; the last.
    assert rig.events.count("begin") == 4
    assert rig.ids() == [0, 1, 2, 3, 4]


class SteppingClock:
    """Time passes only where a unit says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.seconds

    def stepped_ms(self) -> int:
        return 0


def test_a_group_ends_after_10_ms_of_applying(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "GROUP_APPLY_SECONDS_MAX", limits.GROUP_APPLY_SECONDS_MAX)
    clock = SteppingClock()
    rig = make_rig(memory=True, clock=clock)

    def slow(number: int) -> Callable[[Any], None]:
        def unit(group: Any) -> None:
            rig.put(number)(group)
            clock.seconds += 0.004

        return unit

    for n in range(7):
        rig.writer.enqueue(slow(n), 1, lambda it: None)
    rig.writer.lead()
    # 4, 8 and 12 ms: the third unit passes the bound and is not cut.
    assert rig.events.count("begin") == 3
    assert rig.ids() == list(range(7))


def test_an_event_loop_leads_for_10_ms_at_most(
    make_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "GROUP_APPLY_SECONDS_MAX", limits.GROUP_APPLY_SECONDS_MAX)
    clock = SteppingClock()
    rig = make_rig(memory=True, clock=clock)

    def slow(group: Any) -> None:
        clock.seconds += 0.011

    for _ in range(3):
        rig.writer.enqueue(slow, 1, lambda it: None)
    assert rig.writer.try_lead()
    assert rig.writer.units == 1
    assert rig.writer.pending


@pytest.mark.parametrize("kind", ["put", "refused", "many", "loop"])
def test_nothing_is_left_to_the_garbage_collector(rig: Any, kind: str) -> None:
    """Cycles would hold every item until it runs, and make it run often."""

    def work() -> None:
        if kind == "put":
            rig.writer.run(lambda group: None)
        elif kind == "refused":
            with contextlib.suppress(ConditionFailed):
                rig.writer.run(refuse)
        elif kind == "many":
            rig.writer.run_many([(lambda group: None, 1)] * 3)
        else:
            rig.writer.enqueue(lambda group: None, 1, lambda it: None)
            rig.writer.try_lead()

    work()
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            work()
        assert gc.collect() < 50
    finally:
        gc.enable()


def test_a_full_queue_throttles_by_count_and_by_bytes(rig: Any) -> None:
    told: list[Outcome] = []
    for n in range(limits.QUEUE_UNITS_MAX):
        rig.writer.enqueue(rig.put(n), 1, told.append)
    with pytest.raises(Throttled):
        rig.writer.enqueue(rig.put(-1), 1, told.append)
    while rig.writer.pending:
        rig.writer.lead()
    assert len(told) == limits.QUEUE_UNITS_MAX
    assert len(rig.ids()) == limits.QUEUE_UNITS_MAX
    rig.writer.enqueue(lambda group: None, limits.QUEUE_BYTES_MAX, told.append)
    with pytest.raises(Throttled):
        rig.writer.enqueue(rig.put(-1), 1, told.append)
    rig.writer.lead()
    assert rig.writer.run(rig.put(-1)) == -1


def test_many_units_of_one_thread_need_few_groups(rig: Any) -> None:
    count = 3 * limits.GROUP_UNITS_MAX // 2
    outcomes = rig.writer.run_many([(rig.put(n), 1) for n in range(count)])
    assert [it.result for it in outcomes] == list(range(count))
    assert rig.writer.groups <= 4
    assert rig.writer.run_many([]) == []


def test_threads_commit_together_and_each_gets_its_own(file_rig: Any) -> None:
    rig = file_rig
    got: list[tuple[int, int]] = []

    def work(base: int) -> None:
        for n in range(base, base + MANY):
            got.append((n, rig.writer.run(rig.put(n))))

    threads = [threading.Thread(target=work, args=(k * MANY,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(got) == [(n, n) for n in range(8 * MANY)]
    assert rig.ids() == list(range(8 * MANY))
    assert rig.writer.groups < 8 * MANY, "no two units ever shared a COMMIT"


def test_what_a_callback_raises_stops_nobody(rig: Any) -> None:
    told: list[int] = []

    def broken(outcome: Outcome) -> None:
        raise RuntimeError("a cancelled future")

    for n in range(6):
        deliver = broken if n % 2 else lambda it: told.append(it.result)
        rig.writer.enqueue(rig.put(n), 1, deliver)
    assert rig.writer.try_lead()
    assert told == [0, 2, 4]
    assert not rig.writer.pending


def test_a_loop_whose_attempt_fails_is_served_by_the_thread_that_leads(file_rig: Any) -> None:
    rig = file_rig
    inside, go, told = threading.Event(), threading.Event(), threading.Event()

    def hold(group: Any) -> None:
        inside.set()
        assert go.wait(10)

    thread = threading.Thread(target=rig.writer.run, args=(hold,))
    thread.start()
    assert inside.wait(10)
    rig.writer.enqueue(rig.put(1), 1, lambda it: told.set())
    assert rig.writer.try_lead() is False
    assert rig.writer.pending
    go.set()
    assert told.wait(10)
    thread.join(10)
    assert rig.ids() == [1]


def test_a_leader_that_leaves_units_of_a_loop_behind_tells_it(file_rig: Any) -> None:
    rig = file_rig
    called = threading.Event()
    rig.writer.on_pending = called.set

    def ask(group: Any) -> None:
        rig.put(1)(group)
        rig.writer.enqueue(rig.put(2), limits.GROUP_BYTES_MAX, lambda it: None)

    rig.writer.run(ask)
    assert called.wait(1)
    assert rig.writer.try_lead()
    assert rig.ids() == [1, 2]


@pytest.fixture
def foreign_lock(file_rig: Any) -> Any:
    """Another connection that holds SQLite's write lock, as another program would."""
    other = apsw.Connection(file_rig.claim.path)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close(True)


def test_a_foreign_lock_never_holds_up_an_event_loop(file_rig: Any, foreign_lock: Any) -> None:
    rig = file_rig
    told: list[Outcome] = []
    rig.writer.enqueue(rig.put(1), 1, told.append)
    started = rig.clock.monotonic()
    assert rig.writer.try_lead() is False
    assert rig.clock.monotonic() - started < 0.5
    assert told == []
    foreign_lock.execute("ROLLBACK")
    assert rig.writer.try_lead() is True
    assert [it.result for it in told] == [1]


def test_a_thread_waits_for_a_foreign_lock_a_bounded_time_and_everybody_is_told_busy(
    file_rig: Any, foreign_lock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BUSY_SECONDS_THREAD", 0.1)
    rig = file_rig
    told: list[Outcome] = []
    rig.writer.enqueue(rig.put(1), 1, told.append)
    with pytest.raises(Busy) as caught:
        rig.writer.run(rig.put(2))
    assert caught.value.retryable
    assert [type(it.error) for it in told] == [Busy]
    foreign_lock.execute("ROLLBACK")
    assert rig.writer.latched is None
    assert rig.writer.run(rig.put(3)) == 3
    assert rig.ids() == [3]


def test_a_group_that_cannot_open_gives_everybody_a_definite_error(rig: Any) -> None:
    def broken(tx: Any) -> Any:
        raise RuntimeError("no group")

    good, rig.writer._open_group = rig.writer._open_group, broken
    outcomes = rig.writer.run_many([(rig.put(1), 1), (rig.put(2), 1)])
    assert [type(it.error) for it in outcomes] == [RolledBack, RolledBack]
    rig.writer._open_group = good
    assert rig.writer.run(rig.put(3)) == 3
    assert rig.ids() == [3]


def test_exclusive_work_runs_behind_those_who_wait_and_outside_a_transaction(rig: Any) -> None:
    told: list[Any] = []
    rig.writer.enqueue(rig.put(1), 1, told.append)

    def work(connection: apsw.Connection) -> int:
        assert len(told) == 1
        assert not connection.in_transaction
        return 5

    assert rig.writer.exclusive(work) == 5
    assert rig.writer.run(rig.put(2)) == 2


@pytest.mark.parametrize(
    ("error", "latches"),
    [(apsw.IOError("x"), True), (apsw.BusyError("x"), False), (ValueError("x"), False)],
)
def test_exclusive_work_that_fails_latches_unless_it_was_busy(
    rig: Any, error: Exception, latches: bool
) -> None:
    def work(connection: apsw.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        raise error

    with pytest.raises((StorageError, ValueError)):
        rig.writer.exclusive(work)
    assert (rig.writer.latched is not None) == latches
    if latches:
        with pytest.raises(Latched):
            rig.writer.exclusive(lambda connection: None)
    else:
        assert rig.writer.run(rig.put(1)) == 1


def test_close_serves_those_who_wait_and_refuses_the_rest(rig: Any) -> None:
    told: list[Outcome] = []
    for n in range(300):
        rig.writer.enqueue(rig.put(n), 1, told.append)
    rig.writer.close()
    assert [it.result for it in told] == list(range(300))
    with pytest.raises(StoreClosed):
        rig.writer.run(rig.put(-1))
    with pytest.raises(StoreClosed):
        rig.writer.enqueue(rig.put(-1), 1, told.append)
    assert isinstance(rig.writer.run_many([(rig.put(-1), 1)])[0].error, StoreClosed)
    with pytest.raises(StoreClosed):
        rig.writer.exclusive(lambda connection: None)
    rig.writer.close()


def test_the_average_of_commit_and_the_counters_count_what_was_written(file_rig: Any) -> None:
    rig = file_rig
    assert rig.writer.commit_seconds == 0.0
    rig.writer.run_many([(rig.put(n), 1) for n in range(10)])
    assert rig.writer.commit_seconds > 0
    before = (rig.writer.commits, rig.writer.syncs, rig.writer.wal_bytes)
    assert before[0] == before[1] == 1
    rig.writer.run(lambda group: None)
    assert (rig.writer.commits, rig.writer.syncs, rig.writer.wal_bytes) == before
    assert (rig.writer.groups, rig.writer.units) == (2, 11)


def test_growth_of_the_wal_is_told_once_it_passes_the_alarm(file_rig: Any) -> None:
    rig = file_rig
    told: list[int] = []
    rig.writer.on_wal_growth = lambda: told.append(rig.writer.wal_bytes)
    rig.writer.wal_alarm_bytes = 40_000
    rig.writer.run(rig.put(1))
    assert told == []
    rig.writer.run(rig.put(2, b"x" * 50_000))
    assert len(told) == 1
    assert told[0] >= 40_000
