"""GetRecords: a page of a shard's log, and the iterator for the next (streams page A.8).

Records and the state of their shard are read in one snapshot: NextShardIterator is absent exactly
when the shard is closed and this page ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ... import limits
from ...engine.streams.iterators import decode, encode
from ...engine.streams.log import Position, read_page
from ...errors import ResourceNotFound
from ..plan import ReadPlan, Reply, Scope
from .images import shape_records

if TYPE_CHECKING:
    from ...engine.engine import Engine
    from ...storage.transaction import ReadTransaction


def prepare(params: dict[str, Any], scope: Scope) -> ReadPlan:
    """The plan of a checked request.

    ValidationFailed for an iterator that this store didn't make, IteratorExpired, ResourceNotFound
    for a stream that is gone; RecordsTrimmed comes from reading.
    """
    engine = scope.engine
    arn, position = decode(
        engine.iterator_key,
        params["ShardIterator"],
        engine.clock.now_ms(),
        engine.iterator_floor_ms,
        engine.retired_iterator_key,
    )
    stream = engine.catalog.stream_by_arn(arn)
    if stream is None:
        raise ResourceNotFound("stream", arn)
    limit = params.get("Limit", limits.GET_RECORDS_MAX)
    pacing = engine.pacing
    if pacing is not None:
        pacing.read(position.shard_id, params["ShardIterator"], stream.table_name)

    def read(rx: ReadTransaction) -> Reply:
        page = read_page(rx, engine, stream, position, limit)
        reply: Reply = {
            "Records": shape_records(
                page.records,
                depth=page.depth,
                view_type=stream.view_type,
                region=scope.region,
                id_prefix=engine.event_id_prefix.hex(),
            )
        }
        shown = reply["Records"]
        size_bytes = sum(record["dynamodb"]["SizeBytes"] for record in shown)
        engine.metrics.returned(stream.table_name, stream.label, len(shown), size_bytes)
        if page.next is not None:
            issued_ms = engine.issue_ms()
            reply["NextShardIterator"] = encode(engine.iterator_key, arn, page.next, issued_ms)
        if pacing is not None:
            following = reply.get("NextShardIterator")
            pacing.hand_out(position.shard_id, params["ShardIterator"], following)
        return reply

    return ReadPlan(read, _may_be_long(engine, position, limit), stream.table_name)


def _may_be_long(engine: Engine, position: Position, limit: int) -> bool:
    """Whether more records may come than an event loop should wait for.

    A shard that was not written to since the store was opened tells nothing of itself.
    """
    if limit <= limits.SHORT_PAGE_RECORDS_MAX:
        return False
    counters = engine.shard_counters.get(position.shard_id)
    waiting = limit if counters is None else counters[1] - position.ordinal
    return waiting > limits.SHORT_PAGE_RECORDS_MAX
