"""Consumers embedded: how fast an in-process handler takes records, how soon it sees a commit.

    pytest bench/bench_consumers.py --benchmark-only [--growth 1000000]

The goals: 50,000 records/s in batches of 100 from one shard with durable checkpoints, and 1 ms from
COMMIT to the handler's first line, the median. What pytest-benchmark prints is a round; the figure
that counts is under `extra_info` and printed, beside the number of checkpoints that were synced.
"""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from streamstore.consumers.runtime import Consumers


@pytest.fixture
def records(request: pytest.FixtureRequest) -> int:
    """How many records a test delivers: a twentieth of --growth."""
    return max(int(request.config.getoption("--growth")) // 20, 200)


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("shape", ["plain", "filtered", "reporting"])
def test_an_in_process_handler_takes_records(
    benchmark: Any, tmp_path: Path, records: int, written: Any, tell: Any, lanes: int, shape: str
) -> None:
    """Every round is a mapping of its own that reads the same shard from its start."""
    benchmark.group = "records to a handler"
    with written.open(tmp_path / "taken.db") as store:
        written.fill(store, records)
        rounds = iter(range(1000))
        syncs: list[int] = []

        def consume() -> None:
            taken = 0

            def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
                nonlocal taken
                taken += len(event["Records"])
                return {"batchItemFailures": []}

            more: dict[str, Any] = {}
            if shape == "filtered":
                more["filters"] = ['{"dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "u"}]}}}}']
            if shape == "reporting":
                more["report_item_failures"] = True
            with Consumers(store) as consumers:
                before = store.writer.syncs
                name = f"handler-{next(rounds)}"
                consumers.on("bench", name=name, parallelization_factor=lanes, **more)(handler)
                consumers.drain(120)
                syncs.append(store.writer.syncs - before)
                [made] = [m for m in consumers.mappings.all() if m.function_name == name]
                consumers.mappings.delete(made.uuid)
            assert taken == records

        benchmark.pedantic(consume, rounds=3, warmup_rounds=1)
        if benchmark.stats is not None:  # With --benchmark-disable there are no figures.
            rate = records / benchmark.stats.stats.median
            commit_us = store.writer.commit_seconds * 1e6
            tell(records_per_second=rate, syncs=syncs[-1], one_commit_us=commit_us)


def test_a_commit_is_seen_by_a_handler(
    benchmark: Any, tmp_path: Path, written: Any, tell: Any
) -> None:
    with written.open(tmp_path / "seen.db") as store:
        tail, publish = store.engine.tail, store.engine.tail.publish
        committed: list[float] = []
        delays: list[float] = []
        seen = threading.Semaphore(0)

        def published(shards: Any) -> None:
            committed.append(time.perf_counter())
            publish(shards)

        tail.publish = published  # type: ignore[method-assign]
        with Consumers(store) as consumers:

            @consumers.on("bench")
            def handler(event: dict[str, Any], context: object) -> None:
                now = time.perf_counter()
                delays.extend(now - committed[-1] for _ in event["Records"])
                seen.release()

            numbers = iter(range(10**6))

            def write() -> None:
                operation, params = written.put(next(numbers))
                store.call(operation, params)
                assert seen.acquire(timeout=10)
                consumers.drain()

            benchmark.pedantic(write, rounds=300, warmup_rounds=30)
        if len(delays) == 1:  # With --benchmark-disable there are no figures.
            return
        quantiles = statistics.quantiles([delay * 1e6 for delay in delays], n=100)
        tell(after_commit_us=quantiles[49], p99_us=quantiles[98])
