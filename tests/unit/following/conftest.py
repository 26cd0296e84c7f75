"""Stores with a table, in memory and in a file, and what their followers are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock


def create(store: streamstore.Store, name: str = "orders") -> None:
    store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


class Shop:
    """One store and its table `orders`."""

    def __init__(self, path: Any, clock: Any, **settings: Any) -> None:
        self.clock = clock
        self.store = streamstore.open(path, clock=clock, background=False, **settings)
        create(self.store)

    def put(self, *labels: str) -> None:
        for label in labels:
            self.store.client.put_item(TableName="orders", Item={"id": {"S": label}})

    def split(self) -> None:
        self.store.split_shard("orders")

    def roll(self) -> None:
        for shard in [s for s in self.store.shards("orders") if s.info.closed_ms is None]:
            self.store.roll_shard("orders", shard.info.name)

    def trim(self) -> None:
        while self.store.tick():
            pass

    def follow(self, start: str = "latest", **more: Any) -> Any:
        return self.store.follow("orders", start, **more)

    def ids(self, records: list[dict[str, Any]]) -> list[str]:
        return [record["dynamodb"]["Keys"]["id"]["S"] for record in records]

    def rest(self, follower: Any) -> list[str]:
        """All that is there now."""
        found: list[str] = []
        while page := follower.turn():
            found += self.ids(page)
        return found


def opened(path: Any) -> Iterator[Shop]:
    made = Shop(path, ManualClock(), split_policy="manual", first_partitions=4)
    yield made
    made.store.close()


@pytest.fixture
def memory_shop() -> Iterator[Shop]:
    yield from opened(":memory:")


@pytest.fixture
def file_shop(tmp_path: Path) -> Iterator[Shop]:
    yield from opened(tmp_path / "shop.db")


@pytest.fixture(params=["memory_shop", "file_shop"])
def shop(request: Any) -> Shop:
    made: Shop = request.getfixturevalue(request.param)
    return made
