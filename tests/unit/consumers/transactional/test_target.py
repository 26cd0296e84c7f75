"""Functions with a unit of work, run by the workers of a store: once for each record, it seems."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore import limits
from streamstore.consumers.functions import Functions
from streamstore.consumers.runtime import Consumers
from streamstore.consumers.targets.target import Answered, FunctionError, Invocation
from streamstore.consumers.transactional import TransactionalTarget, UnitOfWork, transact
from streamstore.consumers.transactional.target import AnsweredInUnit
from streamstore.errors import UnitConflict, UnitTooLarge


@pytest.fixture
def consumers(store: streamstore.Store) -> Iterator[Consumers]:
    made = Consumers(store, inline=True)
    yield made
    made.stop()


def feed(store: streamstore.Store, count: int) -> None:
    for number in range(count):
        store.table("counters").put_item(Item={"id": f"k{number}", "n": number})


def total(store: Any) -> Any:
    item = store.table("things").get_item(Key={"p": "total", "s": 0}).get("Item")
    return None if item is None else item["n"]


def add(unit: UnitOfWork, count: int) -> None:
    before = total(unit) or 0
    unit.table("things").put_item(Item={"p": "total", "s": 0, "n": before + count})


@pytest.mark.parametrize("spelling", ["decorator", "parameter"])
def test_both_spellings_give_a_unit_that_commits_with_its_checkpoint(
    store: streamstore.Store, consumers: Consumers, spelling: str
) -> None:
    def handle(event: Any, context: Any, unit: UnitOfWork) -> None:
        add(unit, len(event["Records"]))

    if spelling == "decorator":
        mapping = consumers.on("counters", batch_size=3)
        assert mapping.transactional(handle) is handle
    else:
        consumers.on("counters", batch_size=3, transactional=True)(handle)
    feed(store, 10)
    consumers.drain()
    assert total(store) == 10
    assert handle.mapping.batch_size == 3  # type: ignore[attr-defined]


def test_a_conflict_runs_the_function_again_with_a_new_unit(
    store: streamstore.Store, consumers: Consumers
) -> None:
    runs: list[int] = []

    @consumers.on("counters", transactional=True)
    def handle(event: Any, context: Any, unit: UnitOfWork) -> None:
        runs.append(len(event["Records"]))
        add(unit, len(event["Records"]))
        if len(runs) < 3:
            transact(store, lambda other: add(other, 100))

    feed(store, 4)
    consumers.drain()
    assert runs == [4, 4, 4]
    assert total(store) == 204


def test_conflicts_without_end_count_as_one_failure_of_the_function(
    store: streamstore.Store, consumers: Consumers, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []

    @consumers.on("counters", transactional=True, retry_attempts_max=0)
    def handle(event: Any, context: Any, unit: UnitOfWork) -> None:
        runs.append(len(event["Records"]))
        add(unit, 1)
        transact(store, lambda other: add(other, 100))

    feed(store, 2)
    consumers.drain()
    assert len(runs) == limits.UNIT_ATTEMPTS_MAX
    assert total(store) == 100 * limits.UNIT_ATTEMPTS_MAX
    (letter,) = consumers.dead_letters.list()
    assert letter.record_count == 2


def test_a_function_that_raises_writes_nothing_and_is_tried_again(
    store: streamstore.Store, consumers: Consumers
) -> None:
    runs: list[int] = []

    @consumers.on("counters", transactional=True, retry_attempts_max=1)
    def handle(event: Any, context: Any, unit: UnitOfWork) -> None:
        runs.append(1)
        add(unit, len(event["Records"]))
        if len(runs) == 1:
            raise RuntimeError("the first time")

    feed(store, 4)
    consumers.drain(advance=True)
    assert len(runs) == 2
    assert total(store) == 4


def test_a_unit_that_grew_too_large_is_a_failure_even_where_it_was_swallowed(
    store: streamstore.Store, consumers: Consumers
) -> None:
    @consumers.on("counters", transactional=True, retry_attempts_max=0)
    def handle(event: Any, context: Any, unit: UnitOfWork) -> None:
        try:
            for number in range(limits.UNIT_ITEMS_WRITTEN_MAX + 1):
                unit.table("things").put_item(Item={"p": "many", "s": number})
        except UnitTooLarge:
            return

    feed(store, 1)
    consumers.drain()
    assert store.table("things").scan()["Items"] == []
    assert len(consumers.dead_letters.list()) == 1


def test_a_redrive_commits_its_writes_with_the_mark_and_only_once(
    store: streamstore.Store, consumers: Consumers
) -> None:
    broken = [True]

    @consumers.on("counters", transactional=True, retry_attempts_max=0)
    def handle(event: Any, context: Any, unit: UnitOfWork) -> None:
        add(unit, len(event["Records"]))
        if broken[0]:
            raise RuntimeError("broken")

    feed(store, 3)
    consumers.drain()
    letters = consumers.dead_letters
    assert [each.outcome for each in letters.redrive_all()] == ["failed"]
    broken[0] = False
    assert [each.outcome for each in letters.redrive_all()] == ["redriven"]
    assert letters.redrive_all() == []
    assert [each.outcome for each in letters.redrive([1, 2])] == ["already", "missing"]
    assert total(store) == 3


def test_two_redrives_of_one_failure_at_once_write_once(
    store: streamstore.Store, consumers: Consumers
) -> None:
    """The writes here conflict with nothing: only the mark tells."""
    broken = [True]
    inner: list[str] = []

    @consumers.on("counters", transactional=True, retry_attempts_max=0)
    def handle(event: Any, context: Any, unit: UnitOfWork) -> None:
        if broken[0]:
            raise RuntimeError("broken")
        unit.table("things").update_item(
            Key={"p": "total", "s": 0},
            UpdateExpression="ADD n :n",
            ExpressionAttributeValues={":n": len(event["Records"])},
        )
        if not inner:
            inner.append("entered")
            inner.extend(each.outcome for each in consumers.dead_letters.redrive([1]))

    feed(store, 3)
    consumers.drain()
    broken[0] = False
    assert [each.outcome for each in consumers.dead_letters.redrive([1])] == ["already"]
    assert inner == ["entered", "redriven"]
    assert total(store) == 3


def invocation(name: str = "r") -> Invocation:
    return Invocation(name, "arn:aws:lambda:us-east-1:0:function:f", {"Records": []}, 60.0)


def test_a_failure_that_follows_from_stale_reads_is_no_failure_of_the_function(
    store: streamstore.Store,
) -> None:
    """Two reads at two moments may not fit together; only a run that could commit may complain."""
    runs: list[int] = []

    def handle(event: Any, context: Any, unit: UnitOfWork) -> str:
        runs.append(1)
        first = total(unit)
        if len(runs) == 1:
            transact(store, lambda other: add(other, 1))
            unit.table("things").put_item(Item={"p": "b", "s": 1})
        both = unit.table("things").scan()["Items"]
        if (first is None) != (len(both) == 0):
            raise AssertionError("what can't be")
        return "fine"

    outcome = TransactionalTarget(store, handle).invoke(invocation())
    assert isinstance(outcome, Answered)
    assert outcome.value == "fine"
    assert len(runs) == 2


def test_a_failure_of_its_own_is_one(store: streamstore.Store) -> None:
    def handle(event: Any, context: Any, unit: UnitOfWork) -> None:
        total(unit)
        raise KeyError("mine")

    outcome = TransactionalTarget(store, handle).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "KeyError"


def test_work_that_conflicts_each_time_ends_with_the_conflict(store: streamstore.Store) -> None:
    def work(unit: UnitOfWork) -> None:
        add(unit, 1)
        transact(store, lambda other: add(other, 1))

    with pytest.raises(UnitConflict):
        transact(store, work, attempts=3)
    assert total(store) == 3


MODULE = """
from streamstore.consumers.transactional import transactional

