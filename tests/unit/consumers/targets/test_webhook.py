"""Webhooks: who may be one, and what its answers mean."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from streamstore.consumers.targets.target import (
    NOT_JSON,
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
)
from streamstore.consumers.targets.webhook import WebhookTarget


def invocation(event: Any = None) -> Invocation:
    return Invocation("request-1", "arn:aws:lambda:r:a:function:f", event, 60.0)


def invoke(peer: Any, event: Any = None, seconds: float = 30.0) -> Outcome:
    return WebhookTarget(peer.url + "/hook?a=1", seconds, ()).invoke(invocation(event))


@pytest.mark.parametrize("url", ["http://localhost/x", "http://127.0.0.1:1/x", "http://[::1]/x"])
def test_this_machine_is_always_allowed(url: str) -> None:
    WebhookTarget(url, 1.0, ())


@pytest.mark.parametrize(
    ("url", "allowed", "passes"),
    [
        ("https://hooks.example.com/x", ("hooks.example.com",), True),
        ("https://HOOKS.example.com/x", ("Hooks.Example.com",), True),
        ("https://hooks.example.com/x", (), False),
        ("https://hooks.example.com/x", ("example.com",), False),
        ("https://hooks.example.com.evil.org/x", ("hooks.example.com",), False),
        ("https://evil.org/hooks.example.com", ("hooks.example.com",), False),
        ("http://169.254.169.254/latest", ("hooks.example.com",), False),
    ],
)
def test_other_hosts_are_allowed_by_their_whole_name(
    url: str, allowed: tuple[str, ...], passes: bool
) -> None:
    if passes:
        WebhookTarget(url, 1.0, allowed)
    else:
        with pytest.raises(ValueError, match="no allowed host"):
            WebhookTarget(url, 1.0, allowed)


def test_the_event_itself_is_posted(peer: Any) -> None:
    assert invoke(peer, {"Records": [1]}) == Answered(None)
    ((path, headers, body),) = peer.requests
    assert path == "/hook?a=1"
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == "request-1"
    assert json.loads(body) == {"Records": [1]}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b"", Answered(None)),
        (204, b"", Answered(None)),
        (201, b'{"batchItemFailures": []}', Answered({"batchItemFailures": []})),
        (200, b"thanks", Answered(NOT_JSON)),
        *(
            (
                status,
                b'{"errorType": "T"}',
                FunctionError(
                    "Unhandled", f"Webhook.{status}", f"The webhook answered {status}.", status
                ),
            )
            for status in (301, 302, 307, 400, 401, 404, 410, 500, 502)
        ),
        (429, b"", NotInvoked("The webhook answered 429.", throttled=True)),
        (503, b"", NotInvoked("The webhook answered 503.", throttled=True)),
    ],
)
def test_2xx_is_success_and_no_redirect_is_followed(
    peer: Any, status: int, body: bytes, outcome: Outcome
) -> None:
    peer.answer = (status, {"Location": peer.url + "/elsewhere"}, body)
    assert invoke(peer) == outcome
    assert [path for path, _, _ in peer.requests] == ["/hook?a=1"]


def test_silence_is_a_timeout_a_lost_connection_an_error_and_nobody_no_invocation(
    peer: Any,
) -> None:
    peer.stalled = True
    outcome = invoke(peer, seconds=0.1)
    assert isinstance(outcome, FunctionError)
    assert outcome.error_type == "Sandbox.Timedout"
    peer.stalled, peer.answer = False, None
    assert isinstance(invoke(peer), FunctionError)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        assert isinstance(WebhookTarget(url, 5.0, ()).invoke(invocation()), NotInvoked)
