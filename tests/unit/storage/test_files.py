"""The files of a store: made durably, for one user, owned once, not opened behind SQLite's back."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore.errors import FileForeign, FileLocked, FileUnusable, StoreClosed
from streamstore.storage import files

RowMaker = Callable[[str], None]


def build(path: str) -> None:
    """The smallest file that is taken for a store."""
    connection = apsw.Connection(path)
    connection.execute(f"PRAGMA application_id = {files.APPLICATION_ID}")
    connection.execute("CREATE TABLE t (a)")
    connection.close()


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "store.db")


@pytest.fixture
def claimed(path: str) -> Iterator[files.Claim]:
    claim = files.claim(path, build)
    yield claim
    claim.release()


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_fresh_store_and_its_lock_are_for_this_user_only(
    loose_umask: None, claimed: files.Claim
) -> None:
    assert claimed.fresh
    assert mode(claimed.path) == mode(claimed.path + ".lock") == 0o600
    assert sorted(os.listdir(os.path.dirname(claimed.path))) == ["store.db", "store.db.lock"]


def test_sqlites_own_files_are_for_this_user_only_too(loose_umask: None, file_rig: Any) -> None:
    file_rig.writer.run(file_rig.put(1))
    path = file_rig.claim.path
    assert {mode(path + suffix) for suffix in ("", "-wal", "-shm", ".lock")} == {0o600}


def test_a_file_is_created_with_o_excl_before_sqlite_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    files.reserve(str(path))
    assert (mode(path), path.stat().st_size) == (0o600, 0)
    with pytest.raises(FileUnusable, match="exists already"):
        files.reserve(str(path))


def test_a_new_file_is_synced_before_its_name_and_its_name_is_synced_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    target = str(tmp_path / "new.db")
    real_link, real_sync = os.link, os.fsync

    def link(source: str, target: str) -> None:
        steps.append("link")
        real_link(source, target)

    def fsync(descriptor: int) -> None:
        steps.append("sync " + os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        real_sync(descriptor)

    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(os, "fsync", fsync)
    with files.new_file(target) as temporary:
        steps.clear()
        Path(temporary).write_bytes(b"content")
    assert steps == [
        "sync new.db.streamstore-new",
        "link",
        f"sync {tmp_path.name}",
    ]
    assert Path(target).read_bytes() == b"content"


def test_a_new_file_never_replaces_another(tmp_path: Path) -> None:
    target = tmp_path / "there.db"
    target.write_bytes(b"precious")
    with pytest.raises(FileUnusable, match="not overwritten"), files.new_file(str(target)) as it:
        Path(it).write_bytes(b"new")
    assert target.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["there.db"]


def test_what_a_crash_left_half_built_is_removed(path: str) -> None:
    for suffix in ("", "-wal", "-journal"):
        Path(path + files.TEMPORARY + suffix).write_bytes(b"half")
    claim = files.claim(path, build)
    claim.release()
    assert sorted(os.listdir(os.path.dirname(path))) == ["store.db", "store.db.lock"]


def test_a_builder_that_fails_leaves_no_store(path: str) -> None:
    def broken(temporary: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        files.claim(path, broken)
    assert os.listdir(os.path.dirname(path)) == ["store.db.lock"]
    files.claim(path, build).release()


def test_an_empty_file_becomes_a_store_of_mode_0600(loose_umask: None, path: str) -> None:
    Path(path).touch()
    claim = files.claim(path, build)
    claim.release()
    assert claim.fresh
    assert mode(path) == 0o600


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_a_log_without_its_database_is_set_aside_and_never_replayed(path: str, suffix: str) -> None:
    Path(path + suffix).write_bytes(b"of a store that is gone")
    for number in (1, 2):
        files.claim(path, build).release()
        aside = Path(f"{path}{suffix}.stale-{number}")
        assert aside.read_bytes() == b"of a store that is gone"
        assert not os.path.exists(path + suffix)
        os.unlink(path)
        Path(path + suffix).write_bytes(b"of a store that is gone")


def other_database(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (other_database, "another program"),
        (lambda path: path.write_bytes(b"#!/bin/sh\n" * 50), "another kind"),
        (lambda path: path.write_bytes(b"x"), "another kind"),
        (lambda path: path.write_bytes(files.MAGIC), "another kind"),
    ],
)
def test_somebody_elses_file_is_refused_and_left_as_it_was(
    tmp_path: Path, make: Callable[[Path], object], text: str
) -> None:
    path = tmp_path / "theirs.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(FileForeign, match=text):
        files.claim(str(path), build)
    with pytest.raises(FileForeign, match=text):
        files.claim_foreign(str(path))
    assert path.read_bytes() == before
    assert {it.name for it in tmp_path.iterdir()} <= {"theirs.db", "theirs.db.lock"}


def test_paths_where_no_store_can_be_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    cases: dict[str | Path, str] = {
        tmp_path: "is a folder",
        tmp_path / "missing" / "s.db": "does not exist. Create it",
        tmp_path / "file" / "s.db": "does not exist. Create it",
        "": "is not a path",
        "a\0b": "is not a path",
    }
    for path, text in cases.items():
        with pytest.raises(FileUnusable, match=text):
            files.resolve(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileUnusable, match="not a regular file"):
        files.claim(str(tmp_path / "pipe"), build)
    with pytest.raises(FileUnusable, match="creates nothing"):
        files.claim_foreign(str(tmp_path / "none.db"))


def test_a_network_file_system_is_refused_before_anything_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_mountinfo", lambda: "1 1 0:1 / / rw - nfs4 nas:/ rw\n")
    with pytest.raises(FileUnusable, match="nfs4"):
        files.resolve(tmp_path / "s.db")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_refuses_writes_says_so(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root no permission is ever denied, so the system's answer is given by hand."""
    real = os.open

    def refusing(name: Any, *rest: Any) -> int:
        if str(name).endswith(".lock"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(name, *rest)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(FileUnusable, match="read-only: choose another"):
        files.claim(path, build)


def test_hard_links_are_refused_since_each_name_would_have_its_own_log(
    path: str, tmp_path: Path
) -> None:
    files.claim(path, build).release()
    os.link(path, tmp_path / "other.db")
    with pytest.raises(FileUnusable, match="hard links"):
        files.claim(path, build)


def test_a_symbolic_link_leads_to_the_same_owner(path: str, tmp_path: Path) -> None:
    claim = files.claim(path, build)
    os.symlink(path, tmp_path / "link.db")
    with pytest.raises(FileLocked):
        files.claim(files.resolve(tmp_path / "link.db"), build)
    claim.release()


# ---- one owner ----


def test_a_second_owner_in_this_process_is_refused_until_the_first_lets_go(path: str) -> None:
    first = files.claim(path, build)
    with pytest.raises(FileLocked, match=f"this process .{os.getpid()}"):
        files.claim(path, build)
    first.release()
    first.release()
    second = files.claim(path, build)
    assert not second.fresh
    second.release()


def test_the_lock_file_holds_pid_and_url_and_is_never_unlinked(claimed: files.Claim) -> None:
    lock = Path(claimed.path + ".lock")
    assert json.loads(lock.read_text()) == {"pid": os.getpid(), "url": None}
    claimed.announce("http://127.0.0.1:8000")
    assert files.read_owner(claimed.path) == (os.getpid(), "http://127.0.0.1:8000")
    claimed.announce(None)
    assert files.read_owner(claimed.path) == (os.getpid(), None)
    inode = lock.stat().st_ino
    claimed.release()
    files.claim(claimed.path, build).release()
    assert lock.stat().st_ino == inode


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 5}'])
def test_a_lock_file_of_rubbish_names_nobody(path: str, text: str) -> None:
    Path(path + ".lock").write_text(text)
    assert str(files.read_owner(path)) == "another process"
    assert files.read_owner(path + "none") == (None, None)


