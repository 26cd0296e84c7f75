"""The disk fails at each operation, in each way: a bounded run, and the case of engine.md 2.2.

The long run: streamstore torture --kind error --seconds 3600
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from streamstore.errors import RolledBack
from streamstore.storage import maintenance, migrate
from streamstore.storage.writer.commit import GroupCommit
from streamstore.testing import campaigns
from streamstore.testing.campaigns import Report
from streamstore.testing.disk import Losses
from streamstore.testing.errors import Bench, Case
from streamstore.testing.states import scratch

FAILED_SYNCS = 40


def silent(_: str) -> None: ...


@pytest.fixture
def bench() -> Iterator[Bench]:
    with scratch() as folder:
        yield Bench(Report("error", 4), 4, folder)


def writes(bench: Bench) -> list[int]:
    """Steps that are one put each."""
    return [n for n, step in enumerate(bench.steps) if step.name in ("put", "overwrite", "large")]


def failing(bench: Bench, number: int, kind: str, name: str) -> list[int]:
    """The operations of a step that are of a kind and on a file."""
    calls = bench.calls(number)
    return [at for at, call in enumerate(calls) if (call.kind, call.name) == (kind, name)]


def run(bench: Bench, cases: list[Case]) -> list[str]:
    report = bench.report
    report.violations.clear()
    for case in cases:
        bench.run(case)
    return [violation.what for violation in report.violations]


def commit_syncs(bench: Bench, count: int) -> list[Case]:
    """The sync in the COMMIT of different writes, failing once or for good."""
    found = []
    for number in writes(bench):
        operation = failing(bench, number, "sync", "store.db-wal")[-1]
        found += [Case(number, operation, "EIO", lasting) for lasting in (False, True)]
    return found[:count]


def test_whatever_fails_everyone_is_told_what_became_of_it() -> None:
    report = campaigns.run("error", 21, 7.0, silent)
    assert report.violations == []
    assert report.figures["cases"] > 30
    assert report.figures["told_refused"] > 10
    assert report.figures["told_done"] > 10
    assert report.figures.get("missed", 0) * 20 <= report.figures["cases"]


def test_a_failed_sync_a_restart_and_a_power_loss_lose_nothing(bench: Bench) -> None:
    cases = []
    for number in range(len(bench.steps)):
        calls = bench.calls(number)
        syncs = [at for at, call in enumerate(calls) if call.kind == "sync"]
        cases += [Case(number, at, "EIO", False) for at in syncs]
    Random(9).shuffle(cases)
    assert len(cases) > FAILED_SYNCS
    assert run(bench, cases[:FAILED_SYNCS]) == []
    assert bench.report.figures["struck"] >= FAILED_SYNCS


def test_a_failed_sync_of_commit_is_told_as_unknown(bench: Bench) -> None:
    cases = commit_syncs(bench, 4)
    assert run(bench, cases) == []
    assert bench.report.figures["told_unknown"] == len(cases)


def without_making_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "make_wal_durable", lambda *_: True)


def with_a_checkpoint_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "_rewrite_wal", lambda *_: None)


def without_a_latch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GroupCommit, "latch", lambda *_: None)


def told_that_nothing_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubt(self: Any, flight: Any, cause: BaseException | None) -> None:
        self.latch(cause or RuntimeError())
        self._roll_back()
        self._tell_abandoned(flight)
        for member in flight.members:
            member.result = None
            member.error = RolledBack("nothing was written")
        flight.settled = True

    monkeypatch.setattr(GroupCommit, "_doubt", doubt)


@pytest.mark.parametrize(
    "defect",
    [
        without_making_durable,
        with_a_checkpoint_alone,
        without_a_latch,
        told_that_nothing_was_written,
    ],
)
def test_each_defect_round_a_failed_sync_is_found(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, defect: Any
) -> None:
    bench.losses = Losses(some=6)
    assert run(bench, commit_syncs(bench, 6)) == []
    defect(monkeypatch)
    # Where COMMIT syncs may have moved.
    assert run(bench, commit_syncs(bench, 12)) != []
