"""Partitions and shards as rows: ranges, lineage, ends, numbers. No record is read here.

Owns: I-15 (at every instant ranges divide the space), I-16 (parents and children), I-17 (ends), and
what of I-12 and I-23 the shard's own row can show. Must not know: records, items.

A shard that nothing needs any more is dropped, and its children go on to name it as their parent.
So a closed shard of an enabled stream is followed by its children, or by shards whose parent is
gone; a stream that has ended may end in closed shards without any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from ..codec import hashing
from ..limits import HASH_BYTES
from .findings import Findings
from .picture import Picture, Shard, Stream

Range = tuple[bytes, bytes]


def check_partitions(found: Findings, picture: Picture) -> None:
    """I-15 for the partitions of every table, and that no partition lacks a table."""
    for table_id, rows in picture.partitions.items():
        for row in rows:
            if not _sound(row.range_start, row.range_end):
                where = f"partition {row.partition_id}"
                found.add("I-15", where, "its hash range can't be")
        if table_id not in picture.table_ids:
            found.add("I-5", f"partition {rows[0].partition_id}", f"it has no table {table_id}")
    for table_id, table in picture.tables.items():
        live = [row for row in picture.partitions.get(table_id, ()) if row.retired_ms is None]
        fault = untiled((row.range_start, row.range_end) for row in live)
        if fault is not None:
            found.add("I-15", f"partitions of table {table.name!r}", fault)


def untiled(ranges: Iterable[Range]) -> str | None:
    """How these ranges fail to divide the whole hash space; None if they do not fail."""
    ordered = sorted(ranges)
    if not ordered:
        return "there are none"
    if not all(_sound(first, last) for first, last in ordered):
        return "one of them can't be"
    if ordered[0][0] != hashing.HASH_MIN or ordered[-1][1] != hashing.HASH_MAX:
        return "they don't reach from the lowest to the highest hash"
    for (_, last), (first, _) in pairwise(ordered):
        if last == hashing.HASH_MAX or hashing.successor(last) != first:
            how = "overlap" if first <= last else "leave a gap"
            return f"they {how} between {last.hex()} and {first.hex()}"
    return None


def check_shards(found: Findings, picture: Picture, stream: Stream, shards: list[Shard]) -> None:
    """The shards of one stream; `shards` are all of its rows."""
    by_name = {shard.name: shard for shard in shards}
    label_ms, shard_ms, depth = picture.used.get(stream.table_name, (0, 0, 0))
    if (
        stream.created_ms > label_ms
        or max((shard.opened_ms for shard in shards), default=0) > shard_ms
        or max((shard.depth for shard in shards), default=0) > depth
    ):
        text = "what it has used of its table's name is not written down, and may be given again"
        found.add("I-12", stream.place, text)
    for shard in shards:
        _check_shard(found, picture, stream, shard, by_name)
    opened = [shard for shard in shards if shard.closed_ms is None]
    if stream.disabled_ms is not None:
        for shard in opened:
            found.add("I-17", f"shard {shard.name}", "it is open, but its stream is disabled")
        return
    _check_open(found, picture, stream, opened)
    _check_children(found, stream, shards, by_name)


def _check_shard(
    found: Findings, picture: Picture, stream: Stream, shard: Shard, by_name: dict[str, Shard]
) -> None:
    place = f"shard {shard.name} of {stream.place}"
    if (shard.closed_ms is None) != (shard.end_sequence is None):
        found.add("I-17", place, "it must have an ending number if it is closed, and only then")
    if shard.end_sequence is not None and shard.end_sequence != shard.last_sequence:
        found.add(
            "I-17", place, f"it ends with {shard.end_sequence}, its last is {shard.last_sequence}"
        )
    if shard.closed_ms is not None and shard.closed_ms < shard.opened_ms:
        found.add("I-17", place, "it was closed before it was opened")
    if not shard.start_sequence <= shard.last_sequence <= picture.counter:
        found.add(
            "I-12",
            place,
            f"it starts with {shard.start_sequence}, its last is {shard.last_sequence}, and the"
            f" store's counter is {picture.counter}",
        )
    if not 1 <= shard.first_ordinal <= shard.next_ordinal or shard.byte_count < 0:
        found.add(
            "I-23",
            place,
            f"it says it holds records {shard.first_ordinal} to {shard.next_ordinal - 1},"
            f" {shard.byte_count} bytes",
        )
    if shard.horizon_sequence > shard.last_sequence or (
        shard.first_ordinal > 1 and not shard.horizon_sequence
    ):
        found.add("I-23", place, f"its trim horizon {shard.horizon_sequence} can't be")
    if not _sound(shard.range_start, shard.range_end):
        found.add("I-15", place, "its hash range can't be")
    if re.fullmatch(rf"shardId-{shard.opened_ms:020d}-[0-9a-f]{{8}}", shard.name) is None:
        found.add("key", place, f"its name is not that of a shard opened at {shard.opened_ms}")
    if stream.table_id in picture.table_ids and not any(
        row.partition_id == shard.partition_id
        for row in picture.partitions.get(stream.table_id, ())
    ):
        found.add("I-5", place, f"its partition {shard.partition_id} is not there")
    if shard.parent_name is not None and shard.parent_name in by_name:
        _check_parent(found, shard, by_name[shard.parent_name], place)


def _sound(first: bytes, last: bytes) -> bool:
    return len(first) == len(last) == HASH_BYTES and first <= last


def _check_parent(found: Findings, child: Shard, parent: Shard, place: str) -> None:
    """I-16: closed before, numbers before, depth before, range around."""
    if parent.end_sequence is None:
        found.add("I-16", place, f"its parent {parent.name} is still open")
    elif parent.last_sequence >= child.start_sequence:
        found.add(
            "I-16",
            place,
            f"it starts with {child.start_sequence}, which is not after its parent's last"
            f" {parent.last_sequence}",
        )
    if parent.depth + 1 != child.depth:
        # Depth rises from parent to child, so lineage has no cycle where this holds.
        found.add("I-17", place, f"its depth is {child.depth}, its parent's is {parent.depth}")
    if not (parent.range_start <= child.range_start and child.range_end <= parent.range_end):
        found.add("I-16", place, "its hash range is not within its parent's")


def _check_open(found: Findings, picture: Picture, stream: Stream, opened: list[Shard]) -> None:
    """I-15: the open shards of an enabled stream are its table's partitions, one each."""
    if stream.table_id not in picture.tables:
        return
    fault = untiled((shard.range_start, shard.range_end) for shard in opened)
    if fault is not None:
        found.add("I-15", f"open shards of {stream.place}", fault)
    partitions = {
        (row.partition_id, row.range_start, row.range_end)
        for row in picture.partitions.get(stream.table_id, ())
        if row.retired_ms is None
    }
    own = {(shard.partition_id, shard.range_start, shard.range_end) for shard in opened}
    if own != partitions:
        found.add(
            "I-15",
            f"open shards of {stream.place}",
            f"{len(own)} open shards and {len(partitions)} partitions are not the same ranges",
        )