CLAIM = """
import sys
from streamstore.storage import files
from streamstore.errors import StoreError
try:
    files.claim(sys.argv[1], lambda path: None)
except StoreError as error:
    print(type(error).__name__, error)
else:
    print("owned", flush=True)
    sys.stdin.read()
"""


def in_another_process(path: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLAIM, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])},
    )


def test_another_process_is_refused_and_told_who_owns_the_file(claimed: files.Claim) -> None:
    claimed.announce("http://127.0.0.1:8000")
    answer = in_another_process(claimed.path).communicate(timeout=20)[0]
    assert answer.startswith("FileLocked")
    assert f"process {os.getpid()} at http://127.0.0.1:8000" in answer


def test_an_owner_in_another_process_refuses_us_until_it_dies(path: str) -> None:
    files.claim(path, build).release()
    other = in_another_process(path)
    assert other.stdout is not None
    assert other.stdout.readline() == "owned\n"
    with pytest.raises(FileLocked, match=f"process {other.pid}"):
        files.claim(path, build)
    other.kill()
    other.communicate(timeout=20)
    files.claim(path, build).release()


def test_a_program_that_is_started_does_not_inherit_the_lock(claimed: files.Claim) -> None:
    assert claimed._lock is not None
    assert fcntl.fcntl(claimed._lock, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        close_fds=False,
    )
    claimed.release()
    files.claim(claimed.path, build).release()
    child.communicate(timeout=20)


