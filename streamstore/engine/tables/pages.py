"""Query and Scan: items or entries one after the other, as the caller asks for them.

These are generators over one range of a primary key, inside one read transaction. They hold a row
at a time; the caller counts, filters and measures, and stops when its page is full (spec G.4):
Limit, 1 MiB and filters are not known here. Where reading begins is a position (tables/positions),
which need not exist.

An index holds projections. The `_whole` twins fetch each entry's item as well, which is how a Query
or Scan of an LSI gives attributes that are not projected, and is charged as a read of the table
each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ... import limits
from ...codec.hashing import HASH_MAX, HASH_MIN, partition_hash
from ...codec.items import unpack
from ...codec.sizes import Item
from ...errors import Corrupted
from ...storage import statements_tables as sql
from ..model import IndexInfo, TableInfo
from .positions import Position, keys_of, partition_of, segment_range, sort_range

if TYPE_CHECKING:
    from ...expressions import KeyRange
    from ...storage.transaction import ReadTransaction

# What an item or entry is with its size in bytes, and an entry's item with its own.
Sized = tuple[Item, int]
Whole = tuple[Item, int, Item, int]

# Rows as they are stored: size in bytes and body first.
Rows = Iterable[tuple[Any, ...]]

_FIRST: Final = (b"", b"")


def query(
    rx: ReadTransaction,
    table: TableInfo,
    index: IndexInfo | None,
    key_range: KeyRange,
    forward: bool = True,
    start: Position | None = None,
) -> Iterator[Sized]:
    """Items of one partition key, or entries of one index key, in order of their sort keys.

    Entries of equal index keys are in order of their items' keys. `start` is exclusive.
    """
    statement, values = _query(table, index, key_range, forward, start)
    for row in rx.iterate(statement, values):
        body = row[1]
        yield (_missing() if body is None else unpack(body)), row[0]


def query_whole(
    rx: ReadTransaction,
    table: TableInfo,
    index: IndexInfo,
    key_range: KeyRange,
    forward: bool = True,
    start: Position | None = None,
) -> Iterator[Whole]:
    """As `query` of an LSI: (entry, its size, the whole item, its size)."""
    statement, values = _query(table, index, key_range, forward, start)
    _, base_hash, base_pk = values[:3]
    for size, body, base_sk in rx.iterate(statement, values):
        yield _item(body), size, *_base(rx, table, base_hash, base_pk, base_sk)


def scan(
    rx: ReadTransaction,
    table: TableInfo,
    index: IndexInfo | None,
    segment: int = 0,
    total: int = 1,
    start: Position | None = None,
) -> Iterator[Sized]:
    """Items of a table, or entries of an index, in order of their hashes; only those of one segment
    of `total`.
    """
    statement, values = _scan(table, index, segment, total, start)
    for row in rx.iterate(statement, values):
        body = row[1]
        yield (_missing() if body is None else unpack(body)), row[0]


def scan_whole(
    rx: ReadTransaction,
    table: TableInfo,
    index: IndexInfo,
    segment: int = 0,
    total: int = 1,
    start: Position | None = None,
) -> Iterator[Whole]:
    """As `scan` of an LSI: (entry, its size, the whole item, its size)."""
    statement, values = _scan(table, index, segment, total, start)
    for size, body, entry_hash, base_pk, base_sk in rx.iterate(statement, values):
        base_hash = entry_hash if index.kind == "LSI" else partition_hash(base_pk)
        yield _item(body), size, *_base(rx, table, base_hash, base_pk, base_sk)


def query_rows(
    rx: ReadTransaction,
    table: TableInfo,
    index: IndexInfo | None,
    key_range: KeyRange,
    forward: bool,
    start: Position | None,
    limit: int,
) -> Rows:
    """As `query`, as stored; at most `limit` are asked for. A short page is fetched at once."""
    return _rows(rx, *_query(table, index, key_range, forward, start), limit)


def scan_rows(
    rx: ReadTransaction,
    table: TableInfo,
    index: IndexInfo | None,
    segment: int,
    total: int,
    start: Position | None,
    limit: int,
) -> Rows:
    """As `scan`, as stored; at most `limit` are asked for. A short page is fetched at once."""
    return _rows(rx, *_scan(table, index, segment, total, start), limit)


def body_of(row: tuple[Any, ...]) -> bytes:
    """The stored body of one of `Rows`. Corrupted where it is missing."""
    body: bytes | None = row[1]
    return _missing() if body is None else body


def _rows(rx: ReadTransaction, statement: str, values: tuple[Any, ...], limit: int) -> Rows:
    if limit <= limits.ROWS_AT_ONCE_MAX:
        return rx.all(sql.LIMITED[statement], (*values, limit))
    return rx.iterate(statement, values)


def _query(
    table: TableInfo,
    index: IndexInfo | None,
    key_range: KeyRange,
    forward: bool,
    start: Position | None,
) -> tuple[str, tuple[Any, ...]]:
    """The statement of a Query and its values."""
    keys = keys_of(table, index)
    pk = partition_of(keys, key_range)
    low, high = sort_range(keys, key_range)
    if index is None:
        if start is not None:
            if forward:
                low = max(low, start[2] + b"\x00")
            else:
                high = min(high, start[2])
        statement = sql.ITEMS_FORWARD if forward else sql.ITEMS_BACKWARD
        return statement, (table.table_id, partition_hash(pk), pk, low, high)
    owner = (index.index_id, partition_hash(pk), pk)
    if forward:
        first = (low, *_FIRST)
        if start is not None:
            first = max(first, (start[2], start[3], start[4] + b"\x00"))
        return sql.ENTRIES_FORWARD, (*owner, *first, high)
    beyond = (high, *_FIRST)
    if start is not None:
        beyond = min(beyond, (start[2], start[3], start[4]))
    return sql.ENTRIES_BACKWARD, (*owner, *beyond, low)


def _scan(
    table: TableInfo, index: IndexInfo | None, segment: int, total: int, start: Position | None
) -> tuple[str, tuple[Any, ...]]:
    """The statement of a Scan and its values."""
    low, high = segment_range(segment, total) if total > 1 else (HASH_MIN, HASH_MAX)
    first: Position
    if start is not None:
        first = (*start[:-1], start[-1] + b"\x00")
    else:
        first = (low, *_FIRST) if index is None else (low, *_FIRST, *_FIRST)
    if index is None:
        return sql.ITEMS_SCAN, (table.table_id, *first, high)
    return sql.ENTRIES_SCAN, (index.index_id, *first, high)


def _base(
    rx: ReadTransaction, table: TableInfo, base_hash: bytes, base_pk: bytes, base_sk: bytes
) -> Sized:
    row = rx.one(sql.ITEM, (table.table_id, base_hash, base_pk, base_sk))
    if row is None:
        raise Corrupted("an index entry has no item")
    return _item(row[1]), row[0]


def _item(body: bytes | None) -> Item:
    return _missing() if body is None else unpack(body)


def _missing() -> NoReturn:
    raise Corrupted("the body of a large item is missing")
