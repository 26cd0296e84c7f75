"""Commands as real processes: what they read, what their ends mean, and that none is left over."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from streamstore import limits
from streamstore.consumers.targets.command import CommandTarget, argv_of
from streamstore.consumers.targets.target import (
    NOT_JSON,
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
)

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


def invocation(event: Any = None, seconds: float = 60.0) -> Invocation:
    return Invocation("request-1", ARN, event, seconds)


def run(code: str, event: Any = None, *, seconds: float = 60.0) -> Outcome:
    """The outcome of a Python program."""
    return CommandTarget([sys.executable, "-c", code], seconds).invoke(invocation(event))


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("node index.js", ["node", "index.js"]),
        ("'a b' \"c d\" e\\ f", ["a b", "c d", "e f"]),
        ("x; rm *", ["x;", "rm", "*"]),
    ],
)
def test_a_command_line_is_divided_and_nothing_else(text: str, argv: list[str]) -> None:
    assert argv_of(text) == argv


@pytest.mark.parametrize("text", ["", "  ", "'x"])
def test_a_command_line_without_a_program_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        argv_of(text)


ECHO = "import sys, json; json.dump({'got': json.load(sys.stdin)}, sys.stdout)"


def test_the_event_comes_in_and_the_answer_goes_out_as_json() -> None:
    assert run(ECHO, {"n": [1, "ü"]}) == Answered({"got": {"n": [1, "ü"]}})


def test_an_event_and_an_answer_larger_than_a_pipe_pass() -> None:
    event = "x" * 3_000_000
    assert run(ECHO, event) == Answered({"got": event})


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("pass", Answered(None)),
        ("print()", Answered(None)),
        ("print('null')", Answered(None)),
        ("print('{\"a\": 1}')", Answered({"a": 1})),
        ("print('hello')", Answered(NOT_JSON)),
        ("import sys; sys.stdin.close(); print(1)", Answered(1)),
        ("import sys; print('log', file=sys.stderr); print(2)", Answered(2)),
    ],
)
def test_exit_code_0_is_an_answer(code: str, outcome: Outcome) -> None:
    assert run(code, "x" * 200_000) == outcome


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("raise SystemExit(3)", "Runtime.ExitError", ["exit status 3"]),
        ("1 / 0", "Runtime.ExitError", ["exit status 1", "ZeroDivisionError"]),
        ("import os; os.kill(os.getpid(), 15)", "Runtime.ExitError", ["signal: SIGTERM"]),
        (
            'print(\'{"errorMessage": "m", "errorType": "T"}\'); raise SystemExit(1)',
            "T",
            ["m"],
        ),
        ("print('{\"a\": 1}'); raise SystemExit(1)", "Runtime.ExitError", ["exit status 1"]),
    ],
)
def test_another_end_is_an_error(code: str, kind: str, words: list[str]) -> None:
    outcome = run(code)
    assert isinstance(outcome, FunctionError)
    assert (outcome.kind, outcome.error_type) == ("Unhandled", kind)
    for word in words:
        assert word in outcome.message


def test_only_the_end_of_what_a_failed_command_said_is_kept() -> None:
    outcome = run("import sys; sys.stderr.write('x' * 5_000_000 + 'last'); sys.exit(1)")
    assert isinstance(outcome, FunctionError)
    assert outcome.message.endswith("xlast")
    assert len(outcome.message) < limits.FUNCTION_STDERR_BYTES_MAX + 200


def test_an_answer_has_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INVOCATION_BYTES_MAX", 1000)
    forever = "import sys\nwhile True: sys.stdout.write('x' * 1000)"
    outcome = run(forever)
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "Function.ResponseSizeTooLarge"


def test_what_can_not_be_started_was_not_invoked(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    for program in ("/nowhere/program", str(plain), str(tmp_path)):
        outcome = CommandTarget([program], 1.0).invoke(invocation())
        assert isinstance(outcome, NotInvoked)
        assert program in outcome.reason
        assert not outcome.throttled


# A parent that has a child of its own, and writes both pids before it waits.
FAMILY = """
import os, sys, time
child = os.fork()
if child:
    with open(sys.argv[1] + '.new', 'w') as file:
        file.write(f'{os.getpid()} {child}')
    os.rename(sys.argv[1] + '.new', sys.argv[1])
%s
"""


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def gone(pid: int) -> bool:
    """Whether a process that was killed has come to its end."""
    for _ in range(10_000):
        if not alive(pid):
            return True
        threading.Event().wait(0.001)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(
    ("rest", "timed_out"),
    [
        ("time.sleep(600)", True),
        ("if not child: time.sleep(600)", False),  # the child holds the pipes open
    ],
)
def test_no_process_of_a_command_outlives_its_invocation(
    tmp_path: Path, rest: str, timed_out: bool
) -> None:
    pids = tmp_path / "pids"
    seconds = 5.0 if timed_out else 60.0
    target = CommandTarget([sys.executable, "-c", FAMILY % rest, str(pids)], seconds)
    outcome = target.invoke(invocation())
    if timed_out:
        assert isinstance(outcome, FunctionError)
        assert outcome.error_type == "Sandbox.Timedout"
    else:
        assert outcome == Answered(None)
    for pid in map(int, pids.read_text().split()):
        assert gone(pid)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
def test_closing_ends_what_runs_and_consumes_no_attempt(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    argv = [sys.executable, "-c", FAMILY % "time.sleep(600)", str(pids)]
    target = CommandTarget(argv, 600.0)
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(target.invoke(invocation())))
    thread.start()
    while not pids.exists():
        assert thread.is_alive()
        threading.Event().wait(0.005)
    target.close()
    thread.join(30)
    (outcome,) = outcomes
    assert isinstance(outcome, NotInvoked)  # so that no batch is given up for a server's end
    for pid in map(int, pids.read_text().split()):
        assert gone(pid)


def test_a_command_knows_its_function_and_has_our_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OF_A_TEST", "yes")
    outcome = run("import os, json; print(json.dumps(dict(os.environ)))")
    assert isinstance(outcome, Answered)
    found = outcome.value
    assert found["OF_A_TEST"] == "yes"
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "f"
    assert found["STREAMSTORE_REQUEST_ID"] == "request-1"
    assert found["STREAMSTORE_FUNCTION_ARN"] == ARN


def test_no_descriptor_is_left_open() -> None:
    folder = Path("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd")
    run("pass")
    before = len(os.listdir(folder))
    for code in ("pass", "raise SystemExit(1)", "import time; time.sleep(60)"):
        run(code, seconds=0.5 if "sleep" in code else 60.0)
    assert len(os.listdir(folder)) == before
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
    assert json.loads(invocation({"a": 1}).payload) == {"a": 1}
