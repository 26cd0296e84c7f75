"""Functions as the Lambda API shows them, and the three ways to invoke one."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from streamstore import limits
from streamstore.consumers.targets.target import (
    NOT_JSON,
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
)

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


class Scripted:
    """A target with an outcome of the test's choice."""

    in_process = False

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.seen: list[Invocation] = []

    def invoke(self, invocation: Invocation) -> Outcome:
        self.seen.append(invocation)
        return self.outcome

    def close(self) -> None:
        """Nothing."""


def test_a_function_is_shown_by_every_form_of_its_name(doorway: Any) -> None:
    for name in ("f", ARN + "f", "000000000000:function:f"):
        status, _, found = doorway.ask("configuration", name=name)
        assert status == 200
        assert found["FunctionName"] == "f"
        assert found["FunctionArn"] == ARN + "f"
        assert found["State"] == "Active"
        assert doorway.ask("function", name=name)[2]["Configuration"] == found
    elsewhere = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    assert doorway.ask("configuration", name=elsewhere)[2]["FunctionArn"] == elsewhere
    by_path = doorway.ask("configuration", name="f:7")[2]
    by_query = doorway.ask("configuration", name="f", query={"Qualifier": "7"})[2]
    assert by_path == by_query
    assert by_path["FunctionArn"] == ARN + "f:7"


def test_an_unknown_function_is_not_found_whatever_is_asked(doorway: Any) -> None:
    for call in ("function", "configuration", "invoke", "send", "dry_run"):
        status, headers, body = doorway.ask(call, name="none")
        assert (status, headers["x-amzn-ErrorType"]) == (404, "ResourceNotFoundException")
        assert body == {"Type": "User", "Message": f"Function not found: {ARN}none"}
    status, headers, _ = doorway.ask("invoke", name="f:1", query={"Qualifier": "2"})
    assert (status, headers["x-amzn-ErrorType"]) == (400, "InvalidParameterValueException")
    assert doorway.ask("invoke", name="a b")[0] == 400


