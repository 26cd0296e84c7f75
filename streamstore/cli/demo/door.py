"""One way to call a store, whichever door it is behind: embedded in this process, or an HTTP
endpoint.

Only calls with text and number attributes pass here, so nothing needs base64. Errors of the service
come as
`Refused`, with the service's own error name; a connection that breaks raises OSError, and the
caller tries again.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from ... import store as stores
from ...clock import ManualClock, SystemClock
from ...errors import RequestError
from ...operations.faults import fault_of

STREAMS_CALLS = ("ListStreams", "DescribeStream", "GetShardIterator", "GetRecords")
TIMEOUT_SECONDS = 20.0


class Refused(Exception):
    """The service refused a call. `code` is its error name, such as TrimmedDataAccessException."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Door(Protocol):
    """What the demo needs of a store."""

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]: ...
    def split(self, table: str, shard: str | None) -> None: ...
    def advance(self, seconds: float) -> None: ...
    def compact(self) -> int: ...
    def close(self) -> None: ...


class EmbeddedDoor:
    """A store opened in this process; its owner, or a reader beside the owner."""

    def __init__(self, path: Path, *, read_only: bool = False, clock_ms: int | None = None) -> None:
        self.clock = ManualClock(clock_ms or SystemClock().now_ms())
        self.store = stores.open(path, read_only=read_only, clock=None if read_only else self.clock)

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.store.call(operation, params)
        except RequestError as error:
            fault = fault_of(error)
            raise Refused(fault.code, fault.message or "") from error

    def split(self, table: str, shard: str | None) -> None:
        self.store.split_shard(table, shard)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def compact(self) -> int:
        return self.store.compact().records_removed

    def close(self) -> None:
        self.store.close()


class HttpDoor:
    """An endpoint on loopback, one kept-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "127.0.0.1", parts.port, timeout=TIMEOUT_SECONDS
        )
        # Mode none looks at the header's form and at its scope only.
        self._headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Date": "20261124T000000Z",
            "Authorization": "AWS4-HMAC-SHA256 "
            "Credential=demo/20261124/us-east-1/dynamodb/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=demo",
        }

    def _post(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
        try:
            self._connection.request("POST", path, json.dumps(body), headers)
            response = self._connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise ConnectionError(str(error)) from error
        reply: dict[str, Any] = json.loads(data or b"{}")
        if response.status != 200:
            code = str(reply.get("__type", response.status)).rsplit("#", 1)[-1]
            text = str(reply.get("message") or reply.get("Message") or "")
            if response.status >= 500:
                raise ConnectionError(f"{code}: {text}")  # unknown, so the caller asks again
            raise Refused(code, text)
        return reply

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        service = "DynamoDBStreams" if operation in STREAMS_CALLS else "DynamoDB"
        target = {"X-Amz-Target": f"{service}_20120810.{operation}"}
        return self._post("/", {**self._headers, **target}, params)

    def _admin(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._post(f"/_streamstore/{name}", {"Content-Type": "application/json"}, body)

    def split(self, table: str, shard: str | None) -> None:
        self._admin("split", {"table": table, "shard": shard})

    def advance(self, seconds: float) -> None:
        self._admin("clock", {"advance_seconds": seconds})

    def compact(self) -> int:
        return int(self._admin("compact", {})["records_removed"])

    def close(self) -> None:
        self._connection.close()


def open_door(place: str, *, read_only: bool = False, clock_ms: int | None = None) -> Door:
    """The door to `place`: a URL, or the path of a store file."""
    if place.startswith("http://"):
        return HttpDoor(place)
    return EmbeddedDoor(Path(place), read_only=read_only, clock_ms=clock_ms)
