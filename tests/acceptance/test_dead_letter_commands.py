"""`streamstore dlq`, on a file of nobody's, beside an embedded owner, beside and at a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import streamstore
from streamstore.cli.main import main
from streamstore.consumers.runtime import Consumers

from .conftest import ServerProcess

ROOT = Path(__file__).resolve().parents[2]

HANDLERS = """
def works(event, context):
    return None

def breaks(event, context):
    raise RuntimeError("still broken")
"""


def told(code: int, wanted: int, out: str, said: str) -> Any:
    assert code == wanted, said
    lines = [json.loads(line) for line in out.splitlines()]
    return lines if lines or not said else said


def run(*arguments: object, code: int = 0) -> Any:
    """The command's lines of JSON, or with another code what it says on stderr."""
    done = CliRunner().invoke(main, ["dlq", *map(str, arguments)])
    return told(done.exit_code, code, done.stdout, done.stderr)


def run_beside(*arguments: object, code: int = 0) -> Any:
    """The same in a process of its own, where this one has the file."""
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", "dlq", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return told(done.returncode, code, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store in which two batches of `work` failed, and handlers to try."""
    (tmp_path / "handlers.py").write_text(HANDLERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "handlers", raising=False)
    with (
        streamstore.open(tmp_path / "s.db", background=False, first_partitions=1) as store,
        Consumers(store, inline=True) as consumers,
    ):
        store.client.create_table(
            TableName="orders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )

        @consumers.on("orders", name="work", batch_size=2, retry_attempts_max=0)
        def work(event: Any, context: Any) -> None:
            raise RuntimeError("broken")

        for number in range(4):
            store.table("orders").put_item(Item={"id": str(number)})
        consumers.drain()
    return tmp_path


def test_on_a_file_of_nobodys(folder: Path) -> None:
    db = ("--db", folder / "s.db")
    listed = run("list", *db)
    assert [each["id"] for each in listed] == [1, 2]
    assert run("list", "--limit", 1, *db) == listed[:1]
    assert run("list", "--mapping", "none", *db) == []
    (shown,) = run("show", 1, *db)
    assert shown["payload"]["Records"][0]["dynamodb"]["Keys"] == {"id": {"S": "0"}}
    assert run("export", *db)[0] == shown
    assert run("export", "--to", "2001-01-01", *db) == []
    assert run("export", "--from", "2001-01-01", *db)[0] == shown
    broken = run("redrive", 1, *db, "--function", "work=handlers:breaks", code=1)
    assert broken == [{"id": 1, "outcome": "failed", "reason": "RuntimeError: still broken"}]
    works = ("--function", "work=handlers:works")
    redriven = run("redrive", "--all", *db, *works)
    assert redriven == [{"id": 1, "outcome": "redriven"}, {"id": 2, "outcome": "redriven"}]
    assert all(each["redrivenAt"] for each in run("list", *db))


def test_what_is_wrong_ends_with_a_reason(folder: Path) -> None:
    db = ("--db", folder / "s.db")
    assert "no failure 9" in run("show", 9, *db, code=1)
    (missing,) = run("redrive", 1, *db, code=1)
    assert (missing["outcome"], "--function" in missing["reason"]) == ("not-invoked", True)
    assert "no store" in run("list", "--db", folder / "none.db", code=1)
    assert "--db or its server" in run("list", code=2)
    assert "or give --all" in run("redrive", *db, code=2)
    assert "is no time" in run("export", "--from", "then", *db, code=2)
    wrong = run("redrive", 1, *db, "--function", "work=no:no", code=1)
    assert "can't be imported" in wrong


def test_beside_an_embedded_owner_it_reads_and_says_who_must_redrive(folder: Path) -> None:
    db = ("--db", folder / "s.db")
    with streamstore.open(folder / "s.db", background=False):
        assert len(run_beside("list", *db)) == 2
        assert len(run_beside("export", *db)) == 2
        assert f"process {os.getpid()}" in run_beside("redrive", 1, *db, code=1)


def test_beside_and_at_a_server_the_servers_own_functions_are_invoked(
    folder: Path, start_server: Callable[..., ServerProcess]
) -> None:
    functions = ("--function", "work=handlers:works", "--function-path", str(folder))
    server = start_server("--db", str(folder / "s.db"), *functions)
    db, url = ("--db", folder / "s.db"), ("--url", server.url)
    assert run("list", *url) == run("list", *db)
    assert run("show", 2, *url) == run("show", 2, *db)
    assert run("export", *url) == run("export", *db)
    assert run("redrive", 1, *db) == [{"id": 1, "outcome": "redriven"}]
    assert run("redrive", "--all", *url) == [{"id": 2, "outcome": "redriven"}]
    assert run("redrive", 1, *url)[0]["outcome"] == "already"
    assert "no failure 9" in run("show", 9, *url, code=1)
