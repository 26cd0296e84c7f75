"""`streamstore consumers`: how far each mapping has come.

A server is asked, for it knows best; a file without one is read, beside the program that embeds it
if one does: what that has done since its last checkpoint is not seen.

One object a mapping and shard that is not done with, as JSON on stdout; a table on a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ... import store as stores
from ...errors import FileLocked, StoreError
from ..admin import door_of
from ..asking import Unreachable, ask
from ..control import store_named, where
from ..terminal import fail

if TYPE_CHECKING:
    from ...consumers.mapped import Lag

DOOR: Final = "consumers"
_COLUMNS: Final = ("function", "shard", "behind", "age_seconds", "sequence", "uuid")


def told(lags: Iterable[Lag]) -> dict[str, Any]:
    """Lags as the server's door and the command answer them."""
    return {
        "consumers": [
            {
                "uuid": lag.uuid,
                "function": lag.function_name,
                "shard": lag.shard,
                "sequence": lag.sequence,
                "behind": lag.behind,
                "age_seconds": lag.age_ms / 1000,
            }
            for lag in lags
        ]
    }


@click.command("consumers")
@click.option("--output", type=click.Choice(["table", "json"]), help="json unless on a terminal")
@where
def consumers(output: str | None, db: Path | None, url: str | None, key: str | None) -> None:
    """Print how far behind each enabled mapping is in each shard."""
    try:
        answer = _asked(db, url, key)
    except (StoreError, Unreachable) as error:
        fail(str(error))
        return
    if output == "json" or (output is None and not sys.stdout.isatty()):
        click.echo(json.dumps(answer))
        return
    rows = [_COLUMNS, *(tuple(str(each[c]) for c in _COLUMNS) for each in answer["consumers"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        click.echo("  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)).rstrip())


def _asked(db: Path | None, url: str | None, key: str | None) -> dict[str, Any]:
    at = store_named(db, url)
    if isinstance(at, str):
        return ask(at, DOOR, {}, key)
    try:
        store = stores.open(at, background=False)
    except FileLocked:
        try:
            door = door_of(at)
        except Unreachable:
            store = stores.open(at, background=False, read_only=True)
        else:
            return ask(door, DOOR, {}, key)
    from ...consumers.runtime import Consumers

    with store:
        return told(Consumers(store, inline=True).lag())
