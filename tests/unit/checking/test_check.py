"""Checks of files: whoever owns them, read-only, in plain words, however damaged they are."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import streamstore
from streamstore.checking import CODES, check, check_transaction
from streamstore.checking.repair import ADVICE, repair_report, salvage
from streamstore.cli.main import main
from streamstore.clock import ManualClock
from streamstore.errors import StorageError
from streamstore.limits import PAGE_SIZE_BYTES

SCHEMA: dict[str, Any] = {
    "TableName": "things",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}


def filled(path: Path, items: int = 200) -> streamstore.Store:
    store = streamstore.open(path, clock=ManualClock(), background=False)
    store.client.create_table(**SCHEMA)
    calls = [
        ("PutItem", {"TableName": "things", "Item": {"a": {"S": str(n)}, "x": {"S": "x" * 500}}})
        for n in range(items)
    ]
    store.call_many(calls)
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    filled(tmp_path / "s.db").close()
    return tmp_path / "s.db"


def digests(path: Path) -> dict[str, str]:
    return {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest()
        for each in path.parent.iterdir()
        if not each.name.endswith(("-shm", "-wal"))
    }


def test_a_file_that_nobody_owns_is_checked_and_left_as_it_was(path: Path) -> None:
    before = digests(path)
    report = check(path)
    assert (report.clean, report.exit_code, report.beside) == (True, 0, None)
    assert report.facts == {"items": 200, "entries": 0, "records": 200, "bodies": 0}
    assert digests(path) == before


def test_a_live_owner_goes_on_beside_a_check_and_is_named(tmp_path: Path) -> None:
    with filled(tmp_path / "s.db") as store:
        report = check(tmp_path / "s.db")
        assert report.clean
        assert report.beside == f"process {os.getpid()}"
        assert check(store).clean
        store.client.put_item(TableName="things", Item={"a": {"S": "new"}})
        assert check(tmp_path / "s.db").facts["items"] == 201


WRITER = """
import sys, streamstore
store = streamstore.open(sys.argv[1])
print("open", flush=True)
number = 0
while True:
    number += 1
    item = {"a": {"S": str(number % 50)}, "n": {"N": str(number)}}
    store.client.put_item(TableName="things", Item=item)
