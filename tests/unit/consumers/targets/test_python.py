"""Callables: what they are given, what their ends mean, and what becomes of an overdue one."""

from __future__ import annotations

import asyncio
import datetime
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from streamstore import limits
from streamstore.consumers.targets.python import Context, PythonTarget, load
from streamstore.consumers.targets.target import (
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
)

ARN = "arn:aws:lambda:us-east-1:000000000000:function:orders:live"


def invocation(event: Any = None, seconds: float = 60.0, lane: str = "") -> Invocation:
    return Invocation("request-1", ARN, event, seconds, lane)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    opened = threading.Event()
    yield opened
    opened.set()


BOTH = pytest.mark.parametrize("seconds", [None, 30.0], ids=["caller's thread", "own thread"])


@BOTH
def test_a_handler_has_lambdas_context(seconds: float | None) -> None:
    seen: list[Context] = []
    target = PythonTarget(lambda event, context: seen.append(context), timeout_seconds=seconds)
    assert target.invoke(invocation()) == Answered(None)
    (context,) = seen
    assert context.aws_request_id == "request-1"
    assert context.function_name == "orders"
    assert context.invoked_function_arn == ARN
    assert context.function_version == "$LATEST"
    assert context.memory_limit_in_mb == "128"
    assert context.log_group_name == "/aws/lambda/orders"
    assert "request-1" in context.log_stream_name
    left = context.get_remaining_time_in_millis()
    assert 0 < left <= (seconds or 60.0) * 1000
    assert isinstance(left, int)


def test_no_time_is_left_after_the_deadline() -> None:
    assert Context(invocation(), -5.0).get_remaining_time_in_millis() == 0


def test_without_a_timeout_the_callers_thread_runs_it_and_with_one_another_does() -> None:
    def which(event: Any, context: Any) -> bool:
        return threading.current_thread() is threading.main_thread()

    assert PythonTarget(which).invoke(invocation()) == Answered(True)
    assert PythonTarget(which, timeout_seconds=30).invoke(invocation()) == Answered(False)


def test_a_handler_that_changes_its_event_changes_no_retry() -> None:
    def change(event: Any, context: Any) -> Any:
        return event["records"].pop()

    event = {"records": [1, 2]}
    again = invocation(event)
    target = PythonTarget(change)
    assert [target.invoke(again), target.invoke(again)] == [Answered(2), Answered(2)]
    assert event == {"records": [1, 2]}


RETURNED: list[tuple[Any, Any]] = [
    (None, None),
    ("", ""),
    ({}, {}),
    ((1, 2), [1, 2]),
    ({"batchItemFailures": [{"itemIdentifier": "1"}]},) * 2,
    (Decimal("1.5"), 1.5),
    ({1: "x"}, {"1": "x"}),
    ("ü", "ü"),
]


@BOTH
@pytest.mark.parametrize(("returned", "value"), RETURNED)
def test_what_is_returned_is_read_as_json(returned: Any, value: Any, seconds: float | None) -> None:
    target = PythonTarget(lambda event, context: returned, timeout_seconds=seconds)
    assert target.invoke(invocation()) == Answered(value)


def circle() -> Any:
    ring: list[Any] = []
    ring.append(ring)
    return ring


async def coroutine(event: Any, context: Any) -> None:
    """Lambda runs no such handler."""


@pytest.mark.parametrize(
    "handler",
    [
        lambda event, context: object(),
        lambda event, context: {"x": {1, 2}},
        lambda event, context: b"x",
        lambda event, context: datetime.date(2026, 1, 1),
        lambda event, context: circle(),
        coroutine,
    ],
)
def test_what_is_no_json_is_a_marshal_error(handler: Callable[..., Any]) -> None:
    outcome = PythonTarget(handler).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert (outcome.kind, outcome.error_type) == ("Unhandled", "Runtime.MarshalError")


def test_an_answer_has_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INVOCATION_BYTES_MAX", 10)
    target = PythonTarget(lambda event, context: "x" * event)
    assert target.invoke(invocation(8)) == Answered("x" * 8)
    outcome = target.invoke(invocation(9))
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "Function.ResponseSizeTooLarge"


def leave(event: Any, context: Any) -> None:
    sys.exit(3)


def cancel(event: Any, context: Any) -> None:
    raise asyncio.CancelledError


def divide(event: Any, context: Any) -> float:
    return 1 / event


@BOTH
@pytest.mark.parametrize(
    ("handler", "kind", "text"),
    [
        (divide, "ZeroDivisionError", "division by zero"),
        (leave, "Runtime.ExitError", "exit status 3"),
        (cancel, "CancelledError", ""),
        (lambda: None, "TypeError", "2 were given"),
        (pytest.fail, "TypeError", ""),
    ],
)
def test_whatever_a_handler_raises_is_its_error(
    handler: Any, kind: str, text: str, seconds: float | None
) -> None:
    outcome = PythonTarget(handler, timeout_seconds=seconds).invoke(invocation(0))
    assert isinstance(outcome, FunctionError)
    assert (outcome.kind, outcome.error_type, outcome.status) == ("Unhandled", kind, 200)
    assert text in outcome.message


