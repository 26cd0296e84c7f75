"""`streamstore replicate` as a process: what it prints, how it ends, what it refuses."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.cli.replicate import Telling

ROOT = Path(__file__).resolve().parents[3]


def begin(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "streamstore", "replicate", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def run(*words: str) -> tuple[int, list[dict[str, Any]], str]:
    process = begin(*words)
    out, error = process.communicate(timeout=60)
    return process.returncode, [json.loads(line) for line in out.splitlines()], error


@pytest.fixture
def store(tmp_path: Path) -> Iterator[streamstore.Store]:
    with streamstore.open(tmp_path / "shop.db", background=False) as store:
        store.client.create_table(
            TableName="orders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        store.table("orders").put_item(Item={"id": "a", "n": 1})
        yield store


def rows(path: Path, table: str = "orders") -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as database:
        found = database.execute(f"SELECT id, n FROM {table} ORDER BY id").fetchall()
    database.close()
    return found


def test_it_copies_and_catches_up_beside_the_owner_and_says_what_it_did(
    store: streamstore.Store, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    words = ("orders", "--db", store.path, "--to", f"sqlite:///{target}", "--once")
    code, told, error = run(*words)
    assert (code, error) == (0, "")
    steps = ["target", "copy", "copied", "settled", "caught-up"]
    assert [event["event"] for event in told] == steps
    assert told[0]["url"] == f"sqlite+pysqlite:///{target}"
    assert {event["table"] for event in told} == {"orders"}
    store.table("orders").put_item(Item={"id": "b", "n": 2})
    store.table("orders").delete_item(Key={"id": "a"})
    code, told, error = run(*words)
    assert [event["event"] for event in told] == ["target", "applied"]
    assert told[1]["records"] == 2
    assert rows(target) == [("b", 2)]
    assert run(*words, "--as", "other")[0] == 0
    assert rows(target, "other") == [("b", 2)]


def test_without_a_target_it_goes_into_a_database_beside_the_store(
    store: streamstore.Store, tmp_path: Path
) -> None:
    assert run("orders", "--db", store.path, "--once")[0] == 0
    assert rows(tmp_path / "shop-replica.db") == [("a", 1)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_goes_on_live_until_a_signal_ends_it_with_0(
    store: streamstore.Store, tmp_path: Path, number: int
) -> None:
    target = tmp_path / "copy.db"
    process = begin("orders", "--db", store.path, "--to", f"sqlite:///{target}")
    assert process.stdout is not None
    while json.loads(process.stdout.readline())["event"] != "caught-up":
        pass
    store.table("orders").put_item(Item={"id": "b", "n": 2})
    told = ""
    while "applied" not in told:
        told = process.stdout.readline()
    for spec in ({"StreamEnabled": False}, {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}):
        store.client.update_table(TableName="orders", StreamSpecification=spec)
        store.table("orders").put_item(Item={"id": "c", "n": len(spec)})
    while "settled" not in told:
        told = process.stdout.readline()
    store.table("orders").delete_item(Key={"id": "a"})
    while "applied" not in told:
        told = process.stdout.readline()
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (0, "")
    assert rows(target) == [("b", 2), ("c", 2)]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("orders", "--to", "sqlite:///{0}.copy"), 2, "--db"),
        (("orders", "--db", "{0}", "--to", "sqlite:///{0}"), 1, "belongs to a streamstore store"),
        (("orders", "--db", "{0}", "--to", "sqlite:///file:{0}"), 1, "belongs to a streamstore"),
        (("orders", "--db", "{0}", "--to", "copy.db"), 1, "The target is a URL"),
        (("orders", "--db", "/nowhere/x.db", "--to", "sqlite:///{0}.copy"), 1, "no store at"),
        (("nobody", "--db", "{0}", "--to", "sqlite:///{0}.copy"), 1, "not found"),
        (("orders", "--db", "{0}", "--to", "postgresql://x@127.0.0.1:9/x"), 1, "psycopg|refused"),
    ],
)
def test_what_cannot_be_done_ends_with_the_reason(
    store: streamstore.Store, words: tuple[str, ...], code: int, said: str
) -> None:
    found, told, error = run(*(word.format(store.path) for word in words))
    assert (found, [event["event"] for event in told if event["event"] != "target"]) == (code, [])
    assert any(text in error for text in said.split("|")), error
    assert "Traceback" not in error
    assert store.client.list_tables()["TableNames"] == ["orders"]


def test_a_target_that_belongs_to_somebody_else_is_refused_and_left_as_it_is(
    store: streamstore.Store, tmp_path: Path
) -> None:
    target = tmp_path / "mine.db"
    with sqlite3.connect(target) as mine:
        mine.execute("CREATE TABLE orders (id, n)")
    mine.close()
    code, _, error = run("orders", "--db", store.path, "--to", f"sqlite:///{target}", "--once")
    assert code == 1
    assert "not made by this sink" in error
    assert rows(target) == []


def test_counts_are_summed_and_told_once_a_second_the_last_ones_always(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telling = Telling("orders", to_pipe=True, drawn=True)
    for _ in range(5):
        telling.told({"event": "applied", "records": 3, "position": "7"})
    telling.told({"event": "caught-up", "position": "7"})
    telling.told({"event": "applied", "records": 1, "position": "8"})
    telling.end()
    out, error = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [
        {"table": "orders", "event": "applied", "records": 15, "position": "7"},
        {"table": "orders", "event": "caught-up", "position": "7"},
        {"table": "orders", "event": "applied", "records": 16, "position": "8"},
    ]
    assert error.startswith("\x1b[2Korders: applied records 15 position 7 (")
    assert error.endswith("/s)\r\n")
