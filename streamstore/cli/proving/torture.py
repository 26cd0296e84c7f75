"""`streamstore torture`: the campaigns of streamstore.testing, by hand.

Progress goes to stderr. The figures are a table on a terminal, JSON elsewhere. Where something
breaks, the history that leads there is written to a file, `--replay` runs it again, and the exit
code is 1.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import click

from ...testing import campaigns
from ...testing.campaigns import CampaignAbsent, Report
from ..terminal import fail

_KINDS = (*campaigns.KINDS, "all")


@click.command()
@click.option("--seconds", type=click.FloatRange(min=0), default=60.0, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--kind", type=click.Choice(_KINDS), default="all", show_default=True)
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
    seconds: float, seed: int, kind: str, replay: Path | None, save: Path, output: str | None
) -> None:
    """Cut the power, kill, fail the disk, flip bits: on stores of its own, in memory.

    --seconds is the time of each kind. The same seed on the same commit does the same.
    """
    # The stores under torture say what is done to them; here that is the figures' part.
    logging.getLogger("streamstore").setLevel(logging.CRITICAL)
    try:
        if replay is not None:
            reports = [campaigns.replay(_history(replay), _tell)]
        else:
            reports = _run(kind, seed, seconds)
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


def _run(kind: str, seed: int, seconds: float) -> list[Report]:
    """One campaign, or every one that this installation has."""
    if kind != "all":
        return [campaigns.run(kind, seed, seconds, _tell)]
    reports = []
    for each in campaigns.KINDS:
        try:
            reports.append(campaigns.run(each, seed, seconds, _tell))
        except CampaignAbsent as absent:
            _tell(f"{each}: left out, {absent}")
    return reports


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
