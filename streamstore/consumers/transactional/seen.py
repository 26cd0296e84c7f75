"""What a unit of work has read, and whether it still is so.

Reads by key are remembered by their stored size and bytes, absence included; pages of a Query or
Scan by their statement and every stored row that was taken, and whether there were no more. The
check reads the same again, under the writer's lock, and compares. An item has no version beside its
bytes: one that was changed and changed back is the one that was read, since nothing that follows
from it could tell. So what commits is what would have come of running the units one after the
other.

Tables are compared by id: one that was dropped and created again is another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from ... import limits
from ...errors import UnitConflict, UnitTooLarge
from ...storage import statements_tables as sql

if TYPE_CHECKING:
    from ...engine.model import TableInfo
    from ...engine.writes.group import Group
    from ...storage.transaction import ReadTransaction, Row

# table_id, hash, pk, sk of an item.
Place = tuple[int, bytes, bytes, bytes]
# size, body, body_id of a stored item, the columns of sql.ITEM.
Stored = tuple[Any, ...]


class Bounds:
    """How much a unit has read and written so far. Raises UnitTooLarge when it is too much."""

    __slots__ = ("bytes", "items_read", "items_written")

    def __init__(self) -> None:
        self.items_read = 0
        self.items_written = 0
        self.bytes = 0

    def read(self, items: int, size_bytes: int) -> None:
        """Count items that were read, or bytes that had to be."""
        self.items_read += items
        if self.items_read > limits.UNIT_ITEMS_READ_MAX:
            raise UnitTooLarge("read", limits.UNIT_ITEMS_READ_MAX)
        self._add(size_bytes)

    def wrote(self, items: int, size_bytes: int) -> None:
        """Count a write."""
        self.items_written += items
        if self.items_written > limits.UNIT_ITEMS_WRITTEN_MAX:
            raise UnitTooLarge("written", limits.UNIT_ITEMS_WRITTEN_MAX)
        self._add(size_bytes)

    def check(self) -> None:
        """Raises UnitTooLarge again if it was raised before: something of the unit is missing."""
        self.read(0, 0)
        self.wrote(0, 0)

    def _add(self, size_bytes: int) -> None:
        self.bytes += size_bytes
        if self.bytes > limits.UNIT_BYTES_MAX:
            raise UnitTooLarge("bytes", limits.UNIT_BYTES_MAX)


class PageSeen:
    """The rows that one statement gave so far, and whether it had no more."""

    __slots__ = ("ended", "rows", "statement", "table", "values")

    def __init__(self, table: TableInfo, statement: str, values: tuple[Any, ...]) -> None:
        self.table = table
        self.statement = statement
        self.values = values
        self.rows: list[Row] = []
        self.ended = False

    def taken(self, rx: ReadTransaction, bounds: Bounds) -> Iterator[Row]:
        """The statement's rows, remembered as they are taken."""
        for row in rx.iterate(self.statement, self.values):
            bounds.read(1, row[0])
            self.rows.append(row)
            yield row
        self.ended = True

    def check(self, tx: ReadTransaction) -> None:
        """Raises UnitConflict if the statement gives other rows now."""
        count = len(self.rows)
        again = tx.iterate(self.statement, self.values)
        # One more tells whether it ends where it ended.
        rows = list(islice(again, count + self.ended))
        if rows != self.rows:
            raise UnitConflict(f"A query or scan of {self.table.name}")


class Seen:
    """Everything that a unit has read."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        # What was read to find out what a write comes to; only those in `_told` have been seen.
        self._items: dict[Place, tuple[TableInfo, Stored | None]] = {}
        self._told: dict[Place, None] = {}
        self._pages: list[PageSeen] = []
        self._tables: dict[int, TableInfo] = {}
        self._indexes: dict[int, TableInfo] = {}
        self._absent: dict[str, None] = {}

    def item(self, rx: ReadTransaction, table: TableInfo, place: Place) -> Stored | None:
        """The committed item at a place, the same one however often it is asked for."""
        known = self._items.get(place)
        if known is None:
            self.table(table)
            row = rx.one(sql.ITEM, place)
            self.bounds.read(0, 0 if row is None else row[0])
            known = self._items[place] = (table, row)
        return known[1]

    def tell(self, place: Place) -> None:
        """From now on something may follow from what is stored there, if it was looked at."""
        if place in self._items and place not in self._told:
            self._told[place] = None
            self.bounds.read(1, 0)

    def page(self, table: TableInfo, statement: str, values: tuple[Any, ...]) -> PageSeen:
        """A page that is about to be read."""
        self.table(table)
        seen = PageSeen(table, statement, values)
        self._pages.append(seen)
        return seen

    def table(self, table: TableInfo) -> None:
        """A table that something was read of."""
        self._tables[table.table_id] = table

    def index(self, table: TableInfo, index_id: int) -> None:
        """An index that something was read of."""
        self._indexes[index_id] = table

    def absent(self, name: str) -> None:
        """A table that was not there."""
        self._absent[name] = None

    def check(self, group: Group) -> None:
        """Raises UnitConflict if anything of it is no longer so."""
        for table_id, table in self._tables.items():
            if group.table_by_id(table_id) is None:
                raise UnitConflict(f"The table {table.name}")
        for index_id, table in self._indexes.items():
            now = group.table_by_id(table.table_id)
            if now is None or all(index_id != index.index_id for index in now.indexes):
                raise UnitConflict(f"An index of {table.name}")
        for name in self._absent:
            if group.find_table(name) is not None:
                raise UnitConflict(f"The table {name}")
        self.check_rows(group.tx)

    def check_rows(self, tx: ReadTransaction) -> None:
        """The same for items and pages alone, in any transaction."""
        for place in self._told:
            table, before = self._items[place]
            now = tx.one(sql.ITEM, place)
            # Where a body lies is no part of what was read.
            if (now and now[:2]) != (before and before[:2]):
                raise UnitConflict(f"An item of {table.name}")
        for page in self._pages:
            page.check(tx)
