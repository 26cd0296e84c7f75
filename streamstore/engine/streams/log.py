"""The log of a shard: appending a record, and reading a page of them.

Records of a shard are numbered by ordinals without gaps from 1; the ordinal is where a record lies,
its sequence number is what callers see. A page is read in one read transaction, records and the
state of their shard together, since only that tells "nothing yet" from "closed and drained"
(engine.md 3.1).

A position says which number was read last and, as a hint, at which ordinal the next record should
be. The number decides, the hint only saves a search: after a restored backup the ordinals of lost
records are given again, their numbers never are. An exact position that lies before the trim
horizon is refused, never moved; only one that came from TRIM_HORIZON skips ahead.

This module knows nothing of requests, iterator texts or images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ... import limits
from ...errors import Corrupted, RecordsTrimmed
from ...storage import statements_streams as sql
from ..model import StreamInfo, TableInfo
from . import sequence

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction
    from ..engine import Engine
    from ..writes.group import Group

_BITS: Final = limits.RECORD_ORDINAL_BITS
_INSERT: Final = sql.RECORD_INSERT

# (sequence counter, created_ms, stored body) of one record.
Record = tuple[int, int, bytes]

BY_SEQUENCE: Final = 0
BY_TIME: Final = 1


class Position(NamedTuple):
    """A place in one shard: before the first record whose number is above `after`.

    `birth` is the shard's starting number, which no other shard ever has. `ordinal` is where the
    next record should be. With `exact` False the place is TRIM_HORIZON, whatever that is at the
    time of reading, and `after` is 0.
    """

    shard_id: int
    birth: int
    after: int
    ordinal: int
    exact: bool


class Page(NamedTuple):
    """What one read gave.

    `next` is None when the shard is closed and all of it has been read; `depth` is the shard's.
    """

    records: list[Record]
    next: Position | None
    depth: int


def append(group: Group, table: TableInfo, position: int, body: bytes) -> int:
    """Append a record to the open shard of that partition position; returns its sequence
    counter.
    """
    shard = table.open_shards[position]
    shard_id = shard.shard_id
    counters = group.shards.get(shard_id)
    if counters is None:
        counters = group.shard_counters(shard_id)
    group.keep_shard(counters)
    group.sequence = number = group.sequence + 1
    created_ms = group.stream_ms.get(shard.stream_id)
    if created_ms is None:
        created_ms = _record_time(group, shard.stream_id)
    ordinal = counters.next_ordinal
    group.tx.run(_INSERT, ((shard_id << _BITS) | ordinal, number, created_ms, body))
    counters.last_sequence = number
    counters.next_ordinal = ordinal + 1
    counters.byte_count += len(body)
    return number


def _record_time(group: Group, stream_id: int) -> int:
    """The creation time of this group's records in a stream: the clock, or the stream's last one
    if that is later. It is the same for all of the group, and undone with the unit that asked.
    """
    last = group.engine.stream_ms.get(stream_id)
    if last is None:
        row = group.tx.one(sql.STREAM_LAST_RECORD, (stream_id,))
        last = row[0] if row is not None else 0
    times = group.stream_ms
    times[stream_id] = created_ms = max(group.now_ms, last)

    def undo() -> None:
        del times[stream_id]

    group.journal(undo)
    return created_ms


def read_page(
    rx: ReadTransaction, engine: Engine, stream: StreamInfo, position: Position, limit: int
) -> Page:
    """Up to `limit` records and 1 MiB of stored bodies, at least one if there is one.

    Raises RecordsTrimmed for an exact position before the trim horizon, and for a shard that is
    gone.
    """
    row = rx.one(sql.SHARD_TO_READ, (position.shard_id,))
    if row is None or row[0] != stream.stream_id or row[1] != position.birth:
        raise RecordsTrimmed
    _, birth, depth, closed_ms, first, beyond, horizon = row
    shard_id, _, after, ordinal, exact = position
    cut_ms = engine.horizon.cut_ms(stream.table_name)
    if not exact:
        ordinal = first
        after = max(horizon, birth)
    elif after < horizon:
        raise RecordsTrimmed(oldest_readable(rx, shard_id, depth, first, beyond, horizon, cut_ms))
    elif not _hint_holds(rx, shard_id, after, ordinal, first, beyond):
        ordinal = search(rx, shard_id, first, beyond, BY_SEQUENCE, after + 1)
    records = _fetch(rx, shard_id, ordinal, beyond, limit)
    if records and (records[0][1] < cut_ms or records[0][0] <= after):
        # The hint was wrong, or the oldest records on disk are past the horizon.
        ordinal, after = _past_horizon(
            rx, position, depth, first, beyond, max(after, horizon), cut_ms
        )
        records = _fetch(rx, shard_id, ordinal, beyond, limit)
    ordinal += len(records)
    if records:
        after = records[-1][0]
    if closed_ms is not None and ordinal == beyond:
        return Page(records, None, depth)
    return Page(records, Position(shard_id, birth, after, ordinal, True), depth)


def _hint_holds(
    rx: ReadTransaction, shard_id: int, after: int, ordinal: int, first: int, beyond: int
) -> bool:
    """Whether everything before `ordinal` was read; that the record there is new shows when it
    is fetched.
    """
    if not first <= ordinal <= beyond:
        return False
    if ordinal == first:
        # What lay before was trimmed, and `after` is not before the horizon.
        return True
    return record_at(rx, shard_id, ordinal - 1)[0] <= after


def _fetch(
    rx: ReadTransaction, shard_id: int, ordinal: int, beyond: int, limit: int
) -> list[Record]:
    records: list[Record] = []
    if ordinal >= beyond:
        return records
    start = shard_id << _BITS
    total = 0
    for record in rx.iterate(sql.RECORDS_PAGE, (start | ordinal, start | beyond, limit)):
        total += len(record[2])
        if total > limits.GET_RECORDS_BYTES_MAX and records:
            break
        records.append(record)
    return records


def _past_horizon(
    rx: ReadTransaction,
    position: Position,
    depth: int,
    first: int,
    beyond: int,
    after: int,
    cut_ms: int,
) -> tuple[int, int]:
    """(ordinal, number before it) where reading may go on. Raises RecordsTrimmed where an exact
    position may not.
    """
    shard_id = position.shard_id
    wanted = search(rx, shard_id, first, beyond, BY_SEQUENCE, after + 1)
    visible = search(rx, shard_id, wanted, beyond, BY_TIME, cut_ms)
    if visible == wanted:
        return wanted, after
    if position.exact:
        oldest = record_at(rx, shard_id, visible)[0] if visible < beyond else None
        raise RecordsTrimmed(None if oldest is None else sequence.wire(depth, oldest))
    return visible, record_at(rx, shard_id, visible - 1)[0]


def oldest_readable(
    rx: ReadTransaction,
    shard_id: int,
    depth: int,
    first: int,
    beyond: int,
    horizon: int,
    cut_ms: int,
) -> str | None:
    """The wire number of the oldest record that may be read, or None where there is none."""
    kept = search(rx, shard_id, first, beyond, BY_SEQUENCE, horizon + 1)
    visible = search(rx, shard_id, kept, beyond, BY_TIME, cut_ms)
    if visible == beyond:
        return None
    return sequence.wire(depth, record_at(rx, shard_id, visible)[0])


def record_at(rx: ReadTransaction, shard_id: int, ordinal: int) -> tuple[int, int]:
    """(sequence counter, created_ms) of the record at an ordinal that is on disk. Raises
    Corrupted if it is not.
    """
    row = rx.one(sql.RECORD_AT, ((shard_id << _BITS) | ordinal,))
    if row is None:
        raise Corrupted(f"record {ordinal} of shard {shard_id} is missing between its neighbours")
    return row[0], row[1]


def search(
    rx: ReadTransaction, shard_id: int, first: int, beyond: int, key: int, floor: int
) -> int:
    """The lowest ordinal in first..beyond-1 whose number (BY_SEQUENCE) or time (BY_TIME) is at
    least `floor`.

    `beyond` if there is none. Both rise with the ordinal, so this is a bisection: 20 looks at a
    million records.
    """
    while first < beyond:
        middle = (first + beyond) // 2
        if record_at(rx, shard_id, middle)[key] < floor:
            first = middle + 1
        else:
            beyond = middle
    return first
