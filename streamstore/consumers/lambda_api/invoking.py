"""Functions as clients of the Lambda API look for them beside mappings, and Invoke.

GetFunction, GetFunctionConfiguration and ListFunctions tell of what is registered in this process;
of functions only how they are invoked asynchronously can be changed from afar. Invoke runs one:
RequestResponse answers with its outcome, and what it said where that is asked for, DryRun with
nothing, Event at once, while a queue of this process has it run and run again (asynchronous).
"""

from __future__ import annotations

import threading
import uuid as uuids
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import orjson

from ... import limits
from ...errors import LambdaFault
from ..asynchronous.queue import Events, Full
from ..asynchronous.queue import named as named_arn
from ..functions import LATEST, Functions
from ..targets.logs import LogTail
from ..targets.target import Answered, FunctionError, Invocation, NotJson, Outcome
from . import shapes
from .naming import Named, read_name
from .paging import marker_of, position_of

if TYPE_CHECKING:
    from ..functions import Function

_MOMENT: Final = "%Y-%m-%dT%H:%M:%S.000+0000"
_LIST: Final = {
    "FunctionVersion": shapes.Shape("string", enum=("ALL",)),
    "Marker": shapes.Shape("string"),
    "MaxItems": shapes.Shape("integer", 1, 10_000),
}


class Invoked:
    """What an invocation came to: the function's answer as JSON, or its error; and the end of its
    log, where that was asked for.
    """

    def __init__(self, payload: bytes, error_kind: str = "") -> None:
        self.payload = payload
        self.error_kind = error_kind
        self.log: bytes | None = None


class Invoking:
    """The calls about functions. `region` and `account` stand in their ARNs, `started_ms` is when
    they were registered. Thread-safe.
    """

    def __init__(self, events: Events, region: str, account: str, started_ms: int) -> None:
        self.functions = events.functions
        self._events = events
        self._region = region
        self._account = account
        self._started = datetime.fromtimestamp(started_ms / 1000, UTC).strftime(_MOMENT)
        self._places = threading.BoundedSemaphore(limits.INVOKES_AT_ONCE_MAX)

    # Looking.

    def configuration(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetFunctionConfiguration."""
        named, function = self.named(request)
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
        names = [name for name in self.functions.names() if name > after]
        page = [
            self._described(function, read_name(name))
            for name in names[:size]
            if (function := self.functions.get(name)) is not None
        ]
        reply: dict[str, Any] = {"Functions": page}
        if len(names) > size:
            reply["NextMarker"] = marker_of(names[size - 1])
        return reply

    def named(self, request: dict[str, Any]) -> tuple[Named, Function]:
        """The function that FunctionName and Qualifier mean. LambdaFault where there is none."""
        asked = shapes.read(request, shapes.NAMED, ("FunctionName",))
        named = read_name(asked["FunctionName"])
        qualifier = asked.get("Qualifier", named.qualifier)
        if named.qualifier and qualifier != named.qualifier:
            raise LambdaFault(
                "InvalidParameterValueException",
                "The derived qualifier from the function name does not match the specified "
                "qualifier.",
            )
        function = self.functions.get(named.name, qualifier)
        if function is None:
            arn = self.arn(named._replace(qualifier=qualifier))
            raise LambdaFault("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return named._replace(qualifier=qualifier), function

    def arn(self, named: Named) -> str:
        """A function's ARN, in the region and account that it was asked for by, if any."""
        region, account = named.region or self._region, named.account or self._account
        return Functions.arn(named.name, region, account, named.qualifier)

    def _described(self, function: Function, named: Named) -> dict[str, Any]:
        return {
            "FunctionName": named.name,
            "FunctionArn": self.arn(named),
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

    def invoke(self, request: dict[str, Any], body: bytes, *, log: bool = False) -> Invoked:
        """Invoke as a RequestResponse: run the function and wait for it. `log` keeps the end of
        what it says.
        """
        function, invocation = self._invocation(request, body)
        if not self._places.acquire(blocking=False):
            raise _throttled(f"{limits.INVOKES_AT_ONCE_MAX} invocations are running.")
        try:
            meters = self._events.meters(named_arn(invocation.function_arn)[0])
            if not log:
                return _told(meters.invoke(function, invocation))
            tail = invocation.log = LogTail(invocation.request_id)
            tail.begin()
            began = perf_counter()
            outcome = meters.invoke(function, invocation)
            seconds = perf_counter() - began
            invoked = _told(outcome)
            invoked.log = tail.end(outcome, seconds, in_process=function.in_process)
            return invoked
        finally:
            self._places.release()

    def send(self, request: dict[str, Any], body: bytes) -> None:
        """Invoke as an Event: have the function run soon, and again if it fails."""
        _, invocation = self._invocation(request, body, limits.EVENT_BYTES_MAX)
        arn = invocation.function_arn
        try:
            self._events.send(arn, invocation.event)
        except Full as full:
            raise _throttled(str(full)) from full

    def close(self) -> None:
        """Let the events that are due run for a while, and drop the others."""
        self._events.close()

    def _invocation(
        self, request: dict[str, Any], body: bytes, bytes_max: int = 0
    ) -> tuple[Function, Invocation]:
        named, function = self.named(request)
        bytes_max = bytes_max or limits.INVOCATION_BYTES_MAX
        if len(body) > bytes_max:
            text = f"Request must be smaller than {bytes_max} bytes for the "
            raise LambdaFault("RequestTooLargeException", text + "InvokeFunction operation", 413)
        try:
            event = orjson.loads(body) if body.strip() else {}
        except orjson.JSONDecodeError as error:
            text = f"Could not parse request body into json: {error}"
            raise LambdaFault("InvalidRequestContentException", text) from error
        arn = self.arn(named)
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
