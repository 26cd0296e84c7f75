"""One invocation of a function and its outcomes, as every target and everybody behind it knows
them.

There are three outcomes. Answered: the function returned. FunctionError: it ran and failed, or ran
out of time, which consumes one of the mapping's attempts. NotInvoked: it was never run, because it
was throttled, unreachable or unknown, which consumes none (spec B.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import orjson

if TYPE_CHECKING:
    from .logs import LogTail


class NotJson:
    """Stands for the answer of a remote function that is no JSON. `NOT_JSON` is the only one."""

    def __repr__(self) -> str:
        return "NOT_JSON"


NOT_JSON: Final = NotJson()

TIMED_OUT: Final = "Sandbox.Timedout"
EXITED: Final = "Runtime.ExitError"
UNSERIALIZABLE: Final = "Runtime.MarshalError"
ANSWER_TOO_LARGE: Final = "Function.ResponseSizeTooLarge"
PAYLOAD_TOO_LARGE: Final = "RequestTooLargeException"


class Invocation:
    """What a function is given. `event` is JSON-like, binary values as base64 text already.

    `deadline_seconds` is the longest it may take by its caller's will, counted from the call; a
    function may have a shorter time of its own. `lane` names whose turn it is where order matters:
    no invocation starts while an overdue one of the same lane still runs in this process; "" has no
    such rule. `log` is told what the function says, where somebody wants to know.
    """

    __slots__ = (
        *("_payload", "deadline_seconds", "event", "function_arn", "lane", "log", "request_id"),
    )

    def __init__(
        self,
        request_id: str,
        function_arn: str,
        event: Any,
        deadline_seconds: float,
        lane: str = "",
    ) -> None:
        self.request_id = request_id
        self.function_arn = function_arn
        self.event = event
        self.deadline_seconds = deadline_seconds
        self.lane = lane
        self.log: LogTail | None = None
        self._payload: bytes | None = None

    @property
    def payload(self) -> bytes:
        """The event as JSON, made once."""
        if self._payload is None:
            self._payload = orjson.dumps(self.event)
        return self._payload


class Answered(NamedTuple):
    """The function returned `value`: JSON-like, or NOT_JSON where a remote one sent something
    else.
    """

    value: Any


class FunctionError(NamedTuple):
    """The function ran and failed.

    `kind` is "Unhandled" or "Handled" as the Invoke API tells them apart, `error_type` the error's
    name, `status` the HTTP status of the invocation, which is 200 for errors of functions.
    """

    kind: str
    error_type: str
    message: str
    status: int = 200
    stack: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """The error as Lambda's runtimes word it."""
        return {
            "errorMessage": self.message,
            "errorType": self.error_type,
            "stackTrace": list(self.stack),
        }


class NotInvoked(NamedTuple):
    """The function was not run; `reason` is a sentence that says why. `throttled`: it was busy."""

    reason: str
    throttled: bool = False


Outcome = Answered | FunctionError | NotInvoked


class Target(Protocol):
    """What can be invoked, from many threads at once."""

    in_process: bool

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run the function and wait for it. Raises nothing but a KeyboardInterrupt of the
        caller's.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds; a running invocation may be cut off."""
        ...


def timed_out(invocation: Invocation, seconds: float) -> FunctionError:
    """The error of a function that took longer than `seconds`."""
    text = f"RequestId: {invocation.request_id} Error: Task timed out after {seconds:.2f} seconds"
    return FunctionError("Unhandled", TIMED_OUT, text)


def answer_too_large(limit: int) -> FunctionError:
    """The error of a function whose answer has more than `limit` bytes."""
    text = f"Response payload size exceeded maximum allowed payload size ({limit} bytes)."
    return FunctionError("Unhandled", ANSWER_TOO_LARGE, text)


def told_error(body: Any) -> FunctionError | None:
    """The error that a runtime's error object holds, or None where `body` is no such object."""
    if not isinstance(body, dict) or not isinstance(body.get("errorMessage"), str):
        return None
    kind = body.get("errorType")
    stack = body.get("stackTrace")
    lines = tuple(str(line) for line in stack) if isinstance(stack, list) else ()
    return FunctionError(
        "Unhandled", kind if isinstance(kind, str) else "Error", body["errorMessage"], stack=lines
    )
