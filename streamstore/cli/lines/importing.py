"""`streamstore import`: the lines of an export put into a table.

    import TABLE [FILE] --db FILE [--like OTHER]

Lines are those of `streamstore export`, `{"Item": …}` each and a last one that says how many there
were, from a file or from stdin, gzip or not. The service's own exports have no last line; --partial
takes them. The store is opened, or its owner is asked where that is a server: both get the same
BatchWriteItem calls, so an import is stopped by whatever a batch is stopped by, and its writes are
in the stream like any others.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from gzip import GzipFile
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import click
import orjson

from ... import limits
from ...errors import StoreError
from ..admin import store_or_door
from ..asking import Unreachable, call
from ..terminal import DB, KEY, fail

Lines = BufferedReader | GzipFile
Call = Callable[[str, dict[str, Any]], dict[str, Any]]

_LINE_BYTES_MAX: Final = 8 * limits.MIB  # an item of 400 KB, its every byte escaped
_TRIES_MAX: Final = 8
_TOLD_EVERY: Final = 10_000
_GZIP: Final = b"\x1f\x8b"


class NotAnExport(Exception):
    """The lines are not what an export writes; the text says where."""


@click.command(name="import")
@click.argument("table")
@click.argument("file", type=click.File("rb"), default="-")
@DB
@click.option("--like", help="make TABLE first, with the keys, indexes and stream of this one")
@click.option("--partial", is_flag=True, help="the lines have no last one that counts them")
@KEY
def import_(
    table: str, file: BufferedReader, db: Path, like: str | None, partial: bool, key: str | None
) -> None:
    """Put the items of an export (FILE, or stdin) into TABLE; a server that owns the store does it.

    What is there stays, but for items of the same keys. An import that fails has put what it says.
    """
    count = 0
    try:
        # A store's file is never opened and closed beside the store: that would end its locks.
        if Path(file.name).exists() and db.exists() and Path(file.name).samefile(db):
            raise NotAnExport(f"{db} is the store itself")
        with _caller(db, key) as caller:
            if like is not None:
                caller(
                    "CreateTable",
                    definition_like(caller("DescribeTable", {"TableName": like}), table),
                )
            for count in _imported(caller, table, _unpacked(file), partial):
                if sys.stderr.isatty() and count % _TOLD_EVERY < limits.BATCH_WRITE_REQUESTS_MAX:
                    click.echo(f"\r{count:,} items", nl=False, err=True)
    except (StoreError, Unreachable, NotAnExport, OSError, EOFError, zlib.error) as error:
        fail(f"{error} ({count} items were put)")
    click.echo(json.dumps({"TableName": table, "Items": count}))


def definition_like(described: dict[str, Any], name: str) -> dict[str, Any]:
    """CreateTable's parameters for a table of that name that is like a described one."""
    table = described["Table"]
    billing = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    made = {
        "TableName": name,
        "BillingMode": billing,
        "AttributeDefinitions": table["AttributeDefinitions"],
        "KeySchema": table["KeySchema"],
    }
    if "StreamSpecification" in table:
        made["StreamSpecification"] = table["StreamSpecification"]
    if billing == "PROVISIONED":
        made["ProvisionedThroughput"] = _units(table)
    for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        indexes = []
        for index in table.get(kind, ()):
            indexes.append({part: index[part] for part in ("IndexName", "KeySchema", "Projection")})
            if kind == "GlobalSecondaryIndexes" and billing == "PROVISIONED":
                indexes[-1]["ProvisionedThroughput"] = _units(index)
        if indexes:
            made[kind] = indexes
    return made


def _units(described: dict[str, Any]) -> dict[str, int]:
    units = described["ProvisionedThroughput"]
    return {part: units[part] for part in ("ReadCapacityUnits", "WriteCapacityUnits")}


def _imported(caller: Call, table: str, lines: Lines, partial: bool) -> Iterator[int]:
    """Put all; how many there are so far, after each batch."""
    count = 0
    batch: list[Any] = []
    for item in _items(lines, partial):
        batch.append({"PutRequest": {"Item": item}})
        if len(batch) == limits.BATCH_WRITE_REQUESTS_MAX:
            _put(caller, table, batch)
            count += len(batch)
            batch = []
            yield count
    if batch:
        _put(caller, table, batch)
    yield count + len(batch)


def _put(caller: Call, table: str, batch: list[Any]) -> None:
    left: dict[str, Any] = {table: batch}
    for _ in range(_TRIES_MAX):
        left = caller("BatchWriteItem", {"RequestItems": left}).get("UnprocessedItems", {})
        if not left:
            return
    raise Unreachable(f"{sum(map(len, left.values()))} items of a batch were not taken")


def _items(lines: Lines, partial: bool) -> Iterator[dict[str, Any]]:
    """Every item; raises NotAnExport where the lines are not whole."""
    number = 0
    end: dict[str, Any] | None = None
    while line := lines.readline(_LINE_BYTES_MAX):
        if not line.strip():
            continue
        if end is not None:
            raise NotAnExport(f"line {number + 2} comes after the last one of an export")
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise NotAnExport(f"line {number + 1} is no JSON: {error}") from error
        item = value.get("Item") if isinstance(value, dict) else None
        if isinstance(item, dict):
            number += 1
            yield item
        elif isinstance(value, dict) and isinstance(value.get("Items"), int):
            end = value
        else:
            raise NotAnExport(f"line {number + 1} has no Item")
    if end is None and not partial:
        raise NotAnExport(
            "the last line is missing that says how many items there are, so these may not be all;"
            " --partial takes them as they are"
        )
    if end is not None and end["Items"] != number:
        raise NotAnExport(f"the last line says {end['Items']} items, and there are {number}")


def _unpacked(lines: BufferedReader) -> Lines:
    """The lines, out of gzip where they are in it. Peeked at, not read: stdin can't go back."""
    packed = lines.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
    return GzipFile(fileobj=lines) if packed else lines


@contextmanager
def _caller(db: Path, key: str | None) -> Iterator[Call]:
    """How the store is called: opened here, or at the server that owns it."""
    with store_or_door(db) as at:
        if isinstance(at, str):
            yield partial(call, at, key=key)
        else:
            yield partial(at.call, scope=replace(at.scope, base64_binary=True))
