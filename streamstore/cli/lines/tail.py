"""`streamstore tail`: a stream as lines.

    tail TABLE --db FILE    reads the file, beside its owner if it has one
    tail TABLE --url URL    asks a server's GET /streams/TABLE/tail, signed if there is a key

Lines are JSON where stdout is a pipe or a file, and for people on a terminal or with --plain.
"""

from __future__ import annotations

import base64
import json
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from ... import limits
from ... import store as stores
from ..asking import Unreachable, asked, message_of
from ..terminal import KEY
from .written import json_line, written

Lines = Callable[[list[dict[str, Any]]], bytes]

_LOOK_SECONDS = 1.0
_SILENCE_SECONDS = 3 * limits.TAIL_HEARTBEAT_SECONDS


@click.command()
@click.argument("table")
@click.option("--from", "start", default="latest", show_default=True, metavar="WHERE")
@click.option("--plain/--json", default=None, help="lines for people; JSON unless on a terminal")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="the store file")
@click.option("--url", help="a server's endpoint")
@KEY
@click.option(
    "--filter",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="only records that match: JSON, or a file of it; several are ORed",
)
def tail(
    table: str,
    start: str,
    plain: bool | None,
    db: Path | None,
    url: str | None,
    key: str | None,
    patterns: tuple[str, ...],
) -> None:
    """Follow the stream of TABLE (or a stream's ARN) live, in order of commit, across splits.

    WHERE is trim-horizon, latest, a sequence number or a time (ISO 8601, or seconds since 1970).
    """
    if (db is None) == (url is None):
        raise click.UsageError("give --db or --url")
    lines = plain_lines if (sys.stdout.isatty() if plain is None else plain) else json_lines
    pages = _of_server(str(url), table, start, key) if db is None else _of_file(db, table, start)
    if patterns:
        pages = _matching(pages, patterns)
    written(lines(page) for page in pages)


def json_lines(records: list[dict[str, Any]]) -> bytes:
    """Records as GetRecords gives them plus ShardId, one a line."""
    return b"".join(json_line(record) for record in records)


def plain_lines(records: list[dict[str, Any]]) -> bytes:
    """Records for people: time, event, keys, sequence number, shard."""
    lines = []
    for record in records:
        change = record["dynamodb"]
        moment = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC)
        keys = " ".join(f"{name}={_shown(value)}" for name, value in change["Keys"].items())
        lines.append(
            f"{moment:%Y-%m-%dT%H:%M:%SZ}  {record['eventName']:6}  {keys}"
            f"  {change['SequenceNumber']}  {record['ShardId']}\n"
        )
    return "".join(lines).encode("utf-8", "replace")


def _shown(value: dict[str, Any]) -> str:
    """A key's value without control characters, which a terminal would obey."""
    plain = next(iter(value.values()))
    text = plain if isinstance(plain, str) else base64.b64encode(plain).decode()
    return text if text.isprintable() and " " not in text else json.dumps(text)


def _matching(
    pages: Iterator[list[dict[str, Any]]], patterns: tuple[str, ...]
) -> Iterator[list[dict[str, Any]]]:
    """Pages without the records that no pattern matches. Ends with 2 where a pattern is none."""
    from ..filtering import matcher

    passes = matcher(patterns)
    return ([record for record in page if passes(record)] for page in pages)


def _of_file(db: Path, table: str, start: str) -> Iterator[list[dict[str, Any]]]:
    if not db.exists():
        raise Unreachable(f"there is no store at {db}")
    with (
        stores.open(db, read_only=True) as store,
        store.follow(table, start) as follower,
    ):
        while not follower.ended:
            yield follower.page(_LOOK_SECONDS)


def _of_server(url: str, table: str, start: str, key: str | None) -> Iterator[list[dict[str, Any]]]:
    where = urllib.parse.quote(table, safe="")
    target = f"/streams/{where}/tail?{urllib.parse.urlencode({'from': start})}"
    with asked(url, target, key=key, seconds=_SILENCE_SECONDS) as reply:
        yield from _events(reply)


def _events(reply: Any) -> Iterator[list[dict[str, Any]]]:
    """Pages of records out of server-sent events; ends with the stream, or when the server ends."""
    name, data = "message", b""
    for line in reply:
        line = line.rstrip(b"\n")
        if line.startswith(b"event: "):
            name = line[7:].decode()
        elif line.startswith(b"data: "):
            data = line[6:]
        elif not line:
            if name == "end":
                return
            if name == "error":
                raise Unreachable(f"the server gave up: {message_of(data)}")
            yield [orjson.loads(data)] if data else []
            name, data = "message", b""
