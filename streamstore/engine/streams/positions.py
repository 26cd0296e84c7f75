"""Where reading begins: the five kinds of shard iterator turned into positions.

All of them look at the shard in the read transaction of the request. LATEST is the committed
counter of that snapshot, so nothing written later can be missed, whatever other shards do. A number
or a time is found by bisection. A number before the trim horizon is refused here already; a time
before it means the oldest readable record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...errors import RecordsTrimmed, ValidationFailed
from ...storage import statements_streams as sql
from ..model import StreamInfo
from . import log, sequence
from .descriptions import ShardState
from .log import Position

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction
    from ..engine import Engine

_NOT_OF_SHARD: Final = "Invalid SequenceNumber for the shard"


def committed_counter(rx: ReadTransaction) -> int:
    """The newest sequence counter that this snapshot knows of, in any shard."""
    row = rx.one(sql.SEQUENCE)
    return 0 if row is None else int(row[0])


def trim_horizon(shard: ShardState) -> Position:
    """The oldest readable record, whichever that is when the position is read."""
    return Position(shard.info.shard_id, shard.info.start_sequence, 0, shard.first_ordinal, False)


def latest(rx: ReadTransaction, shard: ShardState) -> Position:
    """After the newest record of this snapshot."""
    return _after(shard, committed_counter(rx), shard.next_ordinal)


def at_sequence(
    rx: ReadTransaction, engine: Engine, stream: StreamInfo, shard: ShardState, text: str
) -> Position:
    """At the record of that number, or the next one if none has it: the starting number is always
    good.

    Raises ValidationFailed for a number that is not of this shard, RecordsTrimmed for one before
    the horizon.
    """
    return _exact(rx, engine, stream, shard, _own_number(rx, shard, text) - 1)


def after_sequence(
    rx: ReadTransaction, engine: Engine, stream: StreamInfo, shard: ShardState, text: str
) -> Position:
    """After the record of that number. Raises as `at_sequence` does."""
    return _exact(rx, engine, stream, shard, _own_number(rx, shard, text))


def at_time(
    rx: ReadTransaction, engine: Engine, stream: StreamInfo, shard: ShardState, timestamp_ms: int
) -> Position:
    """At the first record created at that time or later; before the horizon this is the oldest
    readable record.

    Where every record is older, the position is LATEST. A time to come is the caller's to refuse.
    """
    info = shard.info
    first, beyond = shard.first_ordinal, shard.next_ordinal
    kept = log.search(rx, info.shard_id, first, beyond, log.BY_SEQUENCE, shard.horizon_sequence + 1)
    floor_ms = max(timestamp_ms, engine.horizon.cut_ms(stream.table_name))
    found = log.search(rx, info.shard_id, kept, beyond, log.BY_TIME, floor_ms)
    if found == beyond:
        return latest(rx, shard)
    return _after(shard, log.record_at(rx, info.shard_id, found)[0] - 1, found)


def _own_number(rx: ReadTransaction, shard: ShardState, text: str) -> int:
    info = shard.info
    try:
        depth, counter = sequence.parse(text)
    except ValidationFailed:
        raise ValidationFailed(_NOT_OF_SHARD) from None
    # An open shard's end is the store's counter, not its last record: a checkpoint taken before a
    # backup was restored may lie beyond that record.
    end = info.end_sequence if info.end_sequence is not None else committed_counter(rx)
    if depth != info.depth or not info.start_sequence <= counter <= end:
        raise ValidationFailed(_NOT_OF_SHARD)
    return counter


def _exact(
    rx: ReadTransaction, engine: Engine, stream: StreamInfo, shard: ShardState, after: int
) -> Position:
    """The position after that number, unless records behind it are past the horizon."""
    info = shard.info
    shard_id, first, beyond = info.shard_id, shard.first_ordinal, shard.next_ordinal
    cut_ms = engine.horizon.cut_ms(stream.table_name)
    found = log.search(rx, shard_id, first, beyond, log.BY_SEQUENCE, after + 1)
    trimmed = after < shard.horizon_sequence or (
        found < beyond and log.record_at(rx, shard_id, found)[1] < cut_ms
    )
    if trimmed:
        raise RecordsTrimmed(
            log.oldest_readable(
                rx, shard_id, info.depth, first, beyond, shard.horizon_sequence, cut_ms
            )
        )
    return _after(shard, after, found)


def _after(shard: ShardState, after: int, ordinal: int) -> Position:
    return Position(shard.info.shard_id, shard.info.start_sequence, after, ordinal, True)