"""


@pytest.fixture
def writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(streamstore.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    yield process
    process.kill()
    process.wait(10)
    process.stdout.close()


def test_a_file_is_checked_beside_a_process_that_writes_to_it_and_after_its_death(
    path: Path, writer: subprocess.Popen[str]
) -> None:
    for _ in range(5):
        report = check(path)
        assert report.violations == []
        assert report.beside == f"process {writer.pid}"
    writer.kill()
    writer.wait(10)
    report = check(path)  # the log has not been put into the file yet
    assert (report.violations, report.beside) == ([], None)
    assert report.facts["records"] > 200


def test_what_an_open_store_has_in_memory_is_held_against_the_disk(tmp_path: Path) -> None:
    with filled(tmp_path / "s.db") as store:
        engine = store.engine
        shard_id, numbers = next(iter(engine.shard_counters.items()))
        engine.shard_counters[shard_id] = (numbers[0], numbers[1] + 1, numbers[2])
        engine.sequence -= 5
        found = [violation.code for violation in check(store).violations]
        assert found == ["memory", "memory"]
        engine.shard_counters[shard_id] = numbers
        engine.sequence += 5
        assert check(store).clean


def test_a_check_never_fails_whatever_the_file_holds(path: Path) -> None:
    """Pages of noise: what is found may be anything, but it is found, or the file is refused."""
    whole = path.read_bytes()
    rng = random.Random(6)
    refused = 0
    for turn in range(60):
        damaged = bytearray(whole)
        page = rng.randrange(len(whole) // PAGE_SIZE_BYTES)
        start = page * PAGE_SIZE_BYTES + rng.randrange(PAGE_SIZE_BYTES - 64)
        if not turn:
            start = 0  # what makes it a database at all
        damaged[start : start + 64] = rng.randbytes(64)
        path.write_bytes(damaged)
        try:
            report = check(path)
            left = salvage(path)
        except StorageError as error:
            refused += bool(str(error))
            continue
        assert set(report.counts) <= CODES.keys()
        assert all(part.readable >= 0 for part in left)
        for line in repair_report(report):
            assert line
    assert 0 < refused < 60


def test_what_can_still_be_read_is_counted_from_both_ends(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    with streamstore.open(path, read_only=True) as store, store.readers.transaction() as rx:
        pages = rx.all(
            "SELECT pageno FROM dbstat WHERE name = 'item' AND pagetype = 'leaf' ORDER BY path"
        )
    (number,) = pages[len(pages) // 2]
    start = (number - 1) * PAGE_SIZE_BYTES
    whole[start : start + PAGE_SIZE_BYTES] = bytes(PAGE_SIZE_BYTES)
    path.write_bytes(whole)
    report = check(path)
    assert "sqlite" in report.counts
    parts = {part.what: part for part in salvage(path)}
    table = parts["table things"]
    assert table.expected == 200
    assert 180 < table.readable < 200
    assert all(p.readable == p.expected for name, p in parts.items() if name != "table things")


def test_every_code_has_its_advice() -> None:
    assert ADVICE.keys() == CODES.keys()
    for advice in ADVICE.values():
        assert all(advice)


def test_progress_is_told_for_items_and_records(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamstore.checking import chain, tables

    for module in (chain, tables):
        monkeypatch.setattr(module, "CHECK_TOLD_EVERY_ROWS", 50)
    told: list[tuple[str, int, int]] = []
    check(path, progress=lambda *stage: told.append(stage))
    assert ("table 'things'", 100, 200) in told
    assert any(stage.startswith("stream") and (done, of) == (150, 200) for stage, done, of in told)


def test_only_so_many_violations_are_told_and_all_are_counted(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamstore.checking import findings

    monkeypatch.setattr(findings, "CHECK_KEPT_MAX", 3)
    with streamstore.open(path, background=False) as store, store.writer.holding(True) as it:
        it.execute("BEGIN")
        it.execute("UPDATE item SET size = size + 1")
        found = check_transaction(it)
        it.execute("ROLLBACK")
    assert sum(violation.code == "bytes" for violation in found) == 3


# ---- the command ----


def run(*words: str) -> Any:
    return CliRunner().invoke(main, ["check", *words])


def test_the_command_ends_with_0_1_or_2(path: Path, tmp_path: Path) -> None:
    clean = run(str(path))
    assert clean.exit_code == 0
    assert json.loads(clean.stdout)["clean"] is True
    missing = run(str(tmp_path / "none.db"))
    assert missing.exit_code == 2
    assert "does not exist" in missing.stderr
    (tmp_path / "other.db").write_bytes(b"no database" * 20)
    assert run(str(tmp_path / "other.db")).exit_code == 2
    whole = bytearray(path.read_bytes())
    whole[whole.rindex(b"x" * 400)] ^= 1
    path.write_bytes(whole)
    wrong = run(str(path))
    assert wrong.exit_code == 1
    facts = json.loads(wrong.stdout)
    assert facts["clean"] is False
    assert set(facts["counts"]) & {"I-6", "I-7"}
    assert facts["violations"][0].keys() == {"code", "where", "text"}


def test_the_command_says_in_plain_words_what_is_lost_and_what_to_do(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[whole.rindex(b"x" * 400)] ^= 1
    path.write_bytes(whole)
    short = run(str(path), "--output", "table")
    assert "--repair-report says what is lost" in short.stdout
    told = run(str(path), "--output", "table", "--repair-report")
    assert told.exit_code == 1
    for word in ("lost", "readable", "do", "streamstore restore"):
        assert word in told.stdout
    facts = json.loads(run(str(path), "--output", "json", "--repair-report").stdout)
    assert facts["advice"].keys() == facts["counts"].keys()
    assert {part["what"] for part in facts["readable"]} >= {"table things"}
