"""`streamstore mappings`: the event source mappings of a store, through its server or on its file.

With --db, `list` and `show` read the file, beside its owner if it has one; the others go to the
server that owns it, or to the file if nobody does. --url names a server, and --key signs the
requests, as for `streamstore control`. Mappings are made through the Lambda API
(`aws lambda create-event-source-mapping`), which knows the functions. Answers are JSON on stdout.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ... import store as stores
from ...errors import FileLocked, StoreError
from ..admin import door_of
from ..asking import Unreachable, ask
from ..control import store_named, where
from ..terminal import fail

_READING = ("list", "show")


def run(verb: str, uuid: str | None, db: Path | None, url: str | None, key: str | None) -> None:
    """Do a verb where the options say, and print the answer; what is refused ends with 1."""
    try:
        answer = _asked(verb, uuid, db, url, key)
    except (StoreError, Unreachable) as error:
        fail(str(error))
    else:
        click.echo(json.dumps(answer))


def _asked(
    verb: str, uuid: str | None, db: Path | None, url: str | None, key: str | None
) -> dict[str, Any]:
    request = {"verb": verb} if uuid is None else {"verb": verb, "uuid": uuid}
    at = store_named(db, url)
    if isinstance(at, str):
        return ask(at, "mappings", request, key)
    from ...consumers.lambda_api.door import manage
    from ...consumers.mappings import Mappings

    try:
        store = stores.open(at, background=False, read_only=verb in _READING)
    except FileLocked:
        return ask(door_of(at), "mappings", request, key)
    with store:
        return manage(Mappings(store), verb, uuid)


@click.group()
def mappings() -> None:
    """Event source mappings: which function consumes which stream."""


@mappings.command("list")
@where
def list_(**at: Any) -> None:
    """Print every mapping, ascending by age."""
    run("list", None, **at)


@mappings.command("show")
@click.argument("uuid")
@where
def show(uuid: str, **at: Any) -> None:
    """Print the mapping UUID."""
    run("show", uuid, **at)


@mappings.command("pause")
@click.argument("uuid")
@where
def pause(uuid: str, **at: Any) -> None:
    """Disable the mapping UUID; it keeps its place in the stream."""
    run("pause", uuid, **at)


@mappings.command("resume")
@click.argument("uuid")
@where
def resume(uuid: str, **at: Any) -> None:
    """Enable the mapping UUID again; it goes on where it was."""
    run("resume", uuid, **at)


@mappings.command("delete")
@click.argument("uuid")
@where
def delete(uuid: str, **at: Any) -> None:
    """Delete the mapping UUID with its place in the stream."""
    run("delete", uuid, **at)
