"""What an image recovers to, and which states it may hold."""

from __future__ import annotations

from pathlib import Path
from random import Random

import apsw
import pytest

from streamstore.testing.disk import Disk, Judge, Losses, RecoveryFailed, images, recover
from streamstore.testing.disk.memory import logical

COMMITS = 12


def record(folder: Path, synchronous: str) -> Disk:
    """A table that gets a row a commit, each acknowledged, with a checkpoint among them."""
    disk = Disk(str(folder))
    with disk.mounted():
        connection = apsw.Connection(str(folder / "app.db"))
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA wal_autocheckpoint=0").fetchall()
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, body BLOB)")
        for number in range(COMMITS):
            connection.execute("INSERT INTO t VALUES (?, ?)", (number, b"b" * 3000))
            disk.log.mark(number)
            if number == COMMITS // 2:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        connection.close()
    return disk


def judged(disk: Disk) -> tuple[Judge, list[str]]:
    judge = Judge("app.db")
    found = []
    for step in images(disk.log, disk.base, Losses(some=10), Random(3)):
        if step.operation.kind == "mark":
            judge.acknowledge()
        for image in step.images:
            verdict = judge.look(image)
            if verdict is not None:
                found.append(verdict.what)
    return judge, found


@pytest.mark.parametrize(("synchronous", "sound"), [("FULL", True), ("NORMAL", False)])
def test_acknowledged_rows_are_lost_without_a_sync_and_never_with_one(
    tmp_path: Path, synchronous: str, sound: bool
) -> None:
    judge, found = judged(record(tmp_path, synchronous))
    assert judge.newest >= COMMITS
    assert judge.distinct > 200
    assert (not found) == sound, found[:3]
    if not sound:
        assert any("was acknowledged, and it is back at state" in what for what in found)


def test_an_image_recovers_to_what_sqlite_finds_on_a_real_disk(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = record(folder, "FULL")
    compared = 0
    for step in images(disk.log, disk.base, Losses(some=1), Random(5)):
        for image in step.images:
            files = {name: bytes(content) for name, content in image.build().items()}
            if not files.get("app.db") or step.position % 7:
                continue
            content = recover(files, "app.db")
            assert content is not None
            place = tmp_path / f"image-{compared}"
            place.mkdir()
            for name, each in files.items():
                (place / name).write_bytes(each)
            connection = apsw.Connection(str(place / "app.db"))
            tables: list[object] = connection.execute("SELECT name FROM sqlite_schema").fetchall()
            if tables:
                rows: list[object] = connection.execute("SELECT * FROM t").fetchall()
                assert logical(content)[1][-1] == ("t", tuple(sorted(rows, key=repr)))
            assert connection.serialize("main") == content
            connection.close()
            compared += 1
    assert compared > 10


def database(value: int, *, free: bytes = b"") -> bytes:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t (n)")
    connection.execute("INSERT INTO t VALUES (?)", (value,))
    content = connection.serialize("main")
    connection.close()
    return content + free


def test_states_come_in_order_and_none_but_those_from_the_acknowledged_one_on_pass() -> None:
    one, two, three = (database(number) for number in (1, 2, 3))
    judge = Judge("app.db")
    assert judge.judge(None) is None, "nothing was acknowledged yet"
    assert judge.judge(one, whole=True) is None
    assert judge.acknowledge() == 1
    lost = judge.judge(None)
    assert lost is not None
    assert lost.state == 0
    assert judge.judge(two, whole=True) is None
    assert judge.judge(one) is None, "the second commit was not acknowledged"
    invented = judge.judge(three)
    assert invented is not None
    assert invented.state is None
    judge.acknowledge()
    assert judge.judge(two) is None
    back = judge.judge(one, whole=True)
    assert back is not None, "going back is no new state, even where nothing was lost"
    assert back.state == 1


def test_where_bytes_differ_rows_and_integrity_decide() -> None:
    one = database(1)
    judge = Judge("app.db", one)
    stirred = bytearray(one)
    stirred[24:28] = b"\x00\x00\x00\x63"  # the change counter, which no row knows
    stirred[92:96] = b"\x00\x00\x00\x63"
    assert judge.judge(bytes(stirred)) is None
    assert judge.slow == 1
    damaged = bytearray(one)
    damaged[4096] = 99  # the kind of the table's page
    verdict = judge.judge(bytes(damaged))
    assert verdict is not None


def test_what_is_no_database_does_not_recover_and_an_empty_file_is_none() -> None:
    with pytest.raises(RecoveryFailed):
        recover({"app.db": b"x" * 5000}, "app.db")
    assert recover({"app.db": b""}, "app.db") is None
    assert recover({"app.db-wal": b"x" * 5000}, "app.db") is None
