"""The three protocols that SDKs speak to CloudWatch: rpc-v2-cbor, JSON 1.0 and 1.1, and query.

A handler is given path parameters, query and body, and returns status, content type, body and
headers, as the server's routes want it; it knows no socket and no server. Errors have the model's
name in CBOR and JSON, with the query protocol's code in a header beside it, by which SDKs name
them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any, Final

from ..clock import Clock
from ..metrics import Metrics
from . import cbor, query
from .operations import OPERATIONS, RefusedError

CBOR: Final = "application/cbor"
JSON: Final = "application/x-amz-json-1.0"
XML: Final = "text/xml"
_RPC: Final = {"smithy-protocol": "rpc-v2-cbor"}
_SHAPES: Final = "com.amazonaws.cloudwatch#"

Reply = tuple[int, str, bytes, dict[str, str]]
Answer = Callable[[dict[str, str], dict[str, str], bytes], Reply]


class Door:
    """The handlers over one store's metrics. `clock` is the store's."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def _answer(self, operation: str, request: Any) -> dict[str, Any]:
        answer = OPERATIONS.get(operation)
        if answer is None:
            raise RefusedError(
                "UnknownOperationException", "InvalidAction", f"{operation} is not served here."
            )
        if not isinstance(request, dict):
            raise RefusedError("SerializationException", "MalformedInput", "No structure came.")
        self._metrics.roll(self._clock.now_ms())
        return answer(self._metrics, request)

    def cbor(self, path: dict[str, str], _: dict[str, str], body: bytes) -> Reply:
        """POST /service/…/operation/{operation}."""
        try:
            request = _read(cbor.loads, body)
            return 200, CBOR, cbor.dumps(self._answer(path["operation"], request)), _RPC
        except RefusedError as refusal:
            return 400, CBOR, cbor.dumps(_told(refusal)), {**_RPC, **_code(refusal)}

    def json(self, operation: str) -> Answer:
        """POST / with that operation's X-Amz-Target."""

        def handler(_: dict[str, str], __: dict[str, str], body: bytes) -> Reply:
            try:
                request = _read(json.loads, body)
                return 200, JSON, json.dumps(self._answer(operation, request)).encode(), {}
            except RefusedError as refusal:
                return 400, JSON, json.dumps(_told(refusal)).encode(), _code(refusal)

        return handler

    def query(self, _: dict[str, str], __: dict[str, str], body: bytes) -> Reply:
        """POST / with a form."""
        request_id = secrets.token_hex(16)
        try:
            operation, request = _read(query.loads, body) if body else ("", {})
            reply = self._answer(operation, request)
            return 200, XML, query.reply_of(operation, _listed(reply), request_id), {}
        except RefusedError as refusal:
            return 400, XML, query.error_of(refusal.code, refusal.message, request_id), {}


def _read(loads: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return loads(body) if body else {}
    except (ValueError, RecursionError) as fault:
        raise RefusedError("SerializationException", "MalformedInput", str(fault)) from fault


def _told(refusal: RefusedError) -> dict[str, str]:
    return {"__type": _SHAPES + refusal.shape, "message": refusal.message}


def _code(refusal: RefusedError) -> dict[str, str]:
    return {"x-amzn-query-error": f"{refusal.code};Sender"}


def _listed(reply: Any) -> Any:
    """ExtendedStatistics, a map, as the query protocol's entries."""
    if isinstance(reply, list):
        return [_listed(each) for each in reply]
    if not isinstance(reply, dict):
        return reply
    shaped = {key: _listed(value) for key, value in reply.items()}
    if "ExtendedStatistics" in shaped:
        entries = shaped["ExtendedStatistics"].items()
        shaped["ExtendedStatistics"] = _Entries({"key": k, "value": v} for k, v in entries)
    return shaped


class _Entries(list[dict[str, Any]]):
    """Entries of a map: query.py writes them as <entry>."""

    tag = "entry"
