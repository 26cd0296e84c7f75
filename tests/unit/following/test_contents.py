"""Contents: all of a file at one instant, as it is on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.errors import ResourceNotFound, SnapshotFailed
from streamstore.following.contents import Contents

DAY_SECONDS = 86_400


def create(store: streamstore.Store, name: str) -> None:
    store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


def put(store: streamstore.Store, table: str, *labels: str, size: int = 1) -> None:
    for label in labels:
        item = {"id": {"S": label}, "x": {"B": b"\x00" * size}}
        store.client.put_item(TableName=table, Item=item)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[streamstore.Store]:
    with streamstore.open(tmp_path / "s.db", clock=clock, background=False) as store:
        create(store, "orders")
        create(store, "users")
        put(store, "orders", "a", "b")
        put(store, "users", "u")
        yield store


def everything(contents: Contents) -> tuple[list[str], list[dict[str, Any]]]:
    items = [i["id"]["S"] for table in contents.tables for i in contents.items(table)]
    return items, [r for stream in contents.streams for r in contents.records(stream)]


def test_records_are_those_that_a_follower_gives(store: streamstore.Store) -> None:
    for n in range(40):
        put(store, "orders", str(n), size=n * 9_000)
    store.split_shard("orders")
    put(store, "orders", *"abcdefgh")
    number = lambda record: int(record["dynamodb"]["SequenceNumber"][1:])  # noqa: E731
    with store.follow("orders", "trim-horizon") as follower:
        followed = []
        while turn := follower.turn():
            followed += turn
    with Contents(store.engine, store.readers, "orders") as contents:
        items, records = everything(contents)
    assert sorted(records, key=number) == sorted(followed, key=number)
    assert len(records) == 48
    assert len(items) == len(set(items)) == 48


def test_it_is_one_instant_whatever_is_written_meanwhile(store: streamstore.Store) -> None:
    with Contents(store.engine, store.readers) as contents:
        put(store, "orders", "late")
        store.client.delete_table(TableName="users")
        while store.tick():
            pass
        items, records = everything(contents)
    assert sorted(items) == ["a", "b", "u"]
    assert [r["eventName"] for r in records] == ["INSERT"] * 3
    with pytest.raises(SnapshotFailed):
        next(contents.records(contents.streams[0]))


def test_streams_of_tables_that_are_gone_and_records_past_the_horizon_are_there(
    store: streamstore.Store, clock: ManualClock
) -> None:
    store.client.delete_table(TableName="users")
    clock.advance(2 * DAY_SECONDS)
    with store.follow("orders", "trim-horizon") as follower:
        assert follower.turn() == []
    with Contents(store.engine, store.readers, "users") as contents:
        items, records = everything(contents)
        assert (contents.tables, items, len(records)) == ([], [], 1)
    with Contents(store.engine, store.readers, "orders") as contents:
        assert len(everything(contents)[1]) == 2


def test_what_is_not_there_is_not_found_and_nothing_stays_open(store: streamstore.Store) -> None:
    for _ in range(30):  # more than may be open at once
        with pytest.raises(ResourceNotFound):
            Contents(store.engine, store.readers, "nobody")