def _check_children(
    found: Findings, stream: Stream, shards: list[Shard], by_name: dict[str, Shard]
) -> None:
    """I-16: the children of a closed shard are its range; where one was dropped since, shards
    without their parent are.
    """
    children: dict[str, list[Range]] = {}
    heirs: list[Range] = []
    for shard in shards:
        bounds = (shard.range_start, shard.range_end)
        if shard.parent_name in by_name:
            assert shard.parent_name is not None, "None is no shard's name"
            children.setdefault(shard.parent_name, []).append(bounds)
        elif shard.parent_name is not None:
            heirs.append(bounds)
    for shard in shards:
        if shard.closed_ms is None:
            continue
        own = sorted(children.get(shard.name, []))
        place = f"shard {shard.name} of {stream.place}"
        if any(first <= last for (_, last), (first, _) in pairwise(own)):
            found.add("I-16", place, "the hash ranges of its children overlap")
        elif not _covered((shard.range_start, shard.range_end), sorted(own + heirs)):
            found.add("I-16", place, "its children don't make up its hash range")


def _covered(whole: Range, ranges: list[Range]) -> bool:
    """Whether sorted ranges leave nothing of `whole` out."""
    first, last = whole
    for start, end in ranges:
        if end < first:
            continue
        if start > first:
            return False
        if end >= last:
            return True
        first = hashing.successor(end)
    return False
