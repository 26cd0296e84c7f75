"""Trimming: what is past the horizon leaves the disk, in bounded pieces.

A record is past the horizon when it is older than its table's retention by the time that `horizon`
believes; readers hide it from then on. A trim first persists how far the horizon of the shard has
come, as the number and time of the newest record behind it, and it only moves forward: what was
behind it once stays there, whatever the clock does later. Then it deletes from the front, 2,000
rows, 8 MiB or 5 ms a piece, so that a shard on disk is always one run of ordinals. A crash between
pieces leaves rows that are behind the horizon; the next trim deletes them.

A closed shard goes when it is empty and has been closed for the retention; its children may name a
parent that is gone. A stream goes a day after it was disabled, when its shards are gone. Retired
partitions go with the last shard that names them.

A tester may do the same by hand (control): move a shard's horizon whatever the time, drop a closed
shard that is empty, forget a disabled stream that has no shard left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...errors import ResourceNotFound, ValidationFailed
from ...storage import statements_streams as sql
from . import log, sequence
from .descriptions import ALL_SHARDS, ShardState, find_shard, list_shards

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction, WriteTransaction
    from ..engine import Engine
    from ..model import StreamInfo
    from ..writes.group import Group

_BITS: Final = limits.RECORD_ORDINAL_BITS
# How many rows are deleted between two looks at the bounds.
_STEP_ROWS: Final = 250
_SHARDS_LOOKED_AT: Final = 250
_STREAMS_FORGOTTEN: Final = 100
_STREAM_KEPT_MS: Final = limits.STREAM_KEPT_SECONDS * 1000


class Trimmer:
    """Goes round all shards of a store, a piece at a time. Used by whoever holds the writer's lock.

    `trimmed` counts deleted records since the store was opened.
    """

    def __init__(self) -> None:
        self.trimmed = 0
        self._cursor = 0

    def tick(self, group: Group) -> bool:
        """Do one piece; True while there is more to do in this round.

        Each call goes on where the last one stopped, and a round ends with the shards, streams and
        partitions that nothing needs any more.
        """
        piece = _Piece(group)
        rows = group.tx.all(sql.SHARDS_TO_TRIM, (self._cursor, _SHARDS_LOOKED_AT))
        for row in rows:
            shard_id = row[0]
            done = _trim(group, piece, row)
            self.trimmed += piece.take_trimmed()
            if not done:
                self._cursor = shard_id - 1
                return True
            if piece.spent():
                self._cursor = shard_id
                return True
        if len(rows) == _SHARDS_LOOKED_AT:
            self._cursor = rows[-1][0]
            return True
        self._cursor = 0
        return _forget(group)


def trim_tick(group: Group) -> bool:
    """One piece of the store's trimming round; True while there is more."""
    return group.engine.trimmer.tick(group)


def trim_due(rx: ReadTransaction, engine: Engine) -> bool:
    """Whether a trimming round would find anything to remove. Looks at the front of every shard."""
    now_ms = engine.horizon.now_ms()
    if rx.one(sql.STREAMS_TO_FORGET, (now_ms - _STREAM_KEPT_MS, 1)) is not None:
        return True
    for row in rx.all(sql.SHARDS_TO_TRIM, (0, ALL_SHARDS)):
        shard_id, _, table_name, closed_ms, first, beyond, horizon, _ = row
        cut_ms = engine.horizon.cut_ms(table_name)
        if first < beyond:
            sequence, created_ms = log.record_at(rx, shard_id, first)
            if created_ms < cut_ms or sequence <= horizon:
                return True
        elif closed_ms is not None and closed_ms < cut_ms:
            return True
    return False


