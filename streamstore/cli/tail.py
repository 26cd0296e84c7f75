"""`streamstore tail` and `streamstore export`: a stream, and a table, as lines.

    tail TABLE --db FILE    reads the file, beside its owner if it has one
    tail TABLE --url URL    asks a server's GET /streams/TABLE/tail
    export TABLE --db FILE  {"Item": …} a line, and last the place in the stream to follow from

Lines are JSON where stdout is a pipe or a file, and for people on a terminal or with --plain.
Ctrl-C and a reader that went away are how a tail normally ends: both end it with 0, without a word
and without half a line.
"""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from .. import limits
from .. import store as stores
from ..codec.fragments import encode_binary
from ..errors import StoreError
from .admin import Unreachable
from .terminal import DB, fail

Lines = Callable[[list[dict[str, Any]]], bytes]

_LOOK_SECONDS = 1.0
_SILENCE_SECONDS = 3 * limits.TAIL_HEARTBEAT_SECONDS


@click.command()
@click.argument("table")
@click.option("--from", "start", default="latest", show_default=True, metavar="WHERE")
@click.option("--plain/--json", default=None, help="lines for people; JSON unless on a terminal")
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), help="the store file")
@click.option("--url", help="a server's endpoint")
def tail(table: str, start: str, plain: bool | None, db: Path | None, url: str | None) -> None:
    """Follow the stream of TABLE (or a stream's ARN) live, in order of commit, across splits.

    WHERE is trim-horizon, latest, a sequence number or a time (ISO 8601, or seconds since 1970).
    """
    if (db is None) == (url is None):
        raise click.UsageError("give --db or --url")
    lines = plain_lines if (sys.stdout.isatty() if plain is None else plain) else json_lines
    pages = _of_server(str(url), table, start) if db is None else _of_file(db, table, start)
    _written(lines(page) for page in pages)


@click.command()
@click.argument("table")
@DB
def export(table: str, db: Path) -> None:
    """Write every item of TABLE as it is now, one JSON a line; beside a running owner too.

    The last line holds the table, the number of items, and the place in its stream to go on from;
    an export without it is not whole.
    """
    _written(_exported(table, db))


def json_lines(records: list[dict[str, Any]]) -> bytes:
    """Records as GetRecords gives them plus ShardId, one a line."""
    return b"".join(_json(record) + b"\n" for record in records)


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


def _json(value: Any) -> bytes:
    return orjson.dumps(value, default=encode_binary)


def _of_file(db: Path, table: str, start: str) -> Iterator[list[dict[str, Any]]]:
    if not db.exists():
        raise Unreachable(f"there is no store at {db}")
    with (
        stores.open(db, read_only=True) as store,
        store.follow(table, start) as follower,
    ):
        while not follower.ended:
            yield follower.page(_LOOK_SECONDS)


def _of_server(url: str, table: str, start: str) -> Iterator[list[dict[str, Any]]]:
    where = urllib.parse.quote(table, safe="")
    query = urllib.parse.urlencode({"from": start})
    address = f"{url.rstrip('/')}/streams/{where}/tail?{query}"
    try:
        with urllib.request.urlopen(address, timeout=_SILENCE_SECONDS) as reply:
            yield from _events(reply)
    except urllib.error.HTTPError as error:
        raise Unreachable(f"the server refused: {_message(error.read())}") from error
    except OSError as error:
        raise Unreachable(f"{url} does not answer: {error}") from error


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
                raise Unreachable(f"the server gave up: {_message(data)}")
            yield [orjson.loads(data)] if data else []
            name, data = "message", b""


def _message(body: bytes) -> str:
    try:
        told = orjson.loads(body)
        return str(told.get("message") or told.get("Message") or told)
    except (ValueError, AttributeError):
        return body.decode("utf-8", "replace").strip()


def _exported(table: str, db: Path) -> Iterator[bytes]:
    if not db.exists():
        raise Unreachable(f"there is no store at {db}")
    with stores.open(db, read_only=True) as store, store.snapshot(table) as snapshot:
        count = 0
        piece: list[bytes] = []
        for item in snapshot.items():
            piece.append(_json({"Item": item}) + b"\n")
            count += 1
            if len(piece) == limits.SNAPSHOT_PIECE_ROWS:
                yield b"".join(piece)
                piece.clear()
        stream = snapshot.stream
        end = {
            "TableName": snapshot.table.name,
            "Items": count,
            "StreamArn": None if stream is None else stream.arn,
            "Position": snapshot.position,
            "Shards": snapshot.positions,
        }
        yield b"".join(piece) + _json(end) + b"\n"


def _written(pieces: Iterator[bytes]) -> None:
    """Write pieces as they come. Ends with 0 when it is interrupted or nobody reads any more, and
    with 1 and the reason when the store refuses.
    """
    out = sys.stdout.buffer
    patience = _Patience()
    signal.signal(signal.SIGINT, patience.interrupted)
    try:
        for piece in pieces:
            if piece:
                with patience:
                    out.write(piece)
                    out.flush()
            elif _is_deaf(out.fileno()):
                break
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        # Nothing is flushed at exit into a pipe that is gone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    except (StoreError, Unreachable) as error:
        fail(str(error))


class _Patience:
    """Holds an interruption back until a line is out; a second one is not held back."""

    def __init__(self) -> None:
        self._writing = self._asked = False

    def interrupted(self, number: int, frame: object) -> None:
        """The handler of SIGINT."""
        if not self._writing or self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def __enter__(self) -> None:
        self._writing = True

    def __exit__(self, *_: object) -> None:
        self._writing = False
        if self._asked:
            raise KeyboardInterrupt


def _is_deaf(descriptor: int) -> bool:
    """Whether stdout is a pipe whose reader is gone, which a tail of a quiet stream would not
    notice.
    """
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))
