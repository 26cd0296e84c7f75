"""Events on their way: retries by the store's clock, results, bounds, and the end."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore import limits
from streamstore.clock import ManualClock
from streamstore.consumers.asynchronous.configs import EventConfig
from streamstore.consumers.asynchronous.queue import Events, Full
from streamstore.consumers.functions import LATEST, Functions

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
START_MS = 1_700_000_000_000


class Sent:
    """Events of a store whose clock stands still, and the functions behind them."""

    def __init__(self, store: streamstore.Store, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock
        self.functions = Functions()
        self.events = Events(store, self.functions, inline=True)
        self.ran: list[tuple[int, Any]] = []

    def register(self, name: str, *answers: Any) -> None:
        """A function that gives or raises these, one a run, the last one ever after."""
        left = list(answers)

        def handler(event: Any, context: Any) -> Any:
            self.ran.append(((self.clock.now_ms() - START_MS) // 1000, event))
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        self.functions.register(name, handler)

    def say(self, name: str, qualifier: str = LATEST, **what: Any) -> None:
        self.functions.event_configs.put(name, qualifier, EventConfig(**what))

    def pass_time(self, seconds: int) -> None:
        """Run what is due, second by second."""
        for _ in range(seconds + 1):
            self.events.run_due()
            self.clock.advance(1)


@pytest.fixture
def sent(tmp_path: Path) -> Iterator[Sent]:
    clock = ManualClock(START_MS)
    with streamstore.open(tmp_path / "s.db", clock=clock, background=False) as store:
        made = Sent(store, clock)
        yield made
        made.events.close()


def lines(path: Path) -> list[Any]:
    return [json.loads(line)["record"] for line in path.read_text().splitlines()]


def test_a_failed_event_is_tried_again_after_one_minute_and_two_with_one_request_id(
    sent: Sent, tmp_path: Path
) -> None:
    ids: set[str] = set()
    sent.register("f", ValueError("first"), ValueError("second"), "done")
    inner = sent.functions.get("f").target.handler  # type: ignore[union-attr]
    sent.functions.register("f", lambda e, c: (ids.add(c.aws_request_id), inner(e, c))[1])
    sent.say("f", on_success=(tmp_path / "ok.jsonl").as_uri())
    request_id = sent.events.send(ARN + "f", {"n": 1})
    sent.pass_time(200)
    assert sent.ran == [(0, {"n": 1}), (60, {"n": 1}), (180, {"n": 1})]
    assert ids == {request_id}
    assert len(sent.events) == 0
    assert lines(tmp_path / "ok.jsonl") == [
        {
            "version": "1.0",
            "timestamp": "2023-11-14T22:16:20.000Z",
            "requestContext": {
                "requestId": request_id,
                "functionArn": ARN + "f:$LATEST",
                "condition": "Success",
                "approximateInvokeCount": 3,
            },
            "requestPayload": {"n": 1},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
            "responsePayload": "done",
        }
    ]


def test_an_event_that_fails_for_good_goes_to_its_destination_with_its_error(
    sent: Sent, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sent.register("f", ValueError("secret"))
    sent.say("f", "live", retries=1, on_failure=(tmp_path / "bad.jsonl").as_uri())
    sent.events.send(ARN + "f:live", [1])
    with caplog.at_level(logging.ERROR, "streamstore.functions"):
        sent.pass_time(100)
    assert [at for at, _ in sent.ran] == [0, 60]
    (record,) = lines(tmp_path / "bad.jsonl")
    assert record["requestContext"]["functionArn"] == ARN + "f:live"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorType"] == "ValueError"
    assert record["responsePayload"]["errorMessage"] == "secret"
    given_up = [each for each in caplog.messages if "given up" in each]
    assert given_up == ["an event of f was given up, RetriesExhausted: ValueError"]
    # What is said of an alias holds for no other name.
    sent.ran.clear()
    sent.events.send(ARN + "f", [2])
    sent.pass_time(200)
    assert len(sent.ran) == 3
    assert len(lines(tmp_path / "bad.jsonl")) == 1


def test_an_event_that_never_could_run_is_too_old_in_the_end(sent: Sent, tmp_path: Path) -> None:
    sent.say("gone", age_seconds_max=60, on_failure=(tmp_path / "bad.jsonl").as_uri())
    sent.events.send(ARN + "gone", {})
    sent.pass_time(62)
    (record,) = lines(tmp_path / "bad.jsonl")
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert not {"responseContext", "responsePayload"} & set(record)
    # One that comes in time is run.
    sent.events.send(ARN + "gone", {})
    sent.pass_time(10)
    sent.register("gone", 1)
    sent.pass_time(10)
    assert len(sent.ran) == 1


def test_a_result_goes_to_a_table_and_to_another_function(sent: Sent) -> None:
    sent.store.client.create_table(
        TableName="results",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    sent.register("f", {"answer": 42})
    sent.register("g", None)
    sent.say("f", on_success=ARN + "g")
    sent.say("g", on_success="arn:aws:dynamodb:us-east-1:000000000000:table/results")
    sent.events.send(ARN + "f", {"n": 1})
    sent.events.run_due()
    passed_on = sent.ran[1][1]
    assert passed_on["responsePayload"] == {"answer": 42}
    (item,) = sent.store.table("results").scan()["Items"]
    assert (item["condition"], item["function"]) == ("Success", "g")
    assert item["record"]["requestPayload"]["requestPayload"] == {"n": 1}
    assert item["record"]["responsePayload"] is None
    assert "payload" not in item


def test_functions_that_send_each_other_their_results_end_after_a_bounded_chain(
    sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    sent.register("f", 1)
    sent.register("g", 1)
    sent.say("f", on_success=ARN + "g")
    sent.say("g", on_success=ARN + "f")
    sent.events.send(ARN + "f", {})
    sent.events.run_due()
    assert len(sent.ran) == limits.EVENT_HOPS_MAX + 1
    assert "break the loop" in caplog.text


def test_a_destination_that_does_not_take_a_result_is_counted(sent: Sent) -> None:
    sent.register("f", 1)
    for destination in (ARN + "none", "arn:aws:dynamodb:us-east-1:000000000000:table/none"):
        sent.say("f", on_success=destination)
        sent.events.send(ARN + "f", {})
    sent.events.run_due()
    sent.store.metrics.roll(sent.clock.now_ms())
    (found,) = (
        whole.total
        for name, _, whole in sent.store.metrics.totals()
        if name == "DestinationDeliveryFailures"
    )
    assert found == 2
    assert len(sent.events) == 0


def test_what_waits_is_bounded_by_number_and_bytes(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent.register("f", 1)
    monkeypatch.setattr(limits, "EVENTS_QUEUED_MAX", 2)
    sent.events.send(ARN + "f", 1)
    sent.events.send(ARN + "f", 2)
    with pytest.raises(Full, match="2 events"):
        sent.events.send(ARN + "f", 3)
    sent.events.run_due()
    monkeypatch.setattr(limits, "EVENTS_QUEUED_BYTES_MAX", 10)
    sent.events.send(ARN + "f", "1234")
    with pytest.raises(Full, match="10 bytes"):
        sent.events.send(ARN + "f", "56789")
    sent.events.run_due()
    sent.events.send(ARN + "f", "56789")


@pytest.fixture
def threaded(sent: Sent) -> Iterator[Callable[[], Events]]:
    made: list[Events] = []

    def make() -> Events:
        made.append(Events(sent.store, sent.functions))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_an_end_lets_what_is_due_run_and_drops_and_counts_what_waits(
    sent: Sent, threaded: Callable[[], Events], caplog: pytest.LogCaptureFixture
) -> None:
    events = threaded()
    gate, inside = threading.Event(), threading.Semaphore(0)
    ran: list[Any] = []

    def wait(event: Any, context: Any) -> None:
        inside.release()
        assert gate.wait(30)
        ran.append(event)
        if event == "fails":
            raise ValueError(event)

    sent.functions.register("f", wait)
    for event in ("fails", *range(30)):
        events.send(ARN + "f", event)
    assert inside.acquire(timeout=30)
    closing = threading.Thread(target=events.close)
    closing.start()
    gate.set()
    closing.join(30)
    assert not closing.is_alive()
    assert sorted(map(str, ran)) == sorted(["fails", *map(str, range(30))])
    assert caplog.messages[-1] == "1 asynchronous invocations were dropped at the end"
    with pytest.raises(Full, match="ending"):
        events.send(ARN + "f", 1)


def test_an_end_does_not_wait_for_a_function_that_hangs(
    sent: Sent, threaded: Callable[[], Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EVENTS_END_SECONDS_MAX", 0.05)
    events = threaded()
    gate, inside = threading.Event(), threading.Event()

    def hang(event: Any, context: Any) -> None:
        inside.set()
        assert gate.wait(30)

    sent.functions.register("f", hang)
    try:
        events.send(ARN + "f", 1)
        assert inside.wait(30)
        closing = threading.Thread(target=events.close)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()
    finally:
        gate.set()


def sums(sent: Sent, name: str) -> dict[str, float]:
    """What was counted under a function's name."""
    mine = (("FunctionName", name),)
    return {metric: d.total for metric, of, d in sent.store.metrics.totals() if of == mine}


def test_events_and_their_invocations_are_counted_under_the_functions_name(
    sent: Sent, tmp_path: Path
) -> None:
    sent.register("f", ValueError("always"))
    sent.say("f", on_failure="arn:aws:dynamodb:us-east-1:000000000000:table/absent")
    sent.events.send(ARN + "f", {})
    sent.pass_time(200)
    found = sums(sent, "f")
    assert found.pop("Duration") >= 0
    assert found == {
        "AsyncEventsReceived": 1,
        "AsyncEventAge": 0 + 60_000 + 180_000,
        "AsyncEventsDropped": 1,
        "Invocations": 3,
        "Errors": 3,
        "ConcurrentExecutions": 3,
        "DestinationDeliveryFailures": 1,
    }
    sent.register("g", "well")
    sent.events.send(ARN + "g", {})
    sent.pass_time(1)
    assert "AsyncEventsDropped" not in sums(sent, "g")
    assert sums(sent, "g")["Invocations"] == 1
