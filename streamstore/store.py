"""The front of the package: a Store, its life cycle, and `call`, the one door to every operation.

A Store owns one file (or memory): the writer, the pool of readers, the engine's picture of what is
committed, and one daemon thread for background ticks. Everything may be called from many threads;
`submit` is for event loops. The HTTP server and the embedded clients stand on the same `plan`,
`read` and `enqueue`, so nothing is validated twice and nothing skips validation.

Not here: SQL (storage), rules of tables and streams (engine), requests and replies (operations),
bytes (server).
"""

from __future__ import annotations

import asyncio
import atexit
import os
import weakref
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .calls import Call, Counted, call_many
from .clock import Clock, SystemClock
from .config import Settings, layered
from .control.injection import ruled, waited
from .engine import background
from .engine.streams import shards
from .engine.streams.descriptions import ShardState, list_shards
from .errors import ReadOnlyStore, ResourceNotFound, StoreClosed, StoreError
from .following.followed import Followed
from .keeper import Keeper
from .leading import LoopLeader
from .metrics import Metrics
from .opening import MEMORY, OpenParts
from .operations import registry
from .operations.plan import Delayed, Plan, ReadPlan, Ready, Reply, Scope
from .storage.writer import Writer

if TYPE_CHECKING:
    from .client import Client
    from .control.control import Control
    from .control.rules import Rules
    from .engine.model import TableInfo
    from .storage.copies import Copied
    from .table import Table


def open(  # noqa: A001 - streamstore.open is the name users know from dbm, gzip and shelve
    path: str | os.PathLike[str] = ":memory:",
    *,
    settings: Settings | None = None,
    clock: Clock | None = None,
    read_only: bool = False,
    **changes: Any,
) -> Store:
    """Open (and make, if there is none) the store at `path`; ":memory:" keeps nothing.

    `changes` are fields of Settings by name, for those who don't want to build one. With
    `read_only` the file may have a live owner elsewhere: items and streams are read beside it,
    writes raise ReadOnlyStore. Raises StorageError with what to do: FileLocked, FileForeign,
    FileTooNew, FileUnusable, Corrupted, Busy.
    """
    if settings is not None and changes:
        raise ValueError("give settings= or single settings by name, not both")
    return Store(path, settings or layered(changes), clock or SystemClock(), read_only=read_only)


