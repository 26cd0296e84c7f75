"""`streamstore torture`: the campaigns of streamstore.testing, by hand.

Progress goes to stderr. The figures are a table on a terminal, JSON elsewhere. Where something
breaks, the history that leads there is written to a file, `--replay` runs it again, and the exit
code is 1. With `--jobs` each kind runs in as many processes at once, each on seeds of its own, and
a report comes from each.
"""

from __future__ import annotations

import json
import logging
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import click

from ...testing import campaigns
from ...testing.campaigns import CampaignAbsent, Report
from ..terminal import fail

_KINDS: Final = (*campaigns.KINDS, "all")
_SEEDS_APART: Final = 1_000_000  # of two jobs: more rounds than a campaign ever gets to
_JOBS_MAX: Final = 256


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0), default=60.0, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--kind", type=click.Choice(_KINDS), default="all", show_default=True)
@click.option(
    "--jobs",
    type=click.IntRange(1, _JOBS_MAX),
    default=1,
    show_default=True,
    help="processes at once, a core each; their seeds are a million apart",
)
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="run a saved history again instead",
)
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    help="the folder for histories of what breaks (default: this one)",
)
@click.option("--output", type=click.Choice(["table", "json"]), help="json unless on a terminal")
def torture(
    seconds: float,
    seed: int,
    kind: str,
    jobs: int,
    replay: Path | None,
    save: Path,
    output: str | None,
) -> None:
    """Cut the power, kill, fail the disk, flip bits: on stores of its own, in memory.

    --seconds is the time of each kind. The same seed on the same commit does the same.
    """
    # The stores under torture say what is done to them; here that is the figures' part.
    _hush()
    try:
        if replay is not None:
            reports = [campaigns.replay(_history(replay), _tell)]
        else:
            reports = _run(kind, seed, seconds, jobs)
    except CampaignAbsent as absent:
        fail(str(absent))
        return
    as_json = output == "json" or (output is None and not sys.stdout.isatty())
    click.echo(json.dumps([report.plain() for report in reports]) if as_json else _table(reports))
    broken = [violation for report in reports for violation in report.violations]
    if not broken:
        return
    for number, violation in enumerate(broken):
        _tell(f"BROKEN: {violation.what}")
        if replay is None:
            _tell(f"  streamstore torture --replay {_save(violation.history, save, number)}")
    sys.exit(1)


def _history(path: Path) -> campaigns.History:
    """What `_save` wrote."""
    try:
        history = json.loads(path.read_text("utf-8"))
    except ValueError:
        history = None
    if not isinstance(history, dict) or history.get("kind") not in campaigns.KINDS:
        fail(f"{path} is not a history that torture has saved.")
    return dict(history)


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _hush() -> None:
    logging.getLogger("streamstore").setLevel(logging.CRITICAL)


def _run(kind: str, seed: int, seconds: float, jobs: int) -> list[Report]:
    """One campaign, or every one that this installation has."""
    if kind != "all":
        return _side_by_side(kind, seed, seconds, jobs)
    reports = []
    for each in campaigns.KINDS:
        try:
            reports += _side_by_side(each, seed, seconds, jobs)
        except CampaignAbsent as absent:
            _tell(f"{each}: left out, {absent}")
    return reports


def _side_by_side(kind: str, seed: int, seconds: float, jobs: int) -> list[Report]:
    """A campaign on this seed, and with more jobs than one on further seeds at the same time.

    A job is a fresh process: campaigns fork, mount and freeze what is theirs.
    """
    if jobs == 1:
        return [campaigns.run(kind, seed, seconds, _tell)]
    campaigns.module(kind)
    seeds = [seed + number * _SEEDS_APART for number in range(jobs)]
    with ProcessPoolExecutor(jobs, get_context("spawn"), _hush) as pool:
        running = [pool.submit(campaigns.run, kind, each, seconds, _tell) for each in seeds]
        return [job.result() for job in running]


def _save(history: dict[str, Any], folder: Path, number: int) -> Path:
    path = folder / f"torture-{history['kind']}-{history.get('seed', 0)}-{number}.json"
    path.write_text(json.dumps(history, indent=1) + "\n", "utf-8")
    return path


def _table(reports: list[Report]) -> str:
    """A line a figure, under the kind it is of."""
    lines = []
    for report in reports:
        lines.append(f"{report.kind}  seed {report.seed}, {report.seconds:.1f} s")
        lines += [f"  {name:<24} {value:>12,}" for name, value in report.figures.items()]
        lines.append(f"  {'violations':<24} {len(report.violations):>12,}")
    return "\n".join(lines)
