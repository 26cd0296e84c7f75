"""DescribeStream: a stream and a page of its shards, read in one snapshot (streams page A.6)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...engine.model import StreamInfo
from ...engine.streams.descriptions import ShardState, find_shard, list_shards
from ...engine.streams.sequence import wire
from ..plan import ReadPlan, Reply, Scope
from ..tables.description import key_schema
from ..tables.status import stream_status, transition_ms
from .arns import stream_of

if TYPE_CHECKING:
    from ...engine.engine import Engine
    from ...storage.transaction import ReadTransaction

_SHARD_NAME: Final = re.compile(r"shardId-(\d{20})-[0-9a-f]{8}")


def prepare(params: dict[str, Any], scope: Scope) -> ReadPlan:
    """The plan of a checked request. With ShardFilter only the immediate children of that shard are
    listed.
    """
    stream = stream_of(scope, params["StreamArn"])
    if scope.engine.pacing is not None:
        scope.engine.pacing.call("DescribeStream", stream.table_name)
    limit = params.get("Limit", limits.DESCRIBE_STREAM_SHARDS_MAX)
    after = params.get("ExclusiveStartShardId", "")
    parent = params.get("ShardFilter", {}).get("ShardId")

    def read(rx: ReadTransaction) -> Reply:
        shards: list[ShardState] = []
        if not after or _may_follow(rx, scope.engine, stream, after):
            shards = list_shards(rx, stream, after_name=after, limit=limit + 1, parent_name=parent)
        description = _describe(scope.engine, stream)
        description["Shards"] = [_shard(shard) for shard in shards[:limit]]
        if len(shards) > limit:
            description["LastEvaluatedShardId"] = shards[limit - 1].info.name
        return {"StreamDescription": description}

    return ReadPlan(read, table=stream.table_name)


def _may_follow(rx: ReadTransaction, engine: Engine, stream: StreamInfo, after: str) -> bool:
    """Whether a page goes on after that shard.

    After a shard that never was nothing follows, as at the service. One that was removed since the
    page before must not end the listing: it is told by its time, which lies before the horizon.
    """
    if find_shard(rx, stream, after) is not None:
        return True
    made = _SHARD_NAME.fullmatch(after)
    if made is None:
        return False
    return stream.created_ms <= int(made[1]) < engine.horizon.cut_ms(stream.table_name)


def _describe(engine: Engine, stream: StreamInfo) -> dict[str, Any]:
    return {
        "StreamArn": stream.arn,
        "StreamLabel": stream.label,
        "StreamStatus": stream_status(stream, engine.clock.now_ms(), transition_ms(engine)),
        "StreamViewType": stream.view_type,
        "CreationRequestDateTime": stream.created_ms / 1000,
        "TableName": stream.table_name,
        "KeySchema": key_schema(stream.keys),
    }


def _shard(shard: ShardState) -> dict[str, Any]:
    info = shard.info
    numbers = {"StartingSequenceNumber": wire(info.depth, info.start_sequence)}
    if info.end_sequence is not None:
        numbers["EndingSequenceNumber"] = wire(info.depth, info.end_sequence)
    shape: dict[str, Any] = {"ShardId": info.name, "SequenceNumberRange": numbers}
    if info.parent_name is not None:
        shape["ParentShardId"] = info.parent_name
    return shape
