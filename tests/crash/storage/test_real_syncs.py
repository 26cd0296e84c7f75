"""Below SQLite, at the system calls themselves: syncs where they must be, and syncs that fail.

A Python VFS hides the class of engine.md 2.3, since its errors come up where SQLite would swallow
them; and a kill proves nothing about syncs (2.4). So strace watches, or injects EIO into the syncs
of one file. Skipped where strace is missing or not permitted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import apsw
import pytest

ROOT = Path(__file__).resolve().parents[3]

PRELUDE = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("storage_conftest", sys.argv[2])
conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conftest)
from pathlib import Path
from streamstore.errors import StoreError
from streamstore.storage.writer import commit
store = conftest.OpenStore(Path(sys.argv[1]))
"""

ACKNOWLEDGE = (
    PRELUDE
    + """
for number in range(5):
    store.put(number)
    os.write(1, b"acknowledged %d\\n" % number)
def put(number):
    return lambda group: group.tx.run(conftest.PUT, (number, b"x"))
for number in range(5, 13):
    store.writer.enqueue(
        put(number), 1, lambda it, number=number: os.write(1, b"acknowledged %d\\n" % number)
    )
commit.GROUP_APPLY_SECONDS_MAX = 60.0  # strace slows it down
store.writer.lead()
assert store.writer.groups == 6, store.writer.groups
os._exit(0)
"""
)

CHECKPOINT = (
    PRELUDE
    + """
for number in range(5):
    store.put(number)
try:
    store.maintenance.checkpoint()
except StoreError as error:
    print("checkpoint", type(error).__name__, store.writer.latched is not None)
try:
    store.put(5)
except StoreError as error:
    print("put", type(error).__name__)
print("ids", store.ids())
os._exit(0)
"""
)

AUTOMATIC = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1").fetchall()
for number in range(10):
    connection.execute("INSERT INTO record VALUES (?, 0, 0, x'00')", (number,))
print("committed", connection.total_changes())
"""


@cache
def strace_refuses() -> str | None:
    """Why strace can't be used here, or None."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    trial = subprocess.run(["strace", "-e", "trace=fsync", "true"], capture_output=True, text=True)
    return None if trial.returncode == 0 else f"strace is not permitted: {trial.stderr.strip()}"


@pytest.fixture(autouse=True)
def _needs_strace() -> None:
    refusal = strace_refuses()
    if refusal:
        pytest.skip(refusal)


@pytest.fixture
def store_path(open_store: type, tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    open_store(path).close()
    return path


def strace(script: str, path: Path, *options: str) -> tuple[str, list[str]]:
    """What the script printed, and the lines of the trace."""
    trace = path.with_name("trace")
    answer = subprocess.run(
        [
            *("strace", "-f", "-y", "-o", str(trace), *options),
            *(
                sys.executable,
                "-c",
                script,
                str(path),
                str(Path(__file__).with_name("conftest.py")),
            ),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout, trace.read_text().splitlines()


def test_a_sync_of_the_wal_lies_between_its_last_write_and_each_acknowledgement(
    store_path: Path,
) -> None:
    out, lines = strace(
        ACKNOWLEDGE, store_path, "-e", "trace=pwrite64,write,fdatasync,fsync", "-s", "40"
    )
    assert out.count("acknowledged") == 13
    unsynced = written = 0
    acknowledged = 0
    for line in lines:
        if re.search(r"pwrite64\(\d+<[^>]*-wal>", line):
            unsynced += 1
            written += 1
        elif re.search(r"f(data)?sync\(\d+<[^>]*-wal>\)\s+= 0", line):
            unsynced = 0
        elif "acknowledged" in line:
            acknowledged += 1
            assert unsynced == 0, f"answered before the sync: {line}"
    assert acknowledged == 13
    assert written >= 12
    syncs = sum(bool(re.search(r"f(data)?sync\(\d+<[^>]*-wal>", line)) for line in lines)
    assert 6 <= syncs <= 9, "one sync a group, and few for the log's header"


def failing_syncs_of(path: Path) -> tuple[str, ...]:
    return (
        "-P",
        str(path),
        "-e",
        "trace=fdatasync,fsync",
        "-e",
        "inject=fdatasync,fsync:error=EIO",
    )


def test_a_checkpoint_whose_sync_fails_latches_and_loses_nothing(
    store_path: Path, open_store: type, read_rows: object
) -> None:
    out, lines = strace(CHECKPOINT, store_path, *failing_syncs_of(store_path))
    assert "checkpoint StorageError True\nput Latched\nids [0, 1, 2, 3, 4]\n" in out
    assert any("INJECTED" in line for line in lines)
    store = open_store(store_path)
    assert store.ids() == [0, 1, 2, 3, 4]
    store.close()


def test_automatic_checkpoints_say_nothing_of_it(store_path: Path) -> None:
    """The trap itself: every COMMIT says OK while every sync of the main file fails."""
    out, lines = strace(AUTOMATIC, store_path, *failing_syncs_of(store_path))
    assert out == "committed 10\n"
    assert sum("INJECTED" in line for line in lines) >= 5
    connection = apsw.Connection(str(store_path))
    connection.close()


COMMIT = (
    PRELUDE
    + """
acknowledged = []
try:
    for number in range(9):
        store.put(number)
        acknowledged.append(number)
except StoreError as error:
    print(type(error).__name__, store.writer.latched is not None, store.ids() == acknowledged)
print(len(acknowledged))
os._exit(0)
"""
)


@pytest.mark.parametrize("when", [1, 2, 4, 6])
def test_a_commit_whose_sync_fails_leaves_the_outcome_unknown(
    store_path: Path, open_store: type, when: int
) -> None:
    out, _ = strace(
        COMMIT,
        store_path,
        *("-P", f"{store_path}-wal", "-e", "trace=fdatasync"),
        *("-e", f"inject=fdatasync:error=EIO:when={when}"),
    )
    first, second = out.splitlines()
    assert first == "OutcomeUnknown True True"
    count = int(second)
    store = open_store(store_path)
    assert store.ids() in (list(range(count)), list(range(count + 1)))
    store.close()
