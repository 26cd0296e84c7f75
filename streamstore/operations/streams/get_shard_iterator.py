"""GetShardIterator: a place in a shard as a text that only this store can make (streams page
A.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...engine.model import StreamInfo
from ...engine.streams import positions
from ...engine.streams.descriptions import ShardState, find_shard
from ...engine.streams.iterators import encode
from ...engine.streams.log import Position
from ...errors import ResourceNotFound, ValidationFailed
from ..plan import ReadPlan, Reply, Scope
from .arns import stream_of

if TYPE_CHECKING:
    from ...engine.engine import Engine
    from ...storage.transaction import ReadTransaction

_INVALID: Final = "One or more parameter values were invalid: "
# Which member a type needs; the others take neither.
_NEEDS: Final = {
    "AT_SEQUENCE_NUMBER": "SequenceNumber",
    "AFTER_SEQUENCE_NUMBER": "SequenceNumber",
    "AT_TIMESTAMP": "Timestamp",
}


def prepare(params: dict[str, Any], scope: Scope) -> ReadPlan:
    """The plan of a checked request. The iterator lives 15 minutes of the store's clock."""
    engine = scope.engine
    kind = params["ShardIteratorType"]
    _check_companions(kind, params)
    if kind == "AT_TIMESTAMP" and params["Timestamp"] > engine.clock.now_ms():
        raise ValidationFailed("The parameter Timestamp must not be in the future")
    stream = stream_of(scope, params["StreamArn"])

    def read(rx: ReadTransaction) -> Reply:
        shard = find_shard(rx, stream, params["ShardId"])
        if shard is None:
            raise ResourceNotFound("shard", params["ShardId"])
        position = _position(rx, engine, stream, shard, params)
        issued_ms = engine.issue_ms()
        return {"ShardIterator": encode(engine.iterator_key, stream.arn, position, issued_ms)}

    return ReadPlan(read, table=stream.table_name)


def _check_companions(kind: str, params: dict[str, Any]) -> None:
    needed = _NEEDS.get(kind)
    for member in ("SequenceNumber", "Timestamp"):
        if member == needed and member not in params:
            raise ValidationFailed(
                f"The parameter {member} is required when ShardIteratorType is {kind}"
            )
        if member != needed and member in params:
            raise ValidationFailed(
                f"{_INVALID}{member} should not be passed for this iterator type"
            )


def _position(
    rx: ReadTransaction,
    engine: Engine,
    stream: StreamInfo,
    shard: ShardState,
    params: dict[str, Any],
) -> Position:
    kind = params["ShardIteratorType"]
    if kind == "TRIM_HORIZON":
        return positions.trim_horizon(shard)
    if kind == "LATEST":
        return positions.latest(rx, shard)
    if kind == "AT_SEQUENCE_NUMBER":
        return positions.at_sequence(rx, engine, stream, shard, params["SequenceNumber"])
    if kind == "AFTER_SEQUENCE_NUMBER":
        return positions.after_sequence(rx, engine, stream, shard, params["SequenceNumber"])
    return positions.at_time(rx, engine, stream, shard, params["Timestamp"])
