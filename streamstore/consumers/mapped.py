"""The worker of one mapping: which shards of its stream are read, parents before children.

When it begins it looks at all shards once. Later it looks at the children of a shard that was read
to its end, and at nothing else. Shards that were there when the mapping began start where its
StartingPosition says: everything a store commits has one number, so LATEST is one number for all
shards. Shards that came later are read from their start. A parent that is gone holds up nobody.

Must not know: what is delivered, or when.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from .. import limits
from ..engine.streams import sequence
from ..engine.streams.descriptions import ShardState, find_shard, list_shards
from ..errors import StoreError
from . import checkpoints
from .checkpoints import Row
from .delivery.invoking import Context
from .delivery.lanes import Shape
from .delivery.meters import Meters
from .delivery.reading import ShardReader
from .delivery.retries import Policy
from .delivery.shard import ShardRun
from .filters import compile_filters
from .metering import Running

if TYPE_CHECKING:
    from ..engine.model import StreamInfo
    from ..engine.writes.group import Group
    from ..storage.transaction import ReadTransaction
    from ..store import Store
    from .destinations import Destinations
    from .functions import Functions
    from .mapping import Mapping
    from .schedule import Schedule

log = logging.getLogger("streamstore.consumers")

NO_STREAM = "PROBLEM: Stream not found"


class Lag(NamedTuple):
    """How far a mapping has come in one shard.

    sequence      the number up to which everything is done, as on the wire
    behind        records after it, as far as they can be counted; 0 where all is done
    age_ms        how old the first of them is, 0 where there is none
    """

    uuid: str
    function_name: str
    shard: str
    sequence: str
    behind: int
    age_ms: int


class Lagging(NamedTuple):
    """A shard that is not done: how far it is, its last record's counter, and its worker if it has
    one.
    """

    lag: Lag
    last: int
    run: ShardRun | None

    def caught_up(self, target: int) -> bool:
        """Whether its worker says that what is up to `target` may be done; cheap."""
        return self.run is None or self.run.retired or self.run.done >= min(target, self.last)


class Parts(NamedTuple):
    """What all mappings of one runtime share."""

    store: Store
    schedule: Schedule
    functions: Functions
    destinations: Destinations
    running: Running
    note: Callable[[int, str], None]
    moved: Callable[[], None]


class MappingRun:
    """The workers of one mapping. `quiet` is called when a retired one has left its last turn."""

    def __init__(self, parts: Parts, mapping: Mapping, quiet: Callable[[], None]) -> None:
        self.mapping = mapping
        self.retired = False
        self._parts = parts
        self._quiet = quiet
        self._lock = threading.Lock()
        self._runs: dict[int, ShardRun] = {}
        self._context: Context | None = None

    # Beginning and ending.

    def begin(self) -> None:
        """Find the shards that may be read, and have them read. Raises StoreError."""
        store, mapping = self._parts.store, self.mapping
        stream = store.engine.catalog.stream_by_arn(mapping.stream_arn)
        if stream is None:
            self._note(NO_STREAM)
            return
        if self._context is None:
            self._context = self._made(stream)
        fix_starts(store)
        with store.readers.transaction() as rx:
            rows = checkpoints.load(rx, mapping.mapping_id)
            shards = list_shards(rx, stream)
        if checkpoints.START not in rows:
            return  # it was deleted meanwhile
        start = rows[checkpoints.START].sequence
        done = {shard.info.name for shard in shards if self._is_done(shard, rows, start)}
        names = {shard.info.name for shard in shards}
        for shard in shards:
            parent = shard.info.parent_name
            waits = parent is not None and parent in names and parent not in done
            if shard.info.name not in done and not waits:
                self._start(shard, rows.get(shard.info.shard_id), start)

    def retire(self) -> bool:
        """Begin nothing any more; True if no turn is under way."""
        with self._lock:
            self.retired = True
            runs = list(self._runs.values())
        return sum(not run.retire() for run in runs) == 0

    def keep(self) -> None:
        """Commit what is only in memory: how far filtered records went by."""
        for run in self.runs():
            if not run.finished:
                run.keep()

    def runs(self) -> list[ShardRun]:
        """The workers of the shards that are being read."""
        with self._lock:
            return list(self._runs.values())

    def _is_done(self, shard: ShardState, rows: dict[int, Row], start: int) -> bool:
        row = rows.get(shard.info.shard_id)
        if row is not None:
            return row.finished_ms is not None
        if self.mapping.starting_position != "LATEST":
            return False
        return shard.info.closed_ms is not None and shard.last_sequence <= start

    def _made(self, stream: StreamInfo) -> Context:
        parts, mapping = self._parts, self.mapping
        name, uuid = mapping.function_name, mapping.uuid
        return Context(
            store=parts.store,
            schedule=parts.schedule,
            functions=parts.functions,
            destinations=parts.destinations,
            mapping=mapping,
            stream=stream,
            meters=Meters(
                parts.store.metrics, parts.running, name, uuid, mapping.event_count_metrics
            ),
            policy=Policy(
                mapping.retry_attempts_max,
                mapping.record_age_seconds_max,
                mapping.bisect,
                uuid.encode(),
            ),
            shape=Shape(
                mapping.batch_size, mapping.window_seconds * 1000, mapping.tumbling_window_seconds
            ),
            lanes=1 if mapping.tumbling_window_seconds else mapping.parallelization_factor,
            accepts=compile_filters(mapping.filters),
            function_arn=parts.functions.arn(
                name, stream.region, stream.account, mapping.qualifier
            ),
            note=self._note,
            moved=parts.moved,
        )

    def _note(self, text: str) -> None:
        try:
            self._parts.note(self.mapping.mapping_id, text)
        except StoreError as error:
            log.warning("the result of mapping %s was not kept: %s", self.mapping.uuid, error)

    # Shards.

    def _start(self, shard: ShardState, row: Row | None, start: int) -> None:
        assert self._context is not None
        info = shard.info
        if row is not None:
            after = row.sequence
        elif info.start_sequence > start:
            after = info.start_sequence  # it came after the mapping: all of it
        else:
            after = start if self.mapping.starting_position == "LATEST" else -1
        context = self._context
        reader = ShardReader(context.store, context.stream, shard, after)
        run = ShardRun(
            context, reader, row, ended=self._ended, failed=self._failed, quiet=self._left
        )
        with self._lock:
            if self.retired or info.shard_id in self._runs:
                return
            self._runs[info.shard_id] = run
        self._parts.schedule.put(run)

    def _ended(self, run: ShardRun) -> None:
        """A shard was read to its end: its children are next."""
        context = run.context
        with context.store.readers.transaction() as rx:
            children = list_shards(rx, context.stream, parent_name=run.info.name)
            ids = [checkpoints.START, *(child.info.shard_id for child in children)]
            found = [checkpoints.load_one(rx, self.mapping.mapping_id, each) for each in ids]
        rows = {row.shard_id: row for row in found if row is not None}
        start = rows[checkpoints.START].sequence if checkpoints.START in rows else 0
        for child in children:
            if not self._is_done(child, rows, start):
                self._start(child, rows.get(child.info.shard_id), start)
        with self._lock:
            self._runs.pop(run.info.shard_id, None)

    def _failed(self, run: ShardRun) -> None:
        """A worker's commit failed: another begins in a while, from what is on disk."""
        now_ms = self._parts.store.clock.now_ms()
        wait_ms = round(limits.CONSUMER_LOOK_SECONDS * 1000)
        self._parts.schedule.at(now_ms + wait_ms, _Anew(self, run, wait_ms))

    def _left(self, run: ShardRun) -> None:
        if self.retired:
            self._quiet()

    def anew(self, failed: ShardRun) -> bool:
        """Replace a worker that failed; False where that must wait. Raises StoreError."""
        if failed.turns:
            return False
        store, info = self._parts.store, failed.info
        with store.readers.transaction() as rx:
            shard = find_shard(rx, failed.context.stream, info.name)
            row = checkpoints.load_one(rx, self.mapping.mapping_id, info.shard_id)
            begun = checkpoints.load_one(rx, self.mapping.mapping_id, checkpoints.START)
        if shard is None or (row is not None and row.finished_ms is not None):
            self._ended(failed)
            return True
        with self._lock:
            self._runs.pop(info.shard_id, None)
        self._start(shard, row, begun.sequence if begun is not None else 0)
        return True

    # Telling.

    def lagging(self, rx: ReadTransaction, now_ms: int) -> list[Lagging]:
        """How far each shard has come that is not done, by what `rx` sees."""
        store, mapping = self._parts.store, self.mapping
        stream = store.engine.catalog.stream_by_arn(mapping.stream_arn)
        if stream is None:
            return []
        rows = checkpoints.load(rx, mapping.mapping_id)
        begun = rows.get(checkpoints.START)
        start = begun.sequence if begun is not None else 0
        with self._lock:
            runs = dict(self._runs)
        found = []
        for shard in list_shards(rx, stream):
            info = shard.info
            if self._is_done(shard, rows, start):
                continue
            row = rows.get(info.shard_id)
            run = runs.get(info.shard_id)
            mark = max(run.done if run else 0, row.sequence if row is not None else 0)
            if not mark and mapping.starting_position == "LATEST":
                mark = start
            behind, age_ms = _behind(rx, shard, mark, now_ms)
            wire = sequence.wire(info.depth, max(mark, info.start_sequence))
            lag = Lag(mapping.uuid, mapping.function_name, info.name, wire, behind, age_ms)
            found.append(Lagging(lag, shard.last_sequence, run))
        return found