def trim_by_hand(
    group: Group, stream: StreamInfo, shard_name: str | None, through: str | None = None
) -> int:
    """Move horizons past every record there is now, or past those up to the number `through`.

    Of one shard, or of all shards of the stream. Returns how many records went behind them; the
    next rounds of `trim_tick` delete these. Raises ResourceNotFound for a shard that is not there,
    ValidationFailed for a number that is not of that shard's.
    """
    assert through is None or shard_name is not None, "a number is one shard's"
    moved = 0
    for state in _named(group, stream, shard_name):
        shard_id, first = state.info.shard_id, state.first_ordinal
        counters = group.shards.get(shard_id)
        beyond = state.next_ordinal if counters is None else counters.next_ordinal
        floor = sequence.COUNTER_MAX
        if through is not None:
            depth, counter = sequence.parse(through)
            if depth != state.info.depth or counter < state.info.start_sequence:
                raise ValidationFailed(f"Invalid SequenceNumber: {through}")
            floor = counter + 1
        tx = group.tx
        behind = log.search(
            tx, shard_id, first, beyond, log.BY_SEQUENCE, state.horizon_sequence + 1
        )
        keep_from = log.search(tx, shard_id, behind, beyond, log.BY_SEQUENCE, floor)
        if keep_from > behind:
            tx.run(sql.SHARD_HORIZON_SET, (*log.record_at(tx, shard_id, keep_from - 1), shard_id))
            moved += keep_from - behind
    return moved


def drop_by_hand(group: Group, stream: StreamInfo, shard_name: str | None) -> list[str]:
    """Drop closed shards that are empty on disk, however lately they closed; returns their names.

    Raises ResourceNotFound for a shard that is not there.
    """
    dropped = []
    for state in _named(group, stream, shard_name):
        if state.info.closed_ms is not None and state.record_count == 0:
            _drop(group, state.info.shard_id, stream.stream_id, state.horizon_ms)
            dropped.append(state.info.name)
    return dropped


def forget_by_hand(group: Group, stream: StreamInfo) -> None:
    """Forget a stream of a dropped table, all of whose shards are gone."""
    group.tx.run(sql.STREAM_DELETE, (stream.stream_id,))
    group.catalogue_moved = True
    group.after_commit(_forgetting(group.engine, stream.stream_id))


def _named(group: Group, stream: StreamInfo, shard_name: str | None) -> list[ShardState]:
    """That shard, or all of the stream's."""
    if shard_name is None:
        return list_shards(group.tx, stream)
    found = find_shard(group.tx, stream, shard_name)
    if found is None:
        raise ResourceNotFound("shard", shard_name)
    return [found]


class _Piece:
    """What one call may still do."""

    __slots__ = ("_clock", "_deadline", "bytes_left", "rows_left", "trimmed")

    def __init__(self, group: Group) -> None:
        self._clock = group.engine.clock
        self._deadline = self._clock.monotonic() + limits.TICK_SECONDS_MAX
        self.rows_left = limits.TICK_ROWS_MAX
        self.bytes_left = limits.TICK_BYTES_MAX
        self.trimmed = 0

    def spent(self) -> bool:
        return (
            self.rows_left <= 0 or self.bytes_left <= 0 or self._clock.monotonic() >= self._deadline
        )

    def take(self, rows: int, size: int) -> None:
        self.rows_left -= rows
        self.bytes_left -= size
        self.trimmed += rows

    def take_trimmed(self) -> int:
        trimmed, self.trimmed = self.trimmed, 0
        return trimmed


