"""`streamstore dump` and `streamstore export`: what a file holds, and one table, as JSON lines.

    dump FILE               every item and every record on disk, at one instant
    export TABLE --db FILE  {"Item": …} a line, and last the place in the stream to follow from

Both read the file, beside its owner if it has one. Values are DynamoDB JSON: numbers are texts
with every digit, binary is base64. The last line says how much there was; without it the rest is
not whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ... import store as stores
from ..asking import Unreachable
from ..terminal import DB
from .written import joined, json_line, written

if TYPE_CHECKING:
    from ...following.contents import Contents


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--table", help="only this table, and the streams of tables that had its name")
@click.option("--items", is_flag=True, help="only items")
@click.option("--records", is_flag=True, help="only records")
def dump(file: Path, table: str | None, items: bool, records: bool) -> None:
    """Write every item and every change record of the store in FILE, one JSON a line.

    Records are all that is on disk: those too that are past the trim horizon and not removed yet,
    and those of tables that are gone.
    """
    both = items == records
    written(joined(_dumped(file, table, items=items or both, records=records or both)))


@click.command()
@click.argument("table")
@DB
@click.option("--at", help="as it was then: ISO time, epoch seconds, sequence number, trim-horizon")
def export(table: str, db: Path, at: str | None) -> None:
    """Write every item of TABLE as it is now, one JSON a line; beside a running owner too.

    With --at as it was at an earlier moment, as far back as its stream keeps old images.

    The last line holds the table, the number of items, and the place in its stream to go on from;
    an export without it is not whole.
    """
    written(joined(_exported(table, db, at)))


def _dumped(file: Path, table: str | None, *, items: bool, records: bool) -> Iterator[bytes]:
    from ...following.contents import Contents

    item_count = record_count = 0
    with _reading(file) as store, Contents(store.engine, store.readers, table) as contents:
        if items:
            for line in _items(contents):
                yield line
                item_count += 1
        if records:
            for line in _records(contents):
                yield line
                record_count += 1
        end = {"Tables": len(contents.tables), "Streams": len(contents.streams)}
        yield json_line(end | {"Items": item_count, "Records": record_count})


def _items(contents: Contents) -> Iterator[bytes]:
    for table in contents.tables:
        for item in contents.items(table):
            yield json_line({"TableName": table.name, "Item": item})


def _records(contents: Contents) -> Iterator[bytes]:
    for stream in contents.streams:
        whose = {"TableName": stream.table_name, "StreamArn": stream.arn}
        for record in contents.records(stream):
            yield json_line({**whose, "Record": record})


def _exported(table: str, db: Path, at: str | None) -> Iterator[bytes]:
    count = 0
    with _reading(db) as store, store.snapshot(table, at) as snapshot:
        for item in snapshot.items():
            yield json_line({"Item": item})
            count += 1
        stream = snapshot.stream
        yield json_line(
            {
                "TableName": snapshot.table.name,
                "Items": count,
                "StreamArn": None if stream is None else stream.arn,
                "Position": snapshot.position,
                "Shards": snapshot.positions,
            }
        )


def _reading(file: Path) -> stores.Store:
    if not file.exists():
        raise Unreachable(f"there is no store at {file}")
    return stores.open(file, read_only=True)
