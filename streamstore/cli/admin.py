"""Commands on a store that may be owned by a running server: through its admin door if so, else by
opening the file.

The owner's pid and URL stand in the `.lock` file beside the store. An owner without a URL is an
embedded process, which has no door: the command then refuses by name.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from .. import store as stores
from ..errors import FileLocked
from ..storage.files import read_owner
from .asking import Unreachable, ask

UNITS_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def ready(url: str, seconds: float) -> str:
    """The server's own word that it takes requests."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/readyz", timeout=seconds) as reply:
            return str(reply.read().decode().strip())
    except urllib.error.HTTPError as error:
        raise Unreachable(error.read().decode().strip() or str(error)) from error
    except OSError as error:
        raise Unreachable(f"{url} does not answer: {error}") from error


def door_of(db: Path) -> str:
    """The admin URL of the server that owns `db`. Unreachable where there is none."""
    owner = read_owner(str(db))
    if owner is None:
        raise Unreachable(f"no server owns {db}")
    if not owner.url:
        raise Unreachable(
            f"{db} is owned by process {owner.pid}, which embeds the store and has no door; "
            "ask that program, or end it"
        )
    return owner.url


@contextmanager
def store_or_door(db: Path) -> Iterator[stores.Store | str]:
    """The store, opened here if nobody owns it, else the URL of the server that does. Raises
    Unreachable.
    """
    if not db.exists():
        raise Unreachable(f"there is no store at {db}")
    try:
        store = stores.open(db, background=False)
    except FileLocked:
        yield door_of(db)
        return
    with store:
        yield store


def with_store(
    db: Path, here: Callable[[stores.Store], Any], name: str, body: dict[str, Any]
) -> Any:
    """Do `here` on the store if nobody owns it, else ask its owner's admin door for `name`."""
    with store_or_door(db) as at:
        return ask(at, name, body) if isinstance(at, str) else here(at)


def compact(db: Path) -> None:
    """Compact and say how many records went."""
    answer = with_store(
        db,
        lambda store: {"records_removed": store.compact().records_removed},
        "compact",
        {},
    )
    click.echo(json.dumps(answer))


def seconds_of(duration: str) -> float:
    """Seconds of "90", "90s", "15m", "24h", "30d". click.BadParameter otherwise."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", duration)
    if match is None:
        raise click.BadParameter(f"{duration!r} is not a duration such as 90s, 15m, 24h or 30d")
    return float(match[1]) * UNITS_SECONDS[match[2]]


def advance(db: Path, duration: str) -> None:
    """Move the clock of the server that owns `db`."""
    answer = ask(door_of(db), "clock", {"advance_seconds": seconds_of(duration)})
    click.echo(json.dumps(answer))


def confirm(db: Path) -> None:
    """Have the server that owns `db` believe its clock; prints how much was held back."""
    click.echo(json.dumps(ask(door_of(db), "clock/confirm", {})))
