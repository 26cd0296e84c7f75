"""`streamstore dlq`: the failures that a store keeps.

    list, show, export   read the file, beside its owner if it has one, or ask a server by --url
    redrive              goes where the functions are: to the server that owns the file or is named
                         by --url; a file that nobody owns is opened, with --function to say what to
                         invoke

One JSON object a line on stdout, and for `show` on a terminal an indented one. A redrive of which
any did not succeed ends with 1.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson

from ... import store as stores
from ...errors import ConsumerError, StoreError
from ...server import replies
from ...server.app import JSON
from ...server.protocol import read_json
from ..admin import store_or_door
from ..asking import Unreachable, ask
from ..control import store_named, where
from ..terminal import fail

if TYPE_CHECKING:
    from ...consumers.mappings import Mappings
    from ...store import Store

DOOR = "dlq"
Answer = dict[str, Any]
Door = Callable[[str, Answer], Answer]


def answer(store: Store, mappings: Mappings | None, request: Answer) -> Answer:
    """What the admin door answers: {"verb": …, …} as DeadLetters.do takes it."""
    from ...consumers.dead_letters import DeadLetters

    return DeadLetters(store, mappings).do(str(request.pop("verb", None)), request)


def door(store: Store, mappings: Mappings, body: bytes) -> tuple[int, str, bytes]:
    """The server's side of it: a JSON object in, one out."""
    try:
        request = read_json(body)
        if not isinstance(request, dict):
            raise ConsumerError("the body must be a JSON object")
        found = answer(store, mappings, request)
    except orjson.JSONDecodeError:
        return 400, JSON, replies.encode({"message": "the body must be a JSON object"})
    except ConsumerError as error:
        return 400, JSON, replies.encode({"message": str(error)})
    except StoreError as error:
        return 500, JSON, replies.encode({"message": str(error)})
    return 200, JSON, replies.encode(found)


@contextmanager
def _reading(db: Path | None, url: str | None, key: str | None) -> Iterator[Door]:
    """A door for reading: of the server, or onto the file."""
    at = store_named(db, url)
    if isinstance(at, str):
        yield _of_server(at, key)
        return
    with stores.open(at, read_only=True) as store:
        yield lambda verb, request: answer(store, None, {"verb": verb, **request})


@contextmanager
def _redriving(
    db: Path | None, url: str | None, key: str | None, functions: tuple[str, ...]
) -> Iterator[Door]:
    """A door for redrives: of the server that has the functions, or onto a file of nobody's."""
    at = store_named(db, url)
    if isinstance(at, str):
        yield _of_server(at, key)
        return
    with store_or_door(at) as opened:
        if isinstance(opened, str):
            yield _of_server(opened, key)
            return
        from ...consumers.mappings import Mappings
        from .served import functions_of

        try:
            registered = functions_of(functions, {}, [Path.cwd()])
        except ValueError as error:
            raise Unreachable(str(error)) from error
        store, mappings = opened, Mappings(opened, registered)
        yield lambda verb, request: answer(store, mappings, {"verb": verb, **request})
        mappings.functions.close()


def _of_server(url: str, key: str | None) -> Door:
    return lambda verb, request: ask(url, DOOR, {"verb": verb, **request}, key)


def _pages(door: Door, verb: str, member: str, request: Answer) -> Iterator[Answer]:
    """Every element of every page."""
    after: int | None = 0
    while after is not None:
        page = door(verb, {**request, "after": after})
        yield from page[member]
        after = page["next"]


def _guarded(action: Callable[[], None]) -> None:
    try:
        action()
    except BrokenPipeError:
        # The reader has seen enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (StoreError, Unreachable) as error:
        fail(str(error))


def _given(**members: Any) -> Answer:
    return {name: value for name, value in members.items() if value is not None}


MAPPING = click.option("--mapping", metavar="UUID", help="only those of this mapping")


@click.group()
def dlq() -> None:
    """Dead letters: what mappings gave up on, with the events that were not consumed."""


@dlq.command("list")
@MAPPING
@click.option("--after", type=click.IntRange(0), default=0, help="begin after this id")
@click.option("--limit", type=click.IntRange(1), help="at most so many; all if not given")
@where
def list_(mapping: str | None, after: int, limit: int | None, **at: Any) -> None:
    """Print the kept failures, one a line, ascending by id."""

    def action() -> None:
        with _reading(**at) as door:
            place, left = after, limit
            while left is None or left > 0:
                page = door("list", _given(mapping=mapping, after=place, limit=left))
                for each in page["failures"]:
                    click.echo(json.dumps(each))
                if page["next"] is None:
                    return
                place = page["next"]
                left = None if left is None else left - len(page["failures"])

    _guarded(action)


@dlq.command("show")
@click.argument("failure_id", type=click.IntRange(1), metavar="ID")
@where
def show(failure_id: int, **at: Any) -> None:
    """Print the failure ID with its record and its event."""

    def action() -> None:
        with _reading(**at) as door:
            found = door("show", {"id": failure_id})
            click.echo(json.dumps(found, indent=2 if sys.stdout.isatty() else None))

    _guarded(action)


@dlq.command("export")
@MAPPING
@click.option("--from", "start", metavar="TIME", help="given up then or later (ISO 8601, or s)")
@click.option("--to", "end", metavar="TIME", help="given up before")
@where
def export(mapping: str | None, start: str | None, end: str | None, **at: Any) -> None:
    """Print every kept failure with its record and its event, one a line."""
    request = _given(mapping=mapping, from_ms=_ms(start), to_ms=_ms(end))

    def action() -> None:
        with _reading(**at) as door:
            for each in _pages(door, "export", "failures", request):
                click.echo(json.dumps(each))

    _guarded(action)


@dlq.command("redrive")
@click.argument("failure_ids", nargs=-1, type=click.IntRange(1), metavar="[ID]…")
@click.option("--all", "everything", is_flag=True, help="every failure that was not redriven yet")
@MAPPING
@click.option(
    "--function",
    "functions",
    multiple=True,
    metavar="NAME=TARGET",
    help="what to invoke where no server owns the file, as for serve",
)
@where
def redrive(
    failure_ids: tuple[int, ...],
    everything: bool,
    mapping: str | None,
    functions: tuple[str, ...],
    **at: Any,
) -> None:
    """Invoke the functions of these failures again with the kept events.

    What succeeds is marked and stays listed; a failure that was redriven is not sent again.
    """
    if bool(failure_ids) == everything:
        raise click.UsageError("name failures, or give --all")
    if failure_ids and mapping is not None:
        raise click.UsageError("--mapping goes with --all")
    outcomes: list[str] = []

    def action() -> None:
        with _redriving(functions=functions, **at) as door:
            if everything:
                found = _pages(door, "redrive", "redriven", _given(mapping=mapping))
            else:
                found = iter(
                    each
                    for failure_id in failure_ids
                    for each in door("redrive", {"ids": [failure_id]})["redriven"]
                )
            for each in found:
                outcomes.append(each["outcome"])
                click.echo(json.dumps(each))

    _guarded(action)
    if set(outcomes) - {"redriven", "already"}:
        sys.exit(1)


def _ms(text: str | None) -> int | None:
    """Milliseconds since 1970 of seconds or of ISO 8601, which is UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        return round(float(text) * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time; write 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
