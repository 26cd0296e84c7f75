"""Replicators that are killed: at every commit of the target, and at random under live writes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamstore.consumers.sinks import replicate
from streamstore.consumers.sinks.relational import RelationalSink

ROOT = Path(__file__).resolve().parents[4]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def canonical(items: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True, default=str) for item in items)


def scribble(shop: Any, made: Any, count: int) -> None:
    for _ in range(count):
        key = {"id": {"S": str(made.rng.randrange(30))}}
        if made.rng.random() < 0.35:
            shop.store.client.delete_item(TableName="orders", Key=key)
        else:
            shop.put_item(made.item(**key))
        if made.rng.random() < 0.02:
            shop.store.split_shard("orders")


class Forks:
    """The script that replicates and dies."""

    def __init__(self, shop: Any, target: Any) -> None:
        script = Path(__file__).with_name("replicate_and_die.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), shop.store.path, target.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )

    def run(self, number: int, when: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([number, when]) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture
def forks(live_shop: Any, target: Any) -> Iterator[Forks]:
    live_shop.create()
    made = Forks(live_shop, target)
    yield made
    made.end()


def test_killed_at_any_commit_it_goes_on_and_the_target_is_the_table(
    live_shop: Any, target: Any, forks: Forks, randomly: Any
) -> None:
    made = randomly(11)
    scribble(live_shop, made, 60)
    ends = []
    for number in range(1, 9):
        for when in ("before", "after"):
            ends.append(forks.run(number, when))
            scribble(live_shop, made, 30)
            if number == 5 and when == "after":
                live_shop.outlive()  # the place is gone from the stream: copied anew
                scribble(live_shop, made, 20)
    assert ends.count("killed") > 10
    assert set(ends) <= {"killed", "done"}
    assert forks.run(0, "never") == "done"
    assert canonical(target.items()) == canonical(live_shop.items())
    copies = target.rows("SELECT copy FROM streamstore_sink")[0][0]
    assert copies == 2  # not one a kill: a copy that was cut goes on


@pytest.mark.parametrize("seed", [1])
def test_killed_at_random_under_live_writes_it_goes_on_and_the_target_is_the_table(
    live_shop: Any, target: Any, randomly: Any, seed: int
) -> None:
    live_shop.create()
    made = randomly(seed)
    scribble(live_shop, made, 100)
    rng = random.Random(seed)
    words = [sys.executable, "-m", "streamstore", "replicate", "orders"]
    words += ["--db", live_shop.store.path, "--to", target.url]
    for _ in range(3):
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        scribble(live_shop, made, rng.randrange(5, 200))
        process.kill()
        process.communicate(timeout=30)
    with RelationalSink(target.url) as sink:
        replicate(live_shop.store, "orders", sink, once=True)
    assert canonical(target.items()) == canonical(live_shop.items())
    assert target.rows("SELECT copy FROM streamstore_sink") == [(1,)]
