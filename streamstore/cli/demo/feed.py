"""Change feeds: a line a commit, each with the paths it put, updated or deleted; and the tree they
end at.

The form is that of a version history: `{"commit", "time", "changes": [{"op", "path", "blob",
"mode"}]}` a line, gzip or plain, and beside it `NAME.tree.json`, the paths that are left at the end
with their blob and mode.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TextIO, cast

ACTIONS_A_TRANSACTION = 99  # one of the hundred is the feeder's own position
SHIPPED = "orchard.jsonl.gz"


class FeedInvalid(ValueError):
    """A line of a feed that can't be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path that a commit put, updated or deleted. `blob` and `mode` are None for a deletion."""

    op: str
    path: str
    blob: str | None
    mode: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """One line of a feed. `number` counts from 1."""

    number: int
    commit: str
    time: int
    changes: tuple[Change, ...]

    def transactions(self) -> Iterator[tuple[Change, ...]]:
        """The changes in pieces that fit a transaction; a commit of over 99 changes is several."""
        for start in range(0, len(self.changes), ACTIONS_A_TRANSACTION):
            yield self.changes[start : start + ACTIONS_A_TRANSACTION]


def shipped() -> Path:
    """The feed that comes with the package."""
    return Path(str(files("streamstore.cli.demo"))) / SHIPPED


def read(path: Path) -> list[Commit]:
    """All commits of a feed, in order. FeedInvalid names the line that is wrong."""
    commits = []
    with _lines_of(path) as lines:
        for number, line in enumerate(lines, 1):
            try:
                commits.append(_commit(number, json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise FeedInvalid(f"{path}, line {number}: {error!r}") from error
    if not commits:
        raise FeedInvalid(f"{path} holds no commit")
    return commits


@contextmanager
def _lines_of(path: Path) -> Iterator[TextIO]:
    """The lines of a feed, whether it is packed or not."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt") as packed:
            yield cast(TextIO, packed)
    else:
        with open(path) as plain:
            yield plain


def _commit(number: int, line: dict[str, Any]) -> Commit:
    changes = []
    for raw in line["changes"]:
        op = raw["op"]
        if op not in ("put", "update", "delete"):
            raise ValueError(f"op must be put, update or delete, not {op!r}")
        gone = op == "delete"
        change = Change(
            op,
            str(raw["path"]),
            None if gone else str(raw["blob"]),
            None if gone else str(raw["mode"]),
        )
        changes.append(change)
    if len({change.path for change in changes}) != len(changes):
        raise ValueError("a commit names a path twice")
    return Commit(number, str(line["commit"]), int(line["time"]), tuple(changes))


def tree_beside(feed: Path) -> Path | None:
    """The `.tree.json` that belongs to a feed, or None where there is none."""
    name = feed.name.removesuffix(".gz").removesuffix(".jsonl")
    beside = feed.with_name(name + ".tree.json")
    return beside if beside.is_file() else None


def final_tree(feed: Path) -> tuple[dict[str, dict[str, str]], str]:
    """What the table must hold at the end, path to blob and mode, and where that is known from.

    The tree file where there is one, else a plain dict filled from the lines, which shares nothing
    with the writer.
    """
    beside = tree_beside(feed)
    if beside is not None:
        with open(beside) as file:
            return json.load(file), beside.name
    tree: dict[str, dict[str, str]] = {}
    with _lines_of(feed) as lines:
        for line in lines:
            for change in json.loads(line)["changes"]:
                if change["op"] == "delete":
                    tree.pop(change["path"], None)
                else:
                    tree[change["path"]] = {"mode": change["mode"], "blob": change["blob"]}
    return tree, "a dict filled from the feed"
