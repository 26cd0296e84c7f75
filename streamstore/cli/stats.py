"""`streamstore stats`: what a running server has counted, for people and as JSON.

Numbers are counted in memory since the store was opened, so they come from who has it open: through
the admin door of a server, found by its URL or by the lock beside its file. A file that nobody has
open has nothing to tell.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .admin import door_of
from .asking import asked

_COLUMNS = ("SampleCount", "Sum", "p50", "p99", "Maximum")


def fetch(url: str, key: str | None) -> dict[str, Any]:
    """The stats of the server at `url`. Unreachable where it doesn't tell."""
    with asked(url, "/_streamstore/stats", key=key) as reply:
        found: dict[str, Any] = json.load(reply)
        return found


def draw(stats: dict[str, Any]) -> str:
    """Stats as lines: the gauges, then a table of the metrics."""
    lines = [
        f"streams read request units  {stats['streams_read_request_units']}",
        f"oldest reader               {stats['oldest_reader_seconds']} s",
    ]
    writer = stats.get("writer")
    if writer is not None:
        lines += [
            f"commits                     {writer['commits']}, {writer['syncs']} syncs",
            f"groups, units               {writer['groups']}, {writer['units']}",
            f"commit time                 {writer['commit_seconds'] * 1000:.2f} ms",
            f"write-ahead log             {writer['wal_bytes']} bytes",
        ]
    rows: list[tuple[str, ...]] = [("Metric", *_COLUMNS)]
    for each in stats["metrics"]:
        dimensions = ", ".join(f"{name} {value}" for name, value in each["Dimensions"].items())
        label = f"{each['Metric']} ({dimensions})" if dimensions else each["Metric"]
        rows.append((label, *(f"{each[column]:.6g}" for column in _COLUMNS)))
    wide = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines.append("")
    for name, *numbers in rows:
        cells = [number.rjust(width) for number, width in zip(numbers, wide[1:], strict=True)]
        lines.append("  ".join([name.ljust(wide[0]), *cells]))
    return "\n".join(lines)


def show(url: str | None, db: Path | None, key: str | None, as_json: bool) -> None:
    """Print the stats of the server at `url`, or of the one that owns `db`."""
    if db is not None:
        url = door_of(db)
    stats = fetch(url or "http://127.0.0.1:8000", key)
    click.echo(json.dumps(stats) if as_json else draw(stats))
