"""The worker of one shard of one mapping.

A turn looks for a lane that has a ripe batch, reading on as it needs, invokes the function, decides
(retries), commits, and looks again; it ends when nothing is ripe. It then rests: the commit of the
next record wakes it (engine/streams/tail), or a deadline does. Several threads may be in turns of
one shard at once, one a lane.

`_lock` guards the queues, and is never held while user code runs. `_commits` makes checkpoints of a
shard one after the other, so that none overtakes a later one. Order of locks: _commits, _lock, the
writer's; a unit of the writer takes none of them. What is in memory moves after COMMIT. A worker
whose commit failed is thrown away, and another begins from what is on disk.

With a tumbling window a shard has one lane, since it has one state.
"""

from __future__ import annotations

import logging
import threading
from time import perf_counter
from typing import TYPE_CHECKING, Final

from ... import limits
from ...errors import StoreError
from ..checkpoints import Row, clear_gone, write
from . import commits, windows
from .commits import NOTHING, Extras
from .events import json_bytes, lambda_records
from .invoking import Context, Delivery, Ending, peel
from .lanes import Entry, Lane, lane_of
from .progress import LaneProgress, Window, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...engine.writes.group import Group
    from .reading import ShardReader

log = logging.getLogger("streamstore.consumers")

NO_STORE: Final = "PROBLEM: Internal Lambda error. Please contact Lambda customer support."


