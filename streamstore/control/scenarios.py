"""Named scenarios: troubles that break naive consumers of a stream, each met on demand.

A scenario takes a table with a stream, or makes one, brings it into the state by the engine's own
operations (writes, splits, rolls, trims), arms rules for what only a service under load does, and
answers with what a test needs to know: {"scenario", "table", "stream_arn", ...}. Its writes are
spared by rules. The first line of each function is its description, which the command line shows.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from ..engine.streams import sequence, shards
from ..errors import ControlRefused
from .rules import Rule

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.model import ShardInfo, TableInfo
    from ..engine.writes.group import Group
    from .control import Control

Facts = dict[str, Any]
Scenario = Callable[["Control", str | None], Facts]

CLOSED_SHARDS: Final = 500
_RECORDS: Final = 10
_TIMES: Final = 3
_EMPTY_PAGES: Final = 5
_ROLLS_A_UNIT: Final = 25


def expired_iterator(control: Control, table: str | None = None) -> Facts:
    """Every iterator held now has expired, and so does the next one that is used."""
    stage = _Stage(control, table, "expired-iterator")
    stage.write(_RECORDS)
    control.expire_iterators()
    stage.rule(error="ExpiredIteratorException", count=1)
    return stage.facts()


def trimmed_while_paused(control: Control, table: str | None = None) -> Facts:
    """The records after a consumer's checkpoint are trimmed before it reads on."""
    stage = _Stage(control, table, "trimmed-while-paused")
    checkpoints = stage.write(_RECORDS)
    stage.write(_RECORDS, again=True)
    control.trim(stage.table)
    stage.write(_RECORDS)
    return stage.facts(checkpoints=checkpoints)


def shard_gone(control: Control, table: str | None = None) -> Facts:
    """A consumer's shard is not listed any more, though its child names it as the parent."""
    stage = _Stage(control, table, "shard-gone")
    checkpoints = stage.write(_RECORDS)
    gone = {}
    for shard in stage.info.open_shards:
        gone[shard.name] = control.roll(stage.table, shard.name)
    for name in gone:
        control.trim(stage.table, name, forget=True)
    stage.write(_RECORDS)
    return stage.facts(checkpoints=checkpoints, gone=gone)


def closed_shards_500(control: Control, table: str | None = None) -> Facts:
    """The stream has 500 closed shards before its open ones, on many pages of DescribeStream."""
    stage = _Stage(control, table, "500-closed-shards")
    left = CLOSED_SHARDS
    while left:
        stage.write(1)
        left -= control.store.writer.run(_rolling(stage.info, min(left, _ROLLS_A_UNIT)))
    stage.write(_RECORDS)
    return stage.facts(closed=CLOSED_SHARDS)


def empty_pages_before_data(control: Control, table: str | None = None) -> Facts:
    """GetRecords answers with no records and a next iterator five times before it gives any."""
    stage = _Stage(control, table, "empty-pages-before-data")
    stage.write(_RECORDS)
    stage.rule(effect="empty", count=_EMPTY_PAGES)
    return stage.facts(empty_pages=_EMPTY_PAGES)


def throttled(control: Control, table: str | None = None) -> Facts:
    """GetRecords and DescribeStream are refused three times, then one in five, by three errors."""
    stage = _Stage(control, table, "throttled")
    stage.write(_RECORDS)
    stage.rule(error="LimitExceededException", count=_TIMES)
    stage.rule("DescribeStream", error="ThrottlingException", count=_TIMES)
    stage.rule(error="ProvisionedThroughputExceededException", probability=0.2, count=10, seed=7)
    return stage.facts()


def parent_and_child_at_once(control: Control, table: str | None = None) -> Facts:
    """Shards are split between changes of the same items, in whose order parents come first."""
    stage = _Stage(control, table, "parent-and-child-at-once")
    before = stage.write(_RECORDS)
    for name in list(before):
        control.split(stage.table, name)
    after = stage.write(_RECORDS, again=True)
    return stage.facts(parents=sorted(before), children=sorted(after))


