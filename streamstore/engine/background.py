"""What a store does unasked: the list of its duties, how often each is due, and one piece of each.

A duty is a function that does one bounded piece of work and answers "more?" (engine.md 6.2). Each
piece is a unit of the writer like any request's, so it waits its turn behind them, and the lock is
free between pieces. Periods are counted by the store's own clock: a ManualClock that moved an hour
makes everything due at the next tick. The thread that calls `run_due` each second is the store's,
not ours.

Splits and rollovers are decided here once a second, by splits.decide, from what is in memory: at
most 1,000 partitions and one change a piece, and one rollover a round, so that shards that come due
together, after a long closure say, don't all close at once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from .. import limits
from ..errors import Busy, StoreError
from ..storage import statements
from .failures import failures_beyond, failures_due, failures_tick
from .streams import retention, shards, splits
from .tables import backfill, removal, ttl
from .writes import tokens

if TYPE_CHECKING:
    from ..config import TableSettings
    from ..storage.maintenance import Maintenance
    from ..storage.readers import AnyReaders
    from ..storage.transaction import ReadTransaction
    from ..storage.writer import Writer
    from .engine import Engine
    from .model import TableInfo
    from .writes.group import Group

_PARTITIONS_LOOKED_AT: Final = 1000


class Open(Protocol):
    """What the duties need of an open store. `maintenance` is None for a store in memory."""

    @property
    def engine(self) -> Engine: ...

    @property
    def writer(self) -> Writer: ...

    @property
    def readers(self) -> AnyReaders: ...

    @property
    def maintenance(self) -> Maintenance | None: ...


class Duty(NamedTuple):
    """One kind of work: at least `every_seconds` lie between the ends of two rounds of it."""

    name: str
    every_seconds: float
    piece: Callable[[Open], bool]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did: records removed, and bytes of the file before and after."""

    records_removed: int
    bytes_before: int
    bytes_after: int


class Duties:
    """What the duties of one store remember between pieces. For one thread at a time."""

    __slots__ = ("expiring_after", "expiring_again", "finished_ms", "place", "rolled")

    def __init__(self) -> None:
        self.finished_ms: dict[str, int] = {}
        # Of the round of splits under way, if one is: the table and the last hash looked at, and
        # whether a shard rolled over.
        self.place: tuple[int, bytes] | None = None
        self.rolled = False
        # Of the round of expiries under way: the table it was at last, and whether some table has
        # more (tables/ttl).
        self.expiring_after = 0
        self.expiring_again = False

    def is_due(self, duty: Duty, now_ms: int) -> bool:
        """Never done, or done long enough ago, or done at a time that has not come yet."""
        finished = self.finished_ms.get(duty.name)
        return finished is None or not 0 <= now_ms - finished < duty.every_seconds * 1000


def run_due(store: Open) -> bool:
    """Do one piece of every duty that is due; True if some of them have more to do at once.

    A duty that fails is done with until its time comes again, the others are not held up by it; the
    first error is raised at the end.
    """
    duties = store.engine.duties
    more = False
    failed: StoreError | None = None
    for duty in DUTIES:
        now_ms = store.engine.clock.now_ms()
        if not duties.is_due(duty, now_ms):
            continue
        try:
            if duty.piece(store):
                more = True
                continue
        except StoreError as error:
            failed = failed or error
        duties.finished_ms[duty.name] = now_ms
    if failed is not None:
        raise failed
    return more


def is_due(engine: Engine, rx: ReadTransaction) -> bool:
    """Whether a store that was just opened has work waiting, so that its thread should start."""
    return (
        removal.drop_due(engine)
        or backfill.backfill_due(engine)
        or ttl.ttl_due(engine)
        or _roll_due(engine)
        or tokens.expire_due(rx, engine.clock.now_ms())
        or failures_due(rx, engine)
        or retention.trim_due(rx, engine)
    )


def compact(store: Open) -> Compacted:
    """Remove all that retention and drops have left, and give the free pages back, piece by piece.

    A reader of another process may keep the WAL from being emptied; the file shrinks later then.
    """
    writer, engine = store.writer, store.engine
    before, removed = _file_bytes(writer), engine.trimmer.trimmed
    for unit in (
        retention.trim_tick,
        retention.trim_tick,  # The first may have ended a round that was under way.
        removal.drop_tick,
        tokens.expire_tick,
    ):
        while writer.run(unit):
            pass
    if store.maintenance is not None:
        with suppress(Busy):
            store.maintenance.compact()
    return Compacted(engine.trimmer.trimmed - removed, before, _file_bytes(writer))


def _file_bytes(writer: Writer) -> int:
    pages: int = writer.run(lambda group: group.tx.one(statements.PAGE_COUNT)[0])
    return pages * limits.PAGE_SIZE_BYTES


def _roll_due(engine: Engine) -> bool:
    now_ms = engine.clock.now_ms()
    for table in engine.catalog.tables():
        own = engine.settings.table(table.name)
        for at in range(len(table.open_shards)):
            if splits.decide(_facts(engine, None, own, table, at, now_ms)) != splits.KEEP:
                return True
    return False


