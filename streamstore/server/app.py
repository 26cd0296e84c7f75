"""What is served beside the calls: health, readiness, metrics, and routes handed in as values.

Health and the like are notices: short texts that the desk answers with at once, so that a probe
waits for nothing. Everything else is a page of a Starlette app.

Doors are independent: whoever wires the server up hands in `Route`s, whose handlers know nothing
of this server, not even a type: they are given path parameters, query and body, and return
status, content type and body. They run in a thread, so they may block. A body may be an async
iterator of pieces, which goes on until it ends, the client leaves, or the server drains.

Starlette is imported when the first page is asked for; a server that only answers calls and
probes never pays for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from ..errors import AuthenticationFailed, StoreError
from ..metrics import prometheus
from ..operations.faults import fault_of
from . import replies
from .doors.streamed import streaming
from .framing import Head
from .gate import is_loopback
from .protocol import Desk, log_failure
from .signature import check_form, read_claim

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"

# A proxy on this machine puts one of these in; who asked it may be anybody.
_FORWARDED = (b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip")

# Path parameters, query, body -> status, content type, body and, where there are any, headers. A
# Last-Event-ID header, with which a client goes on that lost a streamed body, stands in the query.
# A member that the query has repeatedly is one text, a line for each value.
Body = bytes | AsyncIterator[bytes]
Answer = tuple[int, str, Body] | tuple[int, str, Body, dict[str, str]]
Handler = Callable[[dict[str, str], dict[str, str], bytes], Answer]
App = Callable[[Any, Any, Any], Awaitable[None]]


class Route(NamedTuple):
    """One more thing to serve. `path` may hold {names}.

    `access`: "open"; "local" for peers on loopback; "signed:SERVICE", where the request needs
    an Authorization header scoped to that service, verified when the server has keys; or
    "local|signed:SERVICE", where the header lets in those who are not local.
    """

    method: str
    path: str
    handler: Handler
    access: str
    # A header's name and how its value begins: tells this route from others with the same path, and
    # from calls where the path is "/".
    header: tuple[str, str] | None = None


class Health:
    """What the server says of itself. `draining` is set when it was asked to end."""

    def __init__(self, desk: Desk, connections: set[Any]) -> None:
        self.desk = desk
        self.connections = connections
        self.draining = False
        desk.notices = {
            b"/": self._root,
            b"/healthz": lambda: (200, TEXT, "ok\n"),
            b"/readyz": self._ready,
            b"/metrics": self._metrics,
        }

    def why_not_ready(self) -> str | None:
        """None when calls are answered and writes accepted, else a sentence."""
        if self.draining:
            return "The server is ending."
        latched = self.desk.store.latched
        return None if latched is None else str(latched)

    def _root(self) -> tuple[int, str, str]:
        return 200, TEXT, f"healthy: dynamodb.{self.desk.store.settings.region}.amazonaws.com "

    def _ready(self) -> tuple[int, str, str]:
        why_not = self.why_not_ready()
        return (200, TEXT, "ready\n") if why_not is None else (503, TEXT, f"{why_not}\n")

    def _metrics(self) -> tuple[int, str, str]:
        """Counters of this server and of its writer, in the Prometheus text format."""
        desk = self.desk
        lines = [
            "# TYPE streamstore_replies_total counter",
            f'streamstore_replies_total{{code="ok"}} {desk.calls}',
        ]
        for code, count in sorted(desk.failures.items()):
            lines.append(f'streamstore_replies_total{{code="{code}"}} {count}')
        values: list[tuple[str, str, float]] = [
            ("connections", "gauge", len(self.connections)),
            ("ready", "gauge", self.why_not_ready() is None),
            ("oldest_reader_seconds", "gauge", desk.store.readers.oldest_seconds()),
        ]
        if not desk.store.read_only:
            writer = desk.store.writer
            values += [
                ("commit_seconds", "gauge", writer.commit_seconds),
                ("write_groups_total", "counter", writer.groups),
                ("write_units_total", "counter", writer.units),
                ("commits_total", "counter", writer.commits),
                ("syncs_total", "counter", writer.syncs),
                ("wal_bytes", "gauge", writer.wal_bytes),
            ]
        metrics = desk.store.metrics
        metrics.roll(desk.store.clock.now_ms())
        lines += prometheus(metrics)
        for name, kind, value in values:
            number = f"{value:.6f}" if isinstance(value, float) else str(int(value))
            lines += [f"# TYPE streamstore_{name} {kind}", f"streamstore_{name} {number}"]
        return 200, METRICS, "\n".join(lines) + "\n"


def lazy_app(desk: Desk, routes: Iterable[Route], ending: asyncio.Event) -> App:
    """An ASGI app that is built when it is first called. `ending` ends streamed bodies."""
    handed_in = tuple(routes)
    built: list[Starlette] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not built:
            built.append(_build(desk, handed_in, ending))
        try:
            await built[0](scope, receive, send)
        except Exception as error:
            # Starlette has answered 500; its own log would show the values that the error quotes.
            log_failure(f"{scope.get('method')} {scope.get('path')}", error)

    return app


def _build(desk: Desk, routes: tuple[Route, ...], ending: asyncio.Event) -> Starlette:
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Match
    from starlette.routing import Route as StarletteRoute

    class Told(StarletteRoute):
        """A route that is told from others by a header too."""

        def __init__(self, route: Route) -> None:
            endpoint = _endpoint(route, desk, respond)
            super().__init__(route.path, endpoint, methods=[route.method])
            self.header = route.header

        def matches(self, scope: Any) -> tuple[Match, Any]:
            if self.header is not None and not _begins(scope, *self.header):
                return Match.NONE, {}
            return super().matches(scope)

    def respond(status: int, kind: str, body: Body, more: dict[str, str] | None = None) -> Response:
        headers = {"x-amzn-RequestId": desk.next_id().decode(), **(more or {})}
        if kind:
            headers["Content-Type"] = kind
        if not isinstance(body, bytes):
            return streaming(ending, status, headers, body)
        headers["x-amz-crc32"] = str(crc32(body))
        return Response(body, status, headers)

    async def nothing(request: Request, error: Exception) -> Response:
        return respond(404, "", replies.NOT_SERVED_BODY)

    async def failed(request: Request, error: Exception) -> Response:
        fault = fault_of(error)
        return respond(fault.status, JSON, replies.encode(fault.body))

    return Starlette(
        routes=[Told(route) for route in routes],
        exception_handlers={404: nothing, 405: nothing, StoreError: failed, Exception: failed},
    )


def _begins(scope: Any, name: str, start: str) -> bool:
    """Whether a request has that header, and its value begins so."""
    sent: bytes | None = dict(scope["headers"]).get(name.encode())
    return sent is not None and sent.strip().lower().startswith(start.lower().encode())


def _endpoint(
    route: Route, desk: Desk, respond: Callable[..., Response]
) -> Callable[[Request], Awaitable[Response]]:
    from starlette.concurrency import run_in_threadpool

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        refusal = _refusal(route, desk, request.scope, body)
        if refusal is not None:
            return respond(*refusal)
        # What is there repeatedly is one text of lines.
        params = request.query_params
        query = {name: "\n".join(params.getlist(name)) for name in params}
        if "last-event-id" in request.headers:
            query["last-event-id"] = request.headers["last-event-id"]
        return respond(
            *await run_in_threadpool(route.handler, dict(request.path_params), query, body)
        )

    return endpoint


def _refusal(route: Route, desk: Desk, scope: Any, body: bytes) -> tuple[int, str, bytes] | None:
    """What keeps a request from a route, or None."""
    from starlette.datastructures import Headers

    access, _, service = route.access.partition(":")
    if access == "local|signed":
        signed = any(name == b"authorization" for name, _ in scope["headers"])
        access = "signed" if signed else "local"
    if access == "local":
        client = scope.get("client")
        forwarded = any(name in _FORWARDED for name, _ in scope["headers"])
        if client is None or not is_loopback(client[0]) or forwarded:
            return 403, TEXT, b"This is served to this machine only.\n"
        # A form of some other site's page can't send this type without asking first.
        kind = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] == "POST" and kind != JSON:
            return 415, TEXT, b"Send Content-Type: application/json.\n"
    elif access == "signed":
        try:
            _check_signer(desk, scope, body, service)
        except AuthenticationFailed as error:
            return 403, JSON, replies.encode(fault_of(error).body)
    else:
        assert access == "open", f"no such access: {route.access}"
    return None


def _check_signer(desk: Desk, scope: Any, body: bytes, service: str) -> None:
    head = Head()
    head.method = scope["method"].encode("latin-1")
    head.path = scope["raw_path"]
    head.query = scope["query_string"]
    head.headers = dict(scope["headers"])
    claim = read_claim(head)
    if desk.verifier is None:
        check_form(claim)
    else:
        desk.verifier.verify(claim, head, body, service)