def duplicate_delivery(control: Control, table: str | None = None) -> Facts:
    """Three pages of records come twice, as to a reader that died before its checkpoint."""
    stage = _Stage(control, table, "duplicate-delivery")
    stage.write(_RECORDS)
    stage.rule(effect="repeat", count=_TIMES)
    return stage.facts(repeated_pages=_TIMES)


SCENARIOS: Final[dict[str, Scenario]] = {
    "expired-iterator": expired_iterator,
    "trimmed-while-paused": trimmed_while_paused,
    "shard-gone": shard_gone,
    "500-closed-shards": closed_shards_500,
    "empty-pages-before-data": empty_pages_before_data,
    "throttled": throttled,
    "parent-and-child-at-once": parent_and_child_at_once,
    "duplicate-delivery": duplicate_delivery,
}


# Those whose trouble is a rule's, which lives in the memory of the process that owns the store.
RULED: Final = frozenset(
    ("expired-iterator", "empty-pages-before-data", "throttled", "duplicate-delivery")
)


def described() -> dict[str, str]:
    """Every scenario's one line, by name."""
    return {name: (scenario.__doc__ or "").split("\n")[0] for name, scenario in SCENARIOS.items()}


class _Stage:
    """The table on which a scenario plays; it is made, with a stream, where there is none."""

    def __init__(self, control: Control, table: str | None, scenario: str) -> None:
        self._control = control
        self._scenario = scenario
        self._rules: list[int] = []
        self._numbers = count(1)
        self._written: list[dict[str, Any]] = []
        self.table = table or scenario
        if self._engine.catalog.find(self.table) is None:
            control.call("CreateTable", _definition(self.table))
        if self.info.stream is None:
            raise ControlRefused(f"the stream of table {self.table} is not enabled")

    @property
    def _engine(self) -> Engine:
        return self._control.store.engine

    @property
    def info(self) -> TableInfo:
        """The table as it is now."""
        return self._engine.catalog.table(self.table)

    def write(self, items: int, *, again: bool = False) -> dict[str, str]:
        """Write so many items, or change those written; {shard: number of its newest record}."""
        if not again:
            self._written = [
                _key(self.info, self._scenario, next(self._numbers)) for _ in range(items)
            ]
        for key in self._written:
            item = {"n": {"N": str(next(self._numbers))}, **key}
            self._control.call("PutItem", {"TableName": self.table, "Item": item})
        newest = {}
        for state in self._control.store.shards(self.table):
            if state.info.closed_ms is None and state.record_count:
                newest[state.info.name] = sequence.wire(state.info.depth, state.last_sequence)
        return newest

    def rule(self, operation: str = "GetRecords", **what: Any) -> None:
        """Arm a rule for this table alone."""
        rule = Rule(operation, _literally(self.table), **what)
        self._rules.append(self._control.add_rule(rule)["id"])

    def facts(self, **more: Any) -> Facts:
        """What the caller is told."""
        stream = self.info.stream
        assert stream is not None, "a scenario leaves the stream enabled"
        facts = {"scenario": self._scenario, "table": self.table, "stream_arn": stream.arn}
        return {**facts, "rules": self._rules, **more}


def _literally(name: str) -> str:
    """A pattern for that name alone. Names of tables hold no * ? [ but those given by ARN might."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _definition(table: str) -> dict[str, Any]:
    return {
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }


def _key(table: TableInfo, scenario: str, number: int) -> dict[str, Any]:
    """A key of the table's own types."""
    values = {
        "S": f"{scenario} {number}",
        "N": str(number),
        "B": f"{scenario} {number}".encode(),
    }
    return {part.name: {part.type: values[part.type]} for part in table.keys.parts}


def _rolling(table: TableInfo, rolls: int) -> Callable[[Group], int]:
    """A unit that closes so many shards in a row, each the successor of the one before."""
    table_id = table.table_id

    def unit(group: Group) -> int:
        for _ in range(rolls):
            current = group.table_by_id(table_id)
            assert current is not None, "nobody drops a table between a scenario's units"
            shards.roll(group, current, _oldest(current).name)
        return rolls

    return unit


def _oldest(table: TableInfo) -> ShardInfo:
    return min(table.open_shards, key=lambda shard: shard.start_sequence)
