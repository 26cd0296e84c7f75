"""A backup is one private, verified file; it overwrites nothing but, when told, an earlier one."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import apsw
import pytest

import streamstore
from streamstore import restoring
from streamstore.errors import Corrupted, FileForeign, FileTooNew, FileUnusable, StorageError
from streamstore.storage import copies, failpoints

BODY = "a body that is found in the file"


def create(store: streamstore.Store) -> None:
    store.client.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )


def put(store: streamstore.Store, number: int) -> None:
    item = {"id": {"S": str(number)}, "body": {"S": BODY}}
    store.client.put_item(TableName="table", Item=item)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with streamstore.open(tmp_path / "store.db", background=False) as opened:
        create(opened)
        for number in range(10):
            put(opened, number)
        yield opened
    failpoints.disarm()


def count(path: Path | str) -> int:
    with streamstore.open(path, background=False) as opened:
        return int(opened.client.scan(TableName="table")["Count"])


def test_a_backup_is_one_private_file_that_opening_to_look_does_not_change(
    store: streamstore.Store, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        made = store.backup(tmp_path / "backup.db")
    finally:
        os.umask(before)
    facts = os.stat(made.path)
    assert stat.S_IMODE(facts.st_mode) == 0o600
    assert facts.st_size == made.bytes
    content = Path(made.path).read_bytes()
    with copies.reading(made.path) as connection:
        assert copies.verified(connection) == (made.revision, made.sequence)
    assert Path(made.path).read_bytes() == content
    assert not list(tmp_path.glob("backup.db?*")), "no log, no lock, nothing temporary"


def test_beside_a_writer_a_backup_is_the_state_of_one_commit(
    store: streamstore.Store, tmp_path: Path
) -> None:
    """Two items that are always written together are always both in it, and alike."""
    stop = threading.Event()
    rounds = 0

    def write() -> None:
        nonlocal rounds
        while not stop.is_set():
            rounds += 1
            item = {"n": {"N": str(rounds)}, "body": {"S": BODY * 10}}
            puts = [
                {"Put": {"TableName": "table", "Item": {"id": {"S": key}, **item}}}
                for key in ("left", "right")
            ]
            store.call("TransactWriteItems", {"TransactItems": puts})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [store.backup(tmp_path / f"backup-{number}.db") for number in range(8)]
    finally:
        stop.set()
        writer.join()
    seen = []
    for number, copy in enumerate(made):
        restored = restoring.restore(copy.path, tmp_path / f"restored-{number}.db")
        with streamstore.open(restored.path, background=False) as opened:
            items = {it["id"]["S"]: it for it in opened.client.scan(TableName="table")["Items"]}
            numbers = {items[key]["n"]["N"] for key in ("left", "right") if key in items}
            assert len(numbers) < 2
            seen += [int(text) for text in numbers]
    assert seen == sorted(seen)
    assert rounds > len(made)


def test_a_store_in_memory_is_saved_by_a_backup(tmp_path: Path) -> None:
    with streamstore.open(background=False) as memory:
        create(memory)
        put(memory, 1)
        made = memory.backup(tmp_path / "saved.db")
        put(memory, 2)
    restored = restoring.restore(made.path, tmp_path / "store.db")
    assert count(restored.path) == 1


def test_a_read_only_opener_backs_up_too(store: streamstore.Store, tmp_path: Path) -> None:
    with streamstore.open(store.path, read_only=True) as beside:
        put(store, 99)
        made = beside.backup(tmp_path / "backup.db")
    assert count(restoring.restore(made.path, tmp_path / "new.db").path) == 11


def test_force_overwrites_a_backup_and_never_a_store_or_another_file(
    store: streamstore.Store, tmp_path: Path
) -> None:
    target = tmp_path / "backup.db"
    first = store.backup(target)
    with pytest.raises(FileUnusable, match="exists already"):
        store.backup(target)
    put(store, 99)
    assert store.backup(target, force=True).sequence > first.sequence
    assert count(restoring.restore(target, tmp_path / "new.db").path) == 11
    (tmp_path / "letter").write_text("precious" * 100)
    for other, error in (
        (tmp_path / "new.db", FileUnusable),  # a store that nobody has open
        (Path(store.path), FileUnusable),
        (tmp_path / "letter", FileForeign),
    ):
        before = other.read_bytes()
        with pytest.raises(error):
            store.backup(other, force=True)
        assert other.read_bytes() == before
    put(store, 100)


def test_a_copy_that_does_not_pass_gets_no_name(store: streamstore.Store, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"

    def damage() -> None:
        with open(f"{target}.streamstore-new", "r+b") as file:
            file.seek(8192)
            file.write(b"\xff" * 4096)

    failpoints.arm("backup-copied", damage)
    with pytest.raises(Corrupted):
        store.backup(target)
    assert not list(tmp_path.glob("backup.db*"))


def test_a_copy_that_lacks_what_was_committed_before_it_began_gets_no_name(
    store: streamstore.Store, tmp_path: Path
) -> None:
    target = tmp_path / "backup.db"

    def set_back() -> None:
        connection = apsw.Connection(f"{target}.streamstore-new")
        connection.execute("UPDATE store_state SET value = 1 WHERE name = 'sequence'")
        connection.close()

    failpoints.arm("backup-copied", set_back)
    with pytest.raises(StorageError, match="not what it was made of"):
        store.backup(target)
    assert not list(tmp_path.glob("backup.db*"))


@pytest.mark.parametrize(
    ("change", "error"),
    [("application_id = 7", FileForeign), ("user_version = 99", FileTooNew)],
)
def test_what_is_no_store_of_ours_is_neither_backed_up_nor_restored(
    store: streamstore.Store, tmp_path: Path, change: str, error: type[StorageError]
) -> None:
    store.backup(tmp_path / "other.db")
    connection = apsw.Connection(str(tmp_path / "other.db"))
    connection.execute(f"PRAGMA {change}")
    connection.close()
    with pytest.raises(error):
        copies.back_up(str(tmp_path / "other.db"), tmp_path / "backup.db")
    with pytest.raises(error):
        restoring.restore(tmp_path / "other.db", tmp_path / "backup.db")
    assert not (tmp_path / "backup.db").exists()


def test_page_checksums_go_along_and_are_verified(tmp_path: Path) -> None:
    with streamstore.open(tmp_path / "store.db", background=False, checksum=True) as checked:
        create(checked)
        put(checked, 1)
        backup = Path(checked.backup(tmp_path / "backup.db").path)
    restored = restoring.restore(backup, tmp_path / "new.db")
    with streamstore.open(restored.path, background=False, checksum=True) as opened:
        assert opened.client.scan(TableName="table")["Count"] == 1
    whole = backup.read_bytes()
    at = whole.index(BODY.encode())
    backup.write_bytes(whole[:at] + b"A" + whole[at + 1 :])
    with pytest.raises(Corrupted, match="checksum"):
        restoring.restore(backup, tmp_path / "bent.db")
