"""What damage means for its owner: what is lost, what can still be read, what to do.

Owns: the advice by code, and counting what can be read round a damaged place. It repairs nothing: a
store that is damaged is read as far as it goes, and replaced by a backup.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from ..clock import Clock, SystemClock
from ..errors import StorageError
from ..storage import migrate
from ..storage.readers import Readers
from ..storage.transaction import ReadTransaction
from . import statements as sql
from .findings import Findings, Report
from .picture import load, shards_of
from .records import BITS


class Advice(NamedTuple):
    """Of one code: what is lost, what still can be read, and what to do."""

    lost: str
    readable: str
    do: str


_RESTORE: Final = "restore the newest backup that checks clean: streamstore restore BACKUP NEW"
_EXPORT: Final = "copy what can be read with Scan or `streamstore export` first, " + _RESTORE
ADVICE: Final[dict[str, Advice]] = {
    "sqlite": Advice(
        "what lies on damaged pages",
        "tables and streams named below with their counts",
        _EXPORT,
    ),
    "schema": Advice(
        "perhaps nothing: the file's facts or tables are not those of its revision",
        "whatever its tables still hold",
        "if another tool wrote to the file, undo that; else " + _RESTORE,
    ),
    "tail": Advice(
        "the newest commits, which were acknowledged",
        "everything up to the counter that the file has",
        "put back the newest copy or log of the file if there is one; or accept the loss with"
        " `streamstore restore --adopt FILE`, which gives every stream a new ARN, so that no"
        " consumer is misled",
    ),
    "bytes": Advice("the rows named", "all other rows", _EXPORT),
    "key": Advice(
        "nothing, but reads by key don't find the rows named", "them too, by Scan", _EXPORT
    ),
    "expiry": Advice(
        "nothing: items expire late, or are looked at once too often",
        "everything",
        "disable time to live on the table and enable it again: its rows are made anew",
    ),
    "token": Advice(
        "that a transaction is repeated once, if it is sent again within ten minutes",
        "everything",
        "nothing: tokens run out by themselves",
    ),
    "memory": Advice("nothing", "everything", "close the store and open it again"),
    "I-2": Advice(
        "nothing, unless other violations are named: ItemCount and sizes are wrong",
        "everything",
        _RESTORE + ", or copy the table into a new one",
    ),
    "I-5": Advice("what the rows named belonged to", "all rows that are not named", _EXPORT),
    "I-6": Advice(
        "some changes of the keys named, or their records",
        "items as they are; the stream up to there",
        "let consumers take a snapshot of the table anew; " + _RESTORE,
    ),
    "I-7": Advice(
        "a change of the keys named, between two records",
        "items as they are",
        "let consumers take a snapshot of the table anew; " + _RESTORE,
    ),
    "I-8": Advice("what the records named should say", "all other records", _RESTORE),
    "I-10": Advice("what the records named should say", "all other records", _RESTORE),
    "I-11": Advice(
        "nothing: queries of the index miss items, or find old ones",
        "all items, through the table itself",
        "delete the index with UpdateTable and create it again: it is filled anew",
    ),
    "I-12": Advice(
        "the order of records, where it is named",
        "items as they are",
        "disable the table's stream and enable a new one; " + _RESTORE,
    ),
    "I-14": Advice(
        "the order of the keys named across shards", "items as they are", "disable and enable it"
    ),
    "I-15": Advice("writes to some keys fail", "items and records as they are", _RESTORE),
    "I-16": Advice(
        "the order across the shards named", "items as they are", "disable and enable the stream"
    ),
    "I-17": Advice(
        "consumers may wait for an end of the shards named, or end too early",
        "items and records as they are",
        "disable and enable the stream",
    ),
    "I-23": Advice("the records that are missing", "all that are there, and the items", _RESTORE),
}


class Readable(NamedTuple):
    """How much of a table or shard there should be, and how much can be read from both ends."""

    what: str
    expected: int
    readable: int


def repair_report(report: Report) -> Iterator[str]:
    """Lines for people: by code what is lost, what is left, what to do."""
    for code, count in sorted(report.counts.items()):
        advice = ADVICE[code]
        yield f"{code} ({count})"
        yield f"  lost      {advice.lost}"
        yield f"  readable  {advice.readable}"
        yield f"  do        {advice.do}"


def salvage(path: str | os.PathLike[str], *, clock: Clock | None = None) -> list[Readable]:
    """What can be read of each table and each shard of a damaged file. Raises as `check`."""
    claim = migrate.open_read_only(path)
    try:
        readers = Readers(claim.path, clock or SystemClock(), foreign=True)
        try:
            with readers.transaction() as rx:
                return list(_salvage(rx))
        finally:
            readers.close()
    finally:
        claim.release()


def _salvage(rx: ReadTransaction) -> Iterator[Readable]:
    picture = load(rx, Findings())
    for table_id, table in picture.tables.items():
        if table_id not in picture.dropped:
            rows = picture.partitions.get(table_id, ())
            expected = sum(row.item_count for row in rows if row.retired_ms is None)
            found = _both_ways(rx, sql.ITEMS, sql.ITEMS_BACKWARD, (table_id,), lambda row: row[:3])
            yield Readable(f"table {table.name}", expected, found)
    for stream in picture.streams.values():
        try:
            shards = shards_of(rx, stream)
        except StorageError:
            continue
        for shard in shards:
            start = shard.shard_id << BITS
            bounds = (start, start + (1 << BITS))
            found = _both_ways(rx, sql.RECORDS_FORWARD, sql.RECORDS, bounds, lambda row: row[0])
            expected = shard.next_ordinal - shard.first_ordinal
            yield Readable(f"shard {shard.name} of {stream.place}", expected, found)


def _both_ways(
    rx: ReadTransaction,
    forward: str,
    backward: str,
    params: tuple[int, ...],
    key: Callable[[tuple[Any, ...]], Any],
) -> int:
    """How many rows can be read from the first one on, and from the last one back."""
    count = 0
    reached: Any = None
    try:
        for row in rx.iterate(forward, params):
            count += 1
            reached = key(row)
        return count
    except StorageError:
        pass
    try:
        for row in rx.iterate(backward, params):
            if reached is not None and key(row) <= reached:
                break
            count += 1
    except StorageError:
        pass
    return count
