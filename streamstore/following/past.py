"""A table as it was at a moment of its stream: what is there now, with every change since undone.

The first record of a key after that moment holds what the key was, as its old image; a key without
such a record is still what it was. So the past is a snapshot of now and one read of the records
since, both in the snapshot's own transaction, and following from its position leads to now.

It is known as far back as the table's newest stream goes with all of its records: not before it was
enabled, nor before what was trimmed. Nothing is known of a stream without old images, nor of the
time since one was disabled.

At most SNAPSHOT_MEMORY_BYTES_MAX of records are held, one for each key that has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from .. import limits
from ..codec.records import unpack_record
from ..codec.sizes import Item
from ..engine.streams import log, positions, sequence
from ..engine.streams.descriptions import list_shards
from ..engine.tables.positions import Position, scan_start
from ..errors import SnapshotFailed, ValidationFailed
from ..storage import statements_streams as sql
from .snapshots import Snapshot
from .starts import before_time

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.streams.descriptions import ShardState
    from ..storage.readers import AnyReaders
    from ..storage.transaction import ReadTransaction
    from .starts import Start

_BITS: Final = limits.RECORD_ORDINAL_BITS
_ALL_ROWS: Final = 2**62
_WITH_OLD: Final = ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")


class Past(Snapshot):
    """One table as it was. Make it with `Store.snapshot(table, at=…)`.

    `position` and `positions` are those of that moment; `taken_ms` is when it was read. Raises
    ValidationFailed where the past is not known that far back, or is yet to come.
    """

    def __init__(self, engine: Engine, readers: AnyReaders, table: str, at: Start) -> None:
        self._at = at
        # What each key was that has changed since, by its place in the order of items.
        self._before: dict[Position, Item | None] = {}
        super().__init__(engine, readers, table)

    def items(self, after: Item | None = None) -> Iterator[Item]:
        """Every item as it was, in order of hashes; see Snapshot.items."""
        before = self._before
        start = None if after is None else scan_start(self.table, None, after)
        changed = iter(
            sorted(
                place
                for place, item in before.items()
                if item is not None and (start is None or place > start)
            )
        )
        due = next(changed, None)
        for item in super().items(after):
            place = self._position(item)
            while due is not None and due <= place:
                yield self._was(due)
                due = next(changed, None)
            if place not in before:
                yield item
        while due is not None:
            yield self._was(due)
            due = next(changed, None)

    def _was(self, place: Position) -> Item:
        item = self._before[place]
        assert item is not None
        return item

    def _find_place(self, rx: ReadTransaction) -> None:
        super()._find_place(rx)
        name = self.table.name
        if self.stream is None:
            raise ValidationFailed(
                f"{name} has no enabled stream, so nobody knows what it was; enable one with old"
                " images for the time to come."
            )
        if self.stream.view_type not in _WITH_OLD:
            raise ValidationFailed(
                f"The stream of {name} keeps {self.stream.view_type}, and the past needs old images"
                f" ({' or '.join(_WITH_OLD)})."
            )
        shards = list_shards(rx, self.stream)
        cut = self._cut(rx, shards)
        self._undo(rx, shards, cut)
        then = _heads(shards, cut)
        self.position = sequence.wire(max(shard.info.depth for shard in then), cut)
        self.positions = {
            shard.info.name: sequence.wire(shard.info.depth, _last_by(rx, shard, cut))
            for shard in then
        }

    def _cut(self, rx: ReadTransaction, shards: list[ShardState]) -> int:
        """The number up to which changes belong to that moment."""
        kind, value = self._at
        committed = positions.committed_counter(rx)
        known, known_ms = _known_since(shards)
        if kind == "trim-horizon":
            return known
        if kind == "time":
            if value > self.taken_ms:
                raise ValidationFailed(f"{_told(value)} is yet to come.")
            cut = before_time(rx, shards, value + 1, committed)
        else:
            cut = committed if kind == "latest" else value
        if cut > committed:
            raise ValidationFailed(f"No record has the number {sequence.wire(1, cut)} yet.")
        if cut < known or (kind == "time" and value < known_ms):
            raise ValidationFailed(
                f"What {self.table.name} was is known since {_told(known_ms)}: the records before"
                " that are not kept."
            )
        return cut

    def _undo(self, rx: ReadTransaction, shards: list[ShardState], cut: int) -> None:
        size = 0
        before = self._before
        # Parents come before their children, so that the first record of a key is met first.
        for shard in shards:
            if shard.last_sequence <= cut or not shard.record_count:
                continue
            shard_id, beyond = shard.info.shard_id, shard.next_ordinal
            first = log.search(rx, shard_id, shard.first_ordinal, beyond, log.BY_SEQUENCE, cut + 1)
            start = shard_id << _BITS
            for _, _, body in rx.iterate(
                sql.RECORDS_PAGE, (start | first, start | beyond, _ALL_ROWS)
            ):
                keys, _, old = unpack_record(body)[3:]
                place = scan_start(self.table, None, keys)
                if place not in before:
                    before[place] = old
                    size += len(body)
                    if size > limits.SNAPSHOT_MEMORY_BYTES_MAX:
                        raise SnapshotFailed("memory")


def _known_since(shards: list[ShardState]) -> tuple[int, int]:
    """(number, time) from which on every record of a stream is there: behind what was trimmed, and
    behind the shards that are gone or never were.
    """
    names = {shard.info.name for shard in shards}
    since = max((shard.horizon_sequence, shard.horizon_ms) for shard in shards)
    # Siblings open at one time, which their names take apart by milliseconds.
    opened: dict[str | None, int] = {}
    for shard in shards:
        parent, moment = shard.info.parent_name, shard.info.opened_ms
        opened[parent] = min(opened.get(parent, moment), moment)
        if parent not in names:
            since = max(since, (shard.info.start_sequence, opened[parent]))
    return since


def _heads(shards: list[ShardState], cut: int) -> list[ShardState]:
    """The shards to go on in: those that had begun and whose children had not. Siblings begin
    together, one number after the other.
    """
    begins: dict[str | None, int] = {}
    for shard in shards:
        parent, number = shard.info.parent_name, shard.info.start_sequence
        begins[parent] = min(begins.get(parent, number), number)
    begun = [shard for shard in shards if begins[shard.info.parent_name] <= cut]
    parents = {shard.info.parent_name for shard in begun}
    return [shard for shard in begun if shard.info.name not in parents]


def _last_by(rx: ReadTransaction, shard: ShardState, cut: int) -> int:
    """The number of a shard's last record that is not beyond the cut; where it has none (any more),
    the one before its first.
    """
    shard_id, first = shard.info.shard_id, shard.first_ordinal
    found = log.search(rx, shard_id, first, shard.next_ordinal, log.BY_SEQUENCE, cut + 1)
    if found > first:
        return log.record_at(rx, shard_id, found - 1)[0]
    return max(shard.horizon_sequence, shard.info.start_sequence)


def _told(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(timespec="milliseconds")
