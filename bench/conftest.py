"""Options of the benchmarks, and the table with a stream that several of them write to. They are
run by their own command, never with the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import streamstore


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--growth", default=1_000_000, type=int, help="records and items to grow to")


class Written:
    """Stores with a table "bench" that has a stream, and the items that are put into it."""

    @staticmethod
    def open(path: Path, shards: int = 1, **more: Any) -> streamstore.Store:
        store = streamstore.open(
            path, background=False, split_policy="manual", first_partitions=shards, **more
        )
        store.client.create_table(
            TableName="bench",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        return store

    @staticmethod
    def put(number: int) -> tuple[str, dict[str, Any]]:
        """A call that puts an item: its operation and parameters."""
        item = {
            "pk": {"S": f"user#{number % 1000}"},
            "name": {"S": "x" * 100},
            "n": {"N": str(number)},
        }
        return "PutItem", {"TableName": "bench", "Item": item}

    @classmethod
    def fill(cls, store: streamstore.Store, count: int) -> None:
        for start in range(0, count, 2000):
            store.call_many([cls.put(n) for n in range(start, min(start + 2000, count))])
            store.tick()


@pytest.fixture
def written() -> type[Written]:
    return Written


@pytest.fixture
def tell(benchmark: Any, capsys: Any) -> Callable[..., None]:
    """Prints a benchmark's own figures, and keeps them with its result."""

    def told(**figures: float) -> None:
        benchmark.extra_info.update(figures)
        with capsys.disabled():
            texts = ", ".join(f"{name} {figure:,.1f}" for name, figure in figures.items())
            print(f"\n{benchmark.name}: {texts}")

    return told
