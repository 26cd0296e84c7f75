"""The REST calls of the Lambda API that event source mappings need, as handlers (calls has paths).

A handler is given path parameters, query and body, and returns status, content type, body and
headers, as the server's routes want it; it knows no socket and no server. Refusals have the name of
the error in x-amzn-ErrorType and its text in the member that the service's model has for it.

`asked` is the same for the command line: one object in, one out, under an admin's path.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import orjson

from ...errors import LambdaFault, RequestError, StoreError
from ..asynchronous.queue import Events
from . import shapes
from .events import EventCalls
from .invoking import Invoking
from .wording import mapping_arn

if TYPE_CHECKING:
    from ...store import Store
    from ..mappings import Mappings

JSON: Final = "application/json"
_REPEATED: Final = "\n"  # stands between the values of a query's member that is there repeatedly

_MESSAGE_CAPITAL: Final = (
    "ResourceNotFoundException",
    "ResourceInUseException",
    "ResourceNotReadyException",
    "ServiceException",
)
_EXECUTED: Final = {"X-Amz-Executed-Version": "$LATEST"}

Reply = tuple[int, str, bytes, dict[str, str]]


class Door:
    """The handlers over one store's mappings and the functions of this process; `events` are those
    functions' asynchronous invocations, of the door's own if none are given.
    """

    def __init__(self, store: Store, mappings: Mappings, events: Events | None = None) -> None:
        if events is None:
            events = Events(store, mappings.functions)
        settings, now_ms = store.settings, store.clock.now_ms()
        self._mappings = mappings
        self._invoking = Invoking(events, settings.region, settings.account, now_ms)
        self._events = EventCalls(self._invoking, store.clock)

    def handle(self, name: str, path: dict[str, str], query: dict[str, str], body: bytes) -> Reply:
        """Answer the call of that name (calls.CALLS), whatever comes."""
        try:
            reply: Reply = getattr(self, name)(path, query, body)
        except LambdaFault as fault:
            return _refusal(fault)
        except RequestError as error:
            return _refusal(LambdaFault("TooManyRequestsException", str(error), 429))
        except StoreError as error:
            return _refusal(LambdaFault("ServiceException", str(error), 500))
        return reply

    def close(self) -> None:
        """Wait a while for what runs in the background, and drop what waits there."""
        self._invoking.close()

    # Mappings.

    def create(self, _: dict[str, str], __: dict[str, str], body: bytes) -> Reply:
        return _json(202, self._mappings.create(_read(body), files=False))

    def list(self, _: dict[str, str], query: dict[str, str], __: bytes) -> Reply:
        return _json(200, self._mappings.list(_with_number(query, "MaxItems")))

    def get(self, path: dict[str, str], _: dict[str, str], __: bytes) -> Reply:
        return _json(200, self._mappings.get(path["uuid"]))

    def update(self, path: dict[str, str], _: dict[str, str], body: bytes) -> Reply:
        return _json(202, self._mappings.update(path["uuid"], _read(body), files=False))

    def delete(self, path: dict[str, str], _: dict[str, str], __: bytes) -> Reply:
        return _json(202, self._mappings.delete(path["uuid"]))

    # Tags of mappings.

    def tags(self, path: dict[str, str], _: dict[str, str], __: bytes) -> Reply:
        return _json(200, {"Tags": self._mappings.tags(self._tagged(path["arn"]))})

    def tag(self, path: dict[str, str], _: dict[str, str], body: bytes) -> Reply:
        asked = shapes.read(_read(body), {"Tags": shapes.CREATE["Tags"]}, ("Tags",))
        tags = {key: value or "" for key, value in asked["Tags"].items()}
        self._mappings.set_tags(self._tagged(path["arn"]), tags)
        return 204, "", b"", {}

    def untag(self, path: dict[str, str], query: dict[str, str], _: bytes) -> Reply:
        keys = tuple(query.get("tagKeys", "").split(_REPEATED))
        self._mappings.set_tags(self._tagged(path["arn"]), {}, keys)
        return 204, "", b"", {}

    def _tagged(self, arn: str) -> str:
        """The UUID of the mapping with that ARN."""
        mapping = self._mappings.find(arn.rpartition(":")[2])
        if mapping_arn(mapping) != arn:
            raise LambdaFault(
                "ResourceNotFoundException", f"The resource {arn} does not exist.", 404
            )
        return mapping.uuid

    # Functions.

    def function(self, path: dict[str, str], query: dict[str, str], _: bytes) -> Reply:
        return _json(200, self._invoking.function(_function(path, query)))

    def configuration(self, path: dict[str, str], query: dict[str, str], _: bytes) -> Reply:
        return _json(200, self._invoking.configuration(_function(path, query)))

    def functions(self, _: dict[str, str], query: dict[str, str], __: bytes) -> Reply:
        return _json(200, self._invoking.list(_with_number(query, "MaxItems")))

    def invoke(self, path: dict[str, str], query: dict[str, str], body: bytes) -> Reply:
        return self._invoked(path, query, body, log=False)

    def invoke_with_log(self, path: dict[str, str], query: dict[str, str], body: bytes) -> Reply:
        return self._invoked(path, query, body, log=True)

    def _invoked(
        self, path: dict[str, str], query: dict[str, str], body: bytes, *, log: bool
    ) -> Reply:
        invoked = self._invoking.invoke(_function(path, query), body, log=log)
        headers = dict(_EXECUTED)
        if invoked.error_kind:
            headers["X-Amz-Function-Error"] = invoked.error_kind
        if invoked.log is not None:
            headers["X-Amz-Log-Result"] = base64.b64encode(invoked.log).decode()
        return 200, JSON, invoked.payload, headers

    def send(self, path: dict[str, str], query: dict[str, str], body: bytes) -> Reply:
        self._invoking.send(_function(path, query), body)
        return 202, "", b"", {}

    def dry_run(self, path: dict[str, str], query: dict[str, str], body: bytes) -> Reply:
        self._invoking.check(_function(path, query), body)
        return 204, "", b"", dict(_EXECUTED)

    @staticmethod
    def unknown_kind(_: dict[str, str], __: dict[str, str], ___: bytes) -> Reply:
        raise LambdaFault(
            "InvalidParameterValueException",
            "InvocationType must be one of RequestResponse, Event, DryRun.",
        )

    # What is said of asynchronous invocations.

    def put_event_config(self, path: dict[str, str], query: dict[str, str], body: bytes) -> Reply:
        return _json(200, self._events.put({**_read(body), **_function(path, query)}))

    def update_event_config(
        self, path: dict[str, str], query: dict[str, str], body: bytes
    ) -> Reply:
        return _json(200, self._events.update({**_read(body), **_function(path, query)}))

    def event_config(self, path: dict[str, str], query: dict[str, str], _: bytes) -> Reply:
        return _json(200, self._events.get(_function(path, query)))

    def delete_event_config(self, path: dict[str, str], query: dict[str, str], _: bytes) -> Reply:
        self._events.delete(_function(path, query))
        return 204, "", b"", {}

    def event_configs(self, path: dict[str, str], query: dict[str, str], _: bytes) -> Reply:
        asked = {**_with_number(query, "MaxItems"), "FunctionName": path["name"]}
        return _json(200, self._events.list(asked))

    # The command line.

    def asked(self, _: dict[str, str], __: dict[str, str], body: bytes) -> Reply:
        """{"verb": "list"|"show"|"delete"|"pause"|"resume", "uuid": …}."""
        request = _read(body)
        return _json(200, manage(self._mappings, request.get("verb"), request.get("uuid")))


def manage(mappings: Mappings, verb: Any, uuid: Any) -> dict[str, Any]:
    """What the command line does to mappings, of its own store or for a server's. LambdaFault."""
    if verb == "list":
        found: list[dict[str, Any]] = []
        marker: dict[str, Any] = {}
        while True:
            page = mappings.list(marker)
            found += page["EventSourceMappings"]
            if "NextMarker" not in page:
                return {"EventSourceMappings": found}
            marker = {"Marker": page["NextMarker"]}
    if not isinstance(uuid, str):
        raise LambdaFault("InvalidParameterValueException", "'uuid' must be a mapping's UUID")
    if verb == "show":
        return mappings.get(uuid)
    if verb == "delete":
        return mappings.delete(uuid)
    if verb in ("pause", "resume"):
        return mappings.update(uuid, {"Enabled": verb == "resume"})
    raise LambdaFault("InvalidParameterValueException", f"{verb!r} is no verb")


