"""What becomes of requests that rules hit, through every door of a store."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock, SystemClock
from streamstore.control import injection
from streamstore.control.rules import Rule
from streamstore.errors import Injected, ResourceNotFound, Throttled, ValidationFailed
from streamstore.operations.plan import Delayed
from streamstore.store import Store

GET = {"TableName": "orders", "Key": {"id": {"S": "a"}, "at": {"N": "1"}}}
PUT = {"TableName": "orders", "Item": GET["Key"]}


def test_a_store_without_rules_never_asks_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("streamstore.store.ruled", lambda *given: asked.append(given) or given[1])
    store.call("GetItem", GET)
    assert not asked
    store.control.add_rule(Rule("PutItem", error="ThrottlingException"))
    store.call("GetItem", GET)
    assert len(asked) == 1
    store.control.clear_rules()
    store.call("GetItem", GET)
    assert len(asked) == 1
    assert store.rules is None


def test_an_injected_error_writes_nothing_and_ends_with_its_count(store: Store, put: Any) -> None:
    store.control.add_rule(Rule("PutItem", key="a/1", error="InternalServerError", count=1))
    with pytest.raises(Injected):
        store.call("PutItem", PUT)
    assert "Item" not in store.call("GetItem", GET)
    put(2)
    put(1)
    assert "Item" in store.call("GetItem", GET)


def test_an_invalid_request_is_refused_as_ever_and_uses_up_no_rule(store: Store) -> None:
    store.control.add_rule(Rule(error="ThrottlingException", count=1))
    with pytest.raises(ValidationFailed):
        store.call("GetItem", {"TableName": "orders", "Key": {}})
    assert store.control.list_rules()[0]["hits"] == 0
    with pytest.raises(Throttled):
        store.call("GetItem", GET)


def test_many_calls_at_once_are_judged_one_by_one(store: Store) -> None:
    store.control.add_rule(Rule("PutItem", error="ThrottlingException", count=1))
    store.control.add_rule(Rule("GetItem", delay_seconds=5, count=1))
    before = store.clock.now_ms()
    answers = store.call_many([("PutItem", PUT), ("PutItem", PUT), ("GetItem", GET)])
    assert isinstance(answers[0], Throttled)
    assert answers[1] == {}
    assert answers[2] == {"Item": PUT["Item"]}
    assert store.clock.now_ms() == before + 5000


def test_a_clock_moved_by_hand_is_moved_by_a_delay(store: Store) -> None:
    store.control.add_rule(Rule(delay_seconds=1.5))
    before = store.clock.now_ms()
    store.call("PutItem", PUT)
    assert store.call("GetItem", GET)["Item"] == PUT["Item"]
    assert store.clock.now_ms() == before + 3000


def test_a_real_clock_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Event(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return True

    delayed = Delayed(0.25, lambda: "done")  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(injection.threading, "Event", Event)  # type: ignore[attr-defined]
    assert injection.waited(SystemClock(), delayed) == "done"
    assert waits == [0.25]


def test_the_error_of_a_slow_failure_comes_after_its_delay(store: Store) -> None:
    store.control.add_rule(Rule(delay_seconds=2, error="ThrottlingException"))
    before = store.clock.now_ms()
    with pytest.raises(Throttled):
        store.call("PutItem", PUT)
    assert store.clock.now_ms() == before + 2000


def test_an_event_loop_is_not_held_up_by_a_delay(store: Store) -> None:
    order: list[str] = []

    async def ask(name: str, operation: str, params: dict[str, Any]) -> None:
        await store.submit(operation, params)
        order.append(name)

    async def both() -> None:
        await asyncio.gather(
            ask("slow put", "PutItem", PUT),
            ask("get", "GetItem", GET),
            ask("tables", "ListTables", {}),
        )

    store.control.add_rule(Rule("PutItem", delay_seconds=0.05))
    asyncio.run(both())
    assert order == ["get", "tables", "slow put"]
    assert store.call("GetItem", GET) == {"Item": PUT["Item"]}


def test_an_event_loop_gets_a_delayed_error_from_its_awaitable(store: Store) -> None:
    store.control.add_rule(Rule("PutItem", delay_seconds=0.01, error="ThrottlingException"))

    async def ask() -> None:
        with pytest.raises(Throttled):
            await store.submit("PutItem", PUT)

    asyncio.run(ask())
    assert store.call("GetItem", GET) == {}


def test_a_delayed_request_is_planned_anew_in_a_store_that_was_reopened(tmp_path: Any) -> None:
    with streamstore.open(tmp_path / "s.db", clock=ManualClock(), background=False) as store:
        store.control.call(
            "CreateTable",
            {
                "TableName": "going",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        )
        store.control.add_rule(Rule(delay_seconds=1))
        plan = store.plan("DescribeTable", {"TableName": "going"})
        assert isinstance(plan, Delayed)
        before = store.engine
        store.control.call("DeleteTable", {"TableName": "going"})
        store.reopen()
        assert store.engine is not before
        with pytest.raises(ResourceNotFound):
            store.read(plan)


def test_an_empty_page_stays_where_it_was_and_the_records_come_after(
    store: Store, put: Any, reader: Any
) -> None:
    put(1)
    put(2)
    consumer = reader()
    shard = consumer.shards()[0]["ShardId"]
    store.control.add_rule(Rule("GetRecords", "orders", effect="empty", count=2))
    iterator = consumer.iterator(shard)
    for _ in range(2):
        numbers, following = consumer.page(iterator)
        assert numbers == []
        assert following is not None
        iterator = following
    numbers, _ = consumer.page(iterator)
    assert len(numbers) == 2


def test_an_empty_page_of_a_closed_shard_does_not_end_it(
    store: Store, put: Any, reader: Any
) -> None:
    put(1)
    consumer = reader()
    shard = consumer.shards()[0]["ShardId"]
    store.control.roll("orders", shard)
    store.control.add_rule(Rule("GetRecords", effect="empty", count=1))
    numbers, following = consumer.page(consumer.iterator(shard))
    assert (numbers, following is not None) == ([], True)
    numbers, following = consumer.page(str(following))
    assert (len(numbers), following) == (1, None)


def test_a_repeated_page_is_delivered_again_and_empty_ones_use_up_nothing(
    store: Store, put: Any, reader: Any
) -> None:
    consumer = reader()
    shard = consumer.shards()[0]["ShardId"]
    store.control.add_rule(Rule("GetRecords", effect="repeat", count=1))
    numbers, following = consumer.page(consumer.iterator(shard))
    assert numbers == []
    put(1)
    put(2)
    first, following = consumer.page(str(following))
    second, following = consumer.page(str(following))
    assert len(first) == 2
    assert second == first
    third, _ = consumer.page(str(following))
    assert third == []


def test_readers_are_counted_alike_when_a_page_is_repeated(reader: Any) -> None:
    with streamstore.open(
        clock=ManualClock(), shard_readers_max=1, first_partitions=1, background=False
    ) as store:
        store.control.call(
            "CreateTable",
            {
                "TableName": "orders",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            },
        )
        store.call("PutItem", {"TableName": "orders", "Item": {"id": {"S": "a"}}})
        consumer = type(reader())(store, "orders")
        iterator = consumer.iterator(consumer.shards()[0]["ShardId"])
        store.control.add_rule(Rule("GetRecords", effect="empty", count=1))
        store.control.add_rule(Rule("GetRecords", effect="repeat", count=1))
        pages = []
        for _ in range(3):
            numbers, iterator = consumer.page(iterator)
            pages.append(len(numbers))
        assert pages == [0, 1, 1]
