"""Page checksums: set at creation, kept by copies, demanded, and never silently off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

import streamstore
from streamstore import restoring
from streamstore.checking import check
from streamstore.clock import ManualClock
from streamstore.errors import Corrupted, FileUnusable, RolledBack
from streamstore.limits import PAGE_SIZE_BYTES
from streamstore.storage import copies, migrate
from streamstore.storage.guards import checksums

RESERVED_AT = 20


def opened(path: str, **settings: Any) -> streamstore.Store:
    return streamstore.open(path, clock=ManualClock(), background=False, **settings)


def filled(path: str, **settings: Any) -> streamstore.Store:
    store = opened(path, **settings)
    store.client.create_table(
        TableName="things",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    for number in range(20):
        item = {"id": {"S": str(number)}, "x": {"S": "x" * 3000}}
        store.client.put_item(TableName="things", Item=item)
    return store


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "s.db")


@pytest.fixture
def checked(path: str) -> str:
    filled(path, checksum=True).close()
    return path


def header(path: str) -> bytes:
    return Path(path).read_bytes()[:100]


def set_byte(path: str, at: int, value: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(bytes((value,)))


def test_a_file_carries_checksums_if_it_was_made_so_and_keeps_them(
    checked: str, tmp_path: Path
) -> None:
    assert checksums.marked(header(checked))
    with opened(checked) as store:  # the file itself says so
        store.client.put_item(TableName="things", Item={"id": {"S": "new"}})
        store.backup(tmp_path / "copy.db")
    assert checksums.marked(header(str(tmp_path / "copy.db")))
    assert check(checked).clean
    assert check(tmp_path / "copy.db").clean
    with opened(str(tmp_path / "other.db")):
        pass
    assert not checksums.marked(header(str(tmp_path / "other.db")))


def test_every_page_is_verified_when_it_is_read(checked: str) -> None:
    whole = Path(checked).read_bytes()
    pages = len(whole) // PAGE_SIZE_BYTES
    assert pages > 20
    missed = []
    for number in range(pages):
        damaged = bytearray(whole)
        damaged[number * PAGE_SIZE_BYTES + 2000] ^= 1
        Path(checked).write_bytes(damaged)
        try:
            clean = check(checked).clean
        except Corrupted:
            clean = False
        if clean:
            missed.append(number)
    # Pages that nothing reads: none here, but for what is free.
    assert len(missed) <= 1, missed


def test_a_damaged_page_is_an_error_by_name_and_the_others_are_read(checked: str) -> None:
    whole = bytearray(Path(checked).read_bytes())
    at = whole.rindex(b"x" * 2000)
    whole[at] ^= 1
    Path(checked).write_bytes(whole)
    with opened(checked) as store:
        refused = 0
        for number in range(20):
            params = {"TableName": "things", "Key": {"id": {"S": str(number)}}}
            try:
                item = store.call("GetItem", params)["Item"]
            except Corrupted as error:
                refused += "checksum" in error.detail
            else:
                assert item["x"] == {"S": "x" * 3000}
    assert refused == 1


@pytest.mark.parametrize("value", [0, 7, 9, 12, 72])
def test_a_header_that_no_longer_tells_of_checksums_is_refused(checked: str, value: int) -> None:
    set_byte(checked, RESERVED_AT, value)
    for settings in ({}, {"checksum": True}):
        with pytest.raises((Corrupted, FileUnusable), match="checksums"):
            opened(checked, **settings)
    with pytest.raises(Corrupted, match="checksums"):
        check(checked)


def test_a_header_that_is_damaged_while_the_file_is_open_stops_reads_and_writes(
    checked: str,
) -> None:
    with opened(checked) as store:
        store.maintenance.checkpoint()
        set_byte(checked, RESERVED_AT, 9)
        # One reader is in use, so that the next one is new and reads the header.
        with (
            store.readers.transaction(),
            pytest.raises(Corrupted, match="header"),
            store.readers.transaction() as rx,
        ):
            rx.one("SELECT count(*) FROM item")
        pinned = store.readers.pin()
        with pytest.raises(Corrupted, match="header"), pinned.reading() as rx:
            rx.one("SELECT count(*) FROM item")
        pinned.close()


def test_nothing_is_committed_while_pages_are_not_verified(
    checked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(checked) as store:
        monkeypatch.setattr(checksums, "verifies", lambda connection: False)
        with pytest.raises(RolledBack, match="header"):
            store.call("PutItem", {"TableName": "things", "Item": {"id": {"S": "new"}}})
        monkeypatch.undo()
        assert len(store.call("Scan", {"TableName": "things"})["Items"]) == 20


def test_checksums_are_demanded_of_a_file_that_has_none(path: str) -> None:
    filled(path).close()
    with pytest.raises(FileUnusable, match="backup --checksum"):
        opened(path, checksum=True)
    with opened(path) as store:
        assert store.latched is None


def test_a_store_without_checksums_gets_them_by_way_of_a_backup(path: str, tmp_path: Path) -> None:
    with filled(path) as store:
        true = store.call("Scan", {"TableName": "things"})["Items"]
        copy = tmp_path / "copy.db"
        copies.back_up(path, copy, checksum=True)
    assert not checksums.marked(header(path))
    restoring.restore(copy, tmp_path / "new.db")
    new = str(tmp_path / "new.db")
    with opened(new, checksum=True) as store:
        assert store.call("Scan", {"TableName": "things"})["Items"] == true
        store.call("PutItem", {"TableName": "things", "Item": {"id": {"S": "new"}}})
    assert checksums.marked(header(new))
    assert check(new).clean
    with open(new, "r+b") as file:
        whole = bytearray(file.read())
        whole[whole.rindex(b"x" * 400)] ^= 1
        file.seek(0)
        file.write(whole)
    assert "sqlite" in check(new).counts


FRESH = """
import apsw, sys
import streamstore
before = apsw.vfs_names()[0]
streamstore.open(sys.argv[1]).close()
print(apsw.vfs_names()[0] == before)
streamstore.open(sys.argv[2], checksum=True).close()
print(apsw.vfs_names()[0])
"""


def test_a_process_without_such_files_never_loads_the_extension(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path / "a.db"), str(tmp_path / "b.db")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(streamstore.__file__).parents[1])},
    )
    assert answer.stdout.split() == ["True", "cksmvfs"]


def test_an_apsw_without_the_extension_is_refused_by_name(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apsw.sqlite_extra

    def none(name: str) -> Path:
        raise apsw.sqlite_extra.NotAvailable(name)

    monkeypatch.setattr(checksums, "_loaded", False)
    monkeypatch.setattr(apsw.sqlite_extra, "path", none)
    with pytest.raises(FileUnusable, match="install apsw from PyPI"):
        opened(path, checksum=True)
    assert not os.path.exists(path)


def test_the_fact_is_kept_in_the_store_too(checked: str) -> None:
    connection = apsw.Connection(checked)
    rows = connection.execute(
        "SELECT value FROM store_state WHERE name = ?", (migrate.CHECKSUMS_STATE,)
    ).fetchall()
    connection.close()
    assert rows == [(1,)]
