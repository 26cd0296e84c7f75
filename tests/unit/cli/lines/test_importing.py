"""`streamstore import` as a process: what was exported comes back; what is not whole is told."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.server.gate import ServerSettings
from streamstore.server.serve import Running

TABLE: dict[str, Any] = {
    "TableName": "orders",
    "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("id", "S"), ("n", "N"), ("g", "B"))
    ],
    "KeySchema": [
        {"AttributeName": "id", "KeyType": "HASH"},
        {"AttributeName": "n", "KeyType": "RANGE"},
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "local",
            "KeySchema": [
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "g", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "global",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x", "y"]},
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
        }
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
# What a table that is like another one does not share with it.
OWN = {
    *("TableName", "TableArn", "TableId", "CreationDateTime", "LatestStreamArn"),
    *("LatestStreamLabel", "ItemCount", "TableSizeBytes", "IndexArn", "IndexSizeBytes"),
    *("BillingModeSummary", "LastIncreaseDateTime", "LastDecreaseDateTime"),
}


def run(*words: str, given: bytes = b"", code: int = 0) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", *words], input=given, capture_output=True, timeout=60
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def item(number: int) -> dict[str, Any]:
    return {
        "id": {"S": f"k{number % 7}"},
        "n": {"N": f"{number}.123456789012345678901234567890123"},
        "g": {"B": bytes((number % 256, 255))},
        "deep": {"M": {"l": {"L": [{"BS": [b"\x00", b"\x01"]}, {"NULL": True}]}}},
        "text": {"S": "\u00e9\u2028" * (number % 50)},
    }


@pytest.fixture
def db(tmp_path: Path) -> Path:
    with streamstore.open(tmp_path / "shop.db", background=False) as store:
        store.call("CreateTable", TABLE)
        for number in range(60):
            store.call("PutItem", {"TableName": "orders", "Item": item(number)})
    return tmp_path / "shop.db"


@pytest.fixture
def export(db: Path) -> bytes:
    return run("export", "orders", "--db", str(db))


def shared(described: Any) -> Any:
    if isinstance(described, list):
        return [shared(each) for each in described]
    if not isinstance(described, dict):
        return described
    return {name: shared(each) for name, each in described.items() if name not in OWN}


def lines_of(export: bytes) -> list[bytes]:
    return export.splitlines()[:-1]


def test_an_export_comes_back_exactly_into_a_table_like_its_own(db: Path, export: bytes) -> None:
    words = ("import", "copy", "--db", str(db), "--like", "orders")
    assert json.loads(run(*words, given=export)) == {"TableName": "copy", "Items": 60}
    again = run("export", "copy", "--db", str(db))
    assert lines_of(again) == lines_of(export)
    with streamstore.open(db, read_only=True) as store:
        pair = [
            shared(store.call("DescribeTable", {"TableName": name})["Table"])
            for name in ("orders", "copy")
        ]
        assert pair[0] == pair[1]
        found = store.call("Scan", {"TableName": "copy", "IndexName": "global"})
        assert found["Count"] == 60


@pytest.mark.parametrize("key", [(), ("--key", "AKID:s3cret")])
def test_a_server_that_owns_the_store_takes_it(
    db: Path, export: bytes, key: tuple[str, ...], tmp_path: Path
) -> None:
    packed = tmp_path / "export.gz"
    packed.write_bytes(gzip.compress(export))
    settings = ServerSettings(port=0, keys={"AKID": "s3cret"} if key else {})
    with streamstore.open(db, background=False) as store, Running(store, settings) as running:
        store.announce(running.url)
        words = ("import", "copy", str(packed), "--db", str(db), "--like", "orders")
        assert json.loads(run(*words, *key))["Items"] == 60
        assert store.call("Scan", {"TableName": "copy", "Select": "COUNT"})["Count"] == 60
        if key:
            told = run("import", "copy", str(packed), "--db", str(db), code=1)
            assert b"refused" in told


def test_the_past_can_be_put_beside_the_present(db: Path) -> None:
    with streamstore.open(db, background=False) as store:
        then = datetime.fromtimestamp(store.clock.now_ms() / 1000, UTC).isoformat()
        before = run("export", "orders", "--db", str(db))
        for number in range(30):
            key = {name: item(number)[name] for name in ("id", "n")}
            store.call("DeleteItem", {"TableName": "orders", "Key": key})
    past = run("export", "orders", "--at", then, "--db", str(db))
    assert lines_of(past) == lines_of(before)
    run("import", "restored", "--db", str(db), "--like", "orders", given=past)
    assert lines_of(run("export", "restored", "--db", str(db))) == lines_of(before)
    assert b"is known since" in run("export", "orders", "--at", "0", "--db", str(db), code=1)


@pytest.fixture
def broken(export: bytes) -> dict[str, bytes]:
    lines = export.splitlines(keepends=True)
    return {
        "last line is missing": b"".join(lines[:-1]),
        "the last line says 60 items, and there are 59": b"".join(lines[1:]),
        "line 3 is no JSON": b"".join([*lines[:2], b"{nonsense\n", *lines[2:]]),
        "line 1 has no Item": b'{"other": 1}\n' + export,
        "comes after the last one": export + lines[0],
        "Compressed file ended": gzip.compress(export)[:-20],
    }


def test_what_is_not_a_whole_export_is_told_with_how_far_it_came(
    db: Path, broken: dict[str, bytes]
) -> None:
    for text, given in broken.items():
        told = run("import", "orders", "--db", str(db), given=given, code=1)
        assert text.encode() in told
        assert b"items were put)" in told
    partial = ("import", "orders", "--db", str(db), "--partial")
    assert json.loads(run(*partial, given=broken["last line is missing"]))["Items"] == 60


def test_a_table_that_refuses_and_a_store_that_is_none_end_it_in_their_words(
    db: Path, export: bytes, tmp_path: Path
) -> None:
    assert b"not found" in run("import", "absent", "--db", str(db), given=export, code=1)
    wrong = b'{"Item": {"id": {"S": "1"}}}\n{"Items": 1}\n'
    told = run("import", "orders", "--db", str(db), given=wrong, code=1)
    assert b"provided key element does not match the schema" in told
    nowhere = ("import", "orders", "--db", str(tmp_path / "none.db"))
    assert b"there is no store" in run(*nowhere, given=export, code=1)
    assert b"is the store itself" in run("import", "orders", str(db), "--db", str(db), code=1)
