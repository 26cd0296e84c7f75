"""Errors of the disk inside a group: who is told what, and that it is true (engine.md 1.4, 1.5)."""

from __future__ import annotations

import re
import threading
from typing import Any

import apsw
import pytest

from streamstore.errors import (
    ConditionFailed,
    DiskFull,
    Latched,
    OutcomeUnknown,
    RolledBack,
    StorageError,
)

UNITS = 60
BODY = b"b" * 3000


def spill(rig: Any) -> None:
    """A cache so small that pages are written while units are applied, not only at COMMIT."""
    rig.connection.execute("PRAGMA cache_size = 10").fetchall()
    rig.connection.execute("PRAGMA cache_spill = 10").fetchall()


class Countdown:
    """Fails the n-th operation of a kind on a file, and all after it if `sticky`."""

    def __init__(self, kind: str, suffix: str, after: int, error: Exception, sticky: bool) -> None:
        self.left = after
        self.kind, self.suffix, self.error, self.sticky = kind, suffix, error, sticky
        self.failed = 0

    def __call__(self, kind: str, suffix: str) -> None:
        if (kind, suffix) != (self.kind, self.suffix):
            return
        self.left -= 1
        if self.left == 0 or (self.left < 0 and self.sticky):
            self.failed += 1
            raise self.error


@pytest.mark.parametrize("error", [apsw.FullError, apsw.IOError, apsw.NoMemError])
@pytest.mark.parametrize("after", [1, 7, 40])
def test_an_error_that_rolls_the_group_back_is_definite_for_every_member(
    make_rig: Any, faults: Any, error: type[Exception], after: int
) -> None:
    rig = make_rig(vfs="faulty")
    rig.writer.run(rig.put(-1))
    spill(rig)
    faults.fail = plan = Countdown("write", "wal", after, error("injected"), sticky=False)
    outcomes = rig.writer.run_many([(rig.put(n, BODY), 1) for n in range(UNITS)])
    assert plan.failed == 1, "nothing spilled: the test met no error inside the group"
    faults.fail = lambda kind, suffix: None
    errors = [it for it in outcomes if it.error is not None]
    assert errors
    for outcome in errors:
        assert isinstance(outcome.error, RolledBack)
        assert outcome.error.retryable
        assert outcome.result is None
    # Whoever was told of success is there, whoever was told of an error is not.
    assert rig.ids() == [-1] + [n for n, it in enumerate(outcomes) if it.error is None]
    assert rig.state == set(rig.ids())
    assert rig.writer.latched is None
    assert rig.writer.run(rig.put(1000)) == 1000


@pytest.mark.parametrize("others", [0, 3])
def test_the_unit_that_met_the_error_gets_the_same_definite_error(
    make_rig: Any, faults: Any, others: int
) -> None:
    rig = make_rig(vfs="faulty")
    spill(rig)

    def large(group: Any) -> None:
        for n in range(100, 100 + UNITS):
            rig.put(n, BODY)(group)

    faults.fail = Countdown("write", "wal", 5, apsw.FullError("injected"), sticky=False)
    units = [(rig.put(n), 1) for n in range(others)] + [(large, 1), (rig.put(50), 1)]
    outcomes = rig.writer.run_many(units)
    errors = [it.error for it in outcomes[: others + 1]]
    assert [type(it) for it in errors] == [RolledBack] * (others + 1)
    assert len(set(map(id, errors))) == len(errors), "each raises its own"
    assert all("No space is left" in str(it) for it in errors)
    # The one behind them was not in the group any more.
    assert outcomes[-1].result == 50
    assert rig.ids() == [50]


