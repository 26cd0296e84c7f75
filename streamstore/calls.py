"""Calls of an embedded store: counting them, and handing many over at once.

The store plans and carries out; this module says how long that took, for whom, and what came of
it, and orders a list of calls so that its writes share groups. It knows no operation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Final, Protocol

from .clock import Clock, SystemClock
from .errors import StoreError
from .metrics import FOLD_AT, Metrics
from .operations.faults import fault_of
from .operations.plan import Plan, ReadPlan, Ready, Reply, Scope
from .storage.writer import Writer

Call = tuple[str, dict[str, Any]]

LOOK_SECONDS: Final = 0.05


class Counted:
    """Where an embedded store's calls are counted, in the minute of its clock."""

    __slots__ = ("_clock", "_latencies", "_look_at", "_looks", "_metrics", "_pause")

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._latencies = metrics.by_operation
        self._looks = 0
        # The machine's clock moves by itself, so it is looked at now and then; others at each call.
        self._pause = LOOK_SECONDS if isinstance(clock, SystemClock) else 0.0
        self._look_at = 0.0

    def answered(self, operation: str, table: str, started: float) -> None:
        """A call that began at `started` (perf_counter) has its reply."""
        now = perf_counter()
        if now >= self._look_at:
            self._look(now)
        self._latencies[operation][table].append(now - started)

    def _look(self, now: float) -> None:
        self._look_at = now + self._pause
        self._metrics.roll(self._clock.now_ms())
        self._looks += 1
        if self._pause or self._looks % FOLD_AT == 0:
            self._metrics.fold()

    def failed(self, operation: str, table: str, error: BaseException) -> None:
        """A call was refused or failed."""
        fault = fault_of(error)
        self._metrics.roll(self._clock.now_ms())
        table = table or getattr(error, "table", "")
        self._metrics.failed(operation, table, fault.code, fault.status)

    def awaited(
        self, operation: str, table: str, started: float, future: asyncio.Future[Any]
    ) -> None:
        """The same when a future has its outcome; one that was cancelled is not counted."""

        def told(done: asyncio.Future[Any]) -> None:
            if done.cancelled():
                return
            error = done.exception()
            if error is None:
                self.answered(operation, table, started)
            else:
                self.failed(operation, table, error)

        if future.done() and not future.cancelled() and future.exception() is None:
            self.answered(operation, table, started)
        else:
            future.add_done_callback(told)


class Open(Protocol):
    """What is needed of an open store."""

    counted: Counted

    @property
    def writer(self) -> Writer: ...
    def plan(self, operation: str, params: dict[str, Any], scope: Scope | None = None) -> Plan: ...
    def read(self, plan: ReadPlan) -> Reply: ...
    def start_background(self) -> None: ...


def call_many(store: Open, calls: Sequence[Call]) -> list[Reply | StoreError]:
    """Answers in the order of the calls; see Store.call_many."""
    started = perf_counter()
    tables = [""] * len(calls)
    answers: list[Any] = [None] * len(calls)
    writes: list[int] = []
    units: list[tuple[Callable[[Any], Any], int]] = []
    reads: list[tuple[int, ReadPlan]] = []
    for place, (operation, params) in enumerate(calls):
        try:
            plan = store.plan(operation, params)
        except StoreError as error:
            answers[place] = error
            continue
        tables[place] = plan.table
        if isinstance(plan, Ready):
            answers[place] = plan.reply
        elif isinstance(plan, ReadPlan):
            reads.append((place, plan))
        else:
            writes.append(place)
            units.append((plan.apply, plan.cost_bytes))
    if units:
        store.start_background()
        outcomes = store.writer.run_many(units)
        for place, outcome in zip(writes, outcomes, strict=True):
            answers[place] = outcome.result if outcome.error is None else outcome.error
    for place, plan in reads:
        try:
            answers[place] = store.read(plan)
        except StoreError as error:
            answers[place] = error
    for (operation, _), table, answer in zip(calls, tables, answers, strict=True):
        if isinstance(answer, BaseException):
            store.counted.failed(operation, table, answer)
        else:
            store.counted.answered(operation, table, started)
    return answers
