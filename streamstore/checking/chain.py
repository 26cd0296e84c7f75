"""The stream against the table: what each record says was there, against what the one before left.

Owns: I-6, I-7 and I-13, in one walk over a stream from the newest record to the oldest. Of each key
it remembers what the record walked last says was there before it, as eight bytes, or that there was
nothing. The record before must have left that; the newest one must have left the item of the table.
A view type that hides images still tells whether there was an item, so inserts and removals must
take turns. Where the stream goes back to an empty table and nothing is trimmed, the oldest record
of a key must be an INSERT, and every item of the table must have one: the replay is the table.

Order of the walk: a child's numbers are all above its parent's, and a key has one line of shards,
so shards by descending starting number, and records by descending ordinal, meet each key's records
in order. Memory is bounded: a stream of more than CHECK_KEYS_MAX records is walked several times,
each time for the keys of one piece of the hash space.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from ..codec.hashing import even_ranges
from ..codec.items import unpack
from ..codec.records import INSERT, REMOVE
from ..codec.sizes import Item
from ..engine.model import TableInfo
from ..errors import Corrupted
from ..limits import CHECK_KEPT_MAX, CHECK_KEYS_MAX, CHECK_TOLD_EVERY_ROWS
from . import statements as sql
from .findings import Findings
from .picture import Picture, Progress, Shard, Stream
from .records import BITS, Change, Numbers, ShardWalk
from .shapes import digest, key_digest, shown

if TYPE_CHECKING:
    from ..storage.transaction import ReadTransaction

# What there was of a key: nothing, something that the view type hides, or eight bytes of it.
State = bytes
ABSENT: Final[State] = b""
HIDDEN: Final[State] = b"?"


class Chain:
    """The walks over one stream. `table` is the one whose items the stream must end in, if any."""

    def __init__(
        self,
        rx: ReadTransaction,
        found: Findings,
        picture: Picture,
        stream: Stream,
        shards: list[Shard],
        numbers: Numbers,
        progress: Progress,
    ) -> None:
        self.rx = rx
        self.found = found
        self.stream = stream
        self.shards = shards
        self.progress = progress
        self._numbers = numbers
        self._counter = picture.counter
        live = stream.disabled_ms is None and stream.table_id not in picture.dropped
        self.table: TableInfo | None = picture.tables.get(stream.table_id) if live else None
        names = {shard.name for shard in shards}
        self.whole = stream.from_empty and not any(
            shard.horizon_sequence or (shard.parent_name and shard.parent_name not in names)
            for shard in shards
        )
        self._before: dict[bytes, State] = {}
        self._present = 0
        self._walked = 0
        self._unreadable = False

    def run(self) -> None:
        """Walk as often as the number of records asks for."""
        self._total = sum(max(0, s.next_ordinal - s.first_ordinal) for s in self.shards)
        pieces = even_ranges(1 + self._total // CHECK_KEYS_MAX)
        for turn, (first, last) in enumerate(pieces):
            self._before.clear()
            self._present = 0
            for change in self._changes(first, last, turn == 0):
                self._link(change)
            if self.whole and not self._unreadable:
                self._close(first, last)

    def _changes(self, first: bytes, last: bytes, checked: bool) -> Iterator[Change]:
        """The changes of keys in a piece of the hash space, the newest first."""
        for shard in self.shards:
            if not checked and (shard.range_end < first or shard.range_start > last):
                continue
            walk = ShardWalk(
                self.found,
                self.stream,
                shard,
                self._numbers if checked else Numbers(),
                self._counter,
            )
            start = shard.shard_id << BITS
            for row in self.rx.iterate(sql.RECORDS, (start, start + (1 << BITS))):
                change = walk.look(row) if checked else walk.read(row)
                self._walked += 1
                if self._walked % CHECK_TOLD_EVERY_ROWS == 0:
                    self.progress(self.stream.place, self._walked, self._total)
                if change is None:
                    self._unreadable = True
                elif first <= change.place[0] <= last:
                    yield change
            if checked:
                walk.close()

    def _link(self, change: Change) -> None:
        """Hold what a record leaves against what came after it."""
        key = key_digest(change.place)
        left = _state(change.new, change.event == REMOVE)
        after = self._before.get(key)
        if after is None:
            after = self._now(change)
            if after is not None and not _agree(left, after):
                self._tell("I-6", change, "it does not leave the item that is in the table")
            if left != ABSENT:
                self._present += 1
        elif not _agree(left, after):
            self._tell("I-7", change, "what it leaves is not what the next record of the key found")
        self._before[key] = _state(change.old, change.event == INSERT)

    def _now(self, change: Change) -> State | None:
        """The item of that key as it is in the table; None where that doesn't matter or can't be
        read.
        """
        if self.table is None:
            return None
        row = self.rx.one(sql.ITEM, (self.table.table_id, *change.place))
        if row is None:
            return ABSENT
        try:
            return None if row[0] is None else digest(unpack(row[0]))
        except Corrupted:
            return None  # told of where the item was looked at

    def _close(self, first: bytes, last: bytes) -> None:
        """The whole history is there: it must begin with nothing, and have every item."""
        for state in self._before.values():
            if state != ABSENT:
                self.found.add(
                    "I-6", self.stream.place, "its oldest record of a key is not an INSERT"
                )
        if self.table is None:
            return
        row = self.rx.one(sql.ITEM_COUNT, (self.table.table_id, first, last))
        if row is None or row[0] == self._present:
            return
        told = 0
        for place in self.rx.iterate(sql.ITEM_KEYS, (self.table.table_id, first, last)):
            if key_digest(place) not in self._before:
                told += 1
                if told <= CHECK_KEPT_MAX:
                    key = f"{place[1].hex()}/{place[2].hex()}"
                    self.found.add("I-6", self.stream.place, f"no record tells of item {key}")
        if not told:
            self.found.add(
                "I-6",
                self.stream.place,
                f"replayed it has {self._present} items, the table has {row[0]}",
            )

    def _tell(self, code: str, change: Change, text: str) -> None:
        where = f"record {change.number} of {self.stream.place}, key {shown(change.key)}"
        self.found.add(code, where, f"{text} ({change.event})")


def _state(image: Item | None, absent: bool) -> State:
    if absent:
        return ABSENT
    return HIDDEN if image is None else digest(image)


def _agree(left: State, found: State) -> bool:
    if ABSENT in (left, found):
        return left == found
    return left == found or HIDDEN in (left, found)
