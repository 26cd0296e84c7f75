"""A steady state: three simulated days of writes, trimmed by the hour, and how large the file is.

    pytest bench/bench_retention.py --benchmark-only [--growth 1000000]

Each hour the store gets as many writes as the hour before, so that from the second day on as many
records age out as come in. The goals: from 64 MiB of live data on, a file of at most 1.2 times a
copy made by VACUUM INTO, and trimming of 200,000 records/s beside nothing else. A round is the
background work of an hour of the third day, which trims an hour's records and gives pages back.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import streamstore
from streamstore.clock import ManualClock
from streamstore.limits import MIB
from streamstore.storage.maintenance import vacuum_into

FILL_HOURS = 49
MEASURED_HOURS = 23
RATIO_MAX = 1.2
JUDGED_BYTES = 64 * MIB


def put(number: int) -> tuple[str, dict[str, Any]]:
    item = {
        "pk": {"S": f"user#{number * 7919 % 10_000}"},
        "name": {"S": "x" * (300 + number % 200)},
        "n": {"N": str(number)},
    }
    return "PutItem", {"TableName": "bench", "Item": item}


def test_the_file_in_a_steady_state(
    benchmark: Any, tmp_path: Path, capsys: Any, request: Any
) -> None:
    an_hour = max(int(request.config.getoption("--growth")) // 280, 10)
    path, clock = tmp_path / "steady.db", ManualClock()
    with streamstore.open(path, clock=clock, background=False, durability="normal") as store:
        store.client.create_table(
            TableName="bench",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        numbers = iter(range(10**9))
        longest = seconds = 0.0
        trimmed = 0

        def write() -> None:
            for _ in range(0, an_hour, 1000):
                store.call_many([put(next(numbers)) for _ in range(min(an_hour, 1000))])
                while store.tick():
                    pass
            clock.advance(3600)

        def work() -> None:
            nonlocal longest, seconds, trimmed
            before = store.engine.trimmer.trimmed
            more = True
            while more:
                began = time.perf_counter()
                more = store.tick()
                took = time.perf_counter() - began
                longest, seconds = max(longest, took), seconds + took
            trimmed += store.engine.trimmer.trimmed - before

        for _ in range(FILL_HOURS):
            write()
            work()
        longest = seconds = 0.0
        trimmed = 0
        ratios, sizes = [], []

        def hour() -> None:
            work()
            copy = tmp_path / "copy.db"
            vacuum_into(str(path), str(copy))
            sizes.append(copy.stat().st_size)
            ratios.append(path.stat().st_size / sizes[-1])
            copy.unlink()

        benchmark.pedantic(hour, setup=write, rounds=MEASURED_HOURS)
        figures = {
            "live_mib": min(sizes) / MIB,
            "greatest_ratio": max(ratios),
            "trimmed_per_second_with_all_other_work": trimmed / seconds,
            "longest_tick_ms": longest * 1000,
        }
        benchmark.extra_info.update(figures)
        with capsys.disabled():
            print("\n" + ", ".join(f"{name} {figure:,.2f}" for name, figure in figures.items()))
        assert min(sizes) < JUDGED_BYTES or max(ratios) <= RATIO_MAX
