"""Snapshots: a state that stands still, and the place in the stream that belongs to it exactly."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

import streamstore
from streamstore import limits
from streamstore.errors import Busy, ResourceNotFound, SnapshotFailed, StoreClosed

Images = dict[str, Any]


def state_of(items: Any) -> Images:
    return {item["id"]["S"]: item for item in items}


def replay(state: Images, records: list[dict[str, Any]]) -> None:
    """Apply records to a state; a gap or a duplicate shows in their old images."""
    for record in records:
        change = record["dynamodb"]
        key = change["Keys"]["id"]["S"]
        assert state.get(key) == change.get("OldImage"), f"not what was before: {record}"
        if "NewImage" in change:
            state[key] = change["NewImage"]
        else:
            del state[key]


def write_at_random(shop: Any, seed: int, stop: threading.Event) -> None:
    rng = random.Random(seed)
    client = shop.store.client
    for _ in range(400):
        if stop.is_set():
            break
        key = {"id": {"S": str(rng.randrange(60))}}
        if rng.random() < 0.3:
            client.delete_item(TableName="orders", Key=key)
        else:
            value = {"N": str(rng.randrange(10**6))}
            client.put_item(TableName="orders", Item={**key, "value": value})


def test_snapshot_and_stream_join_without_gap_and_duplicate_beside_writers_and_splits(
    shop: Any,
) -> None:
    stop = threading.Event()
    writers = [
        threading.Thread(target=write_at_random, args=(shop, seed, stop)) for seed in range(3)
    ]
    for writer in writers:
        writer.start()
    joined = []
    for at in range(6):
        with shop.store.snapshot("orders") as snapshot:
            shop.split() if at % 2 else shop.roll()
            follower = shop.follow(after=snapshot.position)
            joined.append((state_of(snapshot.items()), follower, snapshot.positions))
    stop.set()
    for writer in writers:
        writer.join()
    final = state_of(shop.store.client.scan(TableName="orders")["Items"])
    for state, follower, positions in joined:
        by_shards = dict(state)
        replay(by_shards, by_iterators(shop, positions))
        while page := follower.turn():
            replay(state, page)
        assert state == final == by_shards


def by_iterators(shop: Any, positions: dict[str, str]) -> list[dict[str, Any]]:
    """All records after the positions, through the service's calls alone, parents first."""
    client = shop.store.client
    arn = client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    children: dict[str, list[str]] = {}
    request = {"StreamArn": arn}
    while True:
        description = shop.store.call("DescribeStream", request)["StreamDescription"]
        for shard in description["Shards"]:
            children.setdefault(shard.get("ParentShardId", ""), []).append(shard["ShardId"])
        if "LastEvaluatedShardId" not in description:
            break
        request = {"StreamArn": arn, "ExclusiveStartShardId": description["LastEvaluatedShardId"]}
    found = []
    todo: list[tuple[str, str | None]] = list(positions.items())
    while todo:
        shard, after = todo.pop(0)
        start = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        if after is not None:
            start |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        iterator = shop.store.call("GetShardIterator", start)["ShardIterator"]
        while iterator:
            reply = shop.store.call("GetRecords", {"ShardIterator": iterator})
            found += reply["Records"]
            iterator = reply.get("NextShardIterator") if reply["Records"] else None
        todo += [(child, None) for child in children.get(shard, [])]
    return found


def test_a_snapshot_stands_still(shop: Any) -> None:
    shop.put("a", "b")
    with shop.store.snapshot("orders") as snapshot:
        shop.put("c")
        shop.store.client.delete_item(TableName="orders", Key={"id": {"S": "a"}})
        assert set(state_of(snapshot.items())) == {"a", "b"}
        assert set(state_of(snapshot.items())) == {"a", "b"}
    with pytest.raises(SnapshotFailed, match="closed"):
        next(snapshot.items())


def test_positions_are_those_of_the_open_shards(shop: Any) -> None:
    shop.put("a")
    shop.split()
    with shop.store.snapshot("orders") as snapshot:
        opened = {s.info.name for s in shop.store.shards("orders") if s.info.closed_ms is None}
        assert set(snapshot.positions) == opened
        assert snapshot.taken_ms == shop.clock.now_ms()


def test_a_table_without_a_stream_has_items_and_no_place(shop: Any) -> None:
    shop.put("a")
    shop.store.client.update_table(TableName="orders", StreamSpecification={"StreamEnabled": False})
    with shop.store.snapshot("orders") as snapshot:
        assert snapshot.position is None
        assert (snapshot.positions, snapshot.stream) == ({}, None)
        assert len(list(snapshot.items())) == 1


def test_a_table_that_went_before_the_snapshot_began_is_not_found(shop: Any) -> None:
    shop.put("a")
    catalog = shop.store.engine.catalog
    gone = catalog.table("orders")
    shop.store.client.delete_table(TableName="orders")
    catalog._by_name["orders"] = gone  # as a reader sees it that looked a moment ago
    with pytest.raises(ResourceNotFound):
        shop.store.snapshot("orders")


def test_a_table_too_large_for_a_copy_in_memory_is_refused_by_name(
    memory_shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_shop.put("a", "b")
    monkeypatch.setattr(limits, "SNAPSHOT_MEMORY_BYTES_MAX", 12)
    with pytest.raises(SnapshotFailed) as told:
        memory_shop.store.snapshot("orders")
    assert told.value.bound == "memory"


def test_a_snapshot_in_a_file_ends_by_name_with_its_store(file_shop: Any) -> None:
    file_shop.put("a")
    snapshot = file_shop.store.snapshot("orders")
    items = snapshot.items()
    file_shop.store.close()
    with pytest.raises(SnapshotFailed):
        next(items)
    with pytest.raises(StoreClosed):
        file_shop.store.snapshot("orders")


def test_only_so_many_snapshots_are_open_at_once(file_shop: Any) -> None:
    held = [file_shop.store.snapshot("orders") for _ in range(limits.PINNED_MAX)]
    with pytest.raises(Busy):
        file_shop.store.snapshot("orders")
    held[0].close()
    file_shop.store.snapshot("orders").close()


def test_a_reader_beside_the_owner_takes_snapshots(file_shop: Any) -> None:
    file_shop.put("a")
    with (
        streamstore.open(file_shop.store.path, read_only=True, clock=file_shop.clock) as reader,
        reader.snapshot("orders") as snapshot,
    ):
        file_shop.put("b")
        assert set(state_of(snapshot.items())) == {"a"}
        assert file_shop.rest(reader.follow("orders", after=snapshot.position)) == ["b"]


def test_items_go_on_behind_any_key_whether_it_is_there_or_not(shop: Any) -> None:
    shop.put(*map(str, range(30)))
    with shop.store.snapshot("orders") as snapshot:
        whole = list(snapshot.items())
        for at, item in enumerate(whole):
            assert list(snapshot.items(after=item)) == whole[at + 1 :]
        shop.store.client.delete_item(TableName="orders", Key=whole[9])
    with shop.store.snapshot("orders") as snapshot:
        assert list(snapshot.items(after=whole[9])) == whole[10:]
