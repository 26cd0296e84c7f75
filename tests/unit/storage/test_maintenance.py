"""Checkpoints are explicit and looked at; the disk is given back in bounded pieces."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore.errors import Busy, FileUnusable, Latched, StorageError
from streamstore.limits import PAGE_SIZE_BYTES, VACUUM_PAGES_MAX
from streamstore.storage import files, maintenance, statements
from streamstore.storage.maintenance import Maintenance

BODY = b"b" * 100_000


def fill(rig: Any, count: int, first: int = 0) -> None:
    units = [(rig.put(n, BODY), len(BODY)) for n in range(first, first + count)]
    assert all(it.error is None for it in rig.writer.run_many(units))


def clear(group: Any) -> None:
    group.tx.run("DELETE FROM record")


def main_bytes(rig: Any) -> int:
    return os.stat(rig.claim.path).st_size


@pytest.mark.parametrize("mode", [apsw.SQLITE_CHECKPOINT_TRUNCATE, apsw.SQLITE_CHECKPOINT_PASSIVE])
def test_a_checkpoint_on_a_connection_that_has_read_nothing_is_not_believed(
    file_rig: Any, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """It answers (-1, -1) and does nothing; so the connection reads first."""
    file_rig.writer.run(file_rig.put(1))
    fresh = apsw.Connection(file_rig.claim.path)
    assert fresh.wal_checkpoint(mode=mode) == (-1, -1)
    fresh.close()
    fresh = apsw.Connection(file_rig.claim.path)
    assert maintenance.checkpoint(fresh, mode, 0).frames >= 0
    fresh.close()
    fresh = apsw.Connection(file_rig.claim.path)
    monkeypatch.setattr(statements, "TOUCH", "")
    with pytest.raises(StorageError, match="did not run"):
        maintenance.checkpoint(fresh, mode, 0)
    fresh.close()


def test_nothing_is_checkpointed_before_4_mib_and_the_wal_stays_small_under_writes(
    file_rig: Any,
) -> None:
    work = Maintenance(file_rig.writer)
    fill(file_rig, 10)
    assert work.checkpoint_piece() is False
    assert work.checkpoints == 0
    most = 0
    for n in range(1, 60):
        fill(file_rig, 4, first=n * 100)
        work.checkpoint_piece()
        most = max(most, files.wal_bytes(file_rig.claim.path))
    assert work.checkpoints >= 4
    assert 4 << 20 < most < 6 << 20
    assert len(file_rig.ids()) == 10 + 59 * 4


def test_an_alarm_asks_for_the_next_checkpoint_once_4_more_mib_are_written(file_rig: Any) -> None:
    work = Maintenance(file_rig.writer)
    alarms: list[int] = []
    file_rig.writer.on_wal_growth = lambda: alarms.append(1)
    fill(file_rig, 45)
    assert alarms
    work.checkpoint_piece()
    assert file_rig.writer.wal_bytes == 0
    alarms.clear()
    fill(file_rig, 5, first=100)
    assert not alarms


def test_a_reader_that_keeps_the_wal_large_is_met_by_a_bounded_restart(
    file_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "CHECKPOINT_RESTART_WAL_BYTES", 1 << 20)
    work = Maintenance(file_rig.writer)
    with file_rig.readers.transaction() as rx:
        rx.one("SELECT 1 FROM record")
        fill(file_rig, 20)
        started = file_rig.clock.monotonic()
        result = work.checkpoint()
        assert file_rig.clock.monotonic() - started < 2
        assert result.moved < result.frames
        assert work.checkpoints_busy == 1
        assert file_rig.writer.wal_bytes > 0
    assert file_rig.writer.latched is None
    work.checkpoint()
    assert (work.checkpoints_busy, file_rig.writer.wal_bytes) == (1, 0)


@pytest.mark.parametrize(("kind", "suffix"), [("sync", "wal"), ("sync", "db"), ("write", "db")])
def test_an_error_of_a_checkpoint_latches_and_loses_nothing(
    make_rig: Any, faults: Any, kind: str, suffix: str
) -> None:
    rig = make_rig(vfs="faulty")
    work = Maintenance(rig.writer)
    fill(rig, 3)

    def fail(what: str, where: str) -> None:
        if (what, where) == (kind, suffix):
            raise apsw.IOError("injected")

    faults.fail = fail
    with pytest.raises(StorageError):
        work.checkpoint()
    assert rig.writer.latched is not None
    with pytest.raises(Latched):
        rig.writer.run(rig.put(9))
    with pytest.raises(Latched):
        work.checkpoint()
    assert rig.ids() == [0, 1, 2]
    faults.fail = lambda what, where: None
    rig.close()
    assert make_rig(vfs="faulty").ids() == [0, 1, 2]


def test_a_latched_store_is_closed_without_a_checkpoint(file_rig: Any) -> None:
    """What could not be synced stays in the WAL, for the next open to make durable (2.2)."""
    fill(file_rig, 2)
    file_rig.writer.latch(OSError("injected"))
    before = files.wal_bytes(file_rig.claim.path)
    file_rig.close()
    assert files.wal_bytes(file_rig.claim.path) == before > 0


def test_a_closed_store_is_one_file_and_its_lock(file_rig: Any) -> None:
    fill(file_rig, 2)
    file_rig.close()
    folder = os.path.dirname(file_rig.claim.path)
    assert sorted(os.listdir(folder)) == ["store.db", "store.db.lock"]


def test_closing_beside_a_reader_of_another_program_leaves_the_wal(
    make_rig: Any, tmp_path: Path
) -> None:
    rig = make_rig()
    fill(rig, 2)
    other = apsw.Connection(rig.claim.path)
    other.execute("BEGIN")
    other.execute("SELECT 1 FROM record").fetchall()
    rig.writer.run(rig.put(5))
    rig.close()
    assert files.wal_bytes(rig.claim.path) > 0
    other.close(True)
    assert make_rig().ids() == [0, 1, 5]


def test_free_pages_are_given_back_in_pieces_once_they_are_many(file_rig: Any) -> None:
    work = Maintenance(file_rig.writer)
    fill(file_rig, 60)
    work.checkpoint()
    assert work.vacuum_piece() is False, "nothing was free"
    file_rig.writer.run(clear)
    pieces = 1
    before = free_pages(file_rig)
    assert work.vacuum_piece() is True
    assert before - free_pages(file_rig) == VACUUM_PAGES_MAX, "an undrained piece frees one page"
    while work.vacuum_piece():
        pieces += 1
    assert pieces > 2
    # The last piece calls the checkpoint at which the file shrinks.
    assert main_bytes(file_rig) < 1_300_000


def free_pages(rig: Any) -> int:
    with rig.readers.transaction() as rx:
        pages: int = rx.one("PRAGMA freelist_count")[0]
    return pages


def test_few_free_pages_are_kept_for_the_next_writes(file_rig: Any) -> None:
    fill(file_rig, 40)
    file_rig.writer.run(lambda group: group.tx.run("DELETE FROM record WHERE record_id < 2"))
    free = free_pages(file_rig)
    assert 0 < free * PAGE_SIZE_BYTES < 1 << 20
    assert Maintenance(file_rig.writer).vacuum_piece() is False
    assert free_pages(file_rig) == free


def test_compacting_gives_everything_back_at_once(file_rig: Any) -> None:
    work = Maintenance(file_rig.writer)
    fill(file_rig, 40)
    file_rig.writer.run(lambda group: group.tx.run("DELETE FROM record WHERE record_id > 3"))
    work.compact()
    assert free_pages(file_rig) == 0
    assert files.wal_bytes(file_rig.claim.path) == 0
    assert main_bytes(file_rig) < 800_000
    assert file_rig.ids() == [0, 1, 2, 3]


@pytest.mark.parametrize("owned", [True, False])
def test_a_copy_is_compact_private_and_opens_again_as_a_store(
    make_rig: Any, tmp_path: Path, owned: bool
) -> None:
    rig = make_rig()
    fill(rig, 5)
    rig.writer.run(lambda group: group.tx.run("DELETE FROM record WHERE record_id = 3"))
    if not owned:
        rig.close()
    before = os.umask(0)
    try:
        maintenance.vacuum_into(str(tmp_path / "store.db"), str(tmp_path / "copy.db"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "copy.db").st_mode) == 0o600
    assert not [it for it in os.listdir(tmp_path) if files.TEMPORARY in it]
    copy = make_rig("copy.db")
    assert copy.ids() == [0, 1, 2, 4]
    assert copy.connection.execute("PRAGMA auto_vacuum").fetchall() == [(2,)]
    if owned:
        assert rig.writer.run(rig.put(9)) == 9


def test_a_copy_overwrites_nothing(file_rig: Any, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(FileUnusable, match="not overwritten"):
        maintenance.vacuum_into(file_rig.claim.path, str(tmp_path / "copy.db"))
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_a_damaged_copy_does_not_get_its_name(
    file_rig: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file_rig, 2)
    real = maintenance.verify

    def damage(path: str) -> tuple[int, int]:
        with open(path, "r+b") as file:
            file.seek(2 * PAGE_SIZE_BYTES)
            file.write(b"\xff" * PAGE_SIZE_BYTES)
        return real(path)

    monkeypatch.setattr(maintenance, "verify", damage)
    with pytest.raises(StorageError, match="damaged"):
        maintenance.vacuum_into(file_rig.claim.path, str(tmp_path / "copy.db"))
    assert not (tmp_path / "copy.db").exists()


def test_before_the_first_write_the_wal_is_truncated(make_rig: Any, tmp_path: Path) -> None:
    rig = make_rig()
    fill(rig, 2)
    rig.writer.latch(OSError("leaves the WAL"))
    rig.close()
    path = str(tmp_path / "store.db")
    assert files.wal_bytes(path) > 0
    again = make_rig()
    assert files.wal_bytes(path) == 0
    assert again.ids() == [0, 1]


def test_a_reader_that_keeps_the_wal_busy_makes_open_rewrite_it_in_place_and_say_so(
    make_rig: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """litestream holds such a reader on purpose (engine.md 2.2)."""
    rig = make_rig()
    fill(rig, 2)
    path = rig.claim.path
    other = apsw.Connection(path)
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM record").fetchall() == [(2,)]
    rig.writer.run(rig.put(7))
    rig.close()
    rewritten: list[int] = []
    real = files.rewrite_wal

    def rewrite(name: str) -> int:
        # The lock that keeps the log from changing meanwhile is held.
        third = apsw.Connection(path)
        with pytest.raises(apsw.BusyError):
            third.execute("BEGIN IMMEDIATE")
        third.close()
        rewritten.append(real(name))
        return rewritten[0]

    monkeypatch.setattr(files, "rewrite_wal", rewrite)
    connection = apsw.Connection(path)
    with caplog.at_level(logging.WARNING, "streamstore.storage"):
        assert maintenance.make_wal_durable(connection, path, busy_seconds=0.05) is False
    assert rewritten == [files.wal_bytes(path)]
    assert "in place" in caplog.text
    assert not connection.in_transaction
    # Somebody who writes at that very moment is Busy, not a reason to go on without.
    other.execute("COMMIT")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy):
        maintenance.make_wal_durable(connection, path, busy_seconds=0.05)
    other.close(True)
    assert maintenance.make_wal_durable(connection, path, busy_seconds=0.05) is True
    connection.close()
    assert make_rig().ids() == [0, 1, 7]
