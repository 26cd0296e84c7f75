"""The log of a mounted disk is what happened to its files; a failure is what SQLite calls it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from random import Random
from types import ModuleType

import apsw
import pytest

from streamstore.testing.disk import Call, Disk, Fault, Losses, contents, images, recover
from streamstore.testing.disk.hooks import CHANGING


def work(path: str) -> None:
    """A database made, written, checkpointed and vacuumed, in each of two journal modes."""
    for mode in ("WAL", "DELETE"):
        connection = apsw.Connection(f"{path}-{mode}.db")
        connection.execute(f"PRAGMA journal_mode={mode}").fetchall()
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, body BLOB)")
        for number in range(40):
            connection.execute("INSERT INTO t VALUES (?, ?)", (number, b"b" * 700))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute("DELETE FROM t WHERE n % 2")
        connection.execute("VACUUM")
        connection.close()


def file_work(system: ModuleType, folder: str) -> None:
    """What a recipe for a durable file calls."""
    one, two = os.path.join(folder, "one"), os.path.join(folder, "two")
    descriptor = system.open(one, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    system.write(descriptor, b"abc")
    system.write(descriptor, b"def")
    system.pwrite(descriptor, b"X", 1)
    system.ftruncate(descriptor, 5)
    system.fsync(descriptor)
    system.close(descriptor)
    system.link(one, two)
    system.rename(two, os.path.join(folder, "three"))
    system.unlink(one)
    parent = system.open(folder, os.O_RDONLY)
    system.fsync(parent)
    system.close(parent)


def test_replaying_the_log_gives_the_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "before").write_bytes(b"old")
    disk = Disk(str(tmp_path))
    module = ModuleType("a program")
    module.os = os  # type: ignore[attr-defined]
    with disk.mounted(module):
        work(str(tmp_path / "some"))
        file_work(module.os, str(tmp_path))  # type: ignore[attr-defined]
    assert module.os is os  # type: ignore[attr-defined]
    for step in images(disk.log, disk.base, Losses(some=0), Random(0)):
        last = step
    found = {name: bytes(it) for name, it in last.state.whole(0).build().items()}
    assert found == contents(str(tmp_path))
    assert set(found) == {"before", "some-WAL.db", "some-DELETE.db", "three"}
    assert found["three"] == b"aXcde"


def test_a_database_of_another_folder_is_neither_seen_nor_failed(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    disk = Disk(str(here))
    disk.hook = lambda call: Fault("EIO")
    with disk.mounted():
        work(str(there / "some"))
    assert len(disk.log) == 0


def test_after_it_is_mounted_the_default_is_the_systems_again(tmp_path: Path) -> None:
    disk = Disk(str(tmp_path))
    default = apsw.vfs_names()[0]
    with disk.mounted():
        other = apsw.VFS("another-one", "unix")
    assert apsw.vfs_names()[0] == default
    other.unregister()
    work(str(tmp_path / "some"))
    assert len(disk.log) == 0


EXPECTED = {
    ("read", "EIO"): apsw.IOError,
    ("write", "EIO"): apsw.IOError,
    ("write", "SHORT"): apsw.IOError,
    ("write", "ENOSPC"): apsw.FullError,
    ("sync", "EIO"): apsw.IOError,
    ("truncate", "EIO"): apsw.IOError,
    ("delete", "EIO"): apsw.IOError,
    ("create", "EIO"): apsw.CantOpenError,
    ("lock", "LOCK"): apsw.BusyError,
}


@pytest.mark.parametrize(("kind", "error"), EXPECTED)
def test_a_fault_comes_up_as_sqlite_reports_it_and_the_file_stays_sound(
    tmp_path: Path, kind: str, error: str
) -> None:
    disk = Disk(str(tmp_path))
    disk.looks = True
    armed = [True]

    def hook(call: Call) -> Fault | None:
        if call.kind == kind and armed:
            armed.clear()
            return Fault(error)
        return None

    disk.hook = hook
    with disk.mounted(), pytest.raises(EXPECTED[kind, error]):
        work(str(tmp_path / "some"))
    disk.hook = None
    for name in contents(str(tmp_path)):
        if name.endswith(".db"):
            recover(contents(str(tmp_path)), name)


@pytest.mark.parametrize("kind", sorted(CHANGING - {"delete"}))
@pytest.mark.parametrize(("error", "code"), [("EIO", errno.EIO), ("ENOSPC", errno.ENOSPC)])
def test_a_fault_of_a_system_call_is_its_errno(
    tmp_path: Path, kind: str, error: str, code: int
) -> None:
    disk = Disk(str(tmp_path))
    disk.hook = lambda call: Fault(error) if call.kind == kind else None
    module = ModuleType("a program")
    module.os = os  # type: ignore[attr-defined]
    with disk.mounted(module), pytest.raises(OSError) as raised:
        file_work(module.os, str(tmp_path))  # type: ignore[attr-defined]
    assert raised.value.errno == code
