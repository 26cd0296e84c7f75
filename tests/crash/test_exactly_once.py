"""A transactional consumer dies at every point of its path, again and again: no gap, no duplicate.

One file lives through all of it. In each round a process writes a few records and dies or not at a
point while it consumes them; the next one goes on from what is on disk. At the end the aggregate
must be what the stream says, every record counted once, with writes of others in between that
conflict with the units.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.consumers.runtime import Consumers
from streamstore.consumers.transactional import UnitOfWork
from streamstore.storage import failpoints

POINTS = [name for name in failpoints.POINTS if name.startswith(("unit-", "group-"))]
PASSES = 4
RECORDS = 5


def opened(path: Path, round_: int) -> streamstore.Store:
    clock = ManualClock(1_700_000_000_000 + round_ * 1000)
    return streamstore.open(
        path, clock=clock, background=False, first_partitions=2, durability="normal"
    )


def make_tables(store: streamstore.Store) -> None:
    for name in ("source", "totals", "seen"):
        store.client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )


def consume(store: streamstore.Store, meddling: Callable[[], None]) -> None:
    """Total each key's values and count each record, then leave."""
    with Consumers(store, inline=True) as consumers:

        @consumers.on("source", transactional=True, batch_size=2, parallelization_factor=2)
        def total(event: Any, context: Any, unit: UnitOfWork) -> None:
            for record in event["Records"]:
                image = record["dynamodb"]["NewImage"]
                key = {"id": image["key"]["S"]}
                totals = unit.table("totals")
                before = {**key, "sum": 0, **totals.get_item(Key=key).get("Item", {})}
                after = before["sum"] + int(image["n"]["N"])
                totals.put_item(Item={**before, "sum": after})
                count = {
                    "Key": {"id": {"S": record["eventID"]}},
                    "UpdateExpression": "ADD times :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}},
                }
                still = {
                    "Key": {"id": image["key"]},
                    "ConditionExpression": "#s = :s",
                    "ExpressionAttributeNames": {"#s": "sum"},
                    "ExpressionAttributeValues": {":s": {"N": str(after)}},
                }
                unit.transact_write_items(
                    TransactItems=[
                        {"Update": {"TableName": "seen", **count}},
                        {"ConditionCheck": {"TableName": "totals", **still}},
                    ]
                )
            meddling()

        consumers.drain()


def meddle(store: streamstore.Store, times: int) -> Callable[[], None]:
    """A write that gets in the way of a unit, so many times."""
    left = iter(range(times))

    def write() -> None:
        if next(left, None) is not None:
            store.table("totals").update_item(
                Key={"id": "k1"},
                UpdateExpression="ADD meddled :one",
                ExpressionAttributeValues={":one": 1},
            )

    return write


def strike_at(point: str, pass_by: int) -> None:
    left: Iterator[int] = iter(range(pass_by))

    def strike() -> None:
        if next(left, None) is None:
            os._exit(77)

    failpoints.arm(point, strike)


def feed(store: streamstore.Store, round_: int) -> None:
    for number in range(RECORDS):
        item = {"id": f"{round_}-{number}", "key": f"k{number % 3}", "n": round_ + number}
        store.table("source").put_item(Item=item)


def check(store: streamstore.Store, rounds: int) -> None:
    expected: Counter[str] = Counter()
    for round_ in range(rounds):
        for number in range(RECORDS):
            expected[f"k{number % 3}"] += round_ + number
    found = {item["id"]: item["sum"] for item in store.table("totals").scan()["Items"]}
    assert found == expected
    with store.follow("source", "trim-horizon") as follower:
        events = set()
        while page := follower.page(0):
            events |= {record["eventID"] for record in page}
    seen = {item["id"]: item["times"] for item in store.table("seen").scan()["Items"]}
    assert len(events) == rounds * RECORDS
    assert seen == dict.fromkeys(events, 1)


def test_a_transactional_consumer_killed_at_every_point_has_no_gap_and_no_duplicate(
    killed: Callable[[Callable[[], None]], bool], tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    struck: set[str] = set()
    rounds = 0
    with opened(path, 0) as store:
        make_tables(store)
    for point in POINTS:
        for pass_by in range(PASSES):
            with opened(path, rounds) as store:
                feed(store, rounds)

            def round_trip(round_: int = rounds, point: str = point, passes: int = pass_by) -> None:
                store = opened(path, round_)
                strike_at(point, passes)
                consume(store, meddle(store, passes % 2))

            if killed(round_trip):
                struck.add(point)
            rounds += 1
    assert struck == set(POINTS)
    with opened(path, rounds) as store:
        consume(store, lambda: None)
        check(store, rounds)


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.disarm()
