"""A tester's hands on one store: `store.control`.

Everything is done through the engine's own units and ticks, beside live readers and writers, so
what a consumer meets is what it would meet in time: a horizon that moved, a shard that closed, an
iterator that is too old. Nothing here is faked but what rules inject.

`reset` drops everything, so it is refused unless the store was opened with `enable_control`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ..clock import ManualClock, ShiftedClock
from ..engine.streams import iterators, retention
from ..engine.streams.descriptions import ShardState
from ..engine.tables import removal, tables
from ..engine.writes import tokens
from ..errors import ControlRefused, ResourceNotFound
from ..operations import registry
from ..operations.plan import ReadPlan, Ready, Reply, Scope
from .rules import Rule, Rules

if TYPE_CHECKING:
    from ..clock import Clock
    from ..config import Settings
    from ..engine.engine import Engine
    from ..engine.model import StreamInfo
    from ..engine.writes.group import Group
    from ..storage.writer import Writer

ADVANCE_SECONDS_MAX = 100 * 366 * 86400


class Host(Protocol):
    """What the hands need of a store."""

    settings: Settings
    scope: Scope
    rules: Rules | None
    clock: Clock

    @property
    def engine(self) -> Engine: ...

    @property
    def writer(self) -> Writer: ...

    def read(self, plan: ReadPlan) -> Reply: ...

    def tick(self) -> bool: ...

    def shards(self, table: str) -> list[ShardState]: ...

    def split_shard(self, table: str, shard: str | None = None) -> list[str]: ...

    def roll_shard(self, table: str, shard: str) -> str: ...


class Control:
    """What may be done to a store by hand. As thread-safe as the store."""

    def __init__(self, store: Host) -> None:
        self.store = store
        self._rules = Rules()

    # Time and shards.

    def advance(self, seconds: float) -> int:
        """Move the clock ahead; returns the new time in milliseconds since 1970.

        ControlRefused where the clock is the machine's: open the store with a ManualClock or a
        ShiftedClock.
        """
        if not 0 <= seconds <= ADVANCE_SECONDS_MAX:
            raise ControlRefused("'advance_seconds' must be a number of seconds, not negative")
        clock = self.store.clock
        if not isinstance(clock, ManualClock | ShiftedClock):
            raise ControlRefused("this clock is the machine's; it was not started to be moved")
        now_ms = clock.advance(seconds)
        self.store.tick()
        return now_ms

    def split(self, table: str, shard: str | None = None) -> list[str]:
        """Split an open shard, the widest if none is named; returns the children's names."""
        return self.store.split_shard(table, shard)

    def roll(self, table: str, shard: str) -> str:
        """Close an open shard and open its successor; returns the successor's name."""
        return self.store.roll_shard(table, shard)

    def trim(
        self,
        table: str,
        shard: str | None = None,
        *,
        through: str | None = None,
        forget: bool = False,
    ) -> dict[str, Any]:
        """Trim what a table's newest stream holds now, or one shard's records up to a number.

        `through`: the sequence number of the last record to go, with `shard`. `forget` drops the
        closed shards that are empty then, as retention does a day later. Returns
        {"records": how many went, "shards": names of those dropped}.
        """
        if through is not None and shard is None:
            raise ControlRefused("a sequence number is one shard's; name the shard")
        stream = self._stream(table)
        run = self.store.writer.run
        moved = run(lambda group: retention.trim_by_hand(group, stream, shard, through))
        self._finish(retention.trim_tick)
        dropped: list[str] = []
        if forget:
            dropped = run(lambda group: retention.drop_by_hand(group, stream, shard))
        return {"records": moved, "shards": dropped}

    def expire_iterators(self) -> int:
        """Let every shard iterator made so far expire; returns the floor of good ones in ms."""
        floor_ms: int = self.store.writer.run(iterators.expire_issued)
        return floor_ms

    def reset(self) -> dict[str, int]:
        """Drop every table, whatever protects it, every stream, every token and every rule.

        Numbers that must never come back (sequence numbers, labels) go on. Returns how many
        {"tables", "streams"} there were. ControlRefused unless the store has `enable_control`.
        """
        store = self.store
        if not store.settings.enable_control:
            raise ControlRefused(
                "a reset drops everything, and this store was not opened for it (enable_control)"
            )
        run = store.writer.run
        self.clear_rules()
        doomed = store.engine.catalog.tables()
        for table in doomed:
            run(_dropping(table.table_id))
        streams = store.engine.catalog.streams()
        for stream in streams:
            run(_trimming(stream))
        self._finish(retention.trim_tick)
        self._finish(removal.drop_tick)
        for stream in streams:
            run(_forgetting(stream))
        run(tokens.forget_all)
        return {"tables": len(doomed), "streams": len(streams)}

    # Rules.

    def add_rule(self, rule: Rule) -> dict[str, Any]:
        """Arm a rule; returns it as `list_rules` shows it."""
        number = self._rules.add(rule)
        self.store.rules = self._rules
        return next(shown for shown in self._rules.listed() if shown["id"] == number)

    def list_rules(self) -> list[dict[str, Any]]:
        """Every rule with its id, its seed and how often it has hit."""
        return self._rules.listed()

    def clear_rules(self, number: int | None = None) -> int:
        """Drop the rule of that id, or all; returns how many went."""
        cleared = self._rules.clear(number)
        if not self._rules:
            self.store.rules = None
        return cleared

    # Scenarios.

    def scenario(self, name: str, table: str | None = None) -> dict[str, Any]:
        """Prepare a named trouble, on a table of its own if none is named; returns its facts."""
        from .scenarios import SCENARIOS

        found = SCENARIOS.get(name)
        if found is None:
            raise ControlRefused(
                f"no scenario is called {name!r}; there are {', '.join(SCENARIOS)}"
            )
        return found(self, table)

    def call(self, operation: str, params: dict[str, Any]) -> Reply:
        """An operation that no rule hits."""
        plan = registry.prepare(operation, params, self.store.scope)
        if isinstance(plan, Ready):
            return plan.reply
        if isinstance(plan, ReadPlan):
            return self.store.read(plan)
        reply: Reply = self.store.writer.run(plan.apply, plan.cost_bytes)
        return reply

    def _stream(self, table: str) -> StreamInfo:
        found = self.store.engine.catalog.find(table)
        if found is None:
            raise ResourceNotFound("described-table", table)
        if found.last_stream is None:
            raise ControlRefused(f"table {table} has no stream")
        return found.last_stream

    def _finish(self, tick: Callable[[Group], bool]) -> None:
        """Two rounds of a duty, since the first may have ended one that was under way."""
        for _ in range(2):
            while self.store.writer.run(tick):
                pass


def _dropping(table_id: int) -> Callable[[Group], None]:
    def unit(group: Group) -> None:
        table = group.table_by_id(table_id)
        if table is not None:
            tables.delete(group, table)

    return unit


def _trimming(stream: StreamInfo) -> Callable[[Group], int]:
    return lambda group: retention.trim_by_hand(group, stream, None)


def _forgetting(stream: StreamInfo) -> Callable[[Group], None]:
    def unit(group: Group) -> None:
        retention.drop_by_hand(group, stream, None)
        retention.forget_by_hand(group, stream)

    return unit