@transactional
def count(event, context, unit):
    unit.update_item(
        TableName="things",
        Key={"p": {"S": "total"}, "s": {"N": "0"}},
        UpdateExpression="ADD n :n",
        ExpressionAttributeValues={":n": {"N": str(len(event["Records"]))}},
    )
"""


@pytest.mark.parametrize("registered", ["before", "after"])
def test_a_marked_function_of_a_module_is_given_units_wherever_it_is_registered(
    store: streamstore.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: str
) -> None:
    (tmp_path / f"counting_{registered}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    spec = f"counting_{registered}:count"
    functions = Functions()
    if registered == "before":
        functions.register("count", spec)
    with Consumers(store, functions=functions, inline=True) as consumers:
        if registered == "after":
            functions.register("count", spec)
        arn = store.client.describe_table(TableName="counters")["Table"]["LatestStreamArn"]
        consumers.mappings.create(
            {
                "EventSourceArn": arn,
                "FunctionName": "count",
                "StartingPosition": "TRIM_HORIZON",
            }
        )
        feed(store, 7)
        consumers.drain()
    assert total(store) == 7


def test_an_invocation_without_a_checkpoint_commits_its_unit_before_it_is_answered(
    store: streamstore.Store,
) -> None:
    """So does the Invoke API; an answer must not be given for writes that go nowhere."""
    runs: list[int] = []

    def handle(event: Any, context: Any, unit: UnitOfWork) -> str:
        runs.append(1)
        add(unit, 5)
        if len(runs) == 1:
            transact(store, lambda other: add(other, 1))
        return "done"

    target = TransactionalTarget(store, handle)
    assert target.invoke(invocation()) == Answered("done")
    assert (len(runs), total(store)) == (2, 6)
    kept = target.invoke(Invocation("s", "arn", {"Records": []}, 60.0, "lane"))
    assert isinstance(kept, AnsweredInUnit)
    assert total(store) == 6
    store.writer.run(kept.unit)
    assert total(store) == 11
