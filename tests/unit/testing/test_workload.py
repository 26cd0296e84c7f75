"""The workload and its model agree with a store; a store that differs from it is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamstore.testing.model import Model, differences
from streamstore.testing.recording import STEP_SECONDS, take
from streamstore.testing.workload import KINDS, Life, Workload


@pytest.mark.parametrize("seed", range(3))
def test_after_every_step_the_store_is_what_the_model_says(seed: int, tmp_path: Path) -> None:
    life, model = Life(str(tmp_path)), Model()
    try:
        for step in Workload(seed, extra=10).steps():
            model = take(step, life, model)
            assert differences(life.store, model) == [], step.name
            life.clock.advance(STEP_SECONDS)
    finally:
        life.close()


def test_the_plan_is_the_seeds_and_holds_every_kind() -> None:
    plans = [[step.name for step in Workload(seed).steps()] for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]
    made = {"recreate": "create", "again": "again"}
    for kind in KINDS:
        assert made.get(kind, kind) in plans[0]


FORGED = {
    "an item more": lambda m: m.tables["north"].items.update(x={"id": {"S": "x"}}),
    "an item less": lambda m: m.tables["north"].items.popitem(),
    "another image": lambda m: setattr(m.tables["south"].changes[-1], "new", {"id": {"S": "?"}}),
    "a record more": lambda m: m.tables["south"].changes.append(m.tables["south"].changes[-1]),
    "a record less": lambda m: m.tables["south"].changes.pop(),
    "a table more": lambda m: m.tables.update(west=m.tables["north"]),
    "a checkpoint": lambda m: m.checkpoints.update({(1, 1): 5}),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_store_that_differs_is_found(forgery: str, tmp_path: Path) -> None:
    life, model = Life(str(tmp_path)), Model()
    workload = Workload(3)
    steps = [
        workload.create("north"),
        workload.create("south"),
        *(workload.put() for _ in "12345678"),
    ]
    try:
        for step in steps:
            model = take(step, life, model)
        assert differences(life.store, model) == []
        FORGED[forgery](model)
        assert differences(life.store, model) != []
    finally:
        life.close()
