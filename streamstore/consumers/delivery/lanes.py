"""Lanes: the queues inside a shard, each in order, and what of them is ripe for an invocation.

With a parallelization factor of n a shard has n lanes; the hash of an item's key says which lane
its records belong to, so the order of one item's changes is kept while different items go side by
side. A batch is ripe when it is full (records, 6 MB, a tumbling window's end), when its batching
window is over, or when nothing more can be put to it: the shard has ended, or as much was read
ahead as may be. The batching window begins when the lane's last invocation completed; where it
passed with nothing to deliver, a new one begins with the next record.

Must not know: where records come from, what an invocation does, what is on disk.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import orjson

from . import windows
from .events import EVENT_RECORDS_BYTES
from .progress import LaneProgress


class Entry(NamedTuple):
    """A record that waits: its counter and time, its shape, its size (events.json_bytes)."""

    sequence: int
    created_ms: int
    record: dict[str, Any]
    size: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What bounds a batch. `tumbling_seconds` 0 for none."""

    batch_size: int = 100
    window_ms: int = 0
    tumbling_seconds: int = 0


def lane_of(keys: dict[str, Any], lanes: int) -> int:
    """The lane of an item's records."""
    if lanes == 1:
        return 0
    return zlib.crc32(orjson.dumps(keys, option=orjson.OPT_SORT_KEYS)) % lanes


class Lane:
    """One queue. Its user holds the shard's lock.

    `running`: its front is being delivered. `since_ms` is when its last invocation completed,
    `first_ms` when the first of what waits came in.
    """

    __slots__ = ("entries", "first_ms", "number", "progress", "running", "since_ms", "size")

    def __init__(self, number: int, progress: LaneProgress, now_ms: int) -> None:
        self.number = number
        self.progress = progress
        self.entries: deque[Entry] = deque()
        self.size = 0
        self.running = False
        self.since_ms = self.first_ms = now_ms

    def add(self, entry: Entry, now_ms: int) -> None:
        """Queue a record, unless it was done before a restart."""
        if entry.sequence <= self.progress.done:
            return
        if not self.entries:
            self.first_ms = now_ms
        self.entries.append(entry)
        self.size += entry.size

    def take(self, count: int) -> list[Entry]:
        """Remove records from the front."""
        taken = [self.entries.popleft() for _ in range(count)]
        self.size -= sum(entry.size for entry in taken)
        return taken

    def awake(self, now_ms: int) -> bool:
        """Whether it may be given an invocation at all."""
        return not self.running and self.progress.due_ms <= now_ms

    def is_full(self, shape: Shape, distributed: int) -> bool:
        """Whether a batch is there that nothing could be put to. Everything up to the counter
        `distributed` is in its lane.
        """
        entries = self.entries
        if not entries:
            return False
        pieces = self.progress.pieces
        if pieces and entries[0].sequence > pieces[0].through:
            self.drop_passed_pieces()
            pieces = self.progress.pieces
        if pieces:
            return distributed >= pieces[0].through
        if len(entries) >= shape.batch_size or self.size >= EVENT_RECORDS_BYTES:
            return True
        seconds = shape.tumbling_seconds
        return bool(seconds) and windows.start_of(entries[-1].created_ms, seconds) > (
            windows.start_of(entries[0].created_ms, seconds)
        )

    def deadline_ms(self, shape: Shape) -> int:
        """When what waits is delivered in any case."""
        if not shape.window_ms or self.progress.pieces:
            return self.progress.due_ms
        ends_ms = self.since_ms + shape.window_ms
        if self.first_ms > ends_ms:
            ends_ms = self.first_ms + shape.window_ms
        return max(ends_ms, self.progress.due_ms)

    def batch(self, shape: Shape, state_bytes: int = 0) -> list[Entry]:
        """The records of the next invocation, left in the queue."""
        entries = self.entries
        pieces = self.progress.pieces
        if pieces:
            return list(_up_to(entries, pieces[0].through))
        batch = list(islice(entries, shape.batch_size))
        if shape.tumbling_seconds:
            start_ms = windows.start_of(batch[0].created_ms, shape.tumbling_seconds)
            ends_ms = start_ms + shape.tumbling_seconds * 1000
            batch = [entry for entry in batch if entry.created_ms < ends_ms]
        return _fitting(batch, EVENT_RECORDS_BYTES - state_bytes)

    def drop_passed_pieces(self) -> None:
        """Forget pieces all of whose records are done or gone."""
        progress = self.progress
        if not progress.pieces:
            return
        first = self.entries[0].sequence if self.entries else _ENDLESS
        kept = tuple(piece for piece in progress.pieces if piece.through >= first)
        if len(kept) != len(progress.pieces):
            self.progress = LaneProgress(progress.done, 0, 0, kept)


_ENDLESS = 2**63


def _up_to(entries: Iterable[Entry], through: int) -> Iterable[Entry]:
    for entry in entries:
        if entry.sequence > through:
            return
        yield entry


def _fitting(batch: list[Entry], room: int) -> list[Entry]:
    """As many from the front as fit into the bytes, at least one."""
    size = 0
    for count, entry in enumerate(batch):
        size += entry.size
        if size > room and count:
            return batch[:count]
    return batch
