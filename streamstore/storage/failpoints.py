"""Named crash points: places where a test may stop the process, or make a step fail.

Owns: the names and the one function that the writer, the migrations and the file recipes call at
them. Must not know: what a test does there. In production `armed` is empty and a point costs one
look at a dict.

Points are iterated by tests/crash: the process dies at each, and the file must open again with
every acknowledged write in it. A new step that a crash could cut gets a point here; `hit` refuses
names that are not in POINTS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

POINTS: Final = (
    "group-before-begin",
    "group-after-begin",
    "group-unit-applied",
    "group-before-flush",
    "group-before-commit",
    "group-after-commit",
    "group-after-published",
    "group-before-deliver",
    "group-after-deliver",
    "fresh-reserved",
    "fresh-built",
    "file-before-rename",
    "file-after-rename",
    "backup-copied",
    "backup-unpacked",
    "backup-renewed",
    "migration-begun",
    "migration-statement",
    "migration-before-commit",
    "migration-committed",
    "checkpoint-before",
    "checkpoint-after",
    "unit-before-check",
    "unit-after-check",
    "unit-write-made",
    "unit-all-made",
    "wal-rewrite-begun",
    "wal-rewrite-written",
)

armed: dict[str, Callable[[], None]] = {}


def hit(name: str) -> None:
    """Run what a test has armed at this point, if anything."""
    if armed:
        assert name in POINTS, name
        action = armed.get(name)
        if action is not None:
            action()


def arm(name: str, action: Callable[[], None]) -> None:
    """Have `action` run whenever the point is reached. Tests only."""
    assert name in POINTS, name
    armed[name] = action


def disarm() -> None:
    """Forget every armed point."""
    armed.clear()