def _refusal(fault: LambdaFault) -> Reply:
    member = "Message" if fault.code in _MESSAGE_CAPITAL else "message"
    body = {"Type": "User" if fault.status < 500 else "Service", member: fault.message}
    return fault.status, JSON, orjson.dumps(body), {"x-amzn-ErrorType": fault.code}


def _json(status: int, members: dict[str, Any]) -> Reply:
    return status, JSON, orjson.dumps(members), {}


def _read(body: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        text = f"Could not parse request body into json: {error}"
        raise LambdaFault("InvalidRequestContentException", text) from error
    if not isinstance(request, dict):
        raise LambdaFault("SerializationException", "The request body must be a JSON object.")
    return request


def _function(path: dict[str, str], query: dict[str, str]) -> dict[str, Any]:
    asked: dict[str, Any] = {"FunctionName": path["name"]}
    if "Qualifier" in query:
        asked["Qualifier"] = query["Qualifier"]
    return asked


def _with_number(query: dict[str, str], name: str) -> dict[str, Any]:
    """A query with one of its values read as a number."""
    request: dict[str, Any] = dict(query)
    if name in request:
        text = query[name]
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10):
            raise LambdaFault(
                "SerializationException", f"{text!r} can not be converted to an Integer"
            )
        request[name] = int(text)
    return request
