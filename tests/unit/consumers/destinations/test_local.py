"""Failures in a table of the store, and in a file of lines."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.consumers.destinations import Destinations
from streamstore.errors import DeliveryFailed

from .conftest import SHARD, UUID, a_failure

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/dead"


def make_table(store: streamstore.Store, *keys: tuple[str, str, str]) -> None:
    store.client.create_table(
        TableName="dead",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind, _ in keys
        ],
        KeySchema=[{"AttributeName": name, "KeyType": role} for name, _, role in keys],
    )


def items(store: streamstore.Store) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = store.table("dead").scan()["Items"]
    return found


def test_a_failure_becomes_an_item_whose_record_can_be_queried(store: streamstore.Store) -> None:
    make_table(store, ("id", "S", "HASH"))
    failure = a_failure()
    Destinations(store).deliver(TABLE, failure)
    (item,) = items(store)
    assert item["id"] == f"{UUID}/{SHARD}/{1:021d}-{2:021d}"
    assert item["record"] == failure.record
    assert json.loads(item["payload"]) == {"Records": [{"eventID": "1"}]}
    assert item["createdAt"] == "2023-11-14T22:13:20.007Z"
    assert (item["condition"], item["mapping"], item["shard"], item["recordCount"]) == (
        "RetryAttemptsExhausted", UUID, SHARD, 2,
    )  # fmt: skip


def test_a_failure_delivered_twice_is_one_item(store: streamstore.Store) -> None:
    make_table(store, ("id", "S", "HASH"))
    destinations = Destinations(store)
    for _ in range(2):
        destinations.deliver(TABLE, a_failure(1))
    destinations.deliver(TABLE, a_failure(2))
    assert len(items(store)) == 2


def test_a_payload_too_large_for_an_item_is_left_out_and_its_size_told(
    store: streamstore.Store,
) -> None:
    make_table(store, ("id", "S", "HASH"))
    large = b'{"Records":["' + b"x" * 400_000 + b'"]}'
    Destinations(store).deliver(TABLE, a_failure(payload=large))
    (item,) = items(store)
    assert "payload" not in item
    assert item["payloadOmitted"] == len(large)


@pytest.mark.parametrize(
    "keys",
    [
        [("key", "S", "HASH")],
        [("id", "N", "HASH")],
        [("id", "S", "HASH"), ("at", "S", "RANGE")],
    ],
)
def test_a_table_with_another_key_is_refused_by_what_it_should_have(
    store: streamstore.Store, keys: list[tuple[str, str, str]]
) -> None:
    make_table(store, *keys)
    with pytest.raises(DeliveryFailed, match="one hash key, 'id', a string"):
        Destinations(store).deliver(TABLE, a_failure())
    assert items(store) == []


def test_a_missing_table_is_an_error_and_is_not_made(store: streamstore.Store) -> None:
    with pytest.raises(DeliveryFailed, match="create it with the hash key 'id'"):
        Destinations(store).deliver(TABLE, a_failure())
    assert store.client.list_tables()["TableNames"] == []


def test_a_failure_becomes_a_line_that_only_its_owner_may_read(
    store: streamstore.Store, tmp_path: Path
) -> None:
    path = tmp_path / "dead.jsonl"
    failure = a_failure(payload=b'{"Records":\n[1]}')
    destinations = Destinations(store)
    destinations.deliver(path.as_uri(), failure)
    destinations.deliver(path.as_uri(), failure)
    lines = path.read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"record": failure.record, "payload": {"Records": [1]}}
    ] * 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_that_was_cut_off_takes_no_other_with_it(
    store: streamstore.Store, tmp_path: Path
) -> None:
    path = tmp_path / "dead.jsonl"
    path.write_bytes(b'{"record": {"a": 1}, "payl')
    Destinations(store).deliver(path.as_uri(), a_failure())
    cut, whole = path.read_text().splitlines()
    assert cut == '{"record": {"a": 1}, "payl'
    assert json.loads(whole)["record"] == a_failure().record


def test_a_line_is_on_disk_before_its_delivery_counts(
    store: streamstore.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "dead.jsonl"
    synced: list[tuple[int, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, os.fstat(descriptor).st_size))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    Destinations(store).deliver(path.as_uri(), a_failure())
    assert synced[0] == (path.stat().st_ino, path.stat().st_size)
    assert synced[1][0] == tmp_path.stat().st_ino


def test_a_short_write_is_an_error_that_says_what_to_look_at(
    store: streamstore.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "dead.jsonl"
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:10]))
    with pytest.raises(DeliveryFailed, match="the disk has room"):
        Destinations(store).deliver(path.as_uri(), a_failure())


def test_a_missing_folder_and_a_link_are_refused(store: streamstore.Store, tmp_path: Path) -> None:
    with pytest.raises(DeliveryFailed, match="its folder is there"):
        Destinations(store).deliver((tmp_path / "no" / "dead.jsonl").as_uri(), a_failure())
    target = tmp_path / "target.txt"
    target.write_text("mine")
    (tmp_path / "link.jsonl").symlink_to(target)
    with pytest.raises(DeliveryFailed):
        Destinations(store).deliver((tmp_path / "link.jsonl").as_uri(), a_failure())
    assert target.read_text() == "mine"


def test_the_stores_own_file_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "store.jsonl"
    with streamstore.open(path, background=False) as store:
        before = path.read_bytes()
        with pytest.raises(DeliveryFailed, match="the store's own file"):
            Destinations(store).deliver(path.as_uri(), a_failure())
        assert path.read_bytes() == before
