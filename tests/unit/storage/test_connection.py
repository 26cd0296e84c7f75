"""What each connection is configured to be, read back from SQLite itself."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore.clock import SystemClock
from streamstore.config import Settings
from streamstore.errors import (
    Busy,
    Corrupted,
    DiskFull,
    FileUnusable,
    RolledBack,
    StorageError,
)
from streamstore.limits import READER_CACHE_BYTES, WRITER_CACHE_BYTES
from streamstore.storage import connection, migrate


def pragma(where: apsw.Connection, name: str) -> Any:
    return where.execute(f"PRAGMA {name}").fetchall()[0][0]


def pragmas(where: apsw.Connection, *names: str) -> tuple[Any, ...]:
    return tuple(pragma(where, name) for name in names)


def test_the_writer_syncs_every_commit_and_checkpoints_only_when_told(file_rig: Any) -> None:
    it = file_rig.connection
    assert pragmas(it, "journal_mode", "synchronous", "wal_autocheckpoint") == ("wal", 2, 0)
    assert pragmas(it, "auto_vacuum", "page_size", "mmap_size", "temp_store") == (2, 4096, 0, 2)
    assert pragmas(it, "trusted_schema", "foreign_keys") == (0, 0)
    assert pragma(it, "cache_size") * -1024 == WRITER_CACHE_BYTES
    assert pragma(it, "journal_size_limit") == 64 << 20
    assert it.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, -1) == 1
    assert it.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, -1) == 1


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1), ("off", 0)])
def test_weaker_durability_is_what_its_name_says(
    tmp_path: Path, durability: Any, synchronous: int
) -> None:
    settings = Settings(durability=durability)
    opened = migrate.open_file(tmp_path / "s.db", settings, SystemClock())
    assert pragma(opened.connection, "synchronous") == synchronous
    opened.connection.close()
    opened.claim.release()


@pytest.mark.parametrize("foreign", [False, True])
def test_a_reader_can_neither_write_nor_checkpoint(file_rig: Any, foreign: bool) -> None:
    file_rig.writer.run(file_rig.put(1))
    reader = connection.open_reader(file_rig.claim.path, foreign=foreign)
    assert pragmas(reader, "query_only", "mmap_size", "wal_autocheckpoint") == (1, 0, 0)
    assert pragma(reader, "cache_size") * -1024 == READER_CACHE_BYTES
    assert reader.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, -1) == 1
    assert reader.readonly("main") == foreign
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("DELETE FROM record")
    reader.close()


def test_memory_is_vacuumed_like_a_file_but_has_no_log() -> None:
    it = connection.open_memory()
    assert pragmas(it, "journal_mode", "auto_vacuum") == ("memory", 2)
    it.close()


def test_a_pragma_that_sqlite_does_not_take_is_not_passed_over() -> None:
    """auto_vacuum after the first table stays 0, and SQLite says nothing (engine.md 2.1)."""
    it = apsw.Connection(":memory:")
    it.execute("CREATE TABLE t (a)")
    with pytest.raises(FileUnusable, match="auto_vacuum=2"):
        connection.configure(it, ("auto_vacuum", "INCREMENTAL", 2))


def test_a_file_without_auto_vacuum_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = str(tmp_path / "plain.db")
    it = apsw.Connection(path)
    it.execute("CREATE TABLE t (a)")
    it.close()
    with pytest.raises(FileUnusable, match="VACUUM INTO"):
        connection.open_writer(path, Settings())


def test_opening_a_file_that_is_as_it_should_be_writes_nothing(
    make_rig: Any, tmp_path: Path
) -> None:
    make_rig().close()
    path = tmp_path / "store.db"
    before = path.read_bytes()
    opened = migrate.open_file(path, Settings(), SystemClock())
    assert Path(f"{path}-wal").stat().st_size == 0
    opened.connection.close()
    opened.claim.release()
    assert path.read_bytes() == before


def test_a_copy_in_rollback_journal_mode_is_switched_back(make_rig: Any, tmp_path: Path) -> None:
    make_rig().close()
    it = apsw.Connection(str(tmp_path / "store.db"))
    assert pragma(it, "journal_mode = DELETE") == "delete"
    it.close()
    assert pragma(make_rig().connection, "journal_mode") == "wal"


def test_a_failed_opening_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "rubbish.db"
    path.write_bytes(b"rubbish" * 1000)
    with pytest.raises(Corrupted):
        connection.open_writer(str(path), Settings())
    with pytest.raises(FileUnusable):
        connection.open_writer(str(tmp_path / "none.db"), Settings())
    assert not [it for it in apsw.connections() if it.filename == str(path)]


def test_an_sqlite_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(StorageError, match=r"3\.51\.2 is too old"):
        connection.open_memory()


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (apsw.BusyError("x"), Busy, "Try again"),
        (apsw.LockedError("x"), Busy, "Try again"),
        (apsw.FullError("x"), DiskFull, "Free space"),
        (apsw.CorruptError("x"), Corrupted, "Restore a backup"),
        (apsw.NotADBError("x"), Corrupted, "Restore a backup"),
        (apsw.CantOpenError("x"), FileUnusable, "permissions"),
        (apsw.ReadOnlyError("x"), FileUnusable, "permissions"),
        (apsw.IOError("x"), StorageError, "its quota"),
        (apsw.ConstraintError("x"), StorageError, "SQLite refused"),
        (RolledBack("x"), RolledBack, "x"),
    ],
)
def test_every_error_of_sqlite_has_a_name_of_ours(
    error: Exception, kind: type[StorageError], text: str
) -> None:
    told = connection.translate(error)
    assert type(told) is kind
    assert text in str(told)
    assert told.retryable == (kind in (Busy, RolledBack))


def test_an_error_carries_sqlites_code() -> None:
    it = connection.open_memory()
    with pytest.raises(apsw.SQLError) as caught:
        it.execute("SELECT * FROM nowhere")
    assert "(SQLITE_ERROR)" in str(connection.translate(caught.value))
    assert "no such table" in str(connection.translate(caught.value))


def test_whoever_is_gone_is_not_told_of_a_fork() -> None:
    class Thing:
        def forked(self) -> None: ...

    kept, gone = Thing(), Thing()
    connection.on_fork(kept)
    connection.on_fork(gone)
    del gone
    gc.collect()
    connection.on_fork(Thing())
    assert sum(it() is kept for it in connection._guarded) == 1
    assert sum(it() is None for it in connection._guarded) <= 1