def test_a_unit_that_swallows_the_error_does_not_write_in_autocommit(
    make_rig: Any, faults: Any
) -> None:
    rig = make_rig(vfs="faulty")
    spill(rig)
    swallowed: list[StorageError] = []

    def stubborn(group: Any) -> str:
        for n in range(UNITS):
            try:
                rig.put(n, BODY)(group)
            except StorageError as error:
                swallowed.append(error)
        return "done"

    faults.fail = Countdown("write", "wal", 5, apsw.FullError("injected"), sticky=False)
    with pytest.raises(RolledBack):
        rig.writer.run(stubborn)
    assert isinstance(swallowed[0], DiskFull)
    assert len(swallowed) > 1
    assert isinstance(swallowed[1], RolledBack)
    assert rig.ids() == []
    outcomes = rig.writer.run_many([(rig.put(1), 1), (rig.put(2), 1)])
    assert [it.result for it in outcomes] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "error", "cause"),
    [
        ("write", apsw.FullError("injected"), DiskFull),
        ("write", apsw.IOError("injected"), StorageError),
        ("sync", apsw.IOError("injected"), StorageError),
    ],
)
def test_a_failed_commit_leaves_the_outcome_unknown_and_latches_the_store(
    make_rig: Any, faults: Any, kind: str, error: Exception, cause: type[StorageError]
) -> None:
    rig = make_rig(vfs="faulty")
    rig.writer.run(rig.put(1))
    waiting: list[Any] = []
    faults.fail = plan = Countdown(kind, "wal", 1, error, sticky=False)
    rig.writer.enqueue(rig.put(2), 1, waiting.append)

    def refuse(group: Any) -> None:
        raise ConditionFailed()

    outcomes = rig.writer.run_many([(rig.put(3), 1), (refuse, 1)])
    assert plan.failed == 1
    for outcome in [*waiting, *outcomes]:
        assert isinstance(outcome.error, OutcomeUnknown)
        assert not outcome.error.retryable
        assert outcome.result is None
    assert rig.state == {1}
    assert isinstance(rig.writer.latched, Latched)
    assert isinstance(rig.writer.latched.cause, cause)
    assert re.search("open it again|reopen the store", str(rig.writer.latched))
    if cause is DiskFull:
        assert "Free space" in str(rig.writer.latched)
    # Reads go on, writes are refused by name, each with an error of its own.
    assert rig.ids() == [1]
    errors = [it.error for it in rig.writer.run_many([(rig.put(4), 1), (rig.put(5), 1)])]
    assert [type(it) for it in errors] == [Latched, Latched]
    assert errors[0] is not errors[1]
    with pytest.raises(Latched):
        rig.writer.enqueue(rig.put(6), 1, waiting.append)


def test_whoever_waits_when_the_store_latches_is_refused_by_name(
    make_rig: Any, faults: Any
) -> None:
    rig = make_rig(vfs="faulty")
    rig.writer.run(rig.put(1))
    faults.fail = Countdown("sync", "wal", 1, apsw.IOError("injected"), sticky=False)
    told: list[Any] = []
    late: list[Any] = []
    rig.writer.enqueue(rig.put(2), 4 << 20, told.append)
    rig.writer.enqueue(rig.put(3), 4 << 20, late.append)
    rig.writer.lead()
    assert [type(it.error) for it in told] == [OutcomeUnknown]
    assert [type(it.error) for it in late] == [Latched]
    assert rig.ids() == [1]


def test_a_latched_store_opens_again_with_its_acknowledged_rows(make_rig: Any, faults: Any) -> None:
    rig = make_rig(vfs="faulty")
    rig.writer.run(rig.put(1))
    faults.fail = Countdown("sync", "wal", 1, apsw.IOError("injected"), sticky=False)
    with pytest.raises(OutcomeUnknown):
        rig.writer.run(rig.put(2))
    faults.fail = lambda kind, suffix: None
    rig.close()
    again = make_rig(vfs="faulty")
    assert again.ids() in ([1], [1, 2])
    assert again.writer.run(again.put(3)) == 3


def test_an_error_while_flushing_is_definite(rig: Any) -> None:
    base: Any = type(rig.group(None))

    class Broken(base):  # type: ignore[misc]
        def flush(self) -> None:
            raise ZeroDivisionError

    good, rig.writer._open_group = rig.writer._open_group, lambda tx: Broken(rig, tx)
    outcomes = rig.writer.run_many([(rig.put(1), 1), (rig.put(2), 1)])
    assert [type(it.error) for it in outcomes] == [RolledBack, RolledBack]
    rig.writer._open_group = good
    assert rig.ids() == []
    assert rig.writer.run(rig.put(3)) == 3