class _Anew:
    """A Job: replaces a worker that failed, and tries again where that fails."""

    def __init__(self, owner: MappingRun, failed: ShardRun, wait_ms: int) -> None:
        self.queued = self.busy = False
        self.timer_ms = 0
        self._owner, self._run, self._wait_ms = owner, failed, wait_ms

    def turn(self) -> None:
        if self._owner.retired:
            return
        try:
            done = self._owner.anew(self._run)
        except StoreError:
            done = False
        if not done:
            context = self._run.context
            context.schedule.at(context.store.clock.now_ms() + self._wait_ms, self)


def fix_starts(store: Store) -> None:
    """Fix where mappings begin of which that was not done yet. Raises StoreError."""
    with store.readers.transaction() as rx:
        unbegun = checkpoints.not_begun(rx)

    def unit(group: Group) -> None:
        for mapping_id in unbegun:
            checkpoints.begin(group, mapping_id)

    if unbegun:
        store.writer.run(unit)


def same_work(one: Mapping, other: Mapping) -> bool:
    """Whether two states of a mapping make its workers do the same."""
    return _work(one) == _work(other)


def _work(mapping: Mapping) -> Mapping:
    return mapping.changed(
        state="Enabled", modified_ms=0, tags=(), last_result="", transition_reason="", kms_key=""
    )


def _behind(rx: ReadTransaction, shard: ShardState, mark: int, now_ms: int) -> tuple[int, int]:
    """(records after the counter `mark`, age of the first in ms)."""
    from ..engine.streams import log as records

    shard_id, first, beyond = shard.info.shard_id, shard.first_ordinal, shard.next_ordinal
    after = max(mark, shard.horizon_sequence)
    found = records.search(rx, shard_id, first, beyond, records.BY_SEQUENCE, after + 1)
    if found == beyond:
        return 0, 0
    return beyond - found, max(now_ms - records.record_at(rx, shard_id, found)[1], 0)
