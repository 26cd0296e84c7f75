"""The Invoke API over loopback: what is sent, and what each reply and each silence means."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from streamstore import limits
from streamstore.consumers.targets.endpoint import EndpointTarget, invoke_url
from streamstore.consumers.targets.target import (
    NOT_JSON,
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
)

PATH = "/2015-03-31/functions/orders/invocations"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:orders"


def invocation(event: Any = None, seconds: float = 60.0) -> Invocation:
    return Invocation("request-1", ARN, event, seconds)


def target(peer: Any, seconds: float = 30.0) -> EndpointTarget:
    return EndpointTarget(peer.url + PATH, seconds)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:3001/orders", "http://127.0.0.1:3001" + PATH),
        ("http://127.0.0.1:3001/orders/", "http://127.0.0.1:3001" + PATH),
        ("http://h" + PATH, "http://h" + PATH),
        ("http://h" + PATH + "/", "http://h" + PATH),
        (
            "http://h:9000/2015-03-31/functions/function/invocations",
            "http://h:9000/2015-03-31/functions/function/invocations",
        ),
    ],
)
def test_a_function_is_named_by_its_path_or_by_the_whole_url(text: str, url: str) -> None:
    assert invoke_url(text) == url


@pytest.mark.parametrize("text", ["http://h", "http://h/", "http://h/a/b", "orders", ""])
def test_a_url_without_a_function_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="names no function"):
        invoke_url(text)


@pytest.mark.parametrize(
    "url",
    ["ftp://h" + PATH, "http://" + PATH, "http://u:p@h" + PATH, "http://h:x" + PATH, "http://h/#f"],
)
def test_a_url_is_http_with_a_host_and_without_credentials(url: str) -> None:
    with pytest.raises(ValueError):
        EndpointTarget(url, 1.0)


def test_the_event_is_posted_as_the_invoke_api_has_it(peer: Any) -> None:
    peer.answer = (200, {}, b'{"batchItemFailures": []}')
    outcome = target(peer).invoke(invocation({"Records": ["ü"]}))
    assert outcome == Answered({"batchItemFailures": []})
    ((path, headers, body),) = peer.requests
    assert path == PATH
    assert headers["x-amz-invocation-type"] == "RequestResponse"
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {"Records": ["ü"]}


ERROR = {"errorMessage": "m", "errorType": "T", "stackTrace": ["line"]}
UNHANDLED = {"X-Amz-Function-Error": "Unhandled"}
TOLD = FunctionError("Unhandled", "T", "m", 200, ("line",))

REPLIES: list[tuple[int, dict[str, str], bytes, Outcome]] = [
    (200, {}, b"", Answered(None)),
    (200, {}, b"null", Answered(None)),
    (200, {}, b'""', Answered("")),
    (202, {}, b"[1]", Answered([1])),
    (200, {}, b"<html>", Answered(NOT_JSON)),
    (200, {}, b'{"errorMessage": "no type"}', Answered({"errorMessage": "no type"})),
    (200, UNHANDLED, json.dumps(ERROR).encode(), TOLD),
    (
        200,
        {"x-amz-function-error": "Handled"},
        json.dumps(ERROR).encode(),
        TOLD._replace(kind="Handled"),
    ),
    (200, UNHANDLED, b"oops", FunctionError("Unhandled", "Error", "oops")),
    (200, UNHANDLED, b'{"errorMessage": "m"}', FunctionError("Unhandled", "Error", "m")),
    # The runtime interface emulator says so in the body alone.
    (200, {}, json.dumps(ERROR).encode(), TOLD),
    (502, {}, json.dumps(ERROR).encode(), TOLD._replace(status=502)),
]


@pytest.mark.parametrize(("status", "headers", "body", "outcome"), REPLIES)
def test_each_reply_is_an_answer_or_the_functions_error(
    peer: Any, status: int, headers: dict[str, str], body: bytes, outcome: Outcome
) -> None:
    peer.answer = (status, headers, body)
    assert target(peer).invoke(invocation()) == outcome


@pytest.mark.parametrize(
    ("status", "throttled"),
    [(429, True), (400, False), (403, False), (404, False), (500, False), (503, False)],
)
def test_a_refusal_of_the_api_was_no_invocation(peer: Any, status: int, throttled: bool) -> None:
    peer.answer = (status, {}, b'{"Message": "Function not found"}')
    outcome = target(peer).invoke(invocation())
    assert isinstance(outcome, NotInvoked)
    assert outcome.throttled == throttled
    assert "Function not found" in outcome.reason


def test_a_payload_too_large_and_a_gateways_timeout_are_the_batchs_fault(peer: Any) -> None:
    peer.answer = (413, {}, b"too large")
    outcome = target(peer).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert (outcome.error_type, outcome.status) == ("RequestTooLargeException", 413)
    peer.answer = (504, {}, b"Task timed out")
    outcome = target(peer).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert (outcome.error_type, outcome.status) == ("Sandbox.Timedout", 504)


def test_a_redirect_is_not_followed(peer: Any) -> None:
    peer.answer = (302, {"Location": peer.url + "/elsewhere"}, b"")
    assert isinstance(target(peer).invoke(invocation()), NotInvoked)
    assert [path for path, _, _ in peer.requests] == [PATH]


def test_nobody_listening_was_no_invocation() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        url = f"http://127.0.0.1:{taken.getsockname()[1]}{PATH}"
        outcome = EndpointTarget(url, 5.0).invoke(invocation())
    assert isinstance(outcome, NotInvoked)
    assert "can't be reached" in outcome.reason
    outcome = EndpointTarget("http://nowhere.invalid" + PATH, 5.0).invoke(invocation())
    assert isinstance(outcome, NotInvoked)


def test_a_connection_lost_after_the_request_may_have_run_the_function(peer: Any) -> None:
    peer.answer = None
    outcome = target(peer).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "Runtime.ExitError"
    peer.answer = (200, {"Content-Length": "100"}, b"half")
    outcome = target(peer).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert len(peer.requests) == 2


def test_no_reply_in_time_is_a_timeout(peer: Any) -> None:
    peer.stalled = True
    outcome = target(peer, 0.2).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "Sandbox.Timedout"
    assert "0.20 seconds" in outcome.message
    outcome = target(peer).invoke(invocation(seconds=0.1))
    assert isinstance(outcome, FunctionError)
    assert "0.10 seconds" in outcome.message


class Trickle:
    """A listener that sends a byte of its reply whenever it is asked for one, and never ends."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}{PATH}"


def test_a_reply_that_trickles_ends_with_the_whole_time(peer: Any) -> None:
    import threading

    trickle = Trickle()

    def drip() -> None:
        taken, _ = trickle.listener.accept()
        with taken:
            taken.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            try:
                while not peer.over.wait(0.02):
                    taken.sendall(b"x")
            except OSError:
                pass  # it hung up, as it should

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    outcome = EndpointTarget(trickle.url, 0.3).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "Sandbox.Timedout"
    thread.join(10)
    assert not thread.is_alive()
    trickle.listener.close()


@pytest.mark.parametrize("told", [True, False], ids=["with a length", "until it ends"])
def test_a_reply_has_a_bounded_size(peer: Any, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INVOCATION_BYTES_MAX", 1000)
    headers = {} if told else {"Connection": "close"}
    peer.answer = (200, headers, b'"' + b"x" * 998 + b'"')
    assert target(peer).invoke(invocation()) == Answered("x" * 998)
    peer.chunks = [b"x" * 100_000] * 100
    outcome = target(peer).invoke(invocation())
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "Function.ResponseSizeTooLarge"
