"""Opening a file in every state it can be in. The migrations themselves: tests/migrations."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore.clock import SystemClock
from streamstore.config import Settings
from streamstore.errors import FileForeign, FileLocked, FileTooNew, FileUnusable, StorageError
from streamstore.storage import files, migrate

STATE = "SELECT name, value FROM store_state ORDER BY name"


def state(connection: apsw.Connection) -> dict[str, Any]:
    rows: list[Any] = connection.execute(STATE).fetchall()
    return dict(rows)


@pytest.mark.parametrize("memory", [False, True])
def test_a_fresh_store_has_its_identity_and_its_secrets(make_rig: Any, memory: bool) -> None:
    rig, other = make_rig(memory=memory), make_rig("other.db", memory=memory)
    facts = state(rig.connection)
    assert sorted(facts) == ["catalogue_version", "iterator_key", "sequence", "store_id"]
    assert (facts["sequence"], facts["catalogue_version"]) == (0, 0)
    assert (len(facts["store_id"]), len(facts["iterator_key"])) == (16, 32)
    theirs = state(other.connection)
    assert theirs["store_id"] != facts["store_id"]
    assert theirs["iterator_key"] != facts["iterator_key"]
    assert rig.connection.execute("PRAGMA application_id").fetchall() == [(0x53545231,)]
    assert rig.connection.execute("PRAGMA user_version").fetchall() == [(migrate.REVISION,)]


def test_an_existing_store_keeps_its_identity(make_rig: Any) -> None:
    first = make_rig()
    facts = state(first.connection)
    first.close()
    again = make_rig()
    assert state(again.connection) == facts
    assert not again.claim.fresh


def set_pragma(path: Path, pragma: str) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_file_is_refused_by_name_and_left_as_it_was(
    make_rig: Any, tmp_path: Path, read_only: bool
) -> None:
    make_rig().close()
    path = tmp_path / "store.db"
    set_pragma(path, f"user_version = {migrate.REVISION + 1}")
    before = path.read_bytes()
    with pytest.raises(FileTooNew) as caught:
        open_either_way(path, read_only)
    assert (caught.value.found, caught.value.known) == (migrate.REVISION + 1, migrate.REVISION)
    assert "upgrade streamstore" in str(caught.value)
    assert path.read_bytes() == before
    set_pragma(path, f"user_version = {migrate.REVISION}")
    make_rig().writer.run(lambda group: None)


def open_either_way(path: Path, read_only: bool) -> Any:
    if read_only:
        return migrate.open_read_only(path)
    return migrate.open_file(path, Settings(), SystemClock())


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_whose_revision_was_never_ours_is_foreign(
    make_rig: Any, tmp_path: Path, read_only: bool
) -> None:
    make_rig().close()
    set_pragma(tmp_path / "store.db", "user_version = 0")
    with pytest.raises(FileForeign):
        open_either_way(tmp_path / "store.db", read_only)


def test_an_open_that_fails_lets_go_of_the_file(make_rig: Any, tmp_path: Path) -> None:
    make_rig().close()
    path = tmp_path / "store.db"
    set_pragma(path, "user_version = 99")
    for _ in range(2):
        with pytest.raises(FileTooNew):
            open_either_way(path, False)
    assert files._inodes == {}
    assert not [it for it in apsw.connections() if it.filename == str(path)]


def test_a_second_owner_is_refused(make_rig: Any, tmp_path: Path) -> None:
    rig = make_rig()
    with pytest.raises(FileLocked):
        open_either_way(tmp_path / "store.db", False)
    assert rig.writer.run(rig.put(1)) == 1


def test_read_only_needs_a_store_of_this_revision(
    make_rig: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileUnusable, match="creates nothing"):
        migrate.open_read_only(tmp_path / "store.db")
    make_rig().close()
    os.unlink(tmp_path / "store.db.lock")
    migrate.open_read_only(tmp_path / "store.db").release()
    assert "store.db.lock" not in os.listdir(tmp_path)
    monkeypatch.setattr(migrate, "REVISION", migrate.REVISION + 1)
    with pytest.raises(FileUnusable, match="open it for writing once"):
        migrate.open_read_only(tmp_path / "store.db")


def test_a_fresh_file_that_reads_back_wrong_does_not_get_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "verify", lambda path: (files.APPLICATION_ID, 77))
    with pytest.raises(StorageError, match="not written"):
        open_either_way(tmp_path / "store.db", False)
    assert os.listdir(tmp_path) == ["store.db.lock"]


def test_tables_of_litestream_are_tolerated(make_rig: Any, tmp_path: Path) -> None:
    rig = make_rig()
    rig.connection.execute(
        "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);"
        "CREATE TABLE _litestream_lock (id INTEGER);"
        "INSERT INTO _litestream_seq VALUES (1, 5)"
    )
    rig.close()
    again = make_rig()
    assert again.writer.run(again.put(1)) == 1
    assert again.connection.execute("SELECT seq FROM _litestream_seq").fetchall() == [(5,)]


OPEN = """
import sys
from streamstore.clock import SystemClock
from streamstore.config import Settings
from streamstore.storage import migrate
opened = migrate.open_file(sys.argv[1], Settings(), SystemClock())
opened.connection.close()
opened.claim.release()
heavy = {"sqlalchemy", "alembic", "sqlite3", "ctypes", "asyncio"} & set(sys.modules)
print(sorted(heavy))
"""


def test_opening_at_the_head_imports_neither_sqlalchemy_nor_alembic(tmp_path: Path) -> None:
    for _ in range(2):
        answer = subprocess.run(
            [sys.executable, "-c", OPEN, str(tmp_path / "s.db")],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
            env={**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])},
        )
        assert answer.stdout == "[]\n"


def test_the_scripts_are_found_in_the_source_tree() -> None:
    assert (migrate.scripts_folder() / "versions" / "0001_first_schema.py").is_file()
