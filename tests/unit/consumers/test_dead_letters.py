"""What mappings gave up on: listed in pages, shown, sent to their functions again, exported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.consumers.dead_letters import DeadLetters
from streamstore.consumers.runtime import Consumers
from streamstore.errors import ConsumerError


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> Iterator[streamstore.Store]:
    with streamstore.open(":memory:", clock=clock, background=False, first_partitions=1) as opened:
        for name in ("orders", "others"):
            opened.client.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
            )
        yield opened


class Function:
    """A handler whose answers are given beforehand; without one it fails."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.events: list[Any] = []

    def __call__(self, event: Any, context: Any) -> Any:
        self.events.append(event)
        if not self.answers:
            raise RuntimeError("out of order")
        return self.answers.pop(0)


class Failing:
    """Two mappings whose functions fail, and what they left behind."""

    def __init__(self, store: streamstore.Store, clock: ManualClock) -> None:
        self.consumers = Consumers(store, inline=True)
        self.orders, self.others = Function(), Function()
        on = {"retry_attempts_max": 0, "batch_size": 2}
        self.consumers.on("orders", name="orders", **on, report_item_failures=True)(self.orders)
        self.consumers.on("others", name="others", **on)(self.others)
        for number in range(4):
            clock.advance(10)
            store.table("orders").put_item(Item={"id": f"o{number}"})
            store.table("others").put_item(Item={"id": f"x{number}"})
            if number % 2:
                self.consumers.drain()
        self.letters = self.consumers.dead_letters
        self.uuids = {m.function_name: m.uuid for m in self.consumers.mappings.all()}
        self.orders.events.clear()
        self.others.events.clear()


@pytest.fixture
def failing(store: streamstore.Store, clock: ManualClock) -> Iterator[Failing]:
    made = Failing(store, clock)
    yield made
    made.consumers.stop()


def outcomes(redriven: Any) -> list[str]:
    return [each.outcome for each in redriven]


def test_failures_are_listed_in_pages_and_by_mapping(failing: Failing) -> None:
    letters = failing.letters
    ids = [each.failure_id for each in letters.all()]
    assert len(ids) == 4
    assert [each.failure_id for each in letters.list(limit=3)] == ids[:3]
    assert [each.failure_id for each in letters.list(after=ids[2])] == ids[3:]
    mine = list(letters.all(mapping=failing.uuids["orders"]))
    assert [each.uuid for each in mine] == [failing.uuids["orders"]] * 2
    facts = mine[0].facts()
    assert facts["condition"] == "RetryAttemptsExhausted"
    assert (facts["recordCount"], facts["redrivenAt"]) == (2, None)
    assert "payload" not in facts


def test_a_failure_is_shown_with_its_record_and_its_event(failing: Failing) -> None:
    first = next(failing.letters.all(mapping=failing.uuids["others"]))
    shown = failing.letters.show(first.failure_id).facts()
    assert shown["record"]["DDBStreamBatchInfo"]["batchSize"] == 2
    keys = [each["dynamodb"]["Keys"]["id"]["S"] for each in shown["payload"]["Records"]]
    assert keys == ["x0", "x1"]
    with pytest.raises(ConsumerError, match="no failure 99"):
        failing.letters.show(99)


