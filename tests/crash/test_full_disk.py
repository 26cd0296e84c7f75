"""A real file system that is full: everyone is told what became of their write, and nothing that
was acknowledged is lost. The file system is a tmpfs of a few megabytes, which needs the right to
mount; where that is missing, the kernel's bound on a file's size takes its place.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore import checking
from streamstore.errors import Latched, OutcomeUnknown, StorageError
from streamstore.store import Store
from streamstore.testing.served.door import Served, Unready

DISK_BYTES = 3 << 20
ROOM_FOR_A_STORE = 400_000
ROUNDS = 14
WRITES_MAX = 600
TABLE = {
    "TableName": "things",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "group", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-group",
            "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "disk"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(where)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {done.stderr.strip()}")
    yield where
    subprocess.run(["umount", str(where)], check=True)


def item(number: int) -> dict[str, Any]:
    """Sizes differ from write to write, so that rounds end in different places of a commit."""
    return {
        "id": {"S": f"k{number % 40}"},
        "n": {"N": str(number)},
        "group": {"S": "ab"[number % 2]},
        "body": {"S": "x" * (300 + number * 37 % 5000)},
    }


def put(store: Store, number: int) -> None:
    store.call("PutItem", {"TableName": "things", "Item": item(number)})


def items_of(store: Store, **index: str) -> dict[str, int]:
    """The number of each key's item, in pages: an answer's size is bounded."""
    found: dict[str, int] = {}
    start: dict[str, Any] = {}
    while True:
        page = store.call("Scan", {"TableName": "things", **index, **start})
        found |= {it["id"]["S"]: int(it["n"]["N"]) for it in page["Items"]}
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def expected(numbers: int) -> dict[str, int]:
    return {f"k{number % 40}": number for number in range(numbers)}


def write_until_refused(path: Path) -> tuple[int, str]:
    """(writes acknowledged, what the first one that was not was told)."""
    with streamstore.open(path, background=False) as store:
        store.call("CreateTable", TABLE)
        for number in range(WRITES_MAX):
            try:
                put(store, number)
            except StorageError as error:
                told = type(error).__name__
                assert items_of(store) == expected(number), "reads go on, and see what was told"
                if isinstance(error, OutcomeUnknown):
                    with pytest.raises(Latched, match=r"Free space|Look at its health"):
                        put(store, number + 1)
                return number, told
    raise AssertionError("the disk never was full")


def assert_whole(path: Path, acknowledged: int) -> None:
    """All that was acknowledged is there, the refused write wholly or not at all; and it goes
    on.
    """
    with streamstore.open(path, background=False) as store:
        there = items_of(store)
        assert there in (expected(acknowledged), expected(acknowledged + 1))
        assert items_of(store, IndexName="by-group") == there
        put(store, 10_000)
        assert items_of(store) == {**there, "k0": 10_000}
    assert checking.check(path).counts == {}


def test_a_full_disk_takes_nothing_that_was_acknowledged_wherever_it_fills(
    small_disk: Path,
) -> None:
    told: set[str] = set()
    for round_ in range(ROUNDS):
        free = ROOM_FOR_A_STORE + round_ * 97_000
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(DISK_BYTES - free))
        home = small_disk / f"round{round_}"
        home.mkdir()
        acknowledged, answer = write_until_refused(home / "app.db")
        told.add(answer)
        ballast.unlink()
        assert_whole(home / "app.db", acknowledged)
        for left in home.iterdir():
            left.unlink()
    assert told <= {"OutcomeUnknown", "DiskFull", "RolledBack"}


def test_a_store_for_which_there_is_no_room_says_so_and_opens_once_there_is(
    small_disk: Path,
) -> None:
    ballast = small_disk / "ballast"
    refused = 0
    for free in range(0, 300_000, 4096 * 5):
        ballast.write_bytes(bytes(DISK_BYTES - free))
        path = small_disk / f"app{free}.db"
        told = ""
        try:
            streamstore.open(path, background=False).close()
        except StorageError as error:
            told = str(error)
        assert "space" in told.lower() or not told
        refused += bool(told)
        ballast.unlink()
        with streamstore.open(path, background=False) as store:
            assert store.call("ListTables", {})["TableNames"] == []
        for left in small_disk.iterdir():
            left.unlink()
    assert refused > 3


def put_until_refused(server: Served) -> tuple[int, str]:
    for number in range(WRITES_MAX):
        try:
            body = {"TableName": "things", "Item": item(number)}
            server.ask("DynamoDB_20120810.PutItem", body)
        except Unready as refusal:
            return number, str(refusal)
    raise AssertionError("the disk never was full")


def test_a_server_whose_disk_is_full_answers_500_reads_on_and_starts_again_with_everything(
    small_disk: Path,
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(DISK_BYTES - 900_000))
    path = small_disk / "served.db"
    server = Served(str(path))
    try:
        server.wait()
        server.ask("DynamoDB_20120810.CreateTable", TABLE)
        acknowledged, told = put_until_refused(server)
        assert "PutItem: 500" in told
        assert "InternalServerError" in told
        key = {"id": {"S": "k0"}}
        found = server.ask("DynamoDB_20120810.GetItem", {"TableName": "things", "Key": key})
        assert found["Item"]["n"]["N"] == str(expected(acknowledged)["k0"])
    finally:
        server.kill()
    assert acknowledged > 10
    ballast.unlink()
    assert_whole(path, acknowledged)


WRITER = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_full_disk as tests
print(json.dumps(tests.write_until_refused(Path(sys.argv[2]))))
"""


def bound_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, 1_200_000))


def test_a_file_that_the_kernel_lets_grow_no_further_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(Path(__file__).parent), str(path)],
        capture_output=True,
        text=True,
        preexec_fn=bound_files,
    )
    assert done.returncode == 0, done.stderr
    acknowledged, answer = json.loads(done.stdout)
    assert answer == "OutcomeUnknown"
    assert acknowledged > 20
    assert_whole(path, acknowledged)
