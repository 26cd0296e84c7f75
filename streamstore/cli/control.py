"""`streamstore control`: a tester's hands on a store, through its server or on its file.

--db finds the server that owns the file; a file that nobody owns is opened for what is on disk
(shards, horizons, iterators, a reset). --url names a server, and --key signs the requests, as a
server on an address that is not loopback asks for. Answers are JSON on stdout.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from .. import store as stores
from ..control import scenarios, verbs
from ..control.rules import ERROR_CODES
from ..errors import FileLocked, StoreError
from .admin import door_of, seconds_of
from .asking import Unreachable, ask
from .terminal import KEY, fail


def where(command: Any) -> Any:
    """The options that say which store: --db or --url, and --key."""
    for option in (
        KEY,
        click.option("--url", help="a server's endpoint"),
        click.option(
            "--db", type=click.Path(dir_okay=False, path_type=Path), help="the store file"
        ),
    ):
        command = option(command)
    return command


def store_named(db: Path | None, url: str | None) -> Path | str:
    """What `where`'s options name: a file that is there, or a server's URL.

    Raises click.UsageError unless just one of them is given, Unreachable for a file that is not
    there.
    """
    if (db is None) == (url is None):
        raise click.UsageError("name the store by --db or its server by --url")
    if db is None:
        assert url is not None, "one of the two is given"
        return url
    if not db.exists():
        raise Unreachable(f"there is no store at {db}")
    return db


def run(
    verb: str,
    request: dict[str, Any],
    db: Path | None,
    url: str | None,
    key: str | None,
    enable_control: bool = False,
) -> None:
    """Do a verb where the options say, and print the answer; what is refused ends with 1."""
    given = {name: value for name, value in request.items() if value is not None}
    try:
        answer = _asked(verb, given, db, url, key, enable_control)
    except (StoreError, Unreachable) as error:
        fail(str(error))
    else:
        click.echo(json.dumps(answer))


def _asked(
    verb: str,
    request: dict[str, Any],
    db: Path | None,
    url: str | None,
    key: str | None,
    enable_control: bool,
) -> dict[str, Any]:
    name = f"control/{verb}"
    at = store_named(db, url)
    if isinstance(at, str):
        return ask(at, name, request, key)
    try:
        store = stores.open(at, background=False, enable_control=enable_control)
    except FileLocked:
        return ask(door_of(at), name, request, key)
    with store:
        if verbs.is_live(verb, request):
            raise Unreachable(
                f"no server owns {at}; clocks and rules live in the memory of the one that does"
            )
        return verbs.do(store.control, verb, request)


@click.group()
def control() -> None:
    """What testers do to a store: shards, horizons, iterators, rules, scenarios."""


@control.command("clock")
@click.argument("duration")
@where
def clock(duration: str, **at: Any) -> None:
    """Move the clock of the store's server ahead by DURATION: seconds, or 90s, 15m, 24h, 30d."""
    run("clock", {"advance_seconds": seconds_of(duration)}, **at)


@control.command("split")
@click.argument("table")
@click.argument("shard", required=False)
@where
def split(table: str, shard: str | None, **at: Any) -> None:
    """Split SHARD of TABLE in two, or its widest open shard."""
    run("split", {"table": table, "shard": shard}, **at)


@control.command("roll")
@click.argument("table")
@click.argument("shard")
@where
def roll(table: str, shard: str, **at: Any) -> None:
    """Close SHARD of TABLE and open its successor."""
    run("roll", {"table": table, "shard": shard}, **at)


@control.command("trim")
@click.argument("table")
@click.argument("shard", required=False)
@click.option("--through", help="the sequence number of the last record to go (with SHARD)")
@click.option("--forget", is_flag=True, help="drop closed shards that are empty then")
@where
def trim(table: str, shard: str | None, through: str | None, forget: bool, **at: Any) -> None:
    """Trim all records that TABLE's stream holds now, or those of SHARD."""
    request = {"table": table, "shard": shard, "through": through, "forget": forget or None}
    run("trim", request, **at)


@control.command("expire-iterators")
@where
def expire_iterators(**at: Any) -> None:
    """Let every shard iterator that was given out so far expire."""
    run("expire-iterators", {}, **at)


@control.command("reset")
@click.option("--enable-control", is_flag=True, help="the file is a test's: drop all of it")
@where
def reset(enable_control: bool, **at: Any) -> None:
    """Drop every table and stream; a server must have been started with --enable-control."""
    run("reset", {}, **at, enable_control=enable_control)


@control.group()
def rules() -> None:
    """Rules that answer requests with errors, delays or surprises."""


@rules.command("add")
@click.option("--operation", help="a pattern of operations' names; default all")
@click.option("--table", help="a pattern of tables' names; default all")
@click.option("--item", "key_pattern", help="a pattern of keys: hash, or hash/range; default all")
@click.option("--probability", type=click.FloatRange(0, 1, min_open=True), help="default 1")
@click.option("--count", type=click.IntRange(1), help="how often at most")
@click.option("--seed", type=int, help="repeats a run of chances")
@click.option("--error", type=click.Choice(ERROR_CODES), metavar="CODE", help="the error's name")
@click.option("--message", help="its text")
@click.option("--delay", help="how long to wait before: seconds, or 500ms, 2s, 1m")
@click.option("--effect", type=click.Choice(["empty", "repeat"]), help="of GetRecords alone")
@where
def add(
    db: Path | None,
    url: str | None,
    key: str | None,
    delay: str | None,
    key_pattern: str | None,
    **given: Any,
) -> None:
    """Add a rule and print it with its id."""
    request = {**given, "key": key_pattern, "delay_seconds": _delay(delay)}
    run("rules-add", request, db, url, key)


@rules.command("list")
@where
def list_(**at: Any) -> None:
    """Print every rule, with how often it has hit."""
    run("rules-list", {}, **at)


@rules.command("clear")
@click.argument("rule", type=int, required=False)
@where
def clear(rule: int | None, **at: Any) -> None:
    """Drop the rule with the id RULE, or all rules."""
    run("rules-clear", {"id": rule}, **at)


@control.command("scenario")
@click.argument("name", required=False)
@click.option("--table", help="on this table, which is made if need be; default the NAME")
@where
def scenario(name: str | None, table: str | None, **at: Any) -> None:
    """Prepare the trouble called NAME; without one, list them all."""
    if name is None:
        click.echo("\n".join(f"{each:26}{line}" for each, line in scenarios.described().items()))
        return
    run("scenario", {"name": name, "table": table}, **at)


def _delay(text: str | None) -> float | None:
    """Seconds of a duration, which may be in ms too."""
    if text is None:
        return None
    if text.endswith("ms"):
        return seconds_of(text.removesuffix("ms")) / 1000
    return seconds_of(text)
