"""A function of this process: `handler(event, context)`, as Lambda's Python runtime calls it.

Each invocation gets a copy of the event of its own, so that a handler which changes it changes no
retry; what it returns must be JSON, as on Lambda. An exception is a FunctionError with its
traceback's lines; `sys.exit` is one too.

Without a timeout the handler runs in the caller's thread, where a debugger, thread-bound objects
and a test's own clock work as expected, and takes as long as it takes. With one it runs in a thread
of its own. Python can't kill a thread: when the time is over the invocation counts as failed and
its thread is left behind. From then on, until that thread ends, no invocation of the same lane
starts (NotInvoked), so that an overdue handler never races with its own retry; other lanes go on.
The number of threads left behind is bounded; beyond it nothing is invoked. Who needs functions that
can be killed gives a command.
"""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from time import perf_counter
from typing import Any

import orjson

from ... import limits
from .logs import listening
from .target import (
    EXITED,
    UNSERIALIZABLE,
    Answered,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
    answer_too_large,
    timed_out,
)

logger = logging.getLogger("streamstore.functions")

Handler = Callable[..., Any]


class Context:
    """What Lambda hands to a function beside the event."""

    def __init__(self, invocation: Invocation, seconds: float) -> None:
        self.aws_request_id = invocation.request_id
        self.invoked_function_arn = invocation.function_arn
        # arn:aws:lambda:region:account:function:name[:qualifier]
        fields = invocation.function_arn.split(":")
        self.function_name = fields[6] if len(fields) > 6 else invocation.function_arn
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = "128"
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = f"streamstore/[$LATEST]{invocation.request_id}"
        self.identity = None
        self.client_context = None
        self.tenant_id = None
        self._ends = perf_counter() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation counts as failed; never negative."""
        return max(0, int((self._ends - perf_counter()) * 1000))


class PythonTarget:
    """A callable. `timeout_seconds` None runs it in the caller's thread; `overdue_max` bounds the
    threads left behind.
    """

    in_process = True

    def __init__(
        self,
        handler: Handler,
        *,
        timeout_seconds: float | None = None,
        overdue_max: int = limits.FUNCTION_CONCURRENCY_DEFAULT,
    ) -> None:
        self.handler = handler
        self.timeout_seconds = timeout_seconds
        self._overdue_max = overdue_max
        self._overdue_lanes: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def overdue(self) -> int:
        """How many threads were left behind and still run."""
        return self._overdue_lanes.total()

    def invoke(self, invocation: Invocation) -> Outcome:
        if self._overdue_lanes:
            with self._lock:
                if invocation.lane and self._overdue_lanes[invocation.lane]:
                    text = "An earlier invocation is overdue and has not ended yet."
                    return NotInvoked(text, throttled=True)
                if self.overdue >= self._overdue_max:
                    text = f"{self.overdue} overdue invocations have not ended yet."
                    return NotInvoked(text, throttled=True)
        if self.timeout_seconds is None:
            return self._run(invocation, invocation.deadline_seconds)
        return self._run_beside(invocation, min(self.timeout_seconds, invocation.deadline_seconds))

    def close(self) -> None:
        """Nothing is held; threads left behind end with the process."""

    def _run_beside(self, invocation: Invocation, seconds: float) -> Outcome:
        outcomes: list[Outcome] = []  # at most its own, or that its time was over, then its own
        ended = threading.Event()

        def work() -> None:
            try:
                outcome = self._run(invocation, seconds)
            except KeyboardInterrupt as error:  # the handler's own, since this is no main thread
                outcome = _failure(error)
            with self._lock:
                outcomes.append(outcome)
                if len(outcomes) > 1:
                    self._overdue_lanes[invocation.lane] -= 1
                    self._overdue_lanes += Counter()  # drops what is zero
            ended.set()

        threading.Thread(target=work, name="streamstore-function", daemon=True).start()
        if not ended.wait(seconds):
            with self._lock:
                # It may have ended between the two; then its outcome stands.
                if not outcomes:
                    self._overdue_lanes[invocation.lane] += 1
                    outcomes.append(timed_out(invocation, seconds))
                    logger.error("%s: timed out after %s s", invocation.function_arn, seconds)
        return outcomes[0]

    def _run(self, invocation: Invocation, seconds: float) -> Outcome:
        try:
            event = orjson.loads(invocation.payload)
            context = Context(invocation, seconds)
            if invocation.log is None:
                returned = self.handler(event, context)
            else:
                with listening(invocation.log):
                    returned = self.handler(event, context)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            logger.error("%s failed", invocation.function_arn, exc_info=error)
            return _failure(error)
        return _answer(returned)


def _answer(returned: Any) -> Outcome:
    """What a handler returned, as its caller would read it out of JSON."""
    if returned is None:
        return Answered(None)
    if inspect.iscoroutine(returned):
        returned.close()
        return _unserializable("a coroutine; the handler must not be async")
    try:
        text = json.dumps(returned, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        return _unserializable(str(error))
    if len(text) > limits.INVOCATION_BYTES_MAX:
        return answer_too_large(limits.INVOCATION_BYTES_MAX)
    return Answered(json.loads(text))


def _unserializable(why: str) -> FunctionError:
    return FunctionError("Unhandled", UNSERIALIZABLE, f"Unable to marshal response: {why}")


def _plain(value: Any) -> Any:
    """Lambda's Python runtime writes decimals as numbers."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _failure(error: BaseException) -> FunctionError:
    if isinstance(error, SystemExit):
        text = f"Runtime exited with error: exit status {error.code}"
        return FunctionError("Unhandled", EXITED, text)
    # The first frame is the one of `_run`.
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return FunctionError(
        "Unhandled", type(error).__name__, str(error), stack=tuple(traceback.format_list(frames))
    )


def load(spec: str) -> Handler:
    """The callable that "module:function" names, a dotted path after the colon allowed. Raises
    ValueError.
    """
    module_name, colon, path = spec.partition(":")
    if not colon or not module_name or not path:
        raise ValueError(f"{spec!r} is not module:function")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise ValueError(f"{module_name} can't be imported: {error!r}") from error
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise ValueError(f"{module_name} has no {path}") from error
    if not callable(found):
        raise ValueError(f"{spec} is not callable")
    handler: Handler = found
    return handler
