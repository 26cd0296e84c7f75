"""A store in memory with something of everything in it, for checks to look at and tests to damage.

It is made once; whoever damages it does so inside `damaged`, which rolls back.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import streamstore
from streamstore.checking import Violation, check_transaction
from streamstore.clock import ManualClock

VIEWS = ("NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY")
DAY = 24 * 3600


def indexed(name: str, view: str | None) -> dict[str, Any]:
    """CreateTable's parameters: hash and range key, an LSI, two GSIs, a stream unless None."""
    types = {"a": "S", "b": "N", "g": "S", "h": "N"}
    stream = (
        {}
        if view is None
        else {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}}
    )

    def keys(*names: str) -> list[dict[str, str]]:
        kinds = ("HASH", "RANGE")
        return [{"AttributeName": n, "KeyType": k} for n, k in zip(names, kinds, strict=False)]

    some = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]}
    every = {"ProjectionType": "ALL"}
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": n, "AttributeType": t} for n, t in types.items()
        ],
        "KeySchema": keys("a", "b"),
        "LocalSecondaryIndexes": [
            {"IndexName": "local", "KeySchema": keys("a", "h"), "Projection": some}
        ],
        "GlobalSecondaryIndexes": [
            {"IndexName": "whole", "KeySchema": keys("g", "h"), "Projection": every},
            {
                "IndexName": "bare",
                "KeySchema": keys("h"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
        **stream,
    }


class Life:
    """A store that is written to at random, with every kind of write there is."""

    def __init__(self, path: str = ":memory:", seed: int = 1, **settings: Any) -> None:
        self.clock = ManualClock()
        self.rng = random.Random(seed)
        self.store = streamstore.open(path, clock=self.clock, background=False, **settings)
        self.client = self.store.client
        self.names = [f"table{n}" for n in range(len(VIEWS))]
        for name, view in zip(self.names, VIEWS, strict=True):
            self.client.create_table(**indexed(name, view))
        self.client.update_time_to_live(
            TableName=self.names[0],
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"},
        )
        self.settle()

    def settle(self) -> None:
        """Do all the background work that is due."""
        while self.store.tick():
            pass

    def item(self) -> dict[str, Any]:
        rng = self.rng
        item: dict[str, Any] = {
            "a": {"S": f"k{rng.randrange(12)}"},
            "b": {"N": rng.choice(["0", "1", "-2.5", "30000000000"])},
        }
        if rng.random() < 0.7:
            item["g"] = {"S": rng.choice("xyz")}
        if rng.random() < 0.7:
            item["h"] = {"N": str(rng.randrange(5))}
        if rng.random() < 0.4:
            item["x"] = {"B": rng.randbytes(rng.choice([1, 600, 900, 5000]))}
        if rng.random() < 0.4:
            second = self.clock.now_ms() // 1000 + rng.choice([5, 3000, 10 * DAY])
            item["until"] = {"N": f"{second}.5" if rng.random() < 0.2 else str(second)}
        return item

    def write(self, times: int) -> None:
        """That many writes of items, and now and then a change of shards."""
        for turn in range(times):
            name, item, draw = self.rng.choice(self.names), self.item(), self.rng.random()
            key = {part: item[part] for part in ("a", "b")}
            if draw < 0.6:
                self.client.put_item(TableName=name, Item=item)
            elif draw < 0.75:
                self.client.delete_item(TableName=name, Key=key)
            elif draw < 0.9:
                self.client.update_item(
                    TableName=name,
                    Key=key,
                    UpdateExpression="SET x = :v REMOVE g",
                    ExpressionAttributeValues={":v": {"S": "q" * self.rng.choice([1, 800])}},
                )
            elif draw < 0.93:
                self.store.split_shard(name)
            elif draw < 0.96:
                opened = [s.info for s in self.store.shards(name) if s.info.closed_ms is None]
                if opened:
                    self.store.roll_shard(name, self.rng.choice(opened).name)
            elif draw < 0.98:
                self.client.transact_write_items(
                    ClientRequestToken=f"token-{turn}",
                    TransactItems=[{"Put": {"TableName": name, "Item": item}}],
                )
            else:
                self.clock.advance(self.rng.choice([1, 60, -30]))
                self.settle()


@pytest.fixture(scope="session")
def life() -> Iterator[Life]:
    """A lived-in store: records trimmed, shards gone, a table dropped, one made again."""
    one = Life()
    one.client.create_table(**indexed("dropped", "NEW_AND_OLD_IMAGES"))
    one.client.put_item(TableName="dropped", Item=one.item())
    one.write(250)
    one.client.update_table(TableName="table3", StreamSpecification={"StreamEnabled": False})
    one.client.delete_table(TableName="dropped")
    one.clock.advance(DAY / 2)
    again = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    one.client.update_table(TableName="table3", StreamSpecification=again)
    one.write(150)
    one.clock.advance(DAY * 0.6)
    one.settle()
    one.write(150)
    # Like a mapping's worker that has come far.
    shard = next(s.info for s in one.store.shards("table0") if s.record_count)
    one.store.writer.run(
        lambda group: (
            group.tx.run(
                "INSERT INTO mapping (uuid, stream_arn, function_name, state, modified_ms,"
                " definition) VALUES ('u', 'arn', 'f', 'Enabled', 1, x'80')"
            ),
            group.tx.run(
                "INSERT INTO checkpoint (mapping_id, shard_id, sequence) VALUES (1, ?, ?)",
                (shard.shard_id, shard.start_sequence),
            ),
        )
    )
    yield one
    one.store.close()


@contextmanager
def damaged(
    store: Any, *statements: str, params: tuple[Any, ...] = ()
) -> Iterator[list[Violation]]:
    """What a check finds after these statements, of which the first must change something; all is
    as before afterwards.
    """
    with store.writer.holding(True) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement, params).fetchall()
                assert connection.changes(), statement
            yield check_transaction(connection)
        finally:
            connection.execute("ROLLBACK")


@pytest.fixture(scope="session")
def damage(life: Life) -> Any:
    """`damage(*statements, params=())` -> the codes that a check finds then."""

    def codes(*statements: str, params: tuple[Any, ...] = ()) -> set[str]:
        with damaged(life.store, *statements, params=params) as found:
            return {violation.code for violation in found}

    return codes


@pytest.fixture(scope="session")
def folder() -> str:
    return os.environ.get("TMPDIR", "/tmp")
