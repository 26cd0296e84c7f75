"""Names, what may be registered under them, and the bounds of every invocation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from streamstore import limits
from streamstore.consumers.functions import Functions
from streamstore.consumers.targets.python import PythonTarget
from streamstore.consumers.targets.target import (
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
)


def invocation(event: Any = None, lane: str = "") -> Invocation:
    arn = Functions.arn("f", "us-east-1", "000000000000")
    return Invocation("request", arn, event, 60.0, lane)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    opened = threading.Event()
    yield opened
    opened.set()


class Broken:
    """A target that raises, which no target may."""

    in_process = False
    closed = False

    def invoke(self, invocation: Invocation) -> Outcome:
        raise RuntimeError("mine")

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    "name", ["", "a b", "a.b", "x" * 65, "f:", ":f", "f:a:b", "f\n", "ü", "arn:aws:lambda:f"]
)
def test_a_name_is_letters_digits_hyphens_and_underscores(name: str) -> None:
    with pytest.raises(ValueError, match="no function name"):
        Functions().register(name, lambda event, context: None)


@pytest.mark.parametrize(
    ("target", "more", "text"),
    [
        (3, {}, "neither callable nor a target"),
        (print, {"concurrency": 0}, "concurrency"),
        (print, {"concurrency": limits.FUNCTION_CONCURRENCY_MAX + 1}, "concurrency"),
        (print, {"timeout_seconds": 0}, "timeout_seconds"),
        (print, {"timeout_seconds": 900.5}, "timeout_seconds"),
        (Broken(), {"timeout_seconds": 1}, "keeps its own time"),
        ("module", {}, "not module:function"),
    ],
)
def test_what_can_not_be_registered_is_refused_with_a_reason(
    target: Any, more: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        Functions().register("f", target, **more)


def test_a_bare_name_answers_to_every_qualifier_and_an_alias_to_its_own() -> None:
    functions = Functions()
    bare = functions.register("f", lambda event, context: None)
    live = functions.register("f:live", lambda event, context: None)
    only = functions.register("g:live", lambda event, context: None)
    found = {
        (name, qualifier): functions.get(name, qualifier)
        for name in ("f", "g", "h")
        for qualifier in ("", "$LATEST", "live", "7")
    }
    assert found == {
        ("f", ""): bare,
        ("f", "$LATEST"): bare,
        ("f", "live"): live,
        ("f", "7"): bare,
        ("g", ""): None,
        ("g", "$LATEST"): None,
        ("g", "live"): only,
        ("g", "7"): None,
        **{("h", q): None for q in ("", "$LATEST", "live", "7")},
    }
    assert functions.names() == ["f", "f:live", "g:live"]
    assert len(functions) == 3


def test_arns_have_a_qualifier_where_one_is_named() -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    assert Functions.arn("f", "eu-west-1", "123456789012") == arn
    assert Functions.arn("f", "eu-west-1", "123456789012", "live") == arn + ":live"


def test_a_function_registered_again_replaces_and_closes_the_one_before() -> None:
    functions = Functions()
    first = Broken()
    functions.register("f", first)
    functions.register("f", first)
    assert not first.closed
    second = functions.register("f", lambda event, context: 2)
    assert first.closed
    assert functions.get("f") is second
    last = Broken()
    functions.register("g", last)
    functions.close()
    assert last.closed


def test_a_target_that_raises_is_an_error_of_its_function() -> None:
    function = Functions().register("f", Broken())
    assert function.invoke(invocation()) == FunctionError("Unhandled", "RuntimeError", "mine")


@pytest.mark.parametrize("size", [-1, 0, 1])
def test_an_event_has_a_bounded_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INVOCATION_BYTES_MAX", 100)
    function = Functions().register("f", lambda event, context: len(event))
    outcome = function.invoke(invocation("x" * (98 + size)))  # and two quotes
    if size <= 0:
        assert outcome == Answered(98 + size)
    else:
        assert isinstance(outcome, FunctionError)
        assert outcome.error_type == "RequestTooLargeException"


def test_an_event_that_is_no_json_is_an_error_and_raises_nothing() -> None:
    function = Functions().register("f", lambda event, context: None)
    for event in (object(), {"x": b"bytes"}, "\ud800"):
        outcome = function.invoke(invocation(event))
        assert isinstance(outcome, FunctionError)


def test_no_more_run_at_once_than_may(gate: threading.Event) -> None:
    inside = threading.Semaphore(0)

    def wait(event: Any, context: Any) -> None:
        inside.release()
        assert gate.wait(30)

    function = Functions().register("f", wait, concurrency=2)
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(function.invoke(invocation())))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=30)
    refused = function.invoke(invocation())
    assert isinstance(refused, NotInvoked)
    assert refused.throttled
    gate.set()
    for thread in threads:
        thread.join(30)
    assert outcomes == [Answered(None)] * 2
    assert function.invoke(invocation()) == Answered(None)


def test_what_is_overdue_counts_as_running_until_it_ends(gate: threading.Event) -> None:
    inside = threading.Semaphore(0)

    def wait(event: Any, context: Any) -> Any:
        inside.release()
        if event == "slow":
            assert gate.wait(30)
        return event

    function = Functions().register("f", wait, timeout_seconds=30, concurrency=2)
    target = function.target
    assert isinstance(target, PythonTarget)
    hurried = Invocation("request", "arn", "slow", 0.01, "a")
    overdue = function.invoke(hurried)
    assert isinstance(overdue, FunctionError)
    assert overdue.error_type == "Sandbox.Timedout"
    assert inside.acquire(timeout=30)
    # One place is left for another lane, and then none.
    outcomes: list[Outcome] = []
    running = threading.Thread(
        target=lambda: outcomes.append(function.invoke(invocation("slow", "b")))
    )
    running.start()
    assert inside.acquire(timeout=30)
    refused = function.invoke(invocation("quick", "c"))
    assert isinstance(refused, NotInvoked)
    gate.set()
    running.join(30)
    assert outcomes == [Answered("slow")]
    for _ in range(10_000):  # the overdue one ends by itself now
        if not target.overdue:
            break
        threading.Event().wait(0.001)
    assert function.invoke(invocation("quick", "c")) == Answered("quick")
