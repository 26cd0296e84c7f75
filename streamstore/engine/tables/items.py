"""Reading single items, and how large what surrounds an item is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...codec.items import unpack
from ...errors import Corrupted
from ...storage import statements_tables as sql
from ..model import IndexInfo, TableInfo

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction
    from ..writes.mutation import EncodedKey

_ITEM: Final = sql.ITEM


def get(
    rx: ReadTransaction,
    table: TableInfo,
    key: EncodedKey,
    shape: Callable[[bytes], Any] = unpack,
) -> tuple[Any, int] | None:
    """(item, its size in bytes) as of the transaction, or None. `shape` is made of its body."""
    row = rx.one(_ITEM, (table.table_id, key.hash, key.pk, key.sk))
    if row is None:
        return None
    if row[1] is None:
        raise Corrupted("the body of a large item is missing")
    return shape(row[1]), row[0]


def collection_bytes(rx: ReadTransaction, table: TableInfo, key: EncodedKey) -> int:
    """How many bytes the item collection of this key holds, its LSI entries included (spec I.4).

    0 for a table without LSIs, which has no collections. Rows beyond COLLECTION_ROWS_MAX of a kind
    are left out: the service tells an estimate in whole GiB, and this runs under the writer's lock.
    """
    lsis = [index for index in table.indexes if index.kind == "LSI"]
    if not lsis:
        return 0
    place = (key.hash, key.pk, limits.COLLECTION_ROWS_MAX)
    sums = [rx.one(sql.COLLECTION_BYTES, (table.table_id, *place))]
    sums += [rx.one(sql.ENTRIES_COLLECTION_BYTES, (index.index_id, *place)) for index in lsis]
    return sum(row[0] for row in sums if row is not None)


def table_totals(rx: ReadTransaction, table: TableInfo) -> tuple[int, int]:
    """(number of items, their bytes) of a table."""
    row = rx.one(sql.TABLE_COUNTERS, (table.table_id,))
    return (0, 0) if row is None else (row[0], row[1])


def index_totals(rx: ReadTransaction, index: IndexInfo) -> tuple[int, int]:
    """(number of entries, their bytes) of an index."""
    row = rx.one(sql.INDEX_COUNTERS, (index.index_id,))
    return (0, 0) if row is None else (row[0], row[1])
