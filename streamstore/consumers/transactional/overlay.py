"""Committed state with a unit's own writes laid over it.

`Overlay` keeps what the unit's writes leave each item as. `Sight` is a read transaction in which
they seem to be made: it answers the statements of reads by key, Query and Scan, so that the
operations' own code reads through it and every rule of pages, filters, indexes and projections is
theirs. Pages are merged in the order of the statement, row by row.

`Judging` is as much of a writer's group as judging a mutation needs (engine/writes/apply): it lets
a condition or update be worked out at once, against the same sight. What it looks at counts as
read only once something follows from it: a blind `ADD` conflicts with nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...codec.items import pack, unpack
from ...codec.sizes import Item, item_size
from ...engine.tables.indexes import entry_key, project
from ...engine.writes.mutation import encode_item_key
from ...errors import UnitConflict
from ...storage import statements_tables as sql
from .seen import Place, Seen, Stored

if TYPE_CHECKING:
    from ...engine.catalog import Catalog
    from ...engine.model import IndexInfo, TableInfo
    from ...storage.transaction import ReadTransaction, Row

# A row's place in the order of a statement: hash, pk, sk of an item; on an index those of the
# entry, and the item's own pk and sk.
Order = tuple[bytes, ...]

_BACKWARD: Final = frozenset((sql.ITEMS_BACKWARD, sql.ENTRIES_BACKWARD))
_OF_ITEMS: Final = frozenset((sql.ITEMS_FORWARD, sql.ITEMS_BACKWARD, sql.ITEMS_SCAN))
_OF_ENTRIES: Final = frozenset((sql.ENTRIES_FORWARD, sql.ENTRIES_BACKWARD, sql.ENTRIES_SCAN))
_UNLIMITED: Final = {limited: statement for statement, limited in sql.LIMITED.items()}


class Image(NamedTuple):
    """What an item is after the unit's writes: packed is None where it was deleted."""

    size: int
    packed: bytes | None


class Overlay:
    """The items that a unit has written, as it leaves them."""

    def __init__(self, catalog: Catalog) -> None:
        self.images: dict[Place, Image] = {}
        self._catalog = catalog
        self._by_index: dict[int, tuple[TableInfo, IndexInfo]] = {}

    def table(self, table_id: int) -> TableInfo:
        """A table by id. Raises UnitConflict if it went while the unit was at it."""
        table = self._catalog.by_id(table_id)
        if table is None:
            raise UnitConflict("A table")
        return table

    def owner(self, index_id: int) -> tuple[TableInfo, IndexInfo]:
        """An index and its table. Raises UnitConflict if it went while the unit was at it."""
        known = self._by_index.get(index_id)
        if known is None:
            for table in self._catalog.tables():
                for index in table.indexes:
                    if index.index_id == index_id:
                        known = self._by_index[index_id] = (table, index)
                        return known
            raise UnitConflict("An index")
        return known

    def of_table(self, table_id: int) -> Iterator[tuple[Place, Image]]:
        """The written items of one table."""
        for place, image in self.images.items():
            if place[0] == table_id:
                yield place, image


class Judging:
    """The group that engine/writes/apply.judge is given."""

    __slots__ = ("overlay", "rx", "seen")

    def __init__(self, overlay: Overlay, seen: Seen, rx: ReadTransaction) -> None:
        self.overlay = overlay
        self.seen = seen
        self.rx = rx

    @property
    def tx(self) -> Judging:
        """Where it reads."""
        return self

    def table_by_id(self, table_id: int) -> TableInfo:
        """The table as it is committed."""
        return self.overlay.table(table_id)

    def one(self, statement: str, values: tuple[Any, ...]) -> Stored | None:
        """The item as the unit has left it."""
        assert statement == sql.ITEM, statement
        place: Place = values
        image = self.overlay.images.get(place)
        if image is not None:
            return None if image.packed is None else (image.size, image.packed, None)
        return self.seen.item(self.rx, self.overlay.table(place[0]), place)


