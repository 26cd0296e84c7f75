"""The pages beside the calls: health, readiness, metrics, the admin door, and routes handed in as
values.

Doors are independent: whoever wires the server up hands in `Route`s, whose handlers know nothing
of this server, not even a type: they are given path parameters, query and body, and return
status, content type and body. They run in a thread, so they may block.

Starlette is imported when the first page is asked for; a server that only ever answers calls
never pays for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from ..errors import AuthenticationFailed, StoreError
from ..operations.faults import fault_of
from . import replies
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

# Path parameters, query, body -> status, content type, body.
Handler = Callable[[dict[str, str], dict[str, str], bytes], tuple[int, str, bytes]]
App = Callable[[Any, Any, Any], Awaitable[None]]


class Route(NamedTuple):
    """One more thing to serve. `path` may hold {names}.

    `access`: "open"; "local" for peers on loopback; or "signed:SERVICE", where the request needs
    an Authorization header scoped to that service, verified when the server has keys.
    """

    method: str
    path: str
    handler: Handler
    access: str


class Health:
    """What the server says of itself. `draining` is set when it was asked to end."""

    def __init__(self, desk: Desk, connections: set[Any]) -> None:
        self.desk = desk
        self.connections = connections
        self.draining = False

    def why_not_ready(self) -> str | None:
        """None when calls are answered and writes accepted, else a sentence."""
        if self.draining:
            return "The server is ending."
        latched = self.desk.store.latched
        return None if latched is None else str(latched)

    def metrics(self) -> str:
        """Counters of this server and of its writer, in the Prometheus text format."""
        lines = [
            "# TYPE streamstore_replies_total counter",
            f'streamstore_replies_total{{code="ok"}} {self.desk.calls}',
        ]
        for code, count in sorted(self.desk.failures.items()):
            lines.append(f'streamstore_replies_total{{code="{code}"}} {count}')
        gauges: dict[str, float] = {
            "connections": len(self.connections),
            "ready": self.why_not_ready() is None,
        }
        counters: dict[str, int] = {}
        if not self.desk.store.read_only:
            writer = self.desk.store.writer
            gauges["commit_seconds"] = writer.commit_seconds
            counters["write_groups_total"] = writer.groups
            counters["write_units_total"] = writer.units
            counters["commits_total"] = writer.commits
            counters["syncs_total"] = writer.syncs
        for kind, values in (("gauge", gauges), ("counter", counters)):
            for name, value in values.items():
                lines += [
                    f"# TYPE streamstore_{name} {kind}",
                    f"streamstore_{name} {float(value):g}",
                ]
        return "\n".join(lines) + "\n"


def lazy_app(health: Health, routes: Iterable[Route]) -> App:
    """An ASGI app that is built when it is first called."""
    handed_in = tuple(routes)
    built: list[Starlette] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not built:
            built.append(_build(health, handed_in))
        try:
            await built[0](scope, receive, send)
        except Exception as error:
            # Starlette has answered 500; its own log would show the values that the error quotes.
            log_failure(f"{scope.get('method')} {scope.get('path')}", error)

    return app


def _build(health: Health, routes: tuple[Route, ...]) -> Starlette:
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route as StarletteRoute

    desk = health.desk

    def respond(status: int, kind: str, body: bytes) -> Response:
        headers = {"x-amzn-RequestId": desk.next_id().decode(), "x-amz-crc32": str(crc32(body))}
        if kind:
            headers["Content-Type"] = kind
        return Response(body, status, headers)

    async def root(request: Request) -> Response:
        region = desk.store.settings.region
        return respond(200, TEXT, f"healthy: dynamodb.{region}.amazonaws.com ".encode())

    async def healthz(request: Request) -> Response:
        return respond(200, TEXT, b"ok\n")

    async def readyz(request: Request) -> Response:
        why_not = health.why_not_ready()
        if why_not is not None:
            return respond(503, TEXT, f"{why_not}\n".encode())
        return respond(200, TEXT, b"ready\n")

    async def metrics(request: Request) -> Response:
        return respond(200, "text/plain; version=0.0.4; charset=utf-8", health.metrics().encode())

    async def nothing(request: Request, error: Exception) -> Response:
        return respond(404, "", replies.NOT_SERVED_BODY)

    async def failed(request: Request, error: Exception) -> Response:
        fault = fault_of(error)
        return respond(fault.status, JSON, replies.encode(fault.body))

    return Starlette(
        routes=[
            StarletteRoute("/", root, methods=["GET"]),
            StarletteRoute("/healthz", healthz, methods=["GET"]),
            StarletteRoute("/readyz", readyz, methods=["GET"]),
            StarletteRoute("/metrics", metrics, methods=["GET"]),
            *(
                StarletteRoute(r.path, _endpoint(r, desk, respond), methods=[r.method])
                for r in routes
            ),
        ],
        exception_handlers={404: nothing, 405: nothing, StoreError: failed, Exception: failed},
    )


def _endpoint(
    route: Route, desk: Desk, respond: Callable[[int, str, bytes], Response]
) -> Callable[[Request], Awaitable[Response]]:
    from starlette.concurrency import run_in_threadpool

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        refusal = _refusal(route, desk, request.scope, body)
        if refusal is not None:
            return respond(*refusal)
        query = dict(request.query_params)
        return respond(
            *await run_in_threadpool(route.handler, dict(request.path_params), query, body)
        )

    return endpoint


def _refusal(route: Route, desk: Desk, scope: Any, body: bytes) -> tuple[int, str, bytes] | None:
    """What keeps a request from a route, or None."""
    from starlette.datastructures import Headers

    access, _, service = route.access.partition(":")
    if access == "local":
        client = scope.get("client")
        if client is None or not is_loopback(client[0]):
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
    head.headers = tuple(scope["headers"])
    claim = read_claim(head)
    if desk.verifier is None:
        check_form(claim)
    else:
        desk.verifier.verify(claim, head, body, service)
