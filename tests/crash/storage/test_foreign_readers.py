"""Other programs at the same file: SQLite's own, and read-only Stores of other processes.

The trap of engine.md 2.5: a file that is opened and closed behind SQLite's back in the process that
has it open drops SQLite's POSIX locks. The next foreign program then believes to be alone, and its
end takes the live write-ahead log away.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamstore.clock import SystemClock
from streamstore.errors import FileForeign, FileLocked, FileUnusable
from streamstore.storage import files, maintenance, migrate
from streamstore.storage.readers import Readers

ROOT = Path(__file__).resolve().parents[3]

# A program of somebody else's, with the system's SQLite: it takes the log away if it is alone.
# (SQLite 3.54 looks at the locks of the shared memory too; what others bring is older.)
FOREIGN = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(len(connection.execute("SELECT record_id FROM record").fetchall()))
connection.close()
"""

READ_ONLY = """
import sys
from streamstore.clock import SystemClock
from streamstore.errors import StoreError
from streamstore.storage import migrate
from streamstore.storage.readers import Readers
claim = migrate.open_read_only(sys.argv[1])
readers = Readers(claim.path, SystemClock(), foreign=True)
version = None
for line in sys.stdin:
    with readers.transaction() as rx:
        rows = rx.one("SELECT count(*) FROM record")[0]
        try:
            rx.one("DELETE FROM record")
        except StoreError as error:
            refused = type(error).__name__
    before, version = version, readers.data_version()
    print(rows, before != version, refused, flush=True)
readers.close()
claim.release()
"""

OWNER = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("storage_conftest", sys.argv[2])
conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conftest)
store = conftest.OpenStore(Path(sys.argv[1]))
print("open", flush=True)
for line in sys.stdin:
    store.put(int(line))
    print(int(line), flush=True)
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def ask(process: subprocess.Popen[str], line: str = "") -> str:
    """One line to it, one line from it."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def foreign_visit(path: str) -> int:
    answer = subprocess.run(
        [sys.executable, "-c", FOREIGN, path],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env=environment(),
    )
    return int(answer.stdout)


def open_and_close(path: str) -> None:
    """What must never happen in a process that has the store open."""
    with open(path, "rb") as file:
        file.read(16)


def use_everything(path: str) -> None:
    """Whatever of the package might want to look at the file of an open store."""
    with pytest.raises(FileLocked):
        files.claim(path, migrate.build)
    migrate.open_read_only(path).release()
    files.read_owner(path)
    files.wal_bytes(path)
    files.rewrite_wal(path)
    maintenance.vacuum_into(path, path + ".copy")
    with pytest.raises(FileUnusable):
        maintenance.vacuum_into(path, path + ".copy")


def visit(store: Any, harm: Callable[[str], None]) -> list[int]:
    """110 acknowledged rows; after ten of them the harm is done and a foreign program visits."""
    numbers = list(range(110))
    for number in numbers[:10]:
        store.put(number)
    harm(store.claim.path)
    assert foreign_visit(store.claim.path) == 10
    for number in numbers[10:]:
        store.put(number)
    store.die()
    return numbers


def test_nothing_in_the_package_drops_the_locks_of_an_open_store(
    open_store: Any, read_rows: Any, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    numbers = visit(open_store(path), use_everything)
    assert read_rows(path) == numbers


def test_opening_and_closing_the_file_would_lose_acknowledged_rows(
    open_store: Any, read_rows: Any, tmp_path: Path
) -> None:
    """The control: 100 of 110 rows are gone, and the integrity check says ok."""
    path = tmp_path / "store.db"
    numbers = visit(open_store(path), open_and_close)
    found = read_rows(path)
    if found == numbers and sqlite3.sqlite_version_info > (3, 50):
        pytest.skip(f"the system's SQLite {sqlite3.sqlite_version} does not fall into this trap")
    assert found == numbers[:10]


AUDITED = """
import sys
from pathlib import Path
watched, opened = [], []
def audit(event, arguments):
    if event == "open" and watched and str(arguments[0]) == watched[0]:
        opened.append(arguments)
sys.addaudithook(audit)
import importlib.util
def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
conftest = load("storage_conftest", sys.argv[2])
this = load("foreign_readers", sys.argv[3])
store = conftest.OpenStore(Path(sys.argv[1]))
watched.append(store.claim.path)
for number in range(50):
    store.put(number)
store.ids()
this.use_everything(store.claim.path)
store.maintenance.checkpoint()
store.maintenance.compact()
store.claim.announce("http://127.0.0.1:1")
store.close()
print(len(opened))
watched[:] = [sys.argv[1]]
open(sys.argv[1], "rb").close()
print(len(opened))
"""


def test_while_a_store_is_open_python_never_opens_its_file(tmp_path: Path) -> None:
    here = Path(__file__)
    path = tmp_path / "store.db"
    answer = subprocess.run(
        [
            *(sys.executable, "-c", AUDITED, str(path)),
            *(str(here.with_name("conftest.py")), str(here)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
    )
    assert answer.stderr == ""
    assert answer.stdout == "0\n1\n", "the second line says that the hook sees what it should"


# ---- read_only=True beside an owner in another process ----


def test_a_read_only_store_follows_its_owner_and_survives_its_death(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    owner = start(OWNER, str(path), str(Path(__file__).with_name("conftest.py")))
    assert owner.stdout is not None
    assert owner.stdout.readline() == "open\n"
    assert ask(owner, "1") == "1"
    reader = start(READ_ONLY, str(path))
    assert ask(reader) == "1 True FileUnusable"
    assert ask(reader) == "1 False FileUnusable"
    assert ask(owner, "2") == "2"
    assert ask(reader) == "2 True FileUnusable"
    owner.send_signal(signal.SIGKILL)
    owner.communicate(timeout=20)
    assert ask(reader) == "2 False FileUnusable"
    late = start(READ_ONLY, str(path))
    assert ask(late).startswith("2 ")
    # The next owner opens beside both, and they follow it.
    successor = start(OWNER, str(path), str(Path(__file__).with_name("conftest.py")))
    assert successor.stdout is not None
    assert successor.stdout.readline() == "open\n"
    assert ask(successor, "3") == "3"
    assert ask(reader).startswith("3 True")
    assert ask(late).startswith("3 True")
    for process in (reader, late, successor):
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_a_read_only_store_writes_nothing_at_all(open_store: Any, tmp_path: Path) -> None:
    """No lock file, no checkpoint, not even at its end as the last connection."""
    path = tmp_path / "store.db"
    store = open_store(path)
    store.put(1)
    store.die()
    os.unlink(f"{path}.lock")
    before = (path.read_bytes(), Path(f"{path}-wal").read_bytes())
    assert len(before[1]) > 0
    claim = migrate.open_read_only(path)
    readers = Readers(claim.path, SystemClock(), foreign=True)
    with readers.transaction() as rx:
        assert rx.one("SELECT count(*) FROM record") == (1,)
    readers.close()
    claim.release()
    assert (path.read_bytes(), Path(f"{path}-wal").read_bytes()) == before
    assert not os.path.exists(f"{path}.lock")


def test_a_read_only_store_takes_no_foreign_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x" * 1000)
    with pytest.raises(FileForeign):
        migrate.open_read_only(tmp_path / "x")
