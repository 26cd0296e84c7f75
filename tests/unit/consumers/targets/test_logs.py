"""The end of what a function said: who hears what, its bound, and that nothing is left behind."""

from __future__ import annotations

import base64
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from streamstore.consumers.targets.command import CommandTarget
from streamstore.consumers.targets.endpoint import EndpointTarget
from streamstore.consumers.targets.logs import LogTail
from streamstore.consumers.targets.python import PythonTarget
from streamstore.consumers.targets.target import Invocation, Target

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
logger = logging.getLogger("of.the.test")


def said(target: Target, request_id: str = "r-1", event: Any = None) -> list[str]:
    """The lines of one invocation, without the last two, which say how long it took."""
    invocation = Invocation(request_id, ARN, event, 60.0)
    tail = invocation.log = LogTail(request_id)
    tail.begin()
    outcome = target.invoke(invocation)
    lines = tail.end(outcome, 0.0012, in_process=target.in_process).decode().splitlines()
    assert lines[-2] == f"END RequestId: {request_id}"
    head = f"REPORT RequestId: {request_id}\tDuration: 1.20 ms\tBilled Duration: 2 ms\t"
    assert lines[-1].startswith(head)
    return lines[:-2]


def of_python(handler: Callable[..., Any], seconds: float | None = None) -> PythonTarget:
    return PythonTarget(handler, timeout_seconds=seconds)


@pytest.mark.parametrize("seconds", [None, 30.0], ids=["in the caller's thread", "in its own"])
def test_what_a_handler_prints_and_logs_is_heard_and_passed_on(
    seconds: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    def handler(event: Any, context: Any) -> None:
        print("out", event)
        sys.stderr.writelines(["to ", "stderr"])
        sys.stdout.flush()
        print()
        logger.warning("a %s", "warning")
        logger.info("passed over, as the root's level says")

    lines = said(of_python(handler, seconds), event=7)
    assert lines[0] == "START RequestId: r-1 Version: $LATEST"
    assert lines[1:3] == ["out 7", "to stderr"]
    assert lines[3].startswith("[WARNING]\t20")
    assert lines[3].endswith("Z\tr-1\ta warning")
    assert len(lines) == 4
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("out 7\n\n", "to stderr")


def test_a_failure_is_told_as_the_runtime_tells_it() -> None:
    def fail(event: Any, context: Any) -> None:
        print("no newline", end="")
        raise ValueError("bang")

    lines = said(of_python(fail))
    assert lines[1:4] == [
        "no newline",
        "[ERROR] ValueError: bang",
        "Traceback (most recent call last):",
    ]
    assert lines[-1].strip() == 'raise ValueError("bang")'

    def leave(event: Any, context: Any) -> None:
        sys.exit(3)

    assert said(of_python(leave))[1:] == [
        "Runtime exited with error: exit status 3",
        "Runtime.ExitError",
    ]


def test_invocations_side_by_side_hear_themselves_alone() -> None:
    together = threading.Barrier(8)

    def handler(event: Any, context: Any) -> None:
        for round_ in range(20):
            together.wait(30)
            print(event, round_)
            logger.error("%s", event)

    target = of_python(handler)
    heard: dict[int, list[str]] = {}

    def run(number: int) -> None:
        heard[number] = said(target, f"r-{number}", number)

    def run_unheard(number: int) -> None:
        target.invoke(Invocation("r", ARN, number, 60.0))

    whats = [run] * 4 + [run_unheard] * 4
    threads = [threading.Thread(target=each, args=(n,)) for n, each in enumerate(whats)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for number in range(4):
        printed = [line for line in heard[number][1:] if not line.startswith("[ERROR]")]
        assert printed == [f"{number} {each}" for each in range(20)]
        logged = [line.rpartition("\t")[2] for line in heard[number] if "[ERROR]" in line]
        assert logged == [str(number)] * 20


def test_nothing_is_left_in_the_process_and_nothing_is_there_unasked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = (sys.stdout, sys.stderr, logging.getLogger().handlers[:])
    seen: list[Any] = []
    target = of_python(lambda event, context: seen.append(sys.stdout))
    said(target)
    assert (sys.stdout, sys.stderr, logging.getLogger().handlers) == before
    target.invoke(Invocation("r", ARN, None, 60.0))
    assert seen[0] is not before[0]
    assert seen[1] is before[0]


def test_a_record_still_goes_to_the_last_resort_where_the_process_has_no_handlers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    last = logging.Handler(logging.WARNING)
    last.emit = lambda record: shown.append(record.getMessage())  # type: ignore[method-assign]
    monkeypatch.setattr(logging, "lastResort", last)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    lines = said(of_python(lambda event, context: logger.warning("once")))
    assert shown == ["once"]
    assert len(lines) == 2
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler()])
    said(of_python(lambda event, context: logger.warning("twice")))
    assert shown == ["once"]


