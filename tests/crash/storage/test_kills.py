"""The process dies at every named point, over and over: the file opens, acknowledgements hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore.storage import failpoints, files, maintenance

PASSES = 5
# tests/migrations; below; tests/crash/test_exactly_once
OTHERS = ("migration-", "backup-", "wal-rewrite-", "unit-")
POINTS = [name for name in failpoints.POINTS if not name.startswith(OTHERS)]


def strike_at(point: str, pass_by: int) -> None:
    """Die at the point when it is reached for the (pass_by + 1)-th time."""
    left: Iterator[int] = iter(range(pass_by))

    def strike() -> None:
        if next(left, None) is None:
            os._exit(77)

    failpoints.arm(point, strike)


def write_and_say_so(store: Any, log: int, first: int) -> None:
    """Groups of one and of several, a checkpoint, a copy; each acknowledgement is logged."""
    told: list[Any] = []
    for number in range(first, first + 3):
        store.put(number)
        os.write(log, b"%d\n" % number)
    for number in range(first + 3, first + 6):

        def deliver(outcome: Any, number: int = number) -> None:
            assert outcome.error is None
            os.write(log, b"%d\n" % number)
            told.append(number)

        insert = (lambda n: lambda group: group.tx.run(*row(n)))(number)
        store.writer.enqueue(insert, 1, deliver)
    store.writer.lead()
    assert len(told) == 3
    store.maintenance.checkpoint()
    store.put(first + 6)
    os.write(log, b"%d\n" % (first + 6))
    maintenance.vacuum_into(store.claim.path, f"{store.claim.path}.copy-{first}")


def row(number: int) -> tuple[str, tuple[Any, ...]]:
    statement = "INSERT INTO record (record_id, sequence, created_ms, body) VALUES (?, 0, 0, ?)"
    return statement, (number, b"x" * 300)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_the_store_opens_with_every_acknowledged_row(
    open_store: Any, read_rows: Any, killed: Any, tmp_path: Path, point: str
) -> None:
    path = tmp_path / "store.db"
    log = os.open(tmp_path / "acknowledged", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    strikes = 0
    for pass_by in range(PASSES):

        def life(pass_by: int = pass_by) -> None:
            strike_at(point, pass_by % 3)
            store = open_store(path)
            write_and_say_so(store, log, pass_by * 100)
            store.close()

        strikes += killed(life)
        acknowledged = {int(it) for it in os.pread(log, 1 << 20, 0).split()}
        if path.exists():
            assert acknowledged <= set(read_rows(path))
        else:
            assert not acknowledged
        # What is seen now is acknowledged by being seen: it must not go away either.
        store = open_store(path)
        seen = set(store.ids())
        assert acknowledged <= seen
        store.put(pass_by * 100 + 50)
        store.close()
        assert {*seen, pass_by * 100 + 50} == set(read_rows(path))
    os.close(log)
    assert strikes >= 1, "the point was never reached"


@pytest.mark.parametrize("point", ["wal-rewrite-begun", "wal-rewrite-written"])
def test_killed_while_the_wal_is_rewritten_nothing_is_lost(
    open_store: Any, read_rows: Any, killed: Any, tmp_path: Path, point: str
) -> None:
    path = tmp_path / "store.db"
    store = open_store(path)
    store.put(1)
    store.die()
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM record").fetchall()

    def rewrite() -> None:
        # The child must not use the parent's SQLite: it starts a process of its own.
        strike_at(point, 0)
        files.rewrite_wal(str(path))

    assert killed(rewrite)
    reader.close(True)
    assert read_rows(path) == [1]
    again = open_store(path)
    again.put(2)
    again.close()
    assert read_rows(path) == [1, 2]
