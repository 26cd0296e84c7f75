"""The lineage of a stream's shards as a drawing: an icicle of boxes, in SVG.

A column is a generation, a box is a shard, and a box reaches down over all that came of it, so a
split shows as two boxes to the right of one and a rollover as one. What a box says: the shard's id,
its range of hashes, records, bytes, and, where a server knows it, the write units a second. Open
shards are coloured. Pointing at a box shows its facts in full. It reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from ..engine.streams import sequence
from ..engine.streams.descriptions import ShardState
from ..engine.streams.lineage import size_text

_WIDTH, _HEIGHT, _GAP = 276, 64, 6
_TOP = 34
_STYLE = (
    "text{font:11px ui-monospace,monospace;fill:#1b1f24}"
    ".title{font-weight:bold;font-size:13px}.name{font-weight:bold}"
    "rect{fill:#eef1f4;stroke:#8c959f}.open rect{fill:#dafbe1;stroke:#1a7f37}"
)


def draw(title: str, shards: Sequence[ShardState], rates: Mapping[str, float] | None = None) -> str:
    """An SVG document. `rates`: write units a second by ShardId, of those that are known."""
    ordered = sorted(shards, key=lambda shard: shard.info.name)
    rows = _rows(ordered)
    first = min((shard.info.depth for shard in ordered), default=1)
    last = max((shard.info.depth for shard in ordered), default=1)
    width = (last - first + 1) * (_WIDTH + _GAP) + _GAP
    deep = max((top + tall for top, tall in rows.values()), default=0)
    height = _TOP + deep * (_HEIGHT + _GAP) + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        f' width="{width}" height="{height}">',
        f"<style>{_STYLE}</style>",
        f'<text class="title" x="{_GAP}" y="20">{escape(title)}</text>',
    ]
    known = {shard.info.name for shard in ordered}
    for shard in ordered:
        top, tall = rows[shard.info.name]
        x = _GAP + (shard.info.depth - first) * (_WIDTH + _GAP)
        y = _TOP + top * (_HEIGHT + _GAP)
        rate = (rates or {}).get(shard.info.name)
        parts.append(_box(shard, x, y, tall * (_HEIGHT + _GAP) - _GAP, rate, known))
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _rows(ordered: Sequence[ShardState]) -> dict[str, tuple[int, int]]:
    """(first row, rows) of each shard: as many rows as it has leaves; shards come after parents."""
    known = {shard.info.name for shard in ordered}
    children: dict[str | None, list[ShardState]] = {}
    for shard in ordered:
        parent = shard.info.parent_name
        children.setdefault(parent if parent in known else None, []).append(shard)
    tall: dict[str, int] = {}
    for shard in reversed(ordered):
        own = children.get(shard.info.name, ())
        tall[shard.info.name] = sum(tall[child.info.name] for child in own) or 1
    rows: dict[str, tuple[int, int]] = {}
    roots = sorted(children.get(None, ()), key=_range)
    at = 0
    for shard in roots:
        rows[shard.info.name] = (at, tall[shard.info.name])
        at += tall[shard.info.name]
    for shard in ordered:
        at = rows[shard.info.name][0]
        for child in sorted(children.get(shard.info.name, ()), key=_range):
            rows[child.info.name] = (at, tall[child.info.name])
            at += tall[child.info.name]
    return rows


def _range(shard: ShardState) -> tuple[bytes, str]:
    return shard.info.range_start, shard.info.name


def _box(
    shard: ShardState, x: int, y: int, height: int, rate: float | None, known: set[str]
) -> str:
    info = shard.info
    is_open = info.closed_ms is None
    counts = f"{shard.record_count} records  {size_text(shard.byte_count)}"
    if rate is not None:
        counts += f"  {rate:.1f} units/s"
    state = "open" if is_open else "closed"
    lines = [f"{info.range_start.hex()[:8]}-{info.range_end.hex()[:8]}  {state}", counts]
    end = "" if info.end_sequence is None else sequence.wire(info.depth, info.end_sequence)
    facts = [
        info.name,
        f"range {info.range_start.hex()}-{info.range_end.hex()}",
        f"sequence numbers {sequence.wire(info.depth, info.start_sequence)}-{end}",
        counts,
    ]
    if info.parent_name is not None and info.parent_name not in known:
        facts.append(f"parent {info.parent_name} is gone")
    texts = "".join(
        f'<text x="{x + 8}" y="{y + 36 + 16 * at}">{escape(line)}</text>'
        for at, line in enumerate(lines)
    )
    return (
        f'<g class="{state}"><title>{escape(chr(10).join(facts))}</title>'
        f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{height}" rx="3"/>'
        f'<text class="name" x="{x + 8}" y="{y + 20}">{escape(info.name)}</text>{texts}</g>'
    )
