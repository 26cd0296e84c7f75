"""Items and what hangs on them: large bodies, index entries, expiries, and the counters of all.

Owns: one walk over the items of each table, in order of their rows, in which each item's entries
and expiry are looked up by key (I-11 one way), and the counts that show whether there are others
(the other way; only where the counts differ is it walked). So a check holds one row at a time,
however large the file is. Must not know: streams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..codec.hashing import partition_hash
from ..codec.items import unpack
from ..codec.sizes import Item, item_size
from ..engine.model import TableInfo
from ..errors import Corrupted
from ..limits import CHECK_KEPT_MAX, CHECK_TOLD_EVERY_ROWS, INLINE_BODY_BYTES_MAX
from . import statements as sql
from .findings import UNREADABLE, Findings
from .picture import Index, Picture, Progress
from .shapes import Place, entry_of, expiry_of, place_of, projection, shown

if TYPE_CHECKING:
    from ..storage.transaction import ReadTransaction


def check_tables(
    rx: ReadTransaction, found: Findings, picture: Picture, progress: Progress
) -> None:
    """Every table that is not dropped, then the large bodies of all."""
    for table_id, table in picture.tables.items():
        if table_id not in picture.dropped:
            with found.section(f"table {table.name!r}"):
                Walk(rx, found, picture, table, progress).run()
    with found.section("the large bodies"):
        _check_bodies(rx, found)


class Walk:
    """The walk over one table's items."""

    def __init__(
        self,
        rx: ReadTransaction,
        found: Findings,
        picture: Picture,
        table: TableInfo,
        progress: Progress,
    ) -> None:
        self.rx = rx
        self.found = found
        self.table = table
        self.place = f"table {table.name!r}"
        self.progress = progress
        self.partitions = [
            row for row in picture.partitions.get(table.table_id, ()) if row.retired_ms is None
        ]
        self.indexes = picture.indexes.get(table.table_id, [])
        self.matched = [0] * len(self.indexes)
        self.expiring = 0
        self.count = self.size = 0
        ttl = table.ttl
        self.attribute = ttl.attribute if ttl is not None and ttl.enabled else None
        self.entered_to = ttl.filled_to if ttl is not None else None

    def run(self) -> None:
        """The items one by one, then what was counted."""
        expected = sum(row.item_count for row in self.partitions)
        for row in self.rx.iterate(sql.ITEMS, (self.table.table_id,)):
            self.count += 1
            self.size += row[3] if isinstance(row[3], int) else 0
            if self.count % CHECK_TOLD_EVERY_ROWS == 0:
                self.progress(self.place, self.count, expected)
            self._row(row)
        sums = expected, sum(row.item_bytes for row in self.partitions)
        if sums != (self.count, self.size):
            self.found.add(
                "I-2",
                self.place,
                f"its counters say {sums[0]} items of {sums[1]} bytes together, but there are"
                f" {self.count} of {self.size} bytes",
            )
        for index, matched in zip(self.indexes, self.matched, strict=True):
            with self.found.section(f"index {index.info.name!r} of {self.place}"):
                self._close_index(index, matched)
        with self.found.section(f"expiries of {self.place}"):
            self._close_expiries()

    def _row(self, row: tuple[Any, ...]) -> None:
        """One item."""
        hash_, pk, sk, size, inline, body_id, large = row
        place = (hash_, pk, sk)
        try:
            body = self._body(place, inline, body_id, large)
            if body is None:
                return
            item = unpack(body)
            where = f"{self.place}, item {self._key_text(item, pk, sk)}"
            own = place_of(self.table.keys, item)
            if own != place:
                self.found.add("key", where, "it lies under another key than its attributes say")
                return
            if item_size(item) != size:
                self.found.add("bytes", where, f"it says {size} bytes and holds {item_size(item)}")
            for at, index in enumerate(self.indexes):
                self._entry(at, index, item, place, body, where)
            if self.attribute is not None:
                self._expiry(self.attribute, item, place, where)
        except UNREADABLE as why:
            self.found.add("bytes", self._where(place), f"its content can't be read ({why!r})")

    def _body(
        self, place: Place, inline: bytes | None, body_id: int | None, large: bytes | None
    ) -> bytes | None:
        """The bytes of an item's body, or None where they are missing."""
        if body_id is None and inline is not None:
            if len(inline) > INLINE_BODY_BYTES_MAX:
                self.found.add("bytes", self._where(place), "a large body lies in the item's row")
            return inline
        if body_id is None or inline is not None:
            self.found.add("I-5", self._where(place), "it has no body, or two")
        elif large is None:
            self.found.add("I-5", self._where(place), f"its large body {body_id} is missing")
        elif len(large) <= INLINE_BODY_BYTES_MAX:
            self.found.add("bytes", self._where(place), "a small body lies outside the item's row")
        return large

    def _where(self, place: Place) -> str:
        return f"{self.place}, item {place[1].hex()}/{place[2].hex()}"

    def _key_text(self, item: Item, pk: bytes, sk: bytes) -> str:
        key = {name: item[name] for name in self.table.keys.names if name in item}
        return shown(key) or f"{pk.hex()}/{sk.hex()}"

    # Index entries.

    def _entry(
        self, at: int, index: Index, item: Item, place: Place, body: bytes, where: str
    ) -> None:
        info = index.info
        entry = entry_of(info, self.table.keys, item, place)
        if entry is None or (info.filled_to is not None and place > info.filled_to):
            return
        row = self.rx.one(sql.ENTRY, (info.index_id, *entry, place[1], place[2]))
        if row is None:
            self.found.add("I-11", where, f"its entry in index {info.name!r} is missing")
            return
        self.matched[at] += 1
        size, inline, body_id, large = row
        stored = inline if body_id is None else large
        if stored is None:
            self.found.add("I-5", where, f"the body of its entry in index {info.name!r} is missing")
            return
        if stored == body and size == item_size(item) and info.projection == "ALL":
            return
        expected = projection(info, self.table.keys, item)
        if unpack(stored) != expected or size != item_size(expected):
            self.found.add("I-11", where, f"its entry in index {info.name!r} is not its projection")

    def _close_index(self, index: Index, matched: int) -> None:
        info = index.info
        row = self.rx.one(sql.ENTRY_TOTALS, (info.index_id,))
        assert row is not None, "an aggregate has a row"
        place = f"index {info.name!r} of {self.place}"
        if (row[0], row[1]) != (index.entry_count, index.entry_bytes):
            self.found.add(
                "I-2",
                place,
                f"its counters say {index.entry_count} entries of {index.entry_bytes} bytes, but"
                f" there are {row[0]} of {row[1]} bytes",
            )
        if row[0] != matched:
            self._strays(index, row[0] - matched, place)

    def _strays(self, index: Index, expected: int, place: str) -> None:
        """Find the entries that no item has: walked only where there must be some."""
        told = 0
        for hash_, pk, sk, base_pk, base_sk in self.rx.iterate(sql.ENTRIES, (index.info.index_id,)):
            item = self._item(base_pk, base_sk)
            if item is not None:
                own = place_of(self.table.keys, item)
                filled = index.info.filled_to
                covered = filled is None or (own is not None and own <= filled)
                if covered and own and self._lies(index, item, own, (hash_, pk, sk)):
                    continue
            told += 1
            if told <= CHECK_KEPT_MAX:
                base = f"{base_pk.hex()}/{base_sk.hex()}"
                why = "no such item" if item is None else "the item has another entry, or none"
                self.found.add("I-11", place, f"an entry of item {base} is left over: {why}")
        if told != expected:
            self.found.add("I-11", place, f"{expected} entries are left over, {told} were found")

    def _lies(self, index: Index, item: Item, own: Place, entry: Place) -> bool:
        return entry_of(index.info, self.table.keys, item, own) == entry

    def _item(self, pk: bytes, sk: bytes) -> Item | None:
        row = self.rx.one(sql.ITEM, (self.table.table_id, partition_hash(pk), pk, sk))
        try:
            return None if row is None or row[0] is None else unpack(row[0])
        except Corrupted:
            return None  # told of where the item itself was looked at

    # Expiries.

    def _expiry(self, attribute: str, item: Item, place: Place, where: str) -> None:
        if self.entered_to is not None and place > self.entered_to:
            return
        second = expiry_of(item, attribute)
        if second is None:
            return
        if self.rx.one(sql.EXPIRY, (self.table.table_id, second, *place)) is None:
            self.found.add("expiry", where, f"nothing says that it expires at second {second}")
        else:
            self.expiring += 1

    def _close_expiries(self) -> None:
        ttl = self.table.ttl
        if ttl is not None and ttl.stale:
            return
        row = self.rx.one(sql.EXPIRY_COUNT, (self.table.table_id,))
        assert row is not None, "an aggregate has a row"
        if row[0] != self.expiring:
            self.found.add(
                "expiry",
                self.place,
                f"{row[0] - self.expiring} expiries are left over, of items that don't expire then",
            )


def _check_bodies(rx: ReadTransaction, found: Findings) -> None:
    """I-5: each large body is named by exactly one row."""
    sums = [rx.one(sql.BODY_SUMS.format(t)) for t in ("item", "index_entry", "large_body")]
    items, entries, bodies = (row or (0, 0, 0) for row in sums)
    if tuple(a + b for a, b in zip(items, entries, strict=True)) == tuple(bodies):
        return
    before = found.counts["I-5"]
    for (body_id,) in rx.all(sql.BODIES_UNNAMED, (CHECK_KEPT_MAX,)):
        found.add("I-5", f"large body {body_id}", "no item and no index entry names it")
    for (body_id,) in rx.all(sql.BODIES_SHARED, (CHECK_KEPT_MAX,)):
        found.add("I-5", f"large body {body_id}", "more than one row names it")
    if found.counts["I-5"] == before:
        found.add(
            "I-5",
            "the large bodies",
            f"{items[0]} items and {entries[0]} entries name bodies, and there are {bodies[0]}",
        )