def test_an_error_has_its_own_traceback_and_not_ours() -> None:
    outcome = PythonTarget(divide).invoke(invocation(0))
    assert isinstance(outcome, FunctionError)
    (line,) = outcome.stack
    assert "in divide" in line
    assert "test_python.py" in line
    assert outcome.told() == {
        "errorMessage": "division by zero",
        "errorType": "ZeroDivisionError",
        "stackTrace": [line],
    }


def interrupt(event: Any, context: Any) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_goes_to_whoever_pressed_the_key() -> None:
    with pytest.raises(KeyboardInterrupt):
        PythonTarget(interrupt).invoke(invocation())
    # In a thread of its own nobody pressed one.
    outcome = PythonTarget(interrupt, timeout_seconds=30).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "KeyboardInterrupt"


def ended(target: PythonTarget) -> bool:
    """Whether every thread left behind came to its end, which it is on the way to."""
    for _ in range(10_000):
        if not target.overdue:
            return True
        threading.Event().wait(0.001)
    return False


def test_an_overdue_handler_fails_and_its_lane_waits_for_its_end(gate: threading.Event) -> None:
    ran: list[str] = []

    def slow(event: Any, context: Any) -> str:
        ran.append(event)
        if event == "slow":
            assert gate.wait(30)
        return str(event)

    target = PythonTarget(slow, timeout_seconds=0.02)
    outcome = target.invoke(invocation("slow", lane="a"))
    assert outcome == FunctionError(
        "Unhandled",
        "Sandbox.Timedout",
        "RequestId: request-1 Error: Task timed out after 0.02 seconds",
    )
    assert target.overdue == 1
    refused = target.invoke(invocation("again", lane="a"))
    assert isinstance(refused, NotInvoked)
    assert refused.throttled
    # Other lanes go on, and who has no lane does.
    assert target.invoke(invocation("b", lane="b")) == Answered("b")
    assert target.invoke(invocation("c")) == Answered("c")
    assert ran == ["slow", "b", "c"]
    gate.set()
    assert ended(target)
    assert target.invoke(invocation("again", lane="a")) == Answered("again")


def test_threads_left_behind_are_bounded(gate: threading.Event) -> None:
    def slow(event: Any, context: Any) -> None:
        assert gate.wait(30)

    target = PythonTarget(slow, timeout_seconds=0.01, overdue_max=2)
    for lane in ("a", "b"):
        assert isinstance(target.invoke(invocation(lane=lane)), FunctionError)
    refused = target.invoke(invocation(lane="c"))
    assert isinstance(refused, NotInvoked)
    gate.set()
    assert ended(target)
    assert target.invoke(invocation(lane="c")) == Answered(None)


def test_the_callers_deadline_counts_where_it_is_shorter(gate: threading.Event) -> None:
    target = PythonTarget(lambda event, context: gate.wait(30), timeout_seconds=100.0)
    outcome = target.invoke(invocation(seconds=0.01))
    assert isinstance(outcome, FunctionError)
    assert "0.01 seconds" in outcome.message


def test_many_threads_may_invoke_at_once() -> None:
    target = PythonTarget(lambda event, context: event, timeout_seconds=30)
    outcomes: dict[int, Outcome] = {}

    def work(lane: int) -> None:
        for number in range(lane, 200, 8):
            outcomes[number] = target.invoke(invocation(number, lane=str(lane)))

    threads = [threading.Thread(target=work, args=(lane,)) for lane in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes == {number: Answered(number) for number in range(200)}
    assert target.overdue == 0


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "functions_of_a_test"
    (tmp_path / f"{name}.py").write_text(
        "class K:\n    def m(event, context): return 'm'\n"
        "def f(event, context): return 'f'\n"
        "number = 3\n"
    )
    (tmp_path / "broken_of_a_test.py").write_text("raise OSError('no')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_a_callable_is_found_by_module_and_path(module: str) -> None:
    assert load(f"{module}:f")(None, None) == "f"
    assert load(f"{module}:K.m")(None, None) == "m"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("{}", "not module:function"),
        ("{}:", "not module:function"),
        (":f", "not module:function"),
        ("{}:g", "has no g"),
        ("{}:K.n", "has no K.n"),
        ("{}:number", "not callable"),
        ("nothing_of_a_test:f", "can't be imported"),
        ("broken_of_a_test:f", r"can't be imported: OSError\('no'\)"),
        ("{}..x:f", "can't be imported"),
    ],
)
def test_what_names_no_callable_is_refused_with_a_reason(module: str, spec: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        load(spec.format(module))