def test_functions_are_listed_in_pages_by_name(
    doorway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FUNCTIONS_LISTED_MAX", 2)
    for name in ("c", "a", "b:live", "d"):
        doorway.functions.register(name, lambda event, context: None)
    found: list[str] = []
    query: dict[str, str] = {}
    while True:
        page = doorway.ask("functions", query=query)[2]
        assert len(page["Functions"]) <= 2
        found += [each["FunctionArn"].removeprefix(ARN) for each in page["Functions"]]
        if "NextMarker" not in page:
            break
        query = {"Marker": page["NextMarker"]}
    assert found == ["a", "b:live", "c", "d", "f"]


def test_an_invocation_hands_over_the_event_and_answers_with_what_came_back(doorway: Any) -> None:
    status, headers, body = doorway.ask("invoke", {"n": 1}, name="f")
    assert (status, headers) == (200, {"X-Amz-Executed-Version": "$LATEST"})
    assert body == {"echo": {"n": 1}}
    assert doorway.ask("invoke", b"", name="f")[2] == {"echo": {}}


@pytest.mark.parametrize(
    ("outcome", "status", "header", "body"),
    [
        (Answered(None), 200, None, None),
        (Answered(NOT_JSON), 200, None, None),
        (
            FunctionError("Handled", "Boom", "bang", stack=("line",)),
            200,
            ("X-Amz-Function-Error", "Handled"),
            {"errorMessage": "bang", "errorType": "Boom", "stackTrace": ["line"]},
        ),
        (
            NotInvoked("busy", throttled=True),
            429,
            ("x-amzn-ErrorType", "TooManyRequestsException"),
            {"Type": "User", "message": "busy"},
        ),
        (
            NotInvoked("refused"),
            502,
            ("x-amzn-ErrorType", "ResourceNotReadyException"),
            {"Type": "Service", "Message": "refused"},
        ),
    ],
)
def test_each_outcome_has_its_reply(
    doorway: Any, outcome: Outcome, status: int, header: tuple[str, str] | None, body: Any
) -> None:
    doorway.functions.register("s", Scripted(outcome))
    found, headers, answer = doorway.ask("invoke", {}, name="s")
    assert (found, answer) == (status, body)
    if header is not None:
        assert headers[header[0]] == header[1]
    else:
        assert "X-Amz-Function-Error" not in headers


def test_a_dry_run_checks_all_and_runs_nothing(doorway: Any) -> None:
    scripted = Scripted(Answered(1))
    doorway.functions.register("s", scripted)
    assert doorway.ask("dry_run", {}, name="s")[0] == 204
    assert doorway.ask("dry_run", b"{", name="s")[0] == 400
    assert scripted.seen == []


def test_bodies_that_are_no_json_or_too_large_are_refused(
    doorway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INVOCATION_BYTES_MAX", 100)
    monkeypatch.setattr(limits, "EVENT_BYTES_MAX", 100)
    for body, status, code in (
        (b"{", 400, "InvalidRequestContentException"),
        (b"\xff", 400, "InvalidRequestContentException"),
        (b'"' + b"x" * 99 + b'"', 413, "RequestTooLargeException"),
        (b'"' + b"x" * 80 + b'"', 200, None),
    ):
        for call in ("invoke", "send"):
            found, headers, _ = doorway.ask(call, body, name="f")
            assert found == (202 if status == 200 and call == "send" else status)
            assert headers.get("x-amzn-ErrorType") == code


def test_another_invocation_type_is_refused(doorway: Any) -> None:
    status, headers, _ = doorway.ask("unknown_kind", {}, name="f")
    assert (status, headers["x-amzn-ErrorType"]) == (400, "InvalidParameterValueException")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    opened = threading.Event()
    yield opened
    opened.set()


def test_an_event_runs_after_its_reply_and_is_refused_where_too_many_wait(
    doorway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EVENTS_QUEUED_MAX", 2)
    scripted = Scripted(Answered(None))
    doorway.functions.register("s", scripted)
    assert doorway.ask("send", {"n": 1}, name="s")[::2] == (202, None)
    assert doorway.ask("send", {"n": 2}, name="s:live")[0] == 202
    status, headers, _ = doorway.ask("send", {"n": 3}, name="s")
    assert (status, headers["x-amzn-ErrorType"]) == (429, "TooManyRequestsException")
    assert scripted.seen == []
    doorway.events.run_due()
    assert [each.event for each in scripted.seen] == [{"n": 1}, {"n": 2}]
    assert [each.function_arn for each in scripted.seen] == [ARN + "s", ARN + "s:live"]
    assert doorway.ask("send", {"n": 4}, name="s")[0] == 202


def test_an_event_may_be_smaller_only(doorway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EVENT_BYTES_MAX", 10)
    assert doorway.ask("send", b'"12345678"', name="f")[0] == 202
    status, headers, _ = doorway.ask("send", b'"123456789"', name="f")
    assert (status, headers["x-amzn-ErrorType"]) == (413, "RequestTooLargeException")
    assert doorway.ask("invoke", b'"123456789"', name="f")[0] == 200


def test_the_log_is_told_only_to_who_asks_for_it(doorway: Any) -> None:
    def said(event: Any, context: Any) -> int:
        print("printed", event)
        if event == 2:
            raise ValueError("of the test")
        return 1

    doorway.functions.register("said", said)
    _, headers, body = doorway.ask("invoke", b"1", name="said")
    assert (body, "X-Amz-Log-Result" in headers) == (1, False)
    _, headers, body = doorway.ask("invoke_with_log", b"1", name="said")
    assert body == 1
    log = base64.b64decode(headers["X-Amz-Log-Result"]).decode()
    assert re.fullmatch(
        r"START RequestId: (\S+) Version: \$LATEST\nprinted 1\nEND RequestId: \1\n"
        r"REPORT RequestId: \1\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\t\n",
        log,
    )
    _, headers, body = doorway.ask("invoke_with_log", b"2", name="said")
    assert (body["errorType"], headers["X-Amz-Function-Error"]) == ("ValueError", "Unhandled")
    log = base64.b64decode(headers["X-Amz-Log-Result"]).decode()
    assert "printed 2\n[ERROR] ValueError: of the test\nTraceback" in log
    assert "raise ValueError" in log
    doorway.functions.register("s", Scripted(NotInvoked("busy", throttled=True)))
    status, headers, _ = doorway.ask("invoke_with_log", b"1", name="s")
    assert (status, "X-Amz-Log-Result" in headers) == (429, False)


def test_invocations_at_once_are_bounded_so_that_pages_are_still_served(
    doorway: Any, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = threading.Semaphore(0)

    def wait(event: Any, context: Any) -> int:
        inside.release()
        assert gate.wait(30)
        return 1

    doorway.functions.register("slow", wait)
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(doorway.ask("invoke", {}, name="slow")[0]))
        for _ in range(limits.INVOKES_AT_ONCE_MAX)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert inside.acquire(timeout=30)
    assert doorway.ask("invoke", {}, name="slow")[0] == 429
    gate.set()
    for thread in threads:
        thread.join(30)
    assert answers == [200] * limits.INVOKES_AT_ONCE_MAX
    assert doorway.ask("invoke", {}, name="slow")[0] == 200


def test_an_invoke_is_counted_under_its_functions_name(doorway: Any) -> None:
    def failing(event: Any, context: Any) -> None:
        raise ValueError

    doorway.functions.register("good", lambda event, context: 1)
    doorway.functions.register("bad", failing)
    doorway.functions.register("busy", Scripted(NotInvoked("busy", throttled=True)))
    for name in ("good", "bad", "busy", "good"):
        doorway.ask("invoke", b"{}", name=name)
    doorway.ask("invoke_with_log", b"{}", name="bad")
    doorway.ask("dry_run", b"{}", name="good")
    counted = {
        (dimensions[0][1], metric): distribution.total
        for metric, dimensions, distribution in doorway.store.metrics.totals()
        if dimensions[0][0] == "FunctionName" and metric != "Duration"
    }
    assert counted == {
        ("good", "ConcurrentExecutions"): 2,
        ("good", "Invocations"): 2,
        ("good", "Errors"): 0,
        ("bad", "ConcurrentExecutions"): 2,
        ("bad", "Invocations"): 2,
        ("bad", "Errors"): 2,
        ("busy", "ConcurrentExecutions"): 1,
        ("busy", "Throttles"): 1,
    }
