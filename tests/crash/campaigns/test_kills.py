"""A process that dies at each operation on the disk: a bounded run.

The long run: streamstore torture --kind kill --seconds 600
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from types import SimpleNamespace

import apsw
import pytest

from streamstore.testing import campaigns, kills
from streamstore.testing.campaigns import Report
from streamstore.testing.disk import Call, Disk, Judge, recover
from streamstore.testing.kills import KILLED, Killer, Round, let_die, wait_for


def silent(_: str) -> None: ...


def test_wherever_a_process_dies_what_it_leaves_is_a_state_that_was_committed() -> None:
    report = campaigns.run("kill", 5, 7.0, silent)
    assert report.violations == []
    assert report.figures["kills"] > 200
    assert report.figures["verified"] > 5


def test_a_migration_that_is_killed_everywhere_leaves_the_old_file_or_the_new_one(
    tmp_path: Path,
) -> None:
    report = Report("kill", 2)
    Round(report, 2, True).run(str(tmp_path))
    assert report.violations == []
    assert report.figures["kills"] > 30
    assert report.figures["recovery_kills"] > 30


def test_the_child_is_dead_and_its_last_write_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    before = os.getpid()
    wait_for(let_die(str(path), 2, b"abc"))
    assert os.getpid() == before
    assert path.read_bytes() == b"01abc56789"
    assert KILLED == 77


@pytest.mark.parametrize(("there", "whole"), [(b"defg", True), (b"defx", False), (b"d", False)])
def test_a_torn_write_is_whole_where_its_rest_was_there_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bytes, whole: bool
) -> None:
    """As in a log that lies over its own earlier frames (seed 1000094, kill 350)."""
    (tmp_path / "app.db-wal").write_bytes(b"abc" + there)
    monkeypatch.setattr(kills, "recover", lambda files, _: files["app.db-wal"])
    seen: list[tuple[bytes, bool]] = []
    judge = SimpleNamespace(
        main="app.db",
        names=("app.db", "app.db-wal"),
        judge=lambda content, *, whole: seen.append((bytes(content), whole)),
    )
    rng = SimpleNamespace(randrange=lambda _: 3)
    killer = Killer(Disk(str(tmp_path)), judge, rng, lambda *_: None)  # type: ignore[arg-type]
    killer(Call("sqlite", "write", "app.db-wal", 0, b"ABCdefg"))
    assert seen == [(b"abc" + there, True), (b"ABC" + there, whole)]


@pytest.mark.parametrize("journal", ["WAL", "OFF"])
def test_a_database_without_a_journal_is_found_broken(tmp_path: Path, journal: str) -> None:
    """The control: what holds with a log does not hold without one."""
    path = str(tmp_path / "app.db")
    connection = apsw.Connection(path)
    connection.execute(f"PRAGMA journal_mode={journal}").fetchall()
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, body BLOB)")
    connection.close()
    disk = Disk(str(tmp_path))
    broken: list[str] = []

    def note(what: str, _position: int, _call: Call) -> None:
        broken.append(what)

    judge = Judge("app.db", recover(disk.base, "app.db"))
    killer = disk.hook = Killer(disk, judge, Random(1), note)
    with disk.mounted():
        connection = apsw.Connection(path)
        connection.execute(f"PRAGMA journal_mode={journal}").fetchall()
        for number in range(3):
            connection.execute("BEGIN")
            for row in range(12):
                values = (number * 100 + row, b"b" * 3000)
                connection.execute("INSERT INTO t VALUES (?, ?)", values)
            connection.execute("COMMIT")
            judge.acknowledge()
        connection.close()
    assert killer.kills > 20
    if journal == "WAL":
        assert broken == []
        assert judge.newest == 3, "a state a commit"
    else:
        assert broken or judge.newest > 3, "what is half done shows"