def test_a_picture_in_memory_that_cannot_be_published_latches_but_the_write_is_acknowledged(
    rig: Any,
) -> None:
    base: Any = type(rig.group(None))

    class Broken(base):  # type: ignore[misc]
        def published(self) -> None:
            raise ZeroDivisionError

    rig.writer._open_group = lambda tx: Broken(rig, tx)
    assert rig.writer.run(rig.put(1)) == 1
    assert rig.ids() == [1]
    assert isinstance(rig.writer.latched.cause, ZeroDivisionError)
    with pytest.raises(Latched):
        rig.writer.run(rig.put(2))


def test_a_cursor_that_a_unit_leaves_open_holds_nothing(file_rig: Any) -> None:
    rig = file_rig
    rig.writer.run_many([(rig.put(n), 1) for n in range(5)])
    kept: list[Any] = []

    def careless(group: Any) -> Any:
        kept.append(group.tx.iterate("SELECT record_id FROM record"))
        return next(kept[0])

    assert rig.writer.run(careless) == (0,)
    with pytest.raises(StorageError):
        list(kept[0])
    # A read transaction left open would keep this from truncating.
    assert rig.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE) == (0, 0)


def test_a_transaction_kept_beyond_its_group_refuses(rig: Any) -> None:
    kept: list[Any] = []
    rig.writer.run(lambda group: kept.append(group.tx))
    tx = kept[0]
    for use in (tx.run, tx.one, tx.all, tx.iterate):
        with pytest.raises(StorageError, match="over"):
            use("DELETE FROM record")
    with pytest.raises(StorageError, match="over"):
        tx.run_each("DELETE FROM record", [()])


@pytest.mark.parametrize("with_error", [False, True])
def test_the_wal_is_synced_between_its_last_write_and_the_first_answer(
    make_rig: Any, faults: Any, with_error: bool
) -> None:
    """engine.md 2.4, counted in the VFS; tests/crash/storage has it by strace."""
    rig = make_rig(vfs="faulty")
    rig.writer.run(rig.put(0))
    faults.logging = True

    def refuse(group: Any) -> None:
        raise ConditionFailed()

    for round_ in range(1, 6):
        faults.log.clear()
        for n in range(4):
            unit = refuse if with_error and n % 2 else rig.put(round_ * 10 + n)
            rig.writer.enqueue(unit, 1, lambda it: faults.log.append(("answer", "")))
        rig.writer.lead()
        order = [it for it in faults.log if it[1] in ("wal", "")]
        first = order.index(("answer", ""))
        assert order[first - 1] == ("sync", "wal"), order
        assert ("write", "wal") in order[: first - 1]
        assert order[first:] == [("answer", "")] * 4


def test_readers_beside_a_failing_writer_see_only_what_was_acknowledged(
    make_rig: Any, faults: Any
) -> None:
    rig = make_rig(vfs="faulty")
    acknowledged: set[int] = set()
    stop = threading.Event()
    wrong: list[Any] = []

    def read() -> None:
        while not stop.is_set():
            before = set(acknowledged)
            missing = before - set(rig.ids())
            if missing:
                wrong.append(missing)

    thread = threading.Thread(target=read)
    spill(rig)
    thread.start()
    try:
        for n in range(12):
            fail = Countdown("write", "wal", 3, apsw.FullError("injected"), sticky=False)
            faults.fail = fail if n % 3 == 2 else lambda kind, suffix: None
            numbers = range(n * 10, n * 10 + 10)
            outcomes = rig.writer.run_many([(rig.put(k, BODY), 1) for k in numbers])
            acknowledged.update(it.result for it in outcomes if it.error is None)
    finally:
        stop.set()
        thread.join(10)
    assert not wrong
    assert set(rig.ids()) == acknowledged
