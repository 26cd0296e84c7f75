"""What the campaigns have found in streamstore so far, run again; each once had a violation.

| found by | what broke |
|---|---|
| power | A log that a killed process had created and never synced was written to by the next one, which synced the file but not its name: with it, acknowledged writes could be lost. |
| error | A sync of COMMIT failed, the process ended, and the next one's first checkpoint moved frames that were not on the disk: a power loss in its middle left pages of half a transaction. |
| error | The lock file could not be written: the error was the system's own, and the file stayed owned by a Store that did not exist. |
| error | The first COMMIT of a fresh store failed: `open` raised, and the file stayed owned as before. |
| error | The folder could not be synced: the error was the system's own. |
"""  # noqa: E501 - a table's lines are as long as its rows

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamstore.storage import files, maintenance
from streamstore.testing import power
from streamstore.testing.campaigns import Report
from streamstore.testing.disk import Call, Losses
from streamstore.testing.errors import Bench, Case
from streamstore.testing.states import scratch
from streamstore.testing.workload import Step, Workload


def steps_of_an_inherited_log() -> list[Step]:
    workload = Workload(1)
    tables = [workload.create("north"), workload.create("south")]
    return [*tables, workload.die_idle(), workload.put(), workload.put()]


def lost_names(folder: Path) -> list[str]:
    folder.mkdir()
    report = Report("power", 1)
    round_ = power.Round(
        report, 1, lambda _: None, losses=Losses(some=8), steps=steps_of_an_inherited_log()
    )
    round_.run(str(folder))
    assert report.figures["distinct"] > 100
    return [violation.what for violation in report.violations]


def test_the_name_of_an_inherited_log_is_made_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lost_names(tmp_path / "now") == []
    monkeypatch.setattr(files, "sync_entries", lambda _: None)
    monkeypatch.setattr(maintenance, "_rewrite_wal", lambda *_: None)
    assert lost_names(tmp_path / "then") != []


@pytest.fixture
def bench() -> Iterator[Bench]:
    with scratch() as folder:
        yield Bench(Report("error", 2), 2, folder)


def run(bench: Bench, step: int, wanted: Callable[[Call], bool], lasting: bool) -> list[str]:
    """Fail each such operation of a step."""
    found = [number for number, call in enumerate(bench.calls(step)) if wanted(call)]
    assert found, "the operation is not made any more: look where it went"
    bench.report.violations.clear()
    for number in found:
        bench.run(Case(step, number, "EIO", lasting))
    return [violation.what for violation in bench.report.violations]


def test_a_checkpoint_moves_nothing_that_is_not_on_the_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.losses = Losses(some=6)
    step = next(n for n, step in enumerate(bench.steps) if step.name == "overwrite")

    def of_the_log(call: Call) -> bool:
        return (call.kind, call.name) == ("sync", "store.db-wal")

    assert run(bench, step, of_the_log, False) == []
    monkeypatch.setattr(maintenance, "_rewrite_wal", lambda *_: None)
    assert run(bench, step, of_the_log, False) != []


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize(
    ("step", "kind", "name"),
    [
        (2, "write", "store.db.lock"),
        (0, "sync", "store.db-wal"),
        (0, "sync-folder", ""),
        (2, "sync-folder", ""),
    ],
)
def test_a_store_that_does_not_open_says_so_in_our_words_and_opens_later(
    bench: Bench, step: int, kind: str, name: str, lasting: bool
) -> None:
    wanted = (kind, name)
    assert run(bench, step, lambda call: (call.kind, call.name) == wanted, lasting) == []
