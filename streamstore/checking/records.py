"""Records one by one: what each must be by itself, and where it lies in its shard.

Owns: I-8 and I-10 (event, images, keys), I-12 (numbers), I-14 (hash and range), I-23 (no gap), the
counters of a shard. Must not know: items, or what other records say (chain does).
"""

from __future__ import annotations

from typing import Any, Final

from ..codec.records import INSERT, MODIFY, REMOVE, unpack_record
from ..codec.sizes import Item, item_size
from ..limits import CHECK_NUMBER_BLOCKS_MAX, RECORD_ORDINAL_BITS
from .findings import UNREADABLE, Findings
from .picture import Shard, Stream
from .shapes import Place, place_of, shown

BITS: Final = RECORD_ORDINAL_BITS
_SHOWS_NEW: Final = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
_SHOWS_OLD: Final = ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")
_BLOCK_BITS: Final = 12  # of sequence numbers: 4,096 in a block of 512 bytes


class Change:
    """A record that could be read: its key's place, event and images."""

    __slots__ = ("event", "key", "new", "number", "old", "place")

    def __init__(
        self, number: int, place: Place, key: Item, event: str, new: Item | None, old: Item | None
    ) -> None:
        self.number = number
        self.place = place
        self.key = key
        self.event = event
        self.new = new
        self.old = old


class Numbers:
    """Sequence numbers seen so far, as bits in blocks: numbers are dense, so a record costs a bit.
    Past CHECK_NUMBER_BLOCKS_MAX blocks those in new blocks are let pass.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}

    def seen(self, number: int) -> bool:
        """Whether the number was seen before; it is now."""
        block = self._blocks.get(number >> _BLOCK_BITS)
        if block is None:
            if len(self._blocks) >= CHECK_NUMBER_BLOCKS_MAX:
                return False
            block = self._blocks[number >> _BLOCK_BITS] = bytearray(1 << (_BLOCK_BITS - 3))
        at, bit = (number >> 3) & ((1 << (_BLOCK_BITS - 3)) - 1), 1 << (number & 7)
        known = bool(block[at] & bit)
        block[at] |= bit
        return known


class ShardWalk:
    """The records of one shard, the newest first: `look` at each, then `close`."""

    def __init__(
        self, found: Findings, stream: Stream, shard: Shard, numbers: Numbers, counter: int
    ) -> None:
        self.found = found
        self.stream = stream
        self.shard = shard
        self.where = f"shard {shard.name} of {stream.place}"
        self._numbers = numbers
        self._counter = counter
        self._start = shard.shard_id << BITS
        self._ordinal = shard.next_ordinal
        self._after = shard.last_sequence + 1
        self._after_ms: int | None = None
        self._bytes = 0
        if numbers.seen(shard.start_sequence):
            found.add("I-12", self.where, f"its starting number {shard.start_sequence} comes twice")

    def look(self, row: tuple[Any, ...]) -> Change | None:
        """Check one record; the change it tells of, or None if it can't be read."""
        record_id, number, created_ms, body = row
        ordinal = record_id - self._start
        where = f"record {ordinal} of {self.where}"
        self._place(ordinal, number, created_ms, where)
        self._bytes += len(body)
        return self.read(row, where)

    def _place(self, ordinal: int, number: int, created_ms: int, where: str) -> None:
        found = self.found
        if ordinal != self._ordinal - 1:
            found.add("I-23", where, f"record {self._ordinal - 1} should come after it")
        newest = self._ordinal == self.shard.next_ordinal
        if newest and number != self.shard.last_sequence:
            last = self.shard.last_sequence
            found.add("I-12", where, f"its number is {number}, the shard's last is {last}")
        elif not self.shard.start_sequence < number < self._after:
            found.add("I-12", where, f"its number {number} is not between its neighbours'")
        if number > self._counter or self._numbers.seen(number):
            found.add("I-12", where, f"its number {number} comes twice, or is yet to be given")
        if self._after_ms is not None and created_ms > self._after_ms:
            found.add("I-12", where, "its creation time is after that of the record behind it")
        self._ordinal, self._after, self._after_ms = ordinal, number, created_ms

    def read(self, row: tuple[Any, ...], where: str | None = None) -> Change | None:
        """The change of a record; checked as well if `where` is given."""
        try:
            event, size, ttl, key, new, old = unpack_record(row[3])
            place = place_of(self.stream.keys, key)
            if place is None:
                raise ValueError("the keys are not those of the table")
            change = Change(row[1], place, key, event, new, old)
            if where is not None:
                self._check(change, size, ttl, f"{where}, key {shown(key)}")
            return change
        except UNREADABLE as why:
            if where is not None:
                self.found.add("bytes", where, f"it can't be read ({why})")
            return None

    def _check(self, change: Change, size: int, ttl: bool, where: str) -> None:
        found, shard = self.found, self.shard
        if not shard.range_start <= change.place[0] <= shard.range_end:
            found.add(
                "I-14", where, f"its hash {change.place[0].hex()} is not in the shard's range"
            )
        new, old, event = change.new, change.old, change.event
        wants_new = self.stream.view_type in _SHOWS_NEW and event != REMOVE
        wants_old = self.stream.view_type in _SHOWS_OLD and event != INSERT
        if (new is not None) != wants_new or (old is not None) != wants_old:
            code = "I-10" if (new and not wants_new) or (old and not wants_old) else "I-8"
            images = "and ".join(n for n, i in (("new ", new), ("old ", old)) if i is not None)
            found.add(
                code, where, f"{event} with {images or 'no '}image under {self.stream.view_type}"
            )
        if event == MODIFY and new is not None and new == old:
            found.add("I-8", where, "old and new image are the same: nothing was written")
        if ttl and event != REMOVE:
            found.add("I-8", where, "time to live removes, and does nothing else")
        names = set(self.stream.keys.names)
        if set(change.key) != names:
            found.add("I-10", where, "its keys are not the key attributes of the table")
        for image in (new, old):
            if image is not None and any(image.get(n) != change.key.get(n) for n in names):
                found.add("I-10", where, "its keys are not those of its image")
        counted = sum(item_size(it) for it in (change.key, new, old) if it is not None)
        if counted != size:
            found.add("bytes", where, f"its SizeBytes is {size}, what it holds counts {counted}")

    def close(self) -> None:
        """After the last record."""
        shard = self.shard
        if self._ordinal != shard.first_ordinal:
            self.found.add(
                "I-23",
                self.where,
                f"its oldest record should be {shard.first_ordinal}, it is {self._ordinal}",
            )
        if self._bytes != shard.byte_count:
            self.found.add(
                "I-2",
                self.where,
                f"its counter says {shard.byte_count} bytes of records, there are {self._bytes}",
            )
        empty = shard.next_ordinal == 1
        if empty and shard.last_sequence != shard.start_sequence:
            self.found.add("I-12", self.where, "it never had a record, and has a last number")