class Sight(Judging):
    """A read transaction in which the unit's writes seem to be made, and which remembers."""

    __slots__ = ()

    def one(self, statement: str, values: tuple[Any, ...]) -> Stored | None:
        """The item at a place; what follows from it is checked at the end."""
        found = super().one(statement, values)
        self.seen.tell(values)
        return found

    def all(self, statement: str, values: tuple[Any, ...]) -> list[Row]:
        """The rows of a page that is fetched at once."""
        return list(islice(self.iterate(_UNLIMITED[statement], values[:-1]), values[-1]))

    def iterate(self, statement: str, values: tuple[Any, ...]) -> Iterator[Row]:
        """The rows of a page, in the order of its statement."""
        if statement in _OF_ITEMS:
            table, index = self.overlay.table(values[0]), None
            own = self._own_items(statement, values)
        else:
            assert statement in _OF_ENTRIES, statement
            table, index = self.overlay.owner(values[0])
            self.seen.index(table, index.index_id)
            own = self._own_entries(table, index, statement, values)
        stored = self.seen.page(table, statement, values).taken(self.rx, self.seen.bounds)
        if not any(True for _ in self.overlay.of_table(table.table_id)):
            return stored
        backward = statement in _BACKWARD
        ordered = sorted(own, key=lambda each: each[0], reverse=backward)
        return self._merged(self._left(stored, table, index), ordered, backward)

    def _own_items(
        self, statement: str, values: tuple[Any, ...]
    ) -> Iterator[tuple[Order, Place, Row]]:
        for place, image in self.overlay.of_table(values[0]):
            if image.packed is not None and _item_is_within(statement, values, place[1:]):
                yield place[1:], place, (image.size, image.packed)

    def _own_entries(
        self, table: TableInfo, index: IndexInfo, statement: str, values: tuple[Any, ...]
    ) -> Iterator[tuple[Order, Place, Row]]:
        for place, image in self.overlay.of_table(table.table_id):
            if image.packed is None:
                continue
            item = unpack(image.packed)
            key = entry_key(index, item, place[1], place[2])
            if key is None:
                continue
            order = (*key, *place[2:])
            if not _entry_is_within(statement, values, order):
                continue
            size, packed = image.size, image.packed
            if index.attributes:
                item = project(index, item)
                size, packed = item_size(item), pack(item)
            row = (size, packed, *_columns(statement, order))
            yield order, place, row

    def _left(
        self, rows: Iterable[Row], table: TableInfo, index: IndexInfo | None
    ) -> Iterator[tuple[Order, Row]]:
        """The stored rows that the unit has not written over."""
        for row in rows:
            item: Item = unpack(row[1])
            key = encode_item_key(table, item)
            if (table.table_id, key.hash, key.pk, key.sk) in self.overlay.images:
                continue
            if index is None:
                yield (key.hash, key.pk, key.sk), row
            else:
                entry = entry_key(index, item, key.hash, key.pk)
                assert entry is not None, "an entry has its index's keys"
                yield (*entry, key.pk, key.sk), row

    def _merged(
        self,
        stored: Iterator[tuple[Order, Row]],
        own: list[tuple[Order, Place, Row]],
        backward: bool,
    ) -> Iterator[Row]:
        head = next(stored, None)
        for order, place, row in own:
            while head is not None and (head[0] > order if backward else head[0] < order):
                yield head[1]
                head = next(stored, None)
            self.seen.tell(place)
            yield row
        while head is not None:
            yield head[1]
            head = next(stored, None)


def _columns(statement: str, order: Order) -> tuple[bytes, ...]:
    """What a statement over entries gives beside size and body."""
    entry_hash, _, _, base_pk, base_sk = order
    return (entry_hash, base_pk, base_sk) if statement == sql.ENTRIES_SCAN else (base_sk,)


def _item_is_within(statement: str, values: tuple[Any, ...], order: Order) -> bool:
    """Whether an item lies in the range that a statement over items reads."""
    if statement == sql.ITEMS_SCAN:
        return order >= values[1:4] and order[0] <= values[4]
    return bool(order[:2] == values[1:3] and values[3] <= order[2] < values[4])


def _entry_is_within(statement: str, values: tuple[Any, ...], order: Order) -> bool:
    """Whether an entry lies in the range that a statement over entries reads."""
    if statement == sql.ENTRIES_SCAN:
        return order >= values[1:6] and order[0] <= values[6]
    if order[:2] != values[1:3]:
        return False
    if statement == sql.ENTRIES_FORWARD:
        return bool(order[2:] >= values[3:6] and order[2] < values[6])
    return bool(order[2:] < values[3:6] and order[2] >= values[6])
