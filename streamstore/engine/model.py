"""What the engine knows of tables, indexes, partitions, streams and shards: immutable facts.

A change makes new objects, which the catalogue takes over after COMMIT; whoever holds an old one
holds a consistent picture of the moment it was read. `version` is the store-wide catalogue version
at which the object was made, so that a stale check can be seen under the lock (engine.md 1.8).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, Literal

KeyType = Literal["S", "N", "B"]


@dataclass(frozen=True, slots=True)
class KeyPart:
    """One key attribute: its name and its type (S, N or B)."""

    name: str
    type: KeyType


@dataclass(frozen=True, slots=True)
class KeySchema:
    """Key attributes in order. Tables and LSIs have one hash part and at most one range part; GSIs
    up to four each.
    """

    hash: tuple[KeyPart, ...]
    range: tuple[KeyPart, ...] = ()

    @property
    def parts(self) -> tuple[KeyPart, ...]:
        return self.hash + self.range

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """A secondary index. `index_id` is persisted and never reused."""

    index_id: int
    name: str
    kind: Literal["GSI", "LSI"]
    keys: KeySchema
    projection: Literal["ALL", "KEYS_ONLY", "INCLUDE"]
    non_key_attributes: tuple[str, ...] = ()
    read_units: int = 0
    write_units: int = 0
    created_ms: int = 0
    facts: dict[str, Any] = field(default_factory=dict)  # settings that are only echoed
    # While an index of a live table is being filled: the position (hash, pk, sk) of the last item
    # that it covers.
    # Writes to items beyond it leave the index alone. None: it covers the table.
    filled_to: tuple[bytes, bytes, bytes] | None = None
    # Names of the attributes an entry holds, set by the engine; empty stands for all of them.
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PartitionInfo:
    """A range of the 128-bit hash space of one table, both ends inclusive (16-byte big-endian)."""

    partition_id: int
    range_start: bytes
    range_end: bytes
    created_ms: int


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """One partition's log for a time. Open while `closed_ms` is None. `shard_id` is persisted and
    never reused.

    `name` is the wire's ShardId; `depth` the leading part of its sequence numbers (engine.md 5.1).
    Counters that change with every write are not here: they live in the `shard` row and in the
    group that is committing.
    """

    shard_id: int
    stream_id: int
    partition_id: int
    name: str
    parent_name: str | None
    depth: int
    range_start: bytes
    range_end: bytes
    opened_ms: int
    start_sequence: int
    closed_ms: int | None = None
    end_sequence: int | None = None


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream of a table. Enabled while `disabled_ms` is None."""

    stream_id: int
    table_id: int
    table_name: str
    region: str
    account: str
    label: str
    view_type: Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]
    keys: KeySchema
    created_ms: int
    disabled_ms: int | None = None

    @property
    def arn(self) -> str:
        table = f"arn:aws:dynamodb:{self.region}:{self.account}:table/{self.table_name}"
        return f"{table}/stream/{self.label}"


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """What UpdateTimeToLive last set. A table that never had one has None in its place.

    filled_to  while the expiries of a live table are being entered: the position (hash, pk, sk) of
               the last item entered, as `IndexInfo.filled_to`
    stale      whether rows of an earlier setting may be left; they go before any are entered
    """

    attribute: str
    enabled: bool
    changed_ms: int
    filled_to: tuple[bytes, bytes, bytes] | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table as its last committed change left it. `table_id` is persisted and never reused."""

    table_id: int
    version: int
    name: str
    uuid: str
    region: str
    account: str
    keys: KeySchema
    attribute_types: dict[str, KeyType]  # the AttributeDefinitions, in the order given
    billing_mode: Literal["PROVISIONED", "PAY_PER_REQUEST"]
    created_ms: int
    updated_ms: int  # of the last change through UpdateTable; created_ms at first
    read_units: int = 0
    write_units: int = 0
    deletion_protection: bool = False
    indexes: tuple[IndexInfo, ...] = ()
    partitions: tuple[PartitionInfo, ...] = ()  # ascending, together the whole hash space
    stream: StreamInfo | None = None  # the enabled stream
    last_stream: StreamInfo | None = None  # the newest one, enabled or not: LatestStreamArn
    open_shards: tuple[
        ShardInfo, ...
    ] = ()  # parallel to `partitions` while a stream is enabled, else empty
    facts: dict[str, Any] = field(
        default_factory=dict
    )  # tags, class, SSE, on-demand ceilings, times: only echoed
    range_starts: tuple[bytes, ...] = ()  # of `partitions`, for routing
    ttl: TimeToLive | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:dynamodb:{self.region}:{self.account}:table/{self.name}"

    def route(self, partition_hash: bytes) -> int:
        """The position in `partitions` (and `open_shards`) that this hash belongs to."""
        return bisect_right(self.range_starts, partition_hash) - 1

    def index(self, name: str) -> IndexInfo | None:
        """The index of that name, or None."""
        for index in self.indexes:
            if index.name == name:
                return index
        return None