class ShardRun:
    """A Job of the schedule. `ended(run)` is called when all of the shard is done, `failed(run)`
    when this worker has to be replaced, `quiet(run)` when a retired one has left its last turn.

    done      the checkpoint as it is on disk, a counter
    retired   it begins nothing any more
    turns     how many threads are in a turn of it
    call_seconds  how long an invocation takes, a moving average; begins as long
    """

    def __init__(
        self,
        context: Context,
        reader: ShardReader,
        row: Row | None,
        *,
        ended: Callable[[ShardRun], None],
        failed: Callable[[ShardRun], None],
        quiet: Callable[[ShardRun], None],
    ) -> None:
        self.queued = self.busy = False
        self.timer_ms = 0
        self.context = context
        self.reader = reader
        self.info = reader.info
        self.retired = self.finished = False
        self.turns = 0
        self.call_seconds = 1.0
        self._ended, self._failed, self._quiet = ended, failed, quiet
        self._lock = threading.Lock()
        self._commits = threading.Lock()
        now_ms = context.store.clock.now_ms()
        kept = unpack(row.progress if row is not None else None, context.lanes)
        first = LaneProgress(reader.through)
        self._lanes = [
            Lane(number, kept.lanes.get(number, first), now_ms) for number in range(context.lanes)
        ]
        seconds = context.shape.tumbling_seconds
        self.window = windows.aligned(kept.window, seconds) if seconds else None
        self._distributed = reader.through  # up to here everything is in its lane
        self.done = reader.through
        self._kept_ms = now_ms

    # Turns.

    def turn(self) -> None:
        """Deliver what is ripe."""
        with self._lock:
            self.turns += 1
        began, schedule = perf_counter(), self.context.schedule
        try:
            while not self.retired and self._step():
                if schedule.crowded and perf_counter() - began > limits.CONSUMER_TURN_SECONDS:
                    schedule.put(self)
                    break
        except Exception as error:
            defect = None if isinstance(error, StoreError) else error
            log.warning("shard %s is read anew: %s", self.info.name, error, exc_info=defect)
            self.context.note(NO_STORE)
            self.retired = True
            self._failed(self)
        except BaseException:
            schedule.put(self)  # an interruption of whoever runs this in line
            raise
        finally:
            with self._lock:
                self.turns -= 1
                last = self.retired and not self.turns
            if last:
                self._unwatch()
                self._quiet(self)

    def retire(self) -> bool:
        """Begin nothing any more; True if no turn is under way."""
        with self._lock:
            self.retired = True
            quiet = not self.turns
        if quiet:
            self._unwatch()
        return quiet

    def _step(self) -> bool:
        """Find one thing to do and do it; False if there is none."""
        inline = self.context.schedule.inline
        with self._lock:
            self.busy = False
            now_ms = self.context.store.clock.now_ms()
            found = self._find(now_ms)
            if found is None:
                tidy = self._rest(now_ms)
            else:
                lane, closing = found
                lane.running = True
                running = sum(each.running for each in self._lanes)
                self.busy = running == len(self._lanes)
                # A thread that delivers nothing just now is about to look for itself.
                others = not inline and self.turns <= running < len(self._lanes)
                others = others and self._has_more(now_ms)
        if found is None:
            self.context.moved()
            return tidy and self._tidy()
        if others:
            self._call_another(now_ms)
        try:
            self._deliver(lane, closing, now_ms)
        finally:
            with self._lock:
                lane.running = False
                self.busy = False
        return True

    def _call_another(self, now_ms: int) -> None:
        """Another thread may take another lane. Where invocations are short it comes only if one
        is not: Python's threads of a process get in each other's way.
        """
        if self.call_seconds > limits.SHORT_CALL_SECONDS:
            self.context.schedule.put(self)
        else:
            self.context.schedule.at(now_ms + limits.SHORT_CALL_LOOK_MS, self)

    def _deliver(self, lane: Lane, closing: bool, now_ms: int) -> None:
        """One invocation of a lane's front, or of the end of its window, and what follows."""
        if closing:
            Ending(self, lane).run(now_ms)
            return
        with self._lock:
            state_bytes = 0 if self.window is None else len(self.window.state)
            batch = lane.batch(self.context.shape, state_bytes)
        if not peel(self, lane, batch, now_ms):
            Delivery(self, lane, batch).run(now_ms)

    # Finding work. The lock is held.

    def _find(self, now_ms: int) -> tuple[Lane, bool] | None:
        """(lane, whether its window is to be closed), None where nothing is ripe."""
        while True:
            if self.window is not None and self._window_is_over(self.window, now_ms):
                return self._lanes[0], True
            for lane in self._lanes:
                if lane.awake(now_ms) and lane.is_full(self.context.shape, self._distributed):
                    return lane, False
            if not self._has_room():
                break
            if self.reader.raw:
                self._distribute(now_ms)
            elif self.reader.ended or (self.reader.drained and not self.reader.moved()):
                break
            else:
                meters = self.context.meters
                meters.polled(self.reader.read())
                meters.expired(self.reader.take_missed())
        forced = self.reader.ended or not self._has_room()
        for lane in self._lanes:
            if not lane.awake(now_ms):
                continue
            lane.drop_passed_pieces()
            if lane.entries and (forced or lane.deadline_ms(self.context.shape) <= now_ms):
                return lane, False
        return None

    def _has_room(self) -> bool:
        count = sum(len(lane.entries) for lane in self._lanes)
        size = sum(lane.size for lane in self._lanes)
        return count < limits.READ_AHEAD_RECORDS_MAX and size < limits.READ_AHEAD_BYTES_MAX

    def _has_more(self, now_ms: int) -> bool:
        """Whether there may be something for another lane."""
        if self.reader.raw or not self.reader.drained:
            return True
        return any(lane.entries and lane.awake(now_ms) for lane in self._lanes)

    def _distribute(self, now_ms: int) -> None:
        """Shape some of what was read, filter it, and put it into the lanes."""
        context, raw, lanes = self.context, self.reader.raw, self._lanes
        batch_size = context.shape.batch_size
        piece = [raw.popleft() for _ in range(min(len(raw), batch_size))]
        stream = context.stream
        shaped = lambda_records(
            piece,
            depth=self.info.depth,
            view_type=stream.view_type,
            region=stream.region,
            id_prefix=context.store.engine.event_id_prefix.hex(),
            stream_arn=stream.arn,
        )
        accepts, out = context.accepts, 0
        for (sequence, created_ms, body), record in zip(piece, shaped, strict=True):
            if accepts is not None and not accepts(record):
                out += 1
                continue
            lane = lanes[lane_of(record["dynamodb"]["Keys"], len(lanes))]
            size = json_bytes(record, body, batch_size)
            lane.add(Entry(sequence, created_ms, record, size), now_ms)
        self._distributed = piece[-1][0]
        if accepts is not None:
            context.meters.filtered(out)

    def _window_is_over(self, window: Window, now_ms: int) -> bool:
        """Whether the window that has begun waits for its last invocation."""
        lane, reader = self._lanes[0], self.reader
        if not lane.awake(now_ms):
            return False
        if window.early or window.ending is not None:
            return True
        ends_ms = windows.end_of(window, self.context.shape.tumbling_seconds)
        if lane.entries:
            return lane.entries[0].created_ms >= ends_ms
        if reader.raw:
            return False
        if reader.ended:
            return True
        if now_ms < ends_ms or not reader.drained or reader.moved():
            return False
        # What commits from now on has a later time. What is committing now is let through first.
        if self.context.store.writer.run(lambda group: group.now_ms) < ends_ms:
            return False
        return not reader.moved()

    def _rest(self, now_ms: int) -> bool:
        """Nothing is ripe: have the next record and the next deadline wake this worker. True if
        there is something to be tidied first.
        """
        context, reader = self.context, self.reader
        waits = [
            lane.deadline_ms(context.shape)
            for lane in self._lanes
            if lane.entries and not lane.running
        ]
        idle = not reader.raw and not any(lane.entries or lane.running for lane in self._lanes)
        if self.window is not None and not self._lanes[0].running:
            ends_ms = windows.end_of(self.window, context.shape.tumbling_seconds)
            waits.append(max(ends_ms, self._lanes[0].progress.due_ms))
        elif idle and reader.ended:
            return not self.finished
        if idle and self._mark() > self.done:
            due_ms = self._kept_ms + limits.CHECKPOINT_EVERY_MS
            if due_ms <= now_ms:
                return True
            waits.append(due_ms)
        for due_ms in waits:
            context.schedule.at(due_ms, self)
        if not reader.ended and self._has_room():
            tail = context.store.engine.tail
            tail.watch(self.info.shard_id, self.ring, reader.position.after)
            if reader.moved():
                context.schedule.put(self)
        return False

    # Waking.

    def ring(self) -> None:
        """Called by the commit that moves the shard."""
        self.context.schedule.put(self)

    def _unwatch(self) -> None:
        self.context.store.engine.tail.unwatch(self.info.shard_id, self.ring)

    def hold(self, lane: Lane, due_ms: int) -> None:
        """Let a lane rest until then, without telling the disk."""
        with self._lock:
            lane.progress = lane.progress._replace(due_ms=due_ms)

    # Committing. No lock is held.

    def settle(
        self,
        lane: Lane,
        count: int,
        progress: LaneProgress,
        window: Window | None,
        extras: Extras = NOTHING,
    ) -> None:
        """Commit that the first `count` records of a lane are done and what its progress and the
        window are then. Raises what the commit raises; nothing has changed then.
        """
        with self._commits:
            with self._lock:
                row = self._row(lane, count, progress, window)
            self._commit(row, extras)
            with self._lock:
                lane.take(count)
                lane.progress = progress
                if count:
                    lane.since_ms = self._kept_ms
                self.window = window

    def keep(self) -> None:
        """Commit how far the worker has come where only filtered records went by."""
        with self._commits:
            with self._lock:
                row = self._row()
            if row.sequence > self.done:
                self._commit(row, NOTHING)

    def _commit(self, row: Row, extras: Extras) -> None:
        self.context.store.writer.run(*commits.joined(row, extras))
        self.done = row.sequence
        self._kept_ms = self.context.store.clock.now_ms()

    def _tidy(self) -> bool:
        """Finish a shard that was read to its end, or keep its checkpoint; whether to look on."""
        with self._lock:
            finish = self.reader.ended and self.window is None and not self.finished
            self.finished = finish or self.finished
        if not finish:
            self.keep()
            return True
        store, mapping_id = self.context.store, self.context.mapping.mapping_id
        row = Row(mapping_id, self.info.shard_id, self._mark(), store.clock.now_ms())

        def unit(group: Group) -> None:
            write(group, row)
            clear_gone(group, mapping_id)

        with self._commits:
            store.writer.run(unit)
            self.done = row.sequence
        self.retired = True
        self._ended(self)
        self.context.moved()
        return False

    def _row(
        self,
        lane: Lane | None = None,
        count: int = 0,
        progress: LaneProgress | None = None,
        window: Window | None = None,
    ) -> Row:
        """The checkpoint with a lane changed; without one, as it is."""
        mark = self._mark(lane, count)
        lanes = [
            progress if each is lane and progress is not None else each.progress
            for each in self._lanes
        ]
        blob = pack(mark, lanes, self.window if lane is None else window)
        return Row(self.context.mapping.mapping_id, self.info.shard_id, mark, None, blob)

    def _mark(self, lane: Lane | None = None, count: int = 0) -> int:
        """The counter up to which everything is done once `count` more of a lane are."""
        firsts = [
            each.entries[taken].sequence
            for each in self._lanes
            if len(each.entries) > (taken := count if each is lane else 0)
        ]
        if firsts:
            return max(min(firsts) - 1, self.done)
        if self.reader.raw:
            return max(self.reader.raw[0][0] - 1, self.done)
        return max(self.reader.through, self.done)