class Store(Followed):
    """An open store. Use `open` to make one; close it, or use it as a context manager."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        settings: Settings,
        clock: Clock,
        *,
        read_only: bool = False,
    ) -> None:
        self.path = os.fspath(path)
        self.settings = settings
        self.clock = clock
        self.read_only = read_only
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopLeader]
        self._loops = weakref.WeakKeyDictionary()
        self._closed = False
        self._seen_version = 0
        self._client: Client | None = None
        # What a tester has armed; None while there is nothing, so that requests pass it by.
        self.rules: Rules | None = None
        self._control: Control | None = None
        self.metrics = Metrics(clock.now_ms())
        self.counted = Counted(self.metrics, clock)
        self._open()
        atexit.register(self.close)

    def _open(self) -> None:
        self._parts = parts = OpenParts(
            self.path, self.settings, self.clock, self.metrics, read_only=self.read_only
        )
        self.engine = parts.engine
        self.readers = parts.readers
        self.maintenance = parts.maintenance
        self.scope = Scope(self.engine, self.settings.region, self.settings.account)
        self.keeper = Keeper(self.tick)
        if parts.writer is not None:
            parts.writer.on_wal_growth = self._wal_grew
            if parts.due:
                self.start_background()

    # Life cycle.

    @property
    def writer(self) -> Writer:
        """The writer's queue; ReadOnlyStore or StoreClosed where there is none."""
        if self._closed:
            raise StoreClosed("This store was closed; open it again.")
        if self._parts.writer is None:
            raise ReadOnlyStore()
        return self._parts.writer

    @property
    def latched(self) -> StoreError | None:
        """Why the store refuses writes, or None while it takes them."""
        writer = self._parts.writer
        return writer.latched if writer is not None else None

    def close(self) -> None:
        """Finish what is queued, stop the background thread, let go of the file. May be called
        twice.
        """
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        self.keeper.stop()
        self.engine.tail.stop()
        self._parts.close()

    def reopen(self) -> None:
        """Close and open the same file again, as a latched store needs; everything unacknowledged
        is looked at anew.
        """
        self.keeper.stop()
        self.engine.tail.stop()
        self._parts.close()
        self._loops.clear()
        self._open()

    def announce(self, url: str) -> None:
        """Write this process's endpoint into the lock file, for those whom it refuses."""
        if self._parts.claim is not None:
            self._parts.claim.announce(url)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The one door.

    def plan(self, operation: str, params: dict[str, Any], scope: Scope | None = None) -> Plan:
        """Check a request and say what is to be done. Raises RequestError; touches neither lock nor
        disk.
        """
        if self.read_only:
            self._follow_owner()
        plan = registry.prepare(operation, params, scope or self.scope)
        if self.rules is not None:
            return ruled(self, plan, operation, params, scope)
        return plan

    def _follow_owner(self) -> None:
        """Beside a live owner: take over its catalogue where that has moved since this store last
        looked.
        """
        if not self.read_only or self._parts.writer is not None:
            return
        version = self.readers.data_version()
        if version != self._seen_version:
            with self.readers.transaction() as rx:
                self.engine.reload(rx)
            self._seen_version = version

    def read(self, plan: ReadPlan) -> Reply:
        """Carry out a reading plan in one read transaction; a delayed one after its time."""
        if plan.long and isinstance(plan, Delayed):
            return self._carry_out(waited(self.clock, plan))
        with self.readers.transaction() as rx:
            return plan.read(rx)

    def call(self, operation: str, params: dict[str, Any], scope: Scope | None = None) -> Reply:
        """One operation by the service's name for it, with its parameters; blocks until its reply.

        Binary values are bytes, in parameters and replies. Raises RequestError for what the service
        would refuse and StorageError for the machine's troubles. A write's reply comes after
        COMMIT.
        """
        started = perf_counter()
        table = ""
        try:
            plan = self.plan(operation, params, scope)
            table = plan.table
            reply = self._carry_out(plan)
        except StoreError as error:
            self.counted.failed(operation, table, error)
            raise
        self.counted.answered(operation, table, started)
        return reply

    def _carry_out(self, plan: Plan) -> Reply:
        if isinstance(plan, Ready):
            return plan.reply
        if isinstance(plan, ReadPlan):
            return self.read(plan)
        self.start_background()
        reply: Reply = self.writer.run(plan.apply, plan.cost_bytes)
        return reply

    def call_many(self, calls: Sequence[Call]) -> list[Reply | StoreError]:
        """Many operations handed over at once: writes commit in as few groups as their bounds
        allow.

        Each succeeds or fails on its own; the answers are in the order of the calls. Reads among
        them are made after the writes.
        """
        return call_many(self, calls)

    def submit(
        self, operation: str, params: dict[str, Any], scope: Scope | None = None
    ) -> asyncio.Future[Reply]:
        """The same as `call` for an event loop: awaitable, and committed together with what else
        the loop submits.

        The request is checked at once; its error comes from the awaitable. Cancelling does not
        withdraw a write.
        """
        loop = asyncio.get_running_loop()
        started = perf_counter()
        table = ""
        try:
            plan = self.plan(operation, params, scope)
            table = plan.table
            future = self._submit(loop, plan)
        except StoreError as error:
            self.counted.failed(operation, table, error)
            future = loop.create_future()
            future.set_exception(error)
            return future
        self.counted.awaited(operation, table, started, future)
        return future

    def _submit(self, loop: asyncio.AbstractEventLoop, plan: Plan) -> asyncio.Future[Reply]:
        if isinstance(plan, ReadPlan):
            if isinstance(plan, Delayed):
                return loop.create_task(self._submit_later(loop, plan))
            if plan.long:
                return loop.run_in_executor(None, self.read, plan)
            return _done(loop, self.read(plan))
        if isinstance(plan, Ready):
            return _done(loop, plan.reply)
        self.start_background()
        return self.leader(loop).submit(plan.apply, plan.cost_bytes)

    async def _submit_later(self, loop: asyncio.AbstractEventLoop, plan: Delayed) -> Reply:
        await asyncio.sleep(plan.seconds)
        return await self._submit(loop, plan.then())

    def leader(self, loop: asyncio.AbstractEventLoop) -> LoopLeader:
        """How that loop takes part in group commit; call on the loop's own thread."""
        leader = self._loops.get(loop)
        if leader is None:
            leader = self._loops[loop] = LoopLeader(self.writer, loop)
        return leader

    # Clients.

    @property
    def client(self) -> Client:
        """A boto3-shaped client: `store.client.put_item(TableName=…, Item={"id": {"S": "1"}})`."""
        if self._client is None:
            from .client import Client

            self._client = Client(self)
        return self._client

    def table(self, name: str) -> Table:
        """A table with native Python values, as boto3's resource gives it."""
        from .table import Table

        return Table(self, name)

    # Control for testers.

    @property
    def control(self) -> Control:
        """What a tester may do to this store: clock, shards, horizons, iterators, rules."""
        if self._control is None:
            from .control.control import Control

            self._control = Control(self)
        return self._control

    # Shards, retention, background.

    def shards(self, table: str) -> list[ShardState]:
        """The shards of a table's newest stream with their counters, ascending by name; [] without
        one.
        """
        self._follow_owner()
        stream = self.engine.catalog.table(table).last_stream
        if stream is None:
            return []
        with self.readers.transaction() as rx:
            return list_shards(rx, stream)

    def split_shard(self, table: str, shard: str | None = None) -> list[str]:
        """Split an open shard of a table in two where its load halves; the widest one if none is
        named.

        Returns the names of the children; none where the table has no stream and only a partition
        was split.
        """
        before = {s.name for s in self.engine.catalog.table(table).open_shards}
        after: TableInfo = self.writer.run(
            lambda group: shards.split(group, self._table(group, table), shard)
        )
        return [s.name for s in after.open_shards if s.name not in before]

    def roll_shard(self, table: str, shard: str) -> str:
        """Close an open shard and open its successor over the same range; returns the successor's
        name.
        """
        after: TableInfo = self.writer.run(
            lambda group: shards.roll(group, self._table(group, table), shard)
        )
        return max(s.name for s in after.open_shards)

    @staticmethod
    def _table(group: Any, name: str) -> TableInfo:
        found: TableInfo | None = group.find_table(name)
        if found is None:
            raise ResourceNotFound("described-table", name)
        return found

    def start_background(self) -> None:
        """Start the background thread, unless settings or read_only say that there is none."""
        if self.settings.background and not self.keeper.running and not self.read_only:
            self.keeper.start()

    def _wal_grew(self) -> None:
        """The log has grown past its bound: the checkpoint is due now, not at the next tick.

        Called by the leader under the writer's lock, so it only wakes the background thread.
        """
        self.engine.duties.finished_ms.pop("checkpoints", None)
        self.keeper.wake()

    def tick(self) -> bool:
        """Run the background work that is due, a bounded piece of each; True if more is due at
        once.
        """
        self.metrics.roll(self.clock.now_ms())
        self.metrics.fold()
        return background.run_due(self)

    def backup(self, path: str | os.PathLike[str], *, force: bool = False) -> Copied:
        """A verified copy of the store as of now, beside its writers: one file, mode 0600.

        `force` overwrites an earlier backup. Raises FileUnusable if `path` exists. A backup becomes
        a store by `restoring.restore`, or `streamstore restore`.
        """
        from .storage import copies

        if self.path == MEMORY:
            return self.writer.exclusive(lambda it: copies.back_up_memory(it, path, force=force))
        return copies.back_up(self.path, path, force=force)

    def compact(self) -> background.Compacted:
        """Remove every record older than its retention and give the pages back; beside live
        writers, in pieces.
        """
        return background.compact(self)


def _done(loop: asyncio.AbstractEventLoop, reply: Reply) -> asyncio.Future[Reply]:
    future: asyncio.Future[Reply] = loop.create_future()
    future.set_result(reply)
    return future
