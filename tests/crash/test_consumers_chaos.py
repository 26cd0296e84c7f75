"""Consumers killed at random while they write, split, trim and consume: every record is delivered
to every mapping, each item's changes first in their order, without a gap.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from time import perf_counter

from .consume_and_die import MAPPINGS, mapped, open_store

CHILD = Path(__file__).with_name("consume_and_die.py")
SECONDS = 12.0
KILLS_MIN = 8


def run_and_kill(folder: Path, number: int, rnd: random.Random) -> None:
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), str(number)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    try:
        child.wait(rnd.random() * 0.7)
    except subprocess.TimeoutExpired:
        child.kill()
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    assert not rest, rest


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()]


def test_no_record_is_missed_or_out_of_order_however_often_the_worker_dies(tmp_path: Path) -> None:
    rnd = random.Random(6)
    began = perf_counter()
    kills = 0
    while perf_counter() - began < SECONDS or kills < KILLS_MIN:
        kills += 1
        run_and_kill(tmp_path, kills, rnd)
    with open_store(tmp_path) as store:
        assert len(store.shards("chaos")) > 2, "nothing was split"
        with mapped(store, tmp_path, 0.0) as consumers:
            consumers.drain(60)
            assert not [lag for lag in consumers.lag() if lag.behind]
        names = {key for key, _, _ in store.metrics.totals()}
        assert "ExpiredEventCount" not in names, "something was trimmed before it was consumed"
    written = defaultdict(list)
    for key, number in lines(tmp_path / "written"):
        written[key].append(int(number))
    first: dict[tuple[str, str], dict[int, None]] = defaultdict(dict)
    deliveries = 0
    for name, key, number in lines(tmp_path / "delivered"):
        first[name, key].setdefault(int(number))
        deliveries += 1
    assert sum(map(len, written.values())) > 200, "nearly nothing was written"
    for name in MAPPINGS:
        for key, numbers in written.items():
            seen = list(first[name, key])
            missed = set(numbers) - set(seen)
            assert not missed, f"{name} never got {key} {sorted(missed)[:5]}"
            assert seen == sorted(seen), f"{name} got {key} out of order"
    assert deliveries > sum(map(len, first.values())), "no delivery was ever repeated"