def test_a_file_that_sqlite_has_open_is_not_opened_to_be_sniffed(
    file_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing it again would drop SQLite's locks (engine.md 2.5)."""

    def refuse(path: str) -> None:
        raise AssertionError("sniffed")

    monkeypatch.setattr(files, "_sniff", refuse)
    with pytest.raises(FileLocked):
        files.claim(file_rig.claim.path, build)
    beside = files.claim_foreign(file_rig.claim.path)
    assert not beside.owner
    beside.release()
    file_rig.close()
    with pytest.raises(AssertionError, match="sniffed"):
        files.claim(file_rig.claim.path, build)


def test_the_wal_is_rewritten_in_place_with_its_own_bytes(
    file_rig: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    file_rig.writer.run_many([(file_rig.put(n, b"x" * 9000), 1) for n in range(200)])
    wal = Path(file_rig.claim.path + "-wal")
    before, inode = wal.read_bytes(), wal.stat().st_ino
    assert len(before) > files.COPY_BYTES, "the copy must need more than one piece"
    assert files.rewrite_wal(file_rig.claim.path) == len(before)
    assert (wal.read_bytes(), wal.stat().st_ino) == (before, inode)
    # The name of a log whose folder could not be synced either must become durable too.
    assert synced == ["store.db-wal", wal.parent.name]
    assert files.wal_bytes(file_rig.claim.path) == len(before)
    assert files.rewrite_wal(file_rig.claim.path + "none") == 0
    assert files.wal_bytes(file_rig.claim.path + "none") == 0


# ---- fork ----


def test_a_forked_child_may_do_nothing_and_harms_nothing(file_rig: Any) -> None:
    """Not even its end may touch SQLite: it would checkpoint, unlink and unlock for the parent."""
    rig = file_rig
    rig.writer.run(rig.put(1))
    reader = rig.readers.transaction()
    with reader as rx:
        assert rx.one("SELECT count(*) FROM record") == (1,)
    lock = rig.claim._lock
    pid = os.fork()
    if pid == 0:
        os._exit(child_verdict(rig, lock))
    assert os.waitpid(pid, 0)[1] == 0
    assert rig.writer.run(rig.put(2)) == 2
    assert rig.ids() == [1, 2]
    with pytest.raises(FileLocked):
        files.claim(rig.claim.path, build)
    # The parent's lock is still there for other processes.
    assert in_another_process(rig.claim.path).communicate(timeout=20)[0].startswith("FileLocked")


def child_verdict(rig: Any, lock: int) -> int:
    """0 if every call refuses by name and the lock's descriptor is closed; run in the child."""
    try:
        calls: list[Callable[[], Any]] = [
            lambda: rig.writer.run(rig.put(3)),
            lambda: rig.writer.enqueue(rig.put(3), 1, lambda it: None),
            lambda: rig.writer.exclusive(lambda connection: None),
            lambda: rig.readers.transaction().__enter__(),
            lambda: rig.readers.loop_transaction(),
            lambda: rig.readers.data_version(),
        ]
        for call in calls:
            with pytest.raises(StoreClosed, match="Open it again"):
                call()
        assert isinstance(rig.writer.run_many([(rig.put(3), 1)])[0].error, StoreClosed)
        try:
            os.fstat(lock)
            return 4
        except OSError:
            pass
        # What a child does not close, its end must not close either.
        connection = rig.connection
        del rig.connection, rig.writer, rig.readers
        gc.collect()
        assert sys.getrefcount(connection) > 2
        return 0
    except BaseException:
        return 5


def refuses_in_a_child(call: Callable[[], Any]) -> bool:
    """Whether the call raises StoreClosed in a forked child, and does so at once."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(5)
        try:
            call()
        except StoreClosed:
            os._exit(0)
        os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


@contextlib.contextmanager
def held_by_another_thread(lock: Any) -> Iterator[None]:
    """A child that is forked meanwhile has the lock, but not the thread that would release it."""
    inside, go = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            inside.set()
            assert go.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(10)
    yield
    go.set()
    thread.join(10)


@pytest.mark.parametrize("which", ["_lock", "_gate"])
def test_a_child_of_a_process_whose_other_threads_write_is_not_stuck(rig: Any, which: str) -> None:
    rig.writer.run(rig.put(1))
    with held_by_another_thread(getattr(rig.writer, which)):
        assert refuses_in_a_child(lambda: rig.writer.run(rig.put(2)))
        assert refuses_in_a_child(lambda: rig.writer.exclusive(lambda connection: None))
        assert refuses_in_a_child(rig.ids)
    assert rig.ids() == [1]


def test_a_child_that_is_forked_by_a_unit_is_refused_too(rig: Any) -> None:
    assert rig.writer.run(lambda group: refuses_in_a_child(lambda: rig.writer.run(rig.put(5))))
    assert rig.writer.run(rig.put(1)) == 1
    assert rig.ids() == [1]


def test_a_child_may_open_a_store_of_its_own(file_rig: Any, tmp_path: Path) -> None:
    with held_by_another_thread(files._mutex):
        pid = os.fork()
        if pid == 0:
            signal.alarm(5)
            try:
                files.claim(str(tmp_path / "childs.db"), build)
                files.claim(file_rig.claim.path, build)
            except FileLocked:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(pid, 0)[1] == 0
