"""Where reading begins and ends: ranges of stored keys out of key conditions, and positions out of
start keys.

A range of sort keys is half-open, from a blob up to but without another. All blobs of a key begin
with a type tag, so b"" lies before and `BEYOND` after all of them. A position is the stored key of
an item or entry: (hash, pk, sk), on an index also the item's own (pk, sk). Reading goes on after
it, and nothing need be there.

LastEvaluatedKey is such a position as an item of key attributes; `page_key` makes it, `query_start`
and `scan_start` read one that a caller sends back, with the texts of spec G.3. What is wrong with
its values as attribute values has been told before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...codec.hashing import HASH_MAX, HASH_MIN, partition_hash
from ...codec.keys import encode_begins_with, encode_many, encode_prefix, prefix_end
from ...codec.sizes import Item, Value
from ...errors import ValidationFailed
from ..model import IndexInfo, KeyPart, KeySchema, TableInfo
from ..writes.mutation import KEY_MISMATCH, empty_key_text

if TYPE_CHECKING:
    from ...expressions import KeyRange

Position = tuple[bytes, ...]
# From a sort key's blob, up to but without another.
SortRange = tuple[bytes, bytes]

BEYOND: Final = b"\xff"
_SPACE: Final = 1 << (8 * len(HASH_MIN))

BAD_START: Final = "The provided starting key is invalid"
_BAD_START_SCHEMA: Final = f"{BAD_START}: {KEY_MISMATCH}"
_OUTSIDE: Final = (
    "The provided starting key is outside query boundaries based on provided conditions"
)
_OFF_RANGE: Final = "The provided starting key does not match the range key predicate"
_ONE_ROW: Final = "The query can return at most one row and cannot be restarted"
_OTHER_SEGMENT: Final = (
    BAD_START + ": Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment."
    " TotalSegments: {} Segment: {}"
)


def keys_of(table: TableInfo, index: IndexInfo | None) -> KeySchema:
    """The key schema that a read of the table, or of its index, goes by."""
    return table.keys if index is None else index.keys


def page_key(table: TableInfo, index: IndexInfo | None, item: Item) -> Item:
    """The key attributes that say where an item or entry lies: on an index its keys, then the
    table's.
    """
    names = table.keys.names if index is None else (*index.keys.names, *table.keys.names)
    return {name: item[name] for name in names}


def partition_of(keys: KeySchema, key_range: KeyRange) -> bytes:
    """The pk blob that a Query asks for."""
    return encode_many([key_range.hash[part.name] for part in keys.hash])


def sort_range(keys: KeySchema, key_range: KeyRange) -> SortRange:
    """The range of sort keys that a Query asks for."""
    conditions = key_range.range
    if not conditions:
        return b"", BEYOND
    leading = [values[0] for _, values in conditions[:-1]]
    operator, values = conditions[-1]
    is_last = len(conditions) == len(keys.range)
    if operator == "begins_with":
        start = encode_begins_with(leading, values[0], is_last)
        return start, prefix_end(start) or BEYOND
    prefix = encode_prefix(leading)
    low, high = prefix, prefix_end(prefix) or BEYOND
    start, end = _span(leading, values[0], is_last)
    if operator == "=":
        return start, end
    if operator == "<":
        return low, start
    if operator == "<=":
        return low, end
    if operator == ">":
        return end, high
    if operator == ">=":
        return start, high
    assert operator == "BETWEEN", f"no range for {operator}"
    return start, _span(leading, values[1], is_last)[1]


def _span(leading: list[Value], value: Value, is_last: bool) -> SortRange:
    """The sort keys whose parts are exactly these, up to this value, whatever parts follow."""
    if is_last:
        blob = encode_many([*leading, value])
        return blob, blob + b"\x00"
    blob = encode_prefix([*leading, value])
    return blob, prefix_end(blob) or BEYOND


def segment_range(segment: int, total: int) -> SortRange:
    """The first and last hash of a segment of a Scan, both in it."""
    first = _SPACE * segment // total
    beyond = _SPACE * (segment + 1) // total
    size = len(HASH_MIN)
    return first.to_bytes(size), (beyond - 1).to_bytes(size)


def query_start(
    table: TableInfo, index: IndexInfo | None, key_range: KeyRange, start: Item
) -> Position:
    """The position of a Query's ExclusiveStartKey. Raises ValidationFailed."""
    _check_start(table, index, start, BAD_START)
    keys = keys_of(table, index)
    position = _position(table, index, start)
    low, high = sort_range(keys, key_range)
    in_range = low <= position[2] < high
    if position[1] != partition_of(keys, key_range):
        if not key_range.range:
            raise ValidationFailed(_OUTSIDE)
        raise ValidationFailed(_ONE_ROW if in_range else _OFF_RANGE)
    if not in_range:
        raise ValidationFailed(_OFF_RANGE)
    return position


def scan_start(
    table: TableInfo, index: IndexInfo | None, start: Item, segment: int = 0, total: int = 1
) -> Position:
    """The position of a Scan's ExclusiveStartKey. Raises ValidationFailed."""
    _check_start(table, index, start, _BAD_START_SCHEMA if index is None else BAD_START)
    position = _position(table, index, start)
    first, last = segment_range(segment, total) if total > 1 else (HASH_MIN, HASH_MAX)
    if not first <= position[0] <= last:
        raise ValidationFailed(_OTHER_SEGMENT.format(total, segment))
    return position


def _position(table: TableInfo, index: IndexInfo | None, start: Item) -> Position:
    own = _blobs(table.keys, start)
    if index is None:
        return partition_hash(own[0]), *own
    entry = _blobs(index.keys, start)
    return partition_hash(entry[0]), *entry, *own


def _blobs(keys: KeySchema, item: Item) -> tuple[bytes, bytes]:
    return (
        encode_many([item[part.name] for part in keys.hash]),
        encode_many([item[part.name] for part in keys.range]),
    )


def _check_start(table: TableInfo, index: IndexInfo | None, start: Item, misnamed: str) -> None:
    names = set(table.keys.names)
    if index is not None:
        names.update(index.keys.names)
    if names != start.keys():
        raise ValidationFailed(misnamed)
    if index is not None:
        for part in index.keys.parts:
            if part.type not in start[part.name]:
                raise ValidationFailed(KEY_MISMATCH)
            _check_empty(part, start)
    for part in table.keys.parts:
        if part.type not in start[part.name]:
            raise ValidationFailed(_BAD_START_SCHEMA)
        _check_empty(part, start)


def _check_empty(part: KeyPart, start: Item) -> None:
    if not start[part.name][part.type]:
        raise ValidationFailed(
            f"{BAD_START}: One or more parameter values are not valid."
            f" {empty_key_text(part)} Key: {part.name}"
        )
