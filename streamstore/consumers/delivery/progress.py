"""What a worker has done beyond its shard's checkpoint, as values and as the bytes of
`checkpoint.progress`.

A lane has done everything of its own up to `done`. What it is retrying is a line of pieces, the
first of which is being tried: each is named by the number of its last record, so that a worker that
takes over cuts the same batches out of the shard again. A tumbling window has its start and state.

The bytes are bounded: at most 10 lanes, a line of pieces grows by one each time its first is
halved, so to 15 from 10,000 records, and a state has at most what an answer may hold. Bytes of
another number of lanes say nothing about these lanes, which then begin at the checkpoint; the
window is kept.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgpack

_VERSION: Final = 1


class Piece(NamedTuple):
    """A batch that was tried, or a part of one: records up to the counter `through`."""

    through: int
    attempts: int = 0
    calls: int = 0


class LaneProgress(NamedTuple):
    """`done` is a counter; `due_ms` when the first piece may be tried, after `waits` waits."""

    done: int = 0
    due_ms: int = 0
    waits: int = 0
    pieces: tuple[Piece, ...] = ()


class Window(NamedTuple):
    """A tumbling window that has begun. `state` is JSON. `ending` counts its final invocation.

    `early`: it ends because its state has grown too large.
    """

    start_ms: int
    state: bytes
    early: bool = False
    ending: Piece | None = None


class Kept(NamedTuple):
    """What was read back: progress by lane, and the window."""

    lanes: dict[int, LaneProgress]
    window: Window | None = None


def pack(checkpoint: int, lanes: list[LaneProgress], window: Window | None = None) -> bytes | None:
    """The bytes for a shard whose checkpoint is that counter; None where it says everything."""
    ahead = {
        number: [lane.done, lane.due_ms, lane.waits, [list(piece) for piece in lane.pieces]]
        for number, lane in enumerate(lanes)
        if lane.pieces or lane.done > checkpoint
    }
    if not ahead and window is None:
        return None
    ending = None if window is None or window.ending is None else list(window.ending)
    packed: bytes = msgpack.packb(
        {
            "v": _VERSION,
            "n": len(lanes),
            "lanes": ahead,
            "window": None
            if window is None
            else [window.start_ms, window.state, window.early, ending],
        }
    )
    return packed


def unpack(blob: bytes | None, lanes: int) -> Kept:
    """What bytes say to a worker with that many lanes."""
    if blob is None:
        return Kept({})
    read: dict[str, Any] = msgpack.unpackb(blob, strict_map_key=False)
    if read["v"] != _VERSION:
        return Kept({})
    window = None
    if read["window"] is not None:
        start_ms, state, early, ending = read["window"]
        window = Window(start_ms, state, early, None if ending is None else Piece(*ending))
    if read["n"] != lanes:
        return Kept({}, window)
    kept = {
        number: LaneProgress(done, due_ms, waits, tuple(Piece(*piece) for piece in pieces))
        for number, (done, due_ms, waits, pieces) in read["lanes"].items()
    }
    return Kept(kept, window)
