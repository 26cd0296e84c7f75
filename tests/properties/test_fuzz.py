"""Bytes from anywhere: no surface fails, and a surface that did fail would be seen and replayed."""

from __future__ import annotations

import time
from base64 import b64decode
from random import Random
from typing import Any

import pytest

from streamstore.codec import items
from streamstore.engine.streams import iterators
from streamstore.errors import Corrupted
from streamstore.testing import campaigns, fuzz
from streamstore.testing.bits import corpus

SURFACES = {"values", "stored", "expressions", "statements", "iterators", "wire"}


def quiet(_: str) -> None:
    """No progress."""


def test_no_input_fails_where_it_is_read() -> None:
    report = campaigns.run("fuzz", 11, 4.0, quiet)
    assert report.violations == []
    assert report.figures.keys() == {*SURFACES, "inputs", "inputs a second"}
    assert all(report.figures[name] >= 1000 for name in SURFACES)


def test_the_examples_themselves_are_taken() -> None:
    """Changes of inputs that are refused anyway would find nothing."""
    with fuzz._surfaces() as surfaces:
        for surface in surfaces.values():
            for example in surface.examples:
                surface.feed(example)
    taken = 0
    for example in corpus.stored():
        try:
            taken += bool(items.unpack(example))
        except Corrupted:
            continue
    assert taken >= 2


def test_changes_depend_on_the_seed_alone_and_change_nearly_all() -> None:
    examples = corpus.requests()
    first = [fuzz.changed(Random(3), examples) for _ in range(3)]
    assert first == [fuzz.changed(Random(3), examples) for _ in range(3)]
    rng = Random(4)
    made = [fuzz.changed(rng, examples) for _ in range(1000)]
    assert sum(data in examples for data in made) < 100


def broken_unpack(data: bytes) -> Any:
    if len(data) % 7 == 3:
        raise OSError("not an error of ours")
    raise Corrupted("no")


def slow_unpack(data: bytes) -> Any:
    started = time.process_time()
    while time.process_time() - started < 2 * fuzz.SECONDS_MAX:
        pass
    raise Corrupted("no")


@pytest.mark.parametrize(
    ("home", "name", "defect", "surface", "text"),
    [
        (items, "unpack", broken_unpack, "stored", "OSError"),
        (items, "unpack", slow_unpack, "stored", "processor time"),
        (iterators, "compare_digest", lambda *_: True, "iterators", "nobody made"),
    ],
)
def test_a_surface_that_fails_is_seen_and_replays(
    monkeypatch: pytest.MonkeyPatch, home: Any, name: str, defect: Any, surface: str, text: str
) -> None:
    monkeypatch.setattr(fuzz, "_VIOLATIONS_MAX", 1)
    monkeypatch.setattr(fuzz, "_BATCH", 4)
    monkeypatch.setattr(home, name, defect)
    report = fuzz.campaign(1, 5.0, quiet)
    violation = next(v for v in report.violations if v.history["surface"] == surface)
    assert text in violation.what
    assert b64decode(violation.history["input"]) is not None
    again = campaigns.replay(violation.history, quiet)
    assert text in again.violations[0].what
    monkeypatch.undo()
    assert campaigns.replay(violation.history, quiet).violations == []