def _trim(group: Group, piece: _Piece, row: tuple[Any, ...]) -> bool:
    """Trim one shard as far as the piece allows; False if some of it has to wait for the next
    piece.
    """
    shard_id, stream_id, table_name, closed_ms, first, beyond, horizon, horizon_ms = row
    tx = group.tx
    cut_ms = group.engine.horizon.cut_ms(table_name)
    if first < beyond:
        sequence, created_ms = log.record_at(tx, shard_id, first)
        if created_ms >= cut_ms and sequence > horizon:
            return True
        behind = log.search(tx, shard_id, first, beyond, log.BY_SEQUENCE, horizon + 1)
        keep_from = log.search(tx, shard_id, behind, beyond, log.BY_TIME, cut_ms)
        if keep_from > behind:
            horizon, horizon_ms = log.record_at(tx, shard_id, keep_from - 1)
            tx.run(sql.SHARD_HORIZON_SET, (horizon, horizon_ms, shard_id))
        first = _delete(group, piece, shard_id, closed_ms is not None, first, keep_from)
        if first < keep_from:
            return False
    if first == beyond and closed_ms is not None and closed_ms < cut_ms:
        _drop(group, shard_id, stream_id, horizon_ms)
    return True


def _delete(
    group: Group, piece: _Piece, shard_id: int, closed: bool, first: int, keep_from: int
) -> int:
    """Delete records from `first` on, up to `keep_from` or the piece's end; returns the new
    first ordinal.
    """
    tx = group.tx
    counters = group.shard_counters(shard_id)
    group.keep_shard(counters)
    start = shard_id << _BITS
    while first < keep_from and not piece.spent():
        upto = min(first + min(_STEP_ROWS, piece.rows_left), keep_from)
        rows, size = _measured(tx, start | first, start | upto, piece.bytes_left)
        tx.run(sql.RECORDS_DELETE, (start | first, start | (first + rows)))
        first += rows
        counters.byte_count -= size
        piece.take(rows, size)
    tx.run(sql.SHARD_FIRST_ORDINAL_SET, (first, shard_id))
    if closed:
        engine = group.engine

        def settle() -> None:
            # A closed shard's counters are wanted for trimming only, and publishing them has told
            # of it as if open.
            engine.shard_counters.pop(shard_id, None)
            engine.tail.closed(shard_id)

        group.after_commit(settle)
    return first


def _measured(tx: WriteTransaction, low: int, high: int, bytes_max: int) -> tuple[int, int]:
    """(rows, bytes) of the leading rows of a range of ids that fit in `bytes_max`, at least one
    row.
    """
    rows = size = 0
    for (length,) in tx.all(sql.RECORD_LENGTHS, (low, high)):
        if rows and size + length > bytes_max:
            break
        rows += 1
        size += length
    return rows, size


def _drop(group: Group, shard_id: int, stream_id: int, horizon_ms: int) -> None:
    """Remove the row of an empty closed shard, keeping the newest time its records had."""
    group.tx.run(sql.STREAM_LAST_RECORD_RAISE, (horizon_ms, stream_id))
    group.tx.run(sql.SHARD_DELETE, (shard_id,))
    engine = group.engine

    def settle() -> None:
        engine.shard_counters.pop(shard_id, None)
        engine.tail.forget(shard_id)

    group.after_commit(settle)


def _forget(group: Group) -> bool:
    """Remove disabled streams whose time has passed, and partitions that no shard names any
    more.
    """
    engine, tx = group.engine, group.tx
    now_ms = engine.horizon.now_ms()
    tx.run(sql.PARTITIONS_FORGET, (now_ms,))
    rows = tx.all(sql.STREAMS_TO_FORGET, (now_ms - _STREAM_KEPT_MS, _STREAMS_FORGOTTEN))
    for stream_id, table_id in rows:
        tx.run(sql.STREAM_DELETE, (stream_id,))
        table = group.table_by_id(table_id)
        if (
            table is not None
            and table.last_stream is not None
            and table.last_stream.stream_id == stream_id
        ):
            version = group.next_catalogue_version()
            group.put_table(replace(table, last_stream=None, version=version))
        group.catalogue_moved = True
        group.after_commit(_forgetting(engine, stream_id))
    return len(rows) == _STREAMS_FORGOTTEN


def _forgetting(engine: Engine, stream_id: int) -> Any:
    def settle() -> None:
        engine.catalog.forget_stream(stream_id)
        engine.stream_ms.pop(stream_id, None)

    return settle
