"""How a rule changes what becomes of a request: its plan is exchanged for another.

A request is planned first, so what is wrong with it is said as ever and no rule hits it. A delay
puts the rest off, a rule's error included. Nothing here waits but `waited`, for callers who may
block.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from ..clock import Clock, ManualClock
from ..engine.streams.iterators import decode, encode
from ..operations import registry
from ..operations.plan import Delayed, Plan, ReadPlan, Ready, Reply, Scope
from .targets import targets

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..storage.transaction import ReadTransaction
    from .rules import Rules, Verdict


class Ruled(Protocol):
    """What rules need of a store."""

    scope: Scope
    rules: Rules | None

    @property
    def engine(self) -> Engine: ...


def ruled(
    store: Ruled, plan: Plan, operation: str, params: dict[str, Any], scope: Scope | None
) -> Plan:
    """The plan that the store's rules leave of `plan`. Raises the error of a rule without delay."""
    rules = store.rules
    if rules is None:
        return plan  # cleared since the caller looked
    actions = params.get("TransactItems")
    verdict = rules.judge(
        operation,
        targets(params, store.engine.catalog),
        len(actions) if isinstance(actions, list | tuple) else 0,
    )
    if verdict is None:
        return plan
    if not verdict.delay_seconds:
        return _struck(rules, verdict, plan, params, store.engine)
    engine = store.engine

    def then() -> Plan:
        own = plan
        if store.engine is not engine:  # the store was reopened meanwhile
            own_scope = replace(scope or store.scope, engine=store.engine)
            own = registry.prepare(operation, params, own_scope)
        return _struck(rules, verdict, own, params, store.engine)

    return Delayed(verdict.delay_seconds, then, plan.table)


def waited(clock: Clock, delayed: Delayed) -> Plan:
    """What a delayed plan has become, after its time. A clock moved by hand is moved instead."""
    if isinstance(clock, ManualClock):
        clock.advance(delayed.seconds)
    else:
        threading.Event().wait(delayed.seconds)
    return delayed.then()


def _struck(
    rules: Rules, verdict: Verdict, plan: Plan, params: dict[str, Any], engine: Engine
) -> Plan:
    if verdict.error is not None:
        verdict.error.table = plan.table
        raise verdict.error
    if verdict.effect is None:
        return plan
    if verdict.effect == "empty":
        reply = {"Records": [], "NextShardIterator": _same_place(params, engine)}
        return Ready(reply, plan.table)
    assert isinstance(plan, ReadPlan), "an effect is GetRecords' alone"
    number = verdict.number
    assert number is not None, "a verdict with an effect is some rule's"

    def read(rx: ReadTransaction) -> Reply:
        reply = plan.read(rx)
        if reply["Records"] and rules.take(number):
            reply = {**reply, "NextShardIterator": _same_place(params, engine)}
        return reply

    return ReadPlan(read, plan.long, plan.table)


def _same_place(params: dict[str, Any], engine: Engine) -> str:
    """A new iterator for the place of the request's own, which was found good when planned."""
    key, iterator = engine.iterator_key, params["ShardIterator"]
    arn, position = decode(key, iterator, 0)
    following = encode(key, arn, position, engine.issue_ms())
    if engine.pacing is not None:
        engine.pacing.hand_out(position.shard_id, iterator, following)
    return following