def split_tick(group: Group) -> bool:
    """Look at the next partitions and make at most one change; True while the round goes on.

    A round looks once at each partition that was there, in order of table and range.
    """
    engine = group.engine
    duties = engine.duties
    if duties.place is None:
        duties.place = (0, b"")
        duties.rolled = False
        engine.samples.forget_idle(group.now_ms)
    left = _PARTITIONS_LOOKED_AT
    for known in engine.catalog.tables():
        if known.table_id < duties.place[0]:
            continue
        table = group.table_by_id(known.table_id)
        own = engine.settings.table(known.name)
        if table is None or own.split_policy != "aws":
            continue
        for at, partition in enumerate(table.partitions):
            seen = (table.table_id, partition.range_end)
            if seen <= duties.place:
                continue
            duties.place = seen
            left -= 1
            if _change(group, own, table, at) or not left:
                return True
    duties.place = None
    return False


def _change(group: Group, own: TableSettings, table: TableInfo, at: int) -> bool:
    """Split or roll over one shard if the policy says so."""
    engine = group.engine
    decision = splits.decide(_facts(engine, group, own, table, at, group.now_ms))
    if decision.refused is not None:
        engine.samples.refused[decision.refused] += 1
    if decision.action == "split":
        assert decision.boundary is not None, "a split has a boundary"
        shards.split_at(group, table, at, decision.boundary)
        return True
    if decision.action == "roll" and not engine.duties.rolled:
        shards.roll(group, table, table.open_shards[at].name)
        engine.duties.rolled = True
        return True
    return False


def _facts(
    engine: Engine, group: Group | None, own: TableSettings, table: TableInfo, at: int, now_ms: int
) -> splits.SplitFacts:
    partition = table.partitions[at]
    partition_id = partition.partition_id
    shard = table.open_shards[at] if table.stream is not None else None
    counters = None if group is None else group.partitions.get(partition_id)
    if counters is None:
        item_bytes = engine.partition_counters.get(partition_id, (0, 0))[1]
    else:
        item_bytes = counters.item_bytes
    rate = engine.samples.units_per_second(partition_id, now_ms)
    return splits.SplitFacts(
        policy=own.split_policy or engine.settings.split_policy,
        now_ms=now_ms,
        shard_name=None if shard is None else shard.name,
        opened_ms=partition.created_ms if shard is None else shard.opened_ms,
        range_start=partition.range_start,
        range_end=partition.range_end,
        units_per_second=rate,
        item_bytes=item_bytes,
        sample=engine.samples.sample(partition_id) if rate else (),
        open_shards=len(table.partitions),
        open_shards_max=shards.open_shards_max(engine.settings, table.name),
        rollover_seconds=engine.settings.rollover_seconds,
    )


def _unit(unit: Callable[[Group], bool]) -> Callable[[Open], bool]:
    """A duty that is one unit of the writer."""

    def piece(store: Open) -> bool:
        return bool(store.writer.run(unit))

    return piece


def _drops(store: Open) -> bool:
    return removal.drop_due(store.engine) and bool(store.writer.run(removal.drop_tick))


def _backfills(store: Open) -> bool:
    return backfill.backfill_due(store.engine) and bool(store.writer.run(backfill.backfill_tick))


def _expiries(store: Open) -> bool:
    return ttl.ttl_due(store.engine) and bool(store.writer.run(ttl.ttl_tick))


def _failures(store: Open) -> bool:
    with store.readers.transaction() as rx:
        beyond = failures_beyond(rx, store.engine)
    return beyond is not None and bool(store.writer.run(lambda group: failures_tick(group, beyond)))


def _checkpoints(store: Open) -> bool:
    return store.maintenance is not None and store.maintenance.checkpoint_piece()


def _vacuum(store: Open) -> bool:
    return store.maintenance is not None and store.maintenance.vacuum_piece()


# In the order in which a tick does them: what frees pages comes before what gives them back.
DUTIES: Final[tuple[Duty, ...]] = (
    Duty("splits", limits.TICK_EVERY_SECONDS, _unit(split_tick)),
    Duty("backfills", limits.TICK_EVERY_SECONDS, _backfills),
    Duty("expiries", limits.TICK_EVERY_SECONDS, _expiries),
    Duty("drops", limits.TICK_EVERY_SECONDS, _drops),
    Duty("trim", limits.COMPACTION_EVERY_SECONDS, _unit(retention.trim_tick)),
    Duty("tokens", limits.COMPACTION_EVERY_SECONDS, _unit(tokens.expire_tick)),
    Duty("failures", limits.COMPACTION_EVERY_SECONDS, _failures),
    Duty("vacuum", limits.COMPACTION_EVERY_SECONDS, _vacuum),
    Duty("checkpoints", limits.TICK_EVERY_SECONDS, _checkpoints),
)