def test_a_redrive_gives_the_function_the_very_event_and_marks_what_succeeds(
    failing: Failing, store: streamstore.Store, clock: ManualClock
) -> None:
    letters = failing.letters
    first, second = letters.all(mapping=failing.uuids["others"])
    failing.others.answers = ["fine"]
    clock.advance(5)
    assert outcomes(letters.redrive([first.failure_id, second.failure_id])) == [
        "redriven", "failed",
    ]  # fmt: skip
    event = orjson.loads(letters.show(first.failure_id).payload or b"")
    assert failing.others.events[0] == event
    assert letters.show(first.failure_id).redriven_ms == clock.now_ms()
    assert letters.show(second.failure_id).redriven_ms is None
    # What was redriven stays listed, and is not sent again.
    assert outcomes(letters.redrive([first.failure_id])) == ["already"]
    assert len(failing.others.events) == 2
    failing.others.answers = [None]
    failing.orders.answers = [None, None]
    assert outcomes(letters.redrive_all()) == ["redriven"] * 3
    assert letters.redrive_all() == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ({"batchItemFailures": [{"itemIdentifier": "?"}]}, "failed"),
        ({"batchItemFailures": []}, "redriven"),
        ({}, "redriven"),
        ("text", "failed"),
    ],
)
def test_reports_of_failed_records_count_in_a_redrive(
    failing: Failing, answer: Any, outcome: str
) -> None:
    first = next(failing.letters.all(mapping=failing.uuids["orders"]))
    failing.orders.answers = [answer]
    assert outcomes(failing.letters.redrive([first.failure_id])) == [outcome]


def test_without_its_mapping_a_failure_goes_to_the_function_of_its_record(
    failing: Failing,
) -> None:
    failing.consumers.mappings.delete(failing.uuids["others"])
    first, second = failing.letters.all(mapping=failing.uuids["others"])
    failing.others.answers = [{"batchItemFailures": [{"itemIdentifier": "?"}]}, "fine"]
    # A report is not passed over where nobody says whether it counts.
    assert outcomes(failing.letters.redrive([first.failure_id])) == ["failed"]
    assert outcomes(failing.letters.redrive([second.failure_id])) == ["redriven"]


def test_a_function_that_is_not_here_is_named_with_what_to_do(
    failing: Failing, store: streamstore.Store
) -> None:
    from streamstore.consumers.mappings import Mappings

    (first, *_) = failing.letters.redrive_all()
    assert first.reason == "RuntimeError: out of order"
    elsewhere = DeadLetters(store, Mappings(store))
    redriven = elsewhere.redrive([first.failure_id])[0]
    assert redriven.outcome == "not-invoked"
    assert "--function" in redriven.reason
    with pytest.raises(ConsumerError, match="no functions"):
        DeadLetters(store).redrive([first.failure_id])


def test_an_export_holds_what_was_given_up_in_a_span_of_time(failing: Failing) -> None:
    everything = list(failing.letters.export())
    assert [each.failure_id for each in everything] == [
        each.failure_id for each in failing.letters.all()
    ]
    assert all(each.payload for each in everything)
    moments = sorted({each.created_ms for each in everything})
    assert len(moments) == 2
    late = failing.letters.export(from_ms=moments[1])
    assert {each.created_ms for each in late} == {moments[1]}
    early = failing.letters.export(to_ms=moments[1])
    assert {each.created_ms for each in early} == {moments[0]}
    mine = failing.letters.export(mapping=failing.uuids["orders"], from_ms=moments[1])
    assert len(list(mine)) == 1


@pytest.mark.parametrize(
    ("verb", "request_", "says"),
    [
        ("nothing", {}, "No verb"),
        ("list", {"after": "1"}, "'after' must be a number"),
        ("show", {}, "no failure 0"),
        ("redrive", {"ids": ["1"]}, "at most 100 numbers"),
        ("redrive", {"ids": list(range(1, 102))}, "at most 100 numbers"),
    ],
)
def test_a_door_refuses_what_it_can_not_read(
    failing: Failing, verb: str, request_: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConsumerError, match=says):
        failing.letters.do(verb, request_)


def test_a_door_gives_everything_in_pages(
    failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamstore.consumers import dead_letters

    monkeypatch.setattr(dead_letters, "PAGE_MAX", 3)
    failing.others.answers = [None, None]
    failing.orders.answers = [None, None]
    for verb, member in (("list", "failures"), ("export", "failures"), ("redrive", "redriven")):
        found, after, pages = [], 0, 0
        while after is not None:
            page = failing.letters.do(verb, {"after": after})
            found += page[member]
            after, pages = page["next"], pages + 1
        assert [each["id"] for each in found] == [each.failure_id for each in failing.letters.all()]
        assert pages > 1