def test_the_last_four_kilobytes_are_kept() -> None:
    def handler(event: Any, context: Any) -> None:
        for number in range(1000):
            print(f"line {number}")

    invocation = Invocation("r", ARN, None, 60.0)
    tail = invocation.log = LogTail("r")
    tail.begin()
    outcome = of_python(handler).invoke(invocation)
    kept = tail.end(outcome, 0.001, in_process=True)
    assert len(kept) == 4096
    assert b"START" not in kept
    assert b"line 999\nEND RequestId: r\nREPORT" in kept


def test_what_an_overdue_handler_says_afterwards_is_not_kept() -> None:
    gate, ended = threading.Event(), threading.Event()
    invocation = Invocation("r-1", ARN, None, 60.0)
    tail = invocation.log = LogTail("r-1")

    def handler(event: Any, context: Any) -> None:
        print("early")
        assert gate.wait(30)
        print("late")
        ended.set()

    outcome = of_python(handler, 0.05).invoke(invocation)
    kept = tail.end(outcome, 0.05, in_process=True).decode()
    assert kept.splitlines()[:2] == [
        "early",
        "RequestId: r-1 Error: Task timed out after 0.05 seconds",
    ]
    gate.set()
    assert ended.wait(30)
    assert "late" not in tail.end(outcome, 0.05, in_process=True).decode()


def test_of_a_command_its_stderr_is_kept() -> None:
    code = "import sys; print('answer is no log', file=sys.stderr); print(1)"
    target = CommandTarget([sys.executable, "-c", code], 60.0)
    assert said(target)[1:] == ["answer is no log"]
    target = CommandTarget([sys.executable, "-c", "import sys; sys.exit('bad')"], 60.0)
    assert said(target)[1:] == [
        "bad",
        "RequestId: r-1 Error: Runtime exited with error: exit status 1",
        "Runtime.ExitError",
    ]


def test_a_remote_functions_own_tail_is_passed_on(peer: Any) -> None:
    target = EndpointTarget(peer.url + "/2015-03-31/functions/f/invocations", 30.0)
    remote = b"START RequestId: theirs\nEND RequestId: theirs\n"
    peer.answer = (200, {"X-Amz-Log-Result": base64.b64encode(remote).decode()}, b"1")
    invocation = Invocation("r", ARN, None, 60.0)
    invocation.log = LogTail("r")
    invocation.log.begin()
    outcome = target.invoke(invocation)
    assert invocation.log.end(outcome, 0.1, in_process=False) == remote
    assert peer.requests[0][1]["x-amz-log-type"] == "Tail"
    target.invoke(Invocation("r", ARN, None, 60.0))
    assert peer.requests[1][1]["x-amz-log-type"] == "None"
    # What is no base64 is no tail.
    peer.answer = (200, {"X-Amz-Log-Result": "!"}, b"1")
    assert said(target) == ["START RequestId: r-1 Version: $LATEST"]
