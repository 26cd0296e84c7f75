"""The lineage of a stream's shards as text: who came from whom, for people.

    shardId-00000001700000000000-1c9a21d8  00000000-ffffffff  closed  12 records  3.1 KB  1…42-1…61
    ├─ shardId-00000001700000300000-7f3b0a11  00000000-7fffffff  open  0 records  0 B  2…62-
    └─ shardId-00000001700000300001-a0c4d2e9  80000000-ffffffff  open  3 records  742 B  2…63-

A root whose parent has been trimmed away says so. Hash ranges are shown by their first eight hex
digits, sequence numbers in full. It reads nothing; `descriptions.list_shards` gives what it draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from . import sequence
from .descriptions import ShardState

_RANGE_DIGITS = 8


def draw(shards: Sequence[ShardState], rates: Mapping[str, float] | None = None) -> str:
    """The tree, one shard a line, children under their parents in order of name; "" for no
    shards. `rates`: write units a second by ShardId, of those that are known.
    """
    known = {shard.info.name for shard in shards}
    children: dict[str | None, list[ShardState]] = {}
    for shard in sorted(shards, key=lambda shard: shard.info.name):
        parent = shard.info.parent_name
        children.setdefault(parent if parent in known else None, []).append(shard)
    lines = [
        (prefix + shard.info.name, _facts(shard, known, (rates or {}).get(shard.info.name)))
        for root in children.get(None, ())
        for prefix, shard in _walk(root, children)
    ]
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"{name:{width}}  {facts}" for name, facts in lines)


def _walk(
    root: ShardState, children: dict[str | None, list[ShardState]]
) -> Iterator[tuple[str, ShardState]]:
    """(what stands before the name, shard) depth first. A loop and no recursion: rollovers make
    long lines.
    """
    stack = [("", "", root)]
    while stack:
        prefix, below, shard = stack.pop()
        yield prefix, shard
        found = children.get(shard.info.name, [])
        for place, child in reversed(list(enumerate(found))):
            last = place == len(found) - 1
            stack.append(
                (below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "), child)
            )


def _facts(shard: ShardState, known: set[str], rate: float | None) -> str:
    info = shard.info
    first, last = info.range_start.hex(), info.range_end.hex()
    numbers = sequence.wire(info.depth, info.start_sequence) + "-"
    if info.end_sequence is not None:
        numbers += sequence.wire(info.depth, info.end_sequence)
    facts = [
        f"{first[:_RANGE_DIGITS]}-{last[:_RANGE_DIGITS]}",
        "open" if info.closed_ms is None else "closed",
        f"{shard.record_count} record{'' if shard.record_count == 1 else 's'}",
        size_text(shard.byte_count),
        numbers,
    ]
    if rate is not None:
        facts.insert(4, f"{rate:.1f} units/s")
    if shard.horizon_sequence:
        facts.append(f"trimmed up to {sequence.wire(info.depth, shard.horizon_sequence)}")
    if info.parent_name is not None and info.parent_name not in known:
        facts.append(f"(parent {info.parent_name} is gone)")
    return "  ".join(facts)


def size_text(count: int) -> str:
    """Bytes for people: 742 B, 3.1 KB."""
    if count < 1024:
        return f"{count} B"
    size = count / 1024
    for unit in ("KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"
