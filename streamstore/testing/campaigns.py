"""The campaigns by kind, and what each of them hands back.

A campaign is a module with two functions:

    campaign(seed: int, seconds: float, progress: Progress) -> Report
    replay(history: History, progress: Progress) -> Report

`campaign` works until the seconds are over, or until it has found something. A violation carries
its history: plain data, enough for `replay` to find it again, in this process or another, on the
same commit. Nothing here knows what a campaign does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from time import perf_counter
from types import ModuleType
from typing import Any, Final, NamedTuple

Progress = Callable[[str], None]
History = dict[str, Any]

# Imported when asked for: a campaign may need what the others don't.
HOMES: Final[dict[str, str]] = {
    "power": "power",
    "kill": "kills",
    "error": "errors",
    "flip": "flips",
    "fuzz": "fuzz",
    "server": "server_kills",
}
KINDS: Final = tuple(HOMES)


class Violation(NamedTuple):
    """What broke, in a sentence, and the history that leads there again (JSON-like)."""

    what: str
    history: History


@dataclass(slots=True)
class Report:
    """What a campaign did: its figures by name, and everything that broke."""

    kind: str
    seed: int
    seconds: float = 0.0
    figures: dict[str, int | float] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a figure."""
        self.figures[name] = self.figures.get(name, 0) + amount

    def plain(self) -> dict[str, Any]:
        """The report as JSON-like data."""
        return {
            "kind": self.kind,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            **self.figures,
            "violations": [{"what": v.what, "history": v.history} for v in self.violations],
        }


def rounds(report: Report, seconds: float) -> Iterator[int]:
    """The numbers of a campaign's rounds: one at least, and no more once the time is over or
    something broke. Keeps the report's time, and its count of rounds.
    """
    started = perf_counter()
    number = 0
    while number == 0 or (not report.violations and perf_counter() - started < seconds):
        yield number
        number += 1
        report.count("rounds")
        report.seconds = perf_counter() - started


class CampaignAbsent(LookupError):
    """There is no campaign of that kind in this installation."""


def module(kind: str) -> ModuleType:
    """The module of a kind. Raises CampaignAbsent."""
    home = HOMES.get(kind)
    if home is None:
        raise CampaignAbsent(f"there is no campaign {kind!r}; there are {', '.join(KINDS)}")
    name = f"{__package__}.{home}"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise CampaignAbsent(f"this installation has no campaign {kind!r}") from error


def run(kind: str, seed: int, seconds: float, progress: Progress) -> Report:
    """Run a campaign. Raises CampaignAbsent."""
    report: Report = module(kind).campaign(seed, seconds, progress)
    return report


def replay(history: History, progress: Progress) -> Report:
    """Run again what a violation's history holds. Raises CampaignAbsent, KeyError."""
    report: Report = module(history["kind"]).replay(history, progress)
    return report
