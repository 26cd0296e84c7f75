"""`streamstore check`: whether a file holds what it should, and what it means if it doesn't.

It reads the file beside whoever owns it, and changes nothing. Ends with 0 where all is well, with 1
where something is wrong, with 2 where the file can't be looked at.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import StorageError

if TYPE_CHECKING:
    from ...checking import Report
    from ...checking.repair import Readable

UNUSABLE = 2
_TOLD_SECONDS = 2.0


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--repair-report", is_flag=True, help="what is lost, what can be read, what to do")
@click.option("--output", type=click.Choice(["table", "json"]), help="json unless on a terminal")
def check(file: Path, repair_report: bool, output: str | None) -> None:
    """Check the store FILE: its pages, items, indexes, streams, and each against the others."""
    from ...checking import check as look
    from ...checking.repair import salvage

    as_json = output == "json" or (output is None and not sys.stdout.isatty())
    try:
        report = look(file, progress=_Progress())
        left = salvage(file) if repair_report and not report.clean else []
    except StorageError as error:
        click.echo(f"streamstore: {error}", err=True)
        sys.exit(UNUSABLE)
    if as_json:
        click.echo(json.dumps(_plain(report, left, repair_report)))
    else:
        _draw(report, left, repair_report)
    sys.exit(report.exit_code)


class _Progress:
    """Tells on stderr how far a long check has come."""

    def __init__(self) -> None:
        from ...clock import SystemClock

        self._monotonic = SystemClock().monotonic
        self._next = self._monotonic() + _TOLD_SECONDS

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._monotonic() >= self._next:
            self._next = self._monotonic() + _TOLD_SECONDS
            of = f" of {total}" if total else ""
            click.echo(f"checking {stage}: {done}{of}", err=True)


def _plain(report: Report, left: list[Readable], repair: bool) -> dict[str, Any]:
    from ...checking.repair import ADVICE

    plain: dict[str, Any] = {
        "path": report.path,
        "clean": report.clean,
        "beside": report.beside,
        "seconds": round(report.seconds, 3),
        **report.facts,
        "counts": report.counts,
        "violations": [violation._asdict() for violation in report.violations],
    }
    if repair:
        plain["advice"] = {code: ADVICE[code]._asdict() for code in report.counts}
        plain["readable"] = [part._asdict() for part in left]
    return plain


def _draw(report: Report, left: list[Readable], repair: bool) -> None:
    from ...checking import CODES
    from ...checking.repair import repair_report

    looked = ", ".join(f"{count} {name}" for name, count in report.facts.items())
    owner = f", beside {report.beside}" if report.beside else ""
    click.echo(f"{report.path}: {looked} in {report.seconds:.1f} s{owner}")
    if report.clean:
        click.echo("clean")
        return
    for violation in report.violations:
        click.echo(str(violation))
    for code, count in sorted(report.counts.items()):
        click.echo(f"{count} × {code}: {CODES[code]}")
    if not repair:
        click.echo("--repair-report says what is lost and what to do")
        return
    for line in repair_report(report):
        click.echo(line)
    for part in left:
        if part.readable != part.expected:
            click.echo(f"{part.what}: {part.readable} of {part.expected} can be read")
