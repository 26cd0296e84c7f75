"""Embedded writes and reads against the floor: raw apsw doing the same statements in groups of 100.

    pytest bench/bench_embedded.py --benchmark-only

The floor reads the old row, upserts the new one and inserts a record with both images, in one
transaction a hundred
operations. Ours hands a hundred `put_item` over, as a list and gathered on one event loop, through
the validator.
Compare ratios within one run: the last benchmark prints ours divided by the floor.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import msgpack
import pytest

import streamstore

GROUP = 100
KEYS = 1000


def item(rnd: random.Random) -> dict[str, Any]:
    number = rnd.randrange(KEYS)
    return {
        "pk": {"S": f"user#{number}"},
        "name": {"S": "x" * 100},
        "n": {"N": str(rnd.randrange(10**6))},
        "tags": {"SS": ["a", "b"]},
    }


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """A hundred operations of raw apsw under one sync."""
    connection = apsw.Connection(str(tmp_path / "floor.db"))
    for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute(
        "CREATE TABLE item (hash BLOB, pk BLOB, body BLOB, PRIMARY KEY (hash, pk)) WITHOUT ROWID;"
        "CREATE TABLE record (sequence INTEGER PRIMARY KEY, body BLOB)"
    )
    rnd = random.Random(1)
    sequence = 0

    def group() -> None:
        nonlocal sequence
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(GROUP):
            new = item(rnd)
            key = new["pk"]["S"].encode()
            digest = hashlib.md5(key, usedforsecurity=False).digest()
            body = msgpack.packb(new)
            old = connection.execute(
                "SELECT body FROM item WHERE hash = ? AND pk = ?", (digest, key)
            ).fetchall()
            connection.execute(
                "INSERT INTO item VALUES (?, ?, ?) "
                "ON CONFLICT (hash, pk) DO UPDATE SET body = excluded.body",
                (digest, key, body),
            )
            sequence += 1
            both = body + old[0][0] if old else body
            connection.execute("INSERT INTO record VALUES (?, ?)", (sequence, both))
        connection.execute("COMMIT")

    yield group
    connection.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[streamstore.Store]:
    with streamstore.open(tmp_path / "ours.db") as opened:
        opened.client.create_table(
            TableName="bench",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        yield opened


def calls(rnd: random.Random) -> list[tuple[str, dict[str, Any]]]:
    return [("PutItem", {"TableName": "bench", "Item": item(rnd)}) for _ in range(GROUP)]


def test_floor_of_a_hundred_puts(benchmark: Any, floor: Callable[[], None]) -> None:
    benchmark.group = "a hundred puts"
    benchmark(floor)


def test_a_hundred_puts_handed_over_as_a_list(benchmark: Any, store: streamstore.Store) -> None:
    benchmark.group = "a hundred puts"
    rnd = random.Random(1)
    benchmark(lambda: store.call_many(calls(rnd)))


def test_a_hundred_puts_gathered_on_one_loop(benchmark: Any, store: streamstore.Store) -> None:
    benchmark.group = "a hundred puts"
    rnd = random.Random(1)
    loop = asyncio.new_event_loop()

    async def gathered() -> None:
        await asyncio.gather(*(store.submit(name, params) for name, params in calls(rnd)))

    benchmark(lambda: loop.run_until_complete(gathered()))
    loop.close()


def test_one_put_alone(benchmark: Any, store: streamstore.Store) -> None:
    benchmark.group = "one operation, synced alone"
    rnd = random.Random(1)
    benchmark(lambda: store.call("PutItem", {"TableName": "bench", "Item": item(rnd)}))


def test_one_get(benchmark: Any, store: streamstore.Store) -> None:
    benchmark.group = "one read"
    store.call("PutItem", {"TableName": "bench", "Item": item(random.Random(1))})
    key = item(random.Random(1))["pk"]
    reply = benchmark(lambda: store.call("GetItem", {"TableName": "bench", "Key": {"pk": key}}))
    assert "Item" in reply
