"""How a put's cost moves as the store grows: with retained records, and with items.

    pytest bench/bench_growth.py --benchmark-only [--growth 1000000]

The goals: flat from 0 to 1,000,000 retained records at a fixed 1,000 keys (within 10 %), and at
most four times from
10^3 to 10^6 items written in random order. Query and Scan of the table of random order are measured
beside them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore

GROUP = 100


@pytest.fixture(scope="module")
def growth(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--growth"))


def open_table(path: Path, sort_key: bool) -> streamstore.Store:
    store = streamstore.open(path, background=False)
    names = ["pk", "sk"] if sort_key else ["pk"]
    store.client.create_table(
        TableName="bench",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
        KeySchema=[
            {"AttributeName": n, "KeyType": t}
            for n, t in zip(names, ("HASH", "RANGE"), strict=False)
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return store


def put(key: int, rnd: random.Random) -> tuple[str, dict[str, Any]]:
    item = {
        "pk": {"S": f"user#{key}"},
        "name": {"S": "x" * 100},
        "n": {"N": str(rnd.randrange(10**9))},
    }
    return "PutItem", {"TableName": "bench", "Item": item}


def fill(store: streamstore.Store, keys: Iterator[int], rnd: random.Random) -> None:
    batch = []
    for key in keys:
        batch.append(put(key, rnd))
        if len(batch) == 2500:
            store.call_many(batch)
            store.tick()
            batch = []
    store.call_many(batch)


@pytest.mark.parametrize("part", [0.0, 0.1, 1.0])
def test_puts_of_a_thousand_keys_over_retained_records(
    benchmark: Any, tmp_path: Path, growth: int, part: float
) -> None:
    records = int(growth * part)
    benchmark.group = "a hundred puts, 1,000 keys, records retained"
    benchmark.name = f"{records:,} records"
    rnd = random.Random(1)
    with open_table(tmp_path / "records.db", False) as store:
        fill(store, (n % 1000 for n in range(max(records, 1000))), rnd)
        benchmark.pedantic(
            lambda: store.call_many([put(rnd.randrange(1000), rnd) for _ in range(GROUP)]),
            rounds=200,
            warmup_rounds=20,
        )


@pytest.mark.parametrize("part", [0.001, 0.1, 1.0])
def test_puts_of_random_keys_over_items(
    benchmark: Any, tmp_path: Path, growth: int, part: float
) -> None:
    items = max(int(growth * part), 1000)
    benchmark.group = "a hundred puts, random keys, items there"
    benchmark.name = f"{items:,} items"
    rnd = random.Random(2)
    order = list(range(items))
    rnd.shuffle(order)
    with open_table(tmp_path / "items.db", False) as store:
        fill(store, iter(order), rnd)
        benchmark.pedantic(
            lambda: store.call_many([put(rnd.randrange(items), rnd) for _ in range(GROUP)]),
            rounds=200,
            warmup_rounds=20,
        )


@pytest.fixture(scope="module")
def random_order(tmp_path_factory: pytest.TempPathFactory, growth: int) -> Iterator[Any]:
    """A table of partitions of fifty items, all written in random order."""
    rnd = random.Random(3)
    order = list(range(growth))
    rnd.shuffle(order)
    with open_table(tmp_path_factory.mktemp("query") / "query.db", True) as store:
        for start in range(0, growth, 2500):
            calls = []
            for n in order[start : start + 2500]:
                item = {
                    "pk": {"S": f"p{n // 50}"},
                    "sk": {"S": f"event#{n % 50:05}"},
                    "body": {"S": "x" * 100},
                }
                calls.append(("PutItem", {"TableName": "bench", "Item": item}))
            store.call_many(calls)
            store.tick()
        yield store


def test_query_of_fifty_items_written_in_random_order(
    benchmark: Any, random_order: streamstore.Store, growth: int
) -> None:
    benchmark.group = "reads of a table written in random order"
    rnd = random.Random(4)

    def query() -> None:
        reply = random_order.call(
            "Query",
            {
                "TableName": "bench",
                "KeyConditionExpression": "pk = :p AND begins_with(sk, :s)",
                "ExpressionAttributeValues": {
                    ":p": {"S": f"p{rnd.randrange(growth // 50)}"},
                    ":s": {"S": "event#"},
                },
                "Limit": 50,
            },
        )
        assert reply["Count"] == 50

    benchmark.pedantic(query, rounds=500, warmup_rounds=50)


def test_scan_of_a_page_of_a_thousand(benchmark: Any, random_order: streamstore.Store) -> None:
    benchmark.group = "reads of a table written in random order"
    benchmark.pedantic(
        lambda: random_order.call("Scan", {"TableName": "bench", "Limit": 1000}),
        rounds=50,
        warmup_rounds=5,
    )
