"""Functions as clients of the Lambda API look for them beside mappings, and Invoke.

GetFunction, GetFunctionConfiguration and ListFunctions tell of what is registered in this process;
nothing about functions can be changed from afar. Invoke runs one: RequestResponse answers with its
outcome, DryRun with nothing, Event at once, while a thread of this process runs it, once, and only
its failure is logged.
"""

from __future__ import annotations

import logging
import threading
import uuid as uuids
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from ... import limits
from ...errors import LambdaFault
from ..functions import LATEST, Functions
from ..targets.target import Answered, FunctionError, Invocation, NotInvoked, NotJson, Outcome
from . import shapes
from .naming import Named, read_name
from .paging import marker_of, position_of

if TYPE_CHECKING:
    from ..functions import Function

logger = logging.getLogger("streamstore.functions")

_MOMENT: Final = "%Y-%m-%dT%H:%M:%S.000+0000"
_LIST: Final = {
    "FunctionVersion": shapes.Shape("string", enum=("ALL",)),
    "Marker": shapes.Shape("string"),
    "MaxItems": shapes.Shape("integer", 1, 10_000),
}
_NAMED: Final = {
    "FunctionName": shapes.FUNCTION,
    "Qualifier": shapes.Shape("string", 1, 128, pattern=shapes.QUALIFIER),
}


class Invoked:
    """What an invocation came to: the function's answer as JSON, or its error."""

    def __init__(self, payload: bytes, error_kind: str = "") -> None:
        self.payload = payload
        self.error_kind = error_kind


class Invoking:
    """The calls about functions. `region` and `account` stand in their ARNs, `started_ms` is when
    they were registered. Thread-safe.
    """

    def __init__(self, functions: Functions, region: str, account: str, started_ms: int) -> None:
        self._functions = functions
        self._region = region
        self._account = account
        self._started = datetime.fromtimestamp(started_ms / 1000, UTC).strftime(_MOMENT)
        self._places = threading.BoundedSemaphore(limits.INVOKES_AT_ONCE_MAX)
        self._events: set[threading.Thread] = set()
        self._lock = threading.Lock()

    # Looking.

    def configuration(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetFunctionConfiguration."""
        named, function = self._named(request)
        return self._described(function, named)

    def function(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetFunction. The code has no location: it is where the process found it."""
        configuration = self.configuration(request)
        return {"Configuration": configuration, "Code": {"RepositoryType": "S3"}, "Tags": {}}

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListFunctions: pages ascending by name."""
        asked = shapes.read(request, _LIST)
        after = position_of(asked.get("Marker", ""))
        size = min(asked.get("MaxItems", limits.FUNCTIONS_LISTED_MAX), limits.FUNCTIONS_LISTED_MAX)
        names = [name for name in self._functions.names() if name > after]
        page = [
            self._described(function, read_name(name))
            for name in names[:size]
            if (function := self._functions.get(name)) is not None
        ]
        reply: dict[str, Any] = {"Functions": page}
        if len(names) > size:
            reply["NextMarker"] = marker_of(names[size - 1])
        return reply

    def _named(self, request: dict[str, Any]) -> tuple[Named, Function]:
        asked = shapes.read(request, _NAMED, ("FunctionName",))
        named = read_name(asked["FunctionName"])
        qualifier = asked.get("Qualifier", named.qualifier)
        if named.qualifier and qualifier != named.qualifier:
            raise LambdaFault(
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified "
                "qualifier.",
            )
        function = self._functions.get(named.name, qualifier)
        if function is None:
            arn = self._arn(named._replace(qualifier=qualifier))
            raise LambdaFault("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return named._replace(qualifier=qualifier), function

    def _arn(self, named: Named) -> str:
        region, account = named.region or self._region, named.account or self._account
        return Functions.arn(named.name, region, account, named.qualifier)

    def _described(self, function: Function, named: Named) -> dict[str, Any]:
        return {
            "FunctionName": named.name,
            "FunctionArn": self._arn(named),
            "Role": f"arn:aws:iam::{self._account}:role/streamstore",
            "Handler": function.spec,
            "CodeSize": 0,
            "Description": "",
            "Timeout": round(function.timeout_seconds or limits.FUNCTION_SECONDS_MAX),
            "MemorySize": 128,
            "LastModified": self._started,
            "Version": LATEST,
            "TracingConfig": {"Mode": "PassThrough"},
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
        }

    # Invoking.

    def check(self, request: dict[str, Any], body: bytes) -> None:
        """Invoke as a DryRun."""
        self._invocation(request, body)

    def invoke(self, request: dict[str, Any], body: bytes) -> Invoked:
        """Invoke as a RequestResponse: run the function and wait for it."""
        function, invocation = self._invocation(request, body)
        if not self._places.acquire(blocking=False):
            raise _throttled(f"{limits.INVOKES_AT_ONCE_MAX} invocations are running.")
        try:
            outcome = function.invoke(invocation)
        finally:
            self._places.release()
        return _told(outcome)

    def send(self, request: dict[str, Any], body: bytes) -> None:
        """Invoke as an Event: run the function in a thread."""
        function, invocation = self._invocation(request, body)

        def work() -> None:
            try:
                _log(function.name, function.invoke(invocation))
            finally:
                with self._lock:
                    self._events.discard(threading.current_thread())

        thread = threading.Thread(target=work, name="streamstore-event", daemon=True)
        with self._lock:
            if len(self._events) >= limits.EVENTS_AT_ONCE_MAX:
                raise _throttled(f"{limits.EVENTS_AT_ONCE_MAX} events are waiting.")
            self._events.add(thread)
        thread.start()

    def close(self) -> None:
        """Wait for the events under way, at most EVENTS_END_SECONDS_MAX each."""
        with self._lock:
            running = tuple(self._events)
        for thread in running:
            thread.join(limits.EVENTS_END_SECONDS_MAX)

    def _invocation(self, request: dict[str, Any], body: bytes) -> tuple[Function, Invocation]:
        named, function = self._named(request)
        if len(body) > limits.INVOCATION_BYTES_MAX:
            text = f"Request must be smaller than {limits.INVOCATION_BYTES_MAX} bytes for the "
            raise LambdaFault("RequestTooLargeException", text + "InvokeFunction operation", 413)
        try:
            event = orjson.loads(body) if body.strip() else {}
        except orjson.JSONDecodeError as error:
            text = f"Could not parse request body into json: {error}"
            raise LambdaFault("InvalidRequestContentException", text) from error
        arn = self._arn(named)
        seconds = function.timeout_seconds or limits.FUNCTION_SECONDS_MAX
        return function, Invocation(str(uuids.uuid4()), arn, event, seconds)


def _told(outcome: Outcome) -> Invoked:
    if isinstance(outcome, Answered):
        # What is no JSON can't be told apart on the way back; Lambda passes such bytes on.
        value = None if isinstance(outcome.value, NotJson) else outcome.value
        return Invoked(orjson.dumps(value))
    if isinstance(outcome, FunctionError):
        return Invoked(orjson.dumps(outcome.told()), outcome.kind)
    if outcome.throttled:
        raise _throttled(outcome.reason)
    raise LambdaFault("ResourceNotReadyException", outcome.reason, 502)


def _throttled(reason: str) -> LambdaFault:
    return LambdaFault("TooManyRequestsException", reason, 429)


def _log(name: str, outcome: Outcome) -> None:
    if isinstance(outcome, FunctionError):
        logger.error("an event of %s failed: %s", name, outcome.error_type)
    elif isinstance(outcome, NotInvoked):
        logger.error("an event of %s was dropped: %s", name, outcome.reason)
