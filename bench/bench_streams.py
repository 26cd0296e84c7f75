"""Streams read embedded: how soon a write is seen, how fast pages come, what many shards cost.

    pytest bench/bench_streams.py --benchmark-only [--growth 1000000]

The goals: seen within 100 µs after COMMIT (the median; `after_commit_us` below), following 64
shards at no more than twice the cost of one for each record, compaction of 200,000 records/s.
What pytest-benchmark prints is a round; the figure that counts is under `extra_info` and printed.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamstore.clock import ManualClock
from streamstore.engine.streams import retention

SHARDS = (1, 64)


@pytest.fixture
def records(request: pytest.FixtureRequest) -> int:
    """How many records a test reads or removes: a fifth of --growth."""
    return max(int(request.config.getoption("--growth")) // 5, 200)


def test_a_write_is_seen_by_a_follower(
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
        follower = store.follow("bench")

        def follow() -> None:
            while follower.page():
                delays.append(time.perf_counter() - committed[-1])
                seen.release()

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        numbers = iter(range(10**6))

        def write() -> None:
            operation, params = written.put(next(numbers))
            store.call(operation, params)
            assert seen.acquire(timeout=10)

        benchmark.pedantic(write, rounds=500, warmup_rounds=50)
        follower.close()
        thread.join(10)
        assert len(delays) == len(committed)
        if len(delays) == 1:  # With --benchmark-disable there are no figures.
            return
        quantiles = statistics.quantiles([delay * 1e6 for delay in delays], n=100)
        tell(after_commit_us=quantiles[49], p99_us=quantiles[98])


def test_get_records_of_a_long_shard(
    benchmark: Any, tmp_path: Path, records: int, written: Any, tell: Any
) -> None:
    with written.open(tmp_path / "pages.db") as store:
        written.fill(store, records)
        arn = store.client.describe_table(TableName="bench")["Table"]["LatestStreamArn"]
        [shard] = store.shards("bench")
        start = {"StreamArn": arn, "ShardId": shard.info.name, "ShardIteratorType": "TRIM_HORIZON"}

        def read() -> int:
            count = 0
            iterator = store.call("GetShardIterator", start)["ShardIterator"]
            while True:
                page = store.call("GetRecords", {"ShardIterator": iterator})
                if not page["Records"]:
                    return count
                count += len(page["Records"])
                iterator = page["NextShardIterator"]

        assert benchmark.pedantic(read, rounds=3, warmup_rounds=1) == records
        tell_rate(benchmark, tell, records)


def tell_rate(benchmark: Any, tell: Any, records: int) -> None:
    if benchmark.stats is not None:  # With --benchmark-disable there are no figures.
        tell(records_per_second=records / benchmark.stats.stats.median)


@pytest.mark.parametrize("shards", SHARDS)
def test_following_from_the_horizon(
    benchmark: Any, tmp_path: Path, records: int, shards: int, written: Any, tell: Any
) -> None:
    benchmark.group = "following what is there"
    with written.open(tmp_path / "follow.db", shards) as store:
        written.fill(store, records)

        def read() -> int:
            follower = store.follow("bench", "trim-horizon")
            count = 0
            while count < records:
                count += len(follower.page(timeout=1))
            return count

        assert benchmark.pedantic(read, rounds=3, warmup_rounds=1) == records
        tell_rate(benchmark, tell, records)


@pytest.mark.parametrize("group", [100, 1000])
@pytest.mark.parametrize("shards", SHARDS)
def test_following_live(
    benchmark: Any, tmp_path: Path, shards: int, group: int, written: Any, tell: Any
) -> None:
    """Each round reads what was written since the last one, so a shard has 2 or 16 new records."""
    benchmark.group = f"following {group} new records"
    with written.open(tmp_path / "live.db", shards) as store:
        follower = store.follow("bench")
        numbers = iter(range(10**9))

        def write() -> None:
            store.call_many([written.put(next(numbers)) for _ in range(group)])

        def read() -> int:
            count = 0
            while count < group:
                count += len(follower.page(timeout=1))
            return count

        assert benchmark.pedantic(read, setup=write, rounds=50) == group
        tell_rate(benchmark, tell, group)


def test_compaction(benchmark: Any, tmp_path: Path, records: int, written: Any, tell: Any) -> None:
    """Everything at once; and how long each piece holds up writers."""
    clock = ManualClock()
    with written.open(tmp_path / "compact.db", clock=clock) as store:
        pieces: list[float] = []

        def age() -> None:
            written.fill(store, records)
            clock.advance(24 * 3600 + 1)

        def trim() -> int:
            before = store.engine.trimmer.trimmed
            while timed(pieces, lambda: store.writer.run(retention.trim_tick)):
                pass
            removed = store.engine.trimmer.trimmed - before
            store.compact()
            return removed

        trimming: list[float] = []
        assert benchmark.pedantic(lambda: timed(trimming, trim), setup=age, rounds=1) == records
        tell(
            trimmed_per_second=records / sum(pieces),
            with_the_file_shrunk_per_second=records / sum(trimming),
            longest_piece_ms=max(pieces) * 1000,
        )


def timed(into: list[float], do: Callable[[], Any]) -> Any:
    """What `do` gives; its seconds go into the list."""
    began = time.perf_counter()
    result = do()
    into.append(time.perf_counter() - began)
    return result
