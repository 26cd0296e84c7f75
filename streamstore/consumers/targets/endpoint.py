"""An HTTP endpoint that speaks the Lambda Invoke API: `sam local start-lambda`, a runtime interface
emulator, another emulator, Lambda itself without signatures.

A reply with X-Amz-Function-Error holds the function's error. The runtime interface emulator leaves
the header out, so an error object as the whole body counts too. What the API itself answers with an
error (throttled, no such function, a container that can't start) was no invocation, except that a
payload it finds too large stays too large: that one is the batch's fault.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import orjson

from ... import limits
from . import exchange
from .target import (
    NOT_JSON,
    PAYLOAD_TOO_LARGE,
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
    answer_too_large,
    timed_out,
    told_error,
)

_PATH: Final = "/2015-03-31/functions/"
_ERROR_CHARS_MAX: Final = 200


class EndpointTarget:
    """A function behind an Invoke API. `url` is the one that is POSTed to."""

    in_process = False

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self.url = url
        self.timeout_seconds = timeout_seconds
        self._parts = exchange.parts_of(url)

    def invoke(self, invocation: Invocation) -> Outcome:
        seconds = min(self.timeout_seconds, invocation.deadline_seconds)
        headers = {
            "Content-Type": "application/json",
            "X-Amz-Invocation-Type": "RequestResponse",
            "X-Amz-Log-Type": "None" if invocation.log is None else "Tail",
        }
        reply = sent(self._parts, headers, invocation, seconds)
        if not isinstance(reply, exchange.Reply):
            return reply
        if invocation.log is not None and "x-amz-log-result" in reply.headers:
            with contextlib.suppress(binascii.Error):
                tail = base64.b64decode(reply.headers["x-amz-log-result"], validate=True)
                invocation.log.replace(tail)
        return _outcome(reply, invocation, seconds)

    def close(self) -> None:
        """Nothing is held between invocations."""


def _outcome(reply: exchange.Reply, invocation: Invocation, seconds: float) -> Outcome:
    body = parsed(reply.body)
    error = told_error(body)
    kind = reply.headers.get("x-amz-function-error")
    if kind is not None:
        if error is None:
            error = FunctionError(kind, "Error", _shortened(reply.body))
        return error._replace(kind=kind, status=reply.status)
    if error is not None and isinstance(body, dict) and "errorType" in body:
        return error._replace(status=reply.status)
    if 200 <= reply.status < 300:
        return Answered(body)
    if reply.status == 413:
        return FunctionError("Unhandled", PAYLOAD_TOO_LARGE, _shortened(reply.body), 413)
    if reply.status == 504:
        return timed_out(invocation, seconds)._replace(status=504)
    if reply.status == 429:
        return NotInvoked(f"The endpoint throttled: {_shortened(reply.body)}", throttled=True)
    return NotInvoked(f"The endpoint answered {reply.status}: {_shortened(reply.body)}")


def sent(
    parts: SplitResult, headers: dict[str, str], invocation: Invocation, seconds: float
) -> exchange.Reply | Outcome:
    """POST the event: the reply, or the outcome where no whole one came within `seconds`."""
    try:
        return exchange.post(parts, headers, invocation.payload, seconds)
    except exchange.Unreached as why:
        return NotInvoked(str(why))
    except exchange.Lost as why:
        return FunctionError("Unhandled", "Runtime.ExitError", str(why))
    except exchange.Overdue:
        return timed_out(invocation, seconds)
    except exchange.TooLarge:
        return answer_too_large(limits.INVOCATION_BYTES_MAX)


def parsed(body: bytes) -> Any:
    """The value of a JSON text, None of an empty one, NOT_JSON of another."""
    if not body.strip():
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return NOT_JSON


def _shortened(body: bytes) -> str:
    return body[:_ERROR_CHARS_MAX].decode("utf-8", "replace")


def invoke_url(text: str) -> str:
    """The Invoke API's URL of "http://host/NAME", or the text itself if it is one already. Raises
    ValueError.
    """
    if text.rstrip("/").endswith("/invocations"):
        return text.rstrip("/")
    parts = urlsplit(text)
    name = parts.path.strip("/")
    if not parts.netloc or not name or "/" in name:
        raise ValueError(
            f"{text!r} names no function: write lambda:http://HOST:PORT/NAME or the whole URL, "
            f"which ends in {_PATH}NAME/invocations"
        )
    return f"{parts.scheme}://{parts.netloc}{_PATH}{name}/invocations"
