"""The hands: what they move, and that consumers meet it as they would in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock, SystemClock
from streamstore.control.rules import Rule
from streamstore.errors import (
    ControlRefused,
    IteratorExpired,
    RecordsTrimmed,
    ResourceNotFound,
    ValidationFailed,
)
from streamstore.store import Store


def call(store: Store, iterator: str) -> Any:
    return store.call("GetRecords", {"ShardIterator": iterator})


def test_the_clock_moves_ahead_and_iterators_with_it(store: Store, reader: Any) -> None:
    iterator = reader().iterator(reader().shards()[0]["ShardId"])
    before = store.clock.now_ms()
    assert store.control.advance(900) == before + 900_000
    call(store, iterator)
    store.control.advance(0.001)
    with pytest.raises(IteratorExpired):
        call(store, iterator)


@pytest.mark.parametrize("seconds", [-1, float("nan"), 1e12])
def test_the_clock_moves_by_no_senseless_time(store: Store, seconds: float) -> None:
    with pytest.raises(ControlRefused):
        store.control.advance(seconds)


def test_the_machines_clock_is_not_moved() -> None:
    with (
        streamstore.open(clock=SystemClock(), background=False) as store,
        pytest.raises(ControlRefused, match="the machine's"),
    ):
        store.control.advance(1)


def test_split_and_roll_open_children(store: Store) -> None:
    shard = store.shards("orders")[0].info.name
    successor = store.control.roll("orders", shard)
    assert [s.info.parent_name for s in store.shards("orders")] == [None, shard]
    children = store.control.split("orders", successor)
    assert len(children) == 2
    assert {s.info.parent_name for s in store.shards("orders")[2:]} == {successor}


def test_iterators_made_before_expire_and_later_ones_are_good_in_the_same_instant(
    store: Store, put: Any, reader: Any
) -> None:
    put(1)
    consumer = reader()
    shard = consumer.shards()[0]["ShardId"]
    old = consumer.iterator(shard)
    _, next_of_old = consumer.page(old)
    store.control.expire_iterators()
    new = consumer.iterator(shard)
    for iterator in (old, str(next_of_old)):
        with pytest.raises(IteratorExpired):
            call(store, iterator)
    numbers, following = consumer.page(new)
    assert len(numbers) == 1
    consumer.page(str(following))
    store.control.expire_iterators()
    with pytest.raises(IteratorExpired):
        call(store, str(following))


def test_expired_iterators_stay_so_after_a_reopening_and_when_the_clock_steps_back(
    tmp_path: Path, reader: Any
) -> None:
    clock = ManualClock()
    with streamstore.open(tmp_path / "s.db", clock=clock, background=False) as store:
        store.client.create_table(
            TableName="orders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        consumer = type(reader())(store, "orders")
        shard = consumer.shards()[0]["ShardId"]
        old = consumer.iterator(shard)
        store.control.expire_iterators()
        new = consumer.iterator(shard)
        store.reopen()
        clock.advance(-5)
        with pytest.raises(IteratorExpired):
            call(store, old)
        call(store, new)
        call(store, consumer.iterator(shard))


def test_who_reads_beside_the_owner_sees_iterators_expire(tmp_path: Path, reader: Any) -> None:
    with streamstore.open(tmp_path / "s.db", background=False) as store:
        control = store.control
        control.scenario("shard-gone")
        with streamstore.open(tmp_path / "s.db", read_only=True) as beside:
            consumer = type(reader())(beside, "shard-gone")
            shard = consumer.shards()[0]["ShardId"]
            old = consumer.iterator(shard)
            call(beside, old)
            control.expire_iterators()
            with pytest.raises(IteratorExpired):
                call(beside, old)
            call(beside, consumer.iterator(shard))


def test_trimming_all_hides_and_removes_what_is_there_now(
    store: Store, put: Any, reader: Any
) -> None:
    for number in range(5):
        put(number)
    consumer = reader()
    shard = consumer.shards()[0]["ShardId"]
    numbers, _ = consumer.page(consumer.iterator(shard))
    held = consumer.iterator(shard, "AT_SEQUENCE_NUMBER", SequenceNumber=numbers[2])
    at_end = consumer.iterator(shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=numbers[4])
    assert store.control.trim("orders") == {"records": 5, "shards": []}
    assert store.shards("orders")[0].record_count == 0
    put(9)
    with pytest.raises(RecordsTrimmed):
        call(store, held)
    later, _ = consumer.page(consumer.iterator(shard))
    assert len(later) == 1
    assert consumer.page(at_end)[0] == later
    assert store.control.trim("orders", shard) == {"records": 1, "shards": []}
    assert store.control.trim("orders") == {"records": 0, "shards": []}


def test_trimming_through_a_number_keeps_what_comes_after_it(
    store: Store, put: Any, reader: Any
) -> None:
    for number in range(5):
        put(number)
    consumer = reader()
    shard = consumer.shards()[0]["ShardId"]
    numbers, _ = consumer.page(consumer.iterator(shard))
    assert store.control.trim("orders", shard, through=numbers[1])["records"] == 2
    assert consumer.page(consumer.iterator(shard))[0] == numbers[2:]
    assert store.control.trim("orders", shard, through=numbers[0])["records"] == 0
    assert consumer.page(consumer.iterator(shard))[0] == numbers[2:]


def test_a_trim_by_hand_is_hidden_at_once_though_nothing_was_deleted(
    store: Store, put: Any, reader: Any
) -> None:
    from streamstore.engine.streams import retention

    for number in range(3):
        put(number)
    stream = store.engine.catalog.table("orders").stream
    assert stream is not None
    store.writer.run(lambda group: retention.trim_by_hand(group, stream, None))
    assert store.shards("orders")[0].record_count == 3
    consumer = reader()
    assert consumer.page(consumer.iterator(consumer.shards()[0]["ShardId"]))[0] == []


def test_a_trim_in_a_group_sees_the_records_of_the_group(store: Store, reader: Any) -> None:
    from streamstore.engine.streams import retention

    stream = store.engine.catalog.table("orders").stream
    assert stream is not None
    plan: Any = store.plan(
        "PutItem", {"TableName": "orders", "Item": {"id": {"S": "a"}, "at": {"N": "1"}}}
    )

    def both(group: Any) -> int:
        plan.apply(group)
        return retention.trim_by_hand(group, stream, None)

    assert store.writer.run(both) == 1
    consumer = reader()
    assert consumer.page(consumer.iterator(consumer.shards()[0]["ShardId"]))[0] == []


def test_a_forgotten_shard_is_gone_and_open_ones_stay(store: Store, put: Any, reader: Any) -> None:
    put(1)
    consumer = reader()
    shard = consumer.shards()[0]["ShardId"]
    successor = store.control.roll("orders", shard)
    put(2)
    held = consumer.iterator(shard)
    assert store.control.trim("orders", forget=True) == {"records": 2, "shards": [shard]}
    shards = consumer.shards()
    assert [(s["ShardId"], s["ParentShardId"]) for s in shards] == [(successor, shard)]
    with pytest.raises(RecordsTrimmed):
        call(store, held)
    with pytest.raises(consumer.client.exceptions.ResourceNotFoundException):
        consumer.iterator(shard)
    put(3)
    assert len(consumer.page(consumer.iterator(successor))[0]) == 1


def test_a_closed_shard_that_holds_records_is_not_forgotten(
    store: Store, put: Any, reader: Any
) -> None:
    put(1)
    put(2)
    consumer = reader()
    shard = consumer.shards()[0]["ShardId"]
    numbers, _ = consumer.page(consumer.iterator(shard))
    store.control.roll("orders", shard)
    answer = store.control.trim("orders", shard, through=numbers[0], forget=True)
    assert answer == {"records": 1, "shards": []}
    assert consumer.page(consumer.iterator(shard))[0] == numbers[1:]


@pytest.mark.parametrize(
    ("shard", "through", "error"),
    [
        (None, "1" + "0" * 20, ControlRefused),
        ("shardId-00000000000000000000-00000000", None, ResourceNotFound),
        ("@", "7" + "9" * 20, ValidationFailed),
        ("@", "1" + "0" * 20, ValidationFailed),
        ("@", "x", ValidationFailed),
    ],
)
def test_a_trim_of_what_is_not_there_is_refused(
    store: Store, shard: str | None, through: str | None, error: type[Exception]
) -> None:
    name = store.shards("orders")[0].info.name if shard == "@" else shard
    with pytest.raises(error):
        store.control.trim("orders", name, through=through)


def test_tables_that_are_not_there_or_have_no_stream_are_refused(store: Store) -> None:
    with pytest.raises(ResourceNotFound):
        store.control.trim("nowhere")
    store.client.create_table(
        TableName="plain",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    with pytest.raises(ControlRefused, match="has no stream"):
        store.control.trim("plain")


def test_a_reset_leaves_nothing_but_the_numbers(
    tmp_path: Path, another_table: Any, store: Store, put: Any
) -> None:
    put(1)
    token = {
        "ClientRequestToken": "t",
        "TransactItems": [
            {"Put": {"TableName": "orders", "Item": {"id": {"S": "a"}, "at": {"N": "5"}}}}
        ],
    }
    store.call("TransactWriteItems", token)
    another_table("guarded", DeletionProtectionEnabled=True)
    another_table("dropped")
    store.client.delete_table(TableName="dropped")
    store.control.add_rule(Rule("ListTables", error="ThrottlingException"))
    newest = store.shards("orders")[0].last_sequence
    assert store.control.reset() == {"tables": 2, "streams": 3}
    assert store.client.list_tables()["TableNames"] == []
    assert store.client.list_streams()["Streams"] == []
    with store.readers.transaction() as rx:
        for table in ("item", "record", "shard", "stream", "table_def", "partition"):
            assert rx.all(f"SELECT * FROM {table}") == [], table
    another_table("orders")
    store.call("TransactWriteItems", token)
    key = {"id": {"S": "a"}, "at": {"N": "5"}}
    assert store.call("GetItem", {"TableName": "orders", "Key": key}) == {"Item": key}
    assert store.shards("orders")[0].last_sequence > newest


def test_a_store_that_was_not_opened_for_it_is_not_reset(tmp_path: Path) -> None:
    with (
        streamstore.open(tmp_path / "s.db", background=False) as store,
        pytest.raises(ControlRefused, match="enable_control"),
    ):
        store.control.reset()


def test_calls_of_the_hands_are_spared_by_rules(store: Store) -> None:
    store.control.add_rule(Rule(error="ThrottlingException"))
    assert store.control.call("ListTables", {}) == {"TableNames": ["orders"]}
    item = {"id": {"S": "a"}, "at": {"N": "1"}}
    assert store.control.call("PutItem", {"TableName": "orders", "Item": item}) == {}
    found = store.control.call("GetItem", {"TableName": "orders", "Key": item})
    assert found == {"Item": item}
