"""Threads that read, think and write through units of work lose nothing: every sum comes out.

Each thread runs its additions in units of one kind or another: reading the item and putting it,
adding blindly, moving an amount between two items under a condition, counting rows by a query. They
hold nothing while they think, so they do get into each other's way; the conflicts run them again.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import streamstore
from streamstore.clock import ManualClock
from streamstore.consumers.runtime import Consumers
from streamstore.consumers.transactional import UnitOfWork, transact

KINDS = ("put", "add", "move", "row")
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 1), st.integers(1, 9)), max_size=6
)


def step(unit: UnitOfWork, kind: str, place: int, amount: int) -> None:
    table = unit.table("sums")
    key = {"p": "sum", "s": place}
    if kind == "add":
        table.update_item(
            Key=key, UpdateExpression="ADD n :n", ExpressionAttributeValues={":n": amount}
        )
    elif kind == "put":
        found = table.get_item(Key=key).get("Item", {"n": 0})
        table.put_item(Item={**key, "n": found["n"] + amount})
    elif kind == "move":
        other = {"p": "sum", "s": 1 - place}
        here = table.get_item(Key=key).get("Item", {"n": 0})["n"]
        there = table.get_item(Key=other).get("Item", {"n": 0})["n"]
        table.put_item(Item={**key, "n": here + 2 * amount})
        table.put_item(Item={**other, "n": there - amount})
    else:
        # The number of the next row is what a query says: no two get the same.
        rows = table.query(
            KeyConditionExpression="p = :p", ExpressionAttributeValues={":p": "rows"}
        )
        table.put_item(Item={"p": "rows", "s": rows["Count"], "n": amount})


def sums(store: streamstore.Store) -> tuple[Any, Any]:
    items = store.table("sums").scan()["Items"]
    rows = [item["s"] for item in items if item["p"] == "rows"]
    assert sorted(rows) == list(range(len(rows)))
    return sum(item["n"] for item in items), len(rows)


@settings(max_examples=25, deadline=None)
@given(plans=st.lists(STEPS, min_size=2, max_size=4))
def test_the_sum_of_concurrent_units_is_the_sum_of_their_work(
    plans: list[list[tuple[str, int, int]]],
) -> None:
    with streamstore.open(":memory:", clock=ManualClock(), background=False) as store:
        store.client.create_table(
            TableName="sums",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "p", "AttributeType": "S"},
                {"AttributeName": "s", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "p", "KeyType": "HASH"},
                {"AttributeName": "s", "KeyType": "RANGE"},
            ],
        )
        failed: list[BaseException] = []
        begin = threading.Barrier(len(plans))

        def work(plan: list[tuple[str, int, int]]) -> None:
            try:
                begin.wait(10)
                for kind, place, amount in plan:
                    transact(store, lambda unit: step(unit, kind, place, amount))  # noqa: B023
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(plan,)) for plan in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        steps = [step for plan in plans for step in plan]
        expected = sum(amount for _, _, amount in steps)
        assert sums(store) == (expected, sum(kind == "row" for kind, _, _ in steps))


def test_workers_of_many_lanes_and_shards_share_one_total_through_splits(tmp_path: Path) -> None:
    """Every lane adds to the same item, read and put, so they all get into each other's way."""
    with (
        streamstore.open(tmp_path / "s.db", durability="normal") as store,
        Consumers(store, threads=4) as consumers,
    ):
        for name in ("source", "total"):
            store.client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
            )

        @consumers.on("source", transactional=True, batch_size=5, parallelization_factor=3)
        def count(event: Any, context: Any, unit: UnitOfWork) -> None:
            table = unit.table("total")
            before = table.get_item(Key={"id": "all"}).get("Item", {"n": 0, "times": 0})
            table.put_item(
                Item={
                    "id": "all",
                    "n": before["n"] + len(event["Records"]),
                    "times": before["times"] + 1,
                }
            )

        for number in range(300):
            store.table("source").put_item(Item={"id": str(number)})
            if number % 100 == 50:
                store.split_shard("source")
        consumers.drain(60)
        total = store.table("total").get_item(Key={"id": "all"})["Item"]
        assert total["n"] == 300
        # One record of the total for each unit: no unit was committed beside another.
        with store.follow("total", "trim-horizon") as follower:
            records = 0
            while page := follower.page(0):
                records += len(page)
        assert records == total["times"]
