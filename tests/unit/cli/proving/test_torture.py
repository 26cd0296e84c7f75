"""`streamstore torture`: what it prints where, how it ends, and what it leaves to be run again."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from streamstore.cli.main import main
from streamstore.testing import campaigns
from streamstore.testing.campaigns import CampaignAbsent, History, Progress, Report, Violation


class Broken:
    """Campaigns that find something wherever the seed is 13, and say what they were asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def module(self, kind: str) -> Any:
        if kind == "flip":
            raise CampaignAbsent("there is no campaign 'flip' here")

        def campaign(seed: int, seconds: float, progress: Progress) -> Report:
            self.asked.append((kind, seed, seconds))
            progress(f"{kind}: well under way")
            report = Report(kind, seed, figures={"images": 4096})
            if seed == 13:
                report.violations.append(Violation("it broke", {"kind": kind, "seed": seed}))
            return report

        def replay(history: History, progress: Progress) -> Report:
            return campaign(history["seed"], 0.0, progress)

        return SimpleNamespace(campaign=campaign, replay=replay)


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """The command hushes the process that it is; here that goes on to other tests."""
    logger = logging.getLogger("streamstore")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broken]:
    fake = Broken()
    monkeypatch.setattr(campaigns, "module", fake.module)
    return fake  # type: ignore[return-value]


def torture(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["torture", *arguments], catch_exceptions=False)


def test_figures_are_json_on_stdout_and_progress_is_on_stderr(broken: Broken) -> None:
    done = torture("--kind", "power", "--seed", "4", "--seconds", "2.5")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == [
        {"kind": "power", "seed": 4, "seconds": 0.0, "images": 4096, "violations": []}
    ]
    assert done.stderr == "power: well under way\n"
    assert broken.asked == [("power", 4, 2.5)]


def test_a_table_has_a_line_a_figure(broken: Broken) -> None:
    done = torture("--kind", "kill", "--output", "table")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines == [["kill", "seed", "0,", "0.0", "s"], ["images", "4,096"], ["violations", "0"]]


def test_all_kinds_are_run_and_what_is_absent_is_said(broken: Broken) -> None:
    done = torture("--seconds", "1")
    assert [kind for kind, _, _ in broken.asked] == [k for k in campaigns.KINDS if k != "flip"]
    assert "flip: left out, there is no campaign 'flip' here" in done.stderr
    assert torture("--kind", "flip").exit_code == 1


def test_what_breaks_ends_with_1_and_is_found_again_by_the_file_it_leaves(
    broken: Broken, tmp_path: Path
) -> None:
    done = torture("--kind", "error", "--seed", "13", "--save", str(tmp_path))
    assert done.exit_code == 1
    saved = tmp_path / "torture-error-13-0.json"
    assert f"BROKEN: it broke\n  streamstore torture --replay {saved}\n" in done.stderr
    again = torture("--replay", str(saved))
    assert again.exit_code == 1
    assert "BROKEN: it broke" in again.stderr
    assert broken.asked[-1] == ("error", 13, 0.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "flood"}', '{"seed": 3}'])
def test_a_file_that_is_no_history_is_refused(broken: Broken, tmp_path: Path, text: str) -> None:
    path = tmp_path / "history.json"
    path.write_text(text)
    done = torture("--replay", str(path))
    assert done.exit_code == 1
    assert done.stderr == f"streamstore: {path} is not a history that torture has saved.\n"
    assert broken.asked == []


def test_jobs_run_at_once_on_seeds_of_their_own_and_each_reports() -> None:
    done = torture("--kind", "fuzz", "--seed", "3", "--seconds", "0.2", "--jobs", "2")
    assert done.exit_code == 0
    reports = json.loads(done.stdout)
    assert [(report["kind"], report["seed"]) for report in reports] == [
        ("fuzz", 3),
        ("fuzz", 1_000_003),
    ]
    assert all(report["inputs"] > 100 and not report["violations"] for report in reports)
