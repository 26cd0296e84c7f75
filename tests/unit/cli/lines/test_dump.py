"""`streamstore dump` as a process: beside the owner, exact, whole, and small in memory."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore

EXACT = "12345678901234567890.123456789012345678"
# Runs a command and says on stderr how many kilobytes of memory it took at most. (getrusage would
# count what the parent had when it forked.)
MEASURED = """
import sys
from streamstore.cli.main import main
try:
    main(sys.argv[1:])
finally:
    facts = open("/proc/self/status").read()
    print(facts.partition("VmHWM:")[2].split()[0], file=sys.stderr)
"""


def run(*words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def dumped(path: str, *words: str) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """(item lines, record lines, the last line)."""
    *lines, end = map(json.loads, run("dump", path, *words).splitlines())
    items = [line for line in lines if "Item" in line]
    records = [line for line in lines if "Record" in line]
    assert len(items) + len(records) == len(lines)
    return items, records, end


@pytest.fixture
def store(tmp_path: Path) -> Iterator[streamstore.Store]:
    with streamstore.open(tmp_path / "shop.db", background=False) as store:
        for name in ("orders", "users"):
            store.client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            )
            item = {"id": {"S": name}, "n": {"N": EXACT}, "b": {"BS": [b"\x00\xff", b"a"]}}
            store.client.put_item(TableName=name, Item=item)
        yield store


def test_a_dump_beside_the_owner_holds_every_item_and_record_exactly(
    store: streamstore.Store,
) -> None:
    items, records, end = dumped(store.path)
    assert {line["TableName"] for line in items} == {"orders", "users"}
    for line in items:
        assert line["Item"] == {
            "id": {"S": line["TableName"]},
            "n": {"N": EXACT},
            "b": {"BS": [base64.b64encode(b"\x00\xff").decode(), "YQ=="]},
        }
    with store.follow("users", "trim-horizon") as follower:
        (given,) = follower.turn()
    (found,) = [line for line in records if line["TableName"] == "users"]
    assert found["StreamArn"].endswith(f"table/users/stream/{follower.stream.label}")
    shown = found["Record"]
    assert shown["ShardId"] == given["ShardId"]
    assert shown["eventID"] == given["eventID"]
    assert shown["dynamodb"]["SequenceNumber"] == given["dynamodb"]["SequenceNumber"]
    assert shown["dynamodb"]["NewImage"] == items[-1]["Item"]
    assert end == {"Tables": 2, "Streams": 2, "Items": 2, "Records": 2}


@pytest.mark.parametrize(
    ("words", "items", "records"),
    [
        (("--items",), 2, 0),
        (("--records",), 0, 2),
        (("--items", "--records"), 2, 2),
        (("--table", "users"), 1, 1),
        (("--table", "users", "--records"), 0, 1),
    ],
)
def test_a_dump_holds_what_is_asked_for(
    store: streamstore.Store, words: tuple[str, ...], items: int, records: int
) -> None:
    found = dumped(store.path, *words)
    assert (len(found[0]), len(found[1])) == (items, records)
    assert (found[2]["Items"], found[2]["Records"]) == (items, records)


def test_what_cannot_be_dumped_ends_with_the_reason(
    store: streamstore.Store, tmp_path: Path
) -> None:
    assert "there is no store" in run("dump", str(tmp_path / "none.db"), code=1)
    assert "not found" in run("dump", store.path, "--table", "nobody", code=1)
    (tmp_path / "text.db").write_text("not a database, and longer than a header " * 20)
    assert "not" in run("dump", str(tmp_path / "text.db"), code=1)


def test_a_dump_takes_no_more_memory_for_a_large_file_than_for_a_small_one(
    store: streamstore.Store,
) -> None:
    def kilobytes() -> int:
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "dump", store.path],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=True,
        )
        return int(done.stderr)

    small = kilobytes()
    for n in range(150):
        item = {"id": {"S": str(n)}, "x": {"S": "x" * 350_000}}
        store.client.put_item(TableName="orders", Item=item)
    assert len(run("dump", store.path)) > 100_000_000
    large = kilobytes()
    assert large - small < 25_000, (small, large)
