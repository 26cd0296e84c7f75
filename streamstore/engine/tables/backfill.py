"""Filling a new index of a live table from the items that are there, in bounded pieces.

`IndexInfo.filled_to` is the position of the last item the index covers. Writes to items up to it
keep their entries in step; writes beyond it leave the index alone, since the filling will come to
them and finds what they are by then. So every item is entered once, whatever happens meanwhile, and
a crash between pieces costs nothing: position and entries are of one transaction. Items that have
no sound index key are passed over, as the service does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ... import limits
from ...codec.items import pack, unpack
from ...codec.sizes import Item, item_size
from ...storage import statements_tables as sql
from ..model import IndexInfo, TableInfo
from .definitions import pack_index
from .indexes import entry_key, insert_entry, project

if TYPE_CHECKING:
    from ..engine import Engine
    from ..writes.group import Group

Place = tuple[bytes, bytes, bytes]

# Covers nothing: every hash is 16 bytes long.
NOWHERE: Final[Place] = (b"", b"", b"")
# How many rows are entered between two looks at the time.
_STEP_ROWS: Final = 64


def backfill_due(engine: Engine) -> bool:
    """Whether any index is being filled."""
    return _unfilled(engine.catalog.tables()) is not None


def backfill_tick(group: Group) -> bool:
    """Fill one piece of one index; True while there is more to fill."""
    found = _unfilled(group.engine.catalog.tables())
    if found is None:
        return False
    table = group.table_by_id(found.table_id)
    if table is None:
        # Dropped by an earlier unit of this group: the next call looks at another.
        return True
    for index in table.indexes:
        if index.filled_to is not None:
            fill(group, table, index)
            break
    return True


def fill(group: Group, table: TableInfo, index: IndexInfo) -> TableInfo:
    """Fill one piece of an index; returns the table with what the index covers now."""
    assert index.filled_to is not None, "the index is filled"
    clock = group.engine.clock
    deadline = clock.monotonic() + limits.TICK_SECONDS_MAX
    place = index.filled_to
    rows_left = limits.TICK_ROWS_MAX
    bytes_left = limits.TICK_BYTES_MAX
    while True:
        piece = _read(group, table, place, bytes_left)
        for row in piece:
            place = (row[0], row[1], row[2])
            bytes_left -= row[3]
            _enter(group, index, place, unpack(row[4]), row[3], row[4])
        if not piece:
            return _cover(group, table, index, None)
        rows_left -= len(piece)
        # Looked at after a step, so that every piece gets somewhere.
        if rows_left <= 0 or bytes_left <= 0 or clock.monotonic() >= deadline:
            return _cover(group, table, index, place)


def _read(
    group: Group, table: TableInfo, after: Place, bytes_max: int
) -> list[tuple[bytes, bytes, bytes, int, bytes]]:
    """The next few items: at least one if there is one, else no more than `bytes_max` together."""
    piece: list[tuple[bytes, bytes, bytes, int, bytes]] = []
    total = 0
    beyond = (after[0], after[1], after[2] + b"\x00")
    for row in group.tx.iterate(sql.ITEMS_PIECE, (table.table_id, *beyond, _STEP_ROWS)):
        total += row[3]
        if piece and total > bytes_max:
            break
        piece.append((row[0], row[1], row[2], row[3], row[4]))
    return piece


def _enter(
    group: Group, index: IndexInfo, place: Place, item: Item, size: int, packed: bytes
) -> None:
    spot = entry_key(index, item, place[0], place[1])
    if spot is None:
        return
    if index.attributes:
        item = project(index, item)
        size = item_size(item)
        packed = pack(item)
    row = (index.index_id, *spot, place[1], place[2])
    insert_entry(group, index.index_id, row, size, packed)


def _cover(group: Group, table: TableInfo, index: IndexInfo, place: Place | None) -> TableInfo:
    """Persist how far the index has come, and put the table where later units see it."""
    covered = replace(index, filled_to=place)
    group.tx.run(sql.INDEX_SET, (pack_index(covered), index.index_id))
    indexes = tuple(covered if i.index_id == index.index_id else i for i in table.indexes)
    version = group.next_catalogue_version()
    table = replace(table, version=version, indexes=indexes)
    group.put_table(table)
    return table


def _unfilled(tables: list[TableInfo]) -> TableInfo | None:
    for table in tables:
        for index in table.indexes:
            if index.filled_to is not None:
                return table
    return None
