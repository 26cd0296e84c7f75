"""An event loop's part: writes of a turn share a sync, reads of a turn share a snapshot that is
never stale.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.leading import TurnReads


@pytest.fixture
def store(tmp_path: Path) -> Iterator[streamstore.Store]:
    with streamstore.open(tmp_path / "loop.db", background=False) as opened:
        opened.client.create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        yield opened


def put(number: int) -> tuple[str, dict[str, Any]]:
    return "PutItem", {"TableName": "table", "Item": {"id": {"S": "a"}, "n": {"N": str(number)}}}


def read(reads: TurnReads, store: streamstore.Store) -> str | None:
    plan: Any = store.plan("GetItem", {"TableName": "table", "Key": {"id": {"S": "a"}}})
    item = reads.read(store.engine, store.readers, plan).get("Item")
    return None if item is None else str(item["n"]["N"])


def test_all_writes_that_a_turn_submits_commit_together(store: streamstore.Store) -> None:
    """Under one sync, or a few where the machine is so busy that a group's 10 ms end it."""

    async def many() -> None:
        await asyncio.gather(*(store.submit(*put(n)) for n in range(100)))

    before = store.writer.syncs
    asyncio.run(many())
    assert 1 <= store.writer.syncs - before <= 10
    assert store.call("GetItem", {"TableName": "table", "Key": {"id": {"S": "a"}}})["Item"][
        "n"
    ] == {"N": "99"}


def test_each_awaited_write_succeeds_or_fails_on_its_own(store: streamstore.Store) -> None:
    async def mixed() -> list[Any]:
        good = store.submit(*put(1))
        bad = store.submit(
            "PutItem",
            {
                "TableName": "table",
                "Item": {"id": {"S": "b"}},
                "ConditionExpression": "attribute_exists(id)",
            },
        )
        malformed = store.submit("PutItem", {"TableName": "table"})
        return await asyncio.gather(good, bad, malformed, return_exceptions=True)

    good, bad, malformed = asyncio.run(mixed())
    assert good == {}
    assert isinstance(bad, streamstore.RequestError)
    assert isinstance(malformed, streamstore.RequestError)


def test_a_cancelled_await_neither_withdraws_its_write_nor_stops_the_others(
    store: streamstore.Store,
) -> None:
    async def cancelling() -> Any:
        first, second = store.submit(*put(7)), store.submit("GetItem", {"TableName": "table"})
        third = store.submit(*put(8))
        first.cancel()
        return await asyncio.gather(second, third, return_exceptions=True)

    _, third = asyncio.run(cancelling())
    assert third == {}
    assert store.writer.units >= 2


def test_a_turns_snapshot_is_shared_and_begun_anew_when_another_thread_committed(
    store: streamstore.Store,
) -> None:
    """Within one turn: the second read sees what a thread was told is committed meanwhile."""

    async def turn() -> tuple[Any, ...]:
        loop = asyncio.get_running_loop()
        reads = TurnReads(loop)
        first = read(reads, store)
        shared = reads._rx is not None
        again = read(reads, store)
        writer = threading.Thread(target=lambda: store.call(*put(5)))
        writer.start()
        writer.join()
        after = read(reads, store)
        open_within_turn = store.readers.oldest_seconds() > 0
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return first, again, after, shared, open_within_turn, store.readers.oldest_seconds()

    assert asyncio.run(turn()) == (None, None, "5", True, True, 0.0)


def test_a_store_in_memory_keeps_no_lock_between_reads_of_a_turn() -> None:
    with streamstore.open(":memory:", background=False) as memory:
        memory.client.create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )

        async def turn() -> Any:
            reads = TurnReads(asyncio.get_running_loop())
            first = read(reads, memory)
            memory.call(*put(3))  # would wait for ever for a lock that the turn kept
            return first, read(reads, memory)

        assert asyncio.run(turn()) == (None, "3")
