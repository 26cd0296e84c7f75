"""Power losses on the real schema: a bounded run of the campaign, and controls that must lose.

The long run: streamstore torture --kind power --seconds 600
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamstore.config import Settings
from streamstore.testing import campaigns, power, recording
from streamstore.testing.campaigns import Report
from streamstore.testing.workload import KINDS, Workload

IMAGES = 20_000  # of the goals in reliability.md, for a run of the tests
SECONDS_MAX = 60.0


def silent(_: str) -> None: ...


def round_of(folder: Path, seed: int, **options: Any) -> Report:
    report = Report("power", seed)
    power.Round(report, seed, silent, **options).run(str(folder))
    return report


def test_no_power_loss_takes_what_was_acknowledged_or_leaves_half_of_anything() -> None:
    report = power.campaign(7, SECONDS_MAX, silent, images_max=IMAGES)
    assert report.violations == []
    figures = report.figures
    assert figures["images"] >= IMAGES
    assert figures["distinct"] > IMAGES / 4
    assert figures["recovery_images"] > 1000
    assert figures["verified"] > 10
    assert figures["compared_by_rows"] * 100 < figures["distinct"], "bytes decide, save for few"


def test_a_migration_that_the_power_ends_leaves_the_old_file_or_the_new_one(
    tmp_path: Path,
) -> None:
    report = round_of(tmp_path, 3, migrate=True)
    assert report.violations == []
    assert report.figures["distinct"] > 50


@pytest.mark.parametrize("durability", ["normal", "off"])
def test_with_a_weaker_durability_acknowledged_writes_are_lost(
    tmp_path: Path, durability: Any
) -> None:
    settings = Settings(background=False, first_partitions=2, durability=durability)
    steps = list(Workload(1).steps())[:10]
    report = round_of(tmp_path, 1, settings=settings, steps=steps)
    assert any("was acknowledged, and it is back" in it.what for it in report.violations)


def test_a_violation_is_found_again_by_its_history(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a checkpoint that is said to be done and isn't synced: here, a lying sync of the WAL."""
    monkeypatch.setitem(recording.__dict__, "STEP_SECONDS", 0.5)
    from streamstore.testing.disk.log import Log

    real = Log.sync

    def lying(log: Log, name: str, *, failed: bool = False) -> None:
        if not name.endswith("-wal"):
            real(log, name, failed=failed)

    monkeypatch.setattr(Log, "sync", lying)
    first = campaigns.run("power", 11, 1.0, silent)
    assert first.violations
    again = campaigns.replay(first.violations[0].history, silent)
    where = [
        {name: v.history[name] for name in ("seed", "position", "after")} for v in again.violations
    ]
    wanted = first.violations[0].history
    assert {name: wanted[name] for name in ("seed", "position", "after")} in where


def test_every_kind_of_write_is_in_every_workload() -> None:
    for seed in range(5):
        names = {step.name for step in Workload(seed).steps()}
        assert set(KINDS) - {"recreate"} <= names | {"again"}
        assert "create" in names
