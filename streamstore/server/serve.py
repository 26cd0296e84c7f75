"""Running the HTTP door: sockets, the loop, readiness, draining, and reopening a store that
latched.

`serve` blocks until SIGTERM or SIGINT, lets running requests finish, and returns; the store is
the caller's, who opens and closes it. `Running` does the same in a thread of its own, for tests
and for programs that want an endpoint beside their embedded store.

uvicorn's server accepts, drains and hands each connection to a Wire. Its signal handling is not
taken over: it raises the signal again at the end, which would kill the process before the store
is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import uvicorn.server
from uvicorn.config import Config

from .. import limits
from ..clock import SystemClock
from ..errors import StoreClosed
from ..operations.registry import OPERATIONS
from .admin import admin_routes, durability
from .app import Health, Route, lazy_app
from .gate import Gate, ServerSettings
from .protocol import Desk
from .signature import Verifier
from .switchboard import Switchboard
from .wire import Wire

if TYPE_CHECKING:
    from ..store import Store
    from .pages import PageProtocol

logger = logging.getLogger("streamstore.server")

# uvicorn's ticks, ten a second.
_TICKS_A_SECOND = 10
_SWEEP_TICKS = limits.CONNECTION_SWEEP_SECONDS * _TICKS_A_SECOND


def targets() -> dict[str, str]:
    """Every X-Amz-Target that is served, to the operation's name."""
    return {f"{op.target_prefix}.{name}": name for name, op in OPERATIONS.items()}


def bind(settings: ServerSettings) -> list[socket.socket]:
    """Listening sockets; "localhost" means both loopback addresses. Raises OSError."""
    if settings.host != "localhost":
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return [_bound(family, settings.host, settings.port)]
    first = _bound(socket.AF_INET, "127.0.0.1", settings.port)
    try:
        return [first, _bound(socket.AF_INET6, "::1", first.getsockname()[1])]
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            first.close()
            raise
        return [first]  # a machine without IPv6


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


def url_of(settings: ServerSettings, listener: socket.socket) -> str:
    """The endpoint's URL, with the port that was really taken."""
    host = settings.host
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{listener.getsockname()[1]}"


class Reopener:
    """Tries to reopen a latched store after 1, 2, 4 ... 60 s, in a thread; the loop asks it to
    look now and then.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._store = desk.store
        self._monotonic = SystemClock().monotonic
        self._pause_seconds = 1.0
        self._due: float | None = None
        self._running = False

    def look(self) -> None:
        """On the loop's thread, about once a second."""
        if self._running:
            return
        latched = self._store.latched
        if latched is None:
            self._due = None
            self._pause_seconds = 1.0
            return
        now = self._monotonic()
        if self._due is None:
            logger.error("%s Trying to reopen it.", latched)
            self._due = now + self._pause_seconds
        elif now >= self._due:
            self._running = True
            # A thread closes the loop's own connection, so the loop must not be reading on it.
            self._desk.paused = StoreClosed("The store is being opened again; try again soon.")
            asyncio.get_running_loop().run_in_executor(None, self._reopen)

    def _reopen(self) -> None:
        try:
            self._store.reopen()
            logger.warning("The store was reopened and takes writes again.")
        except Exception as error:
            pause = self._pause_seconds
            self._pause_seconds = min(2 * pause, float(limits.REOPEN_BACKOFF_SECONDS_MAX))
            self._due = self._monotonic() + self._pause_seconds
            logger.error("Reopening failed: %s Trying again.", error)
        finally:
            self._desk.paused = None
            self._running = False


class Server(uvicorn.server.Server):
    """uvicorn's server with Wires for connections. `url` is known from the start, `on_ready` is
    told it in time.
    """

    def __init__(
        self,
        store: Store,
        settings: ServerSettings,
        routes: Iterable[Route] = (),
        on_ready: Callable[[str], None] | None = None,
    ) -> None:
        verifier = Verifier(settings.keys, SystemClock()) if settings.keys else None
        self.desk = Desk(store, targets(), Gate(settings), verifier)
        self._board: Switchboard | None = None
        self._reopener = Reopener(self.desk)
        self._on_ready = on_ready
        self.listeners = bind(settings)
        self.url = url_of(settings, self.listeners[0])
        super().__init__(
            Config(
                self._app,
                interface="asgi3",
                loop="uvloop",
                http=functools.partial(self._wire),  # type: ignore[arg-type]
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=limits.DRAIN_SECONDS_MAX,
            )
        )
        self.health = Health(self.desk, self.server_state.connections)
        self._pages = lazy_app(self.health, (*admin_routes(store), *routes))

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        await self._pages(scope, receive, send)

    def _wire(self, **given: Any) -> Wire:
        assert self._board is not None
        return Wire(self._board)

    def _page(self, answered: Callable[[], None]) -> PageProtocol:
        from .pages import PageProtocol

        assert self._board is not None
        return PageProtocol(self.config, self.server_state, {}, self._board.loop, answered)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._board = Switchboard(self.desk, loop, self._page, self.server_state.connections)
        await super().startup(sockets)
        if self._on_ready is not None:
            self._on_ready(self.url)

    async def on_tick(self, counter: int) -> bool:
        ending = await super().on_tick(counter)
        if counter % _TICKS_A_SECOND == 0:
            headers: list[tuple[bytes, bytes]] = self.server_state.default_headers
            self.desk.date = b"".join(b"%b: %b\r\n" % pair for pair in headers)
            self._reopener.look()
        if counter % _SWEEP_TICKS == 0 and self._board is not None:
            self._board.sweep()
        return ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.health.draining = True
        await super().shutdown(sockets)
        if self._board is not None:
            self._board.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    store: Store,
    settings: ServerSettings | None = None,
    routes: Iterable[Route] = (),
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests finish (at most DRAIN_SECONDS_MAX)
    and return.

    One line on stderr says that requests are answered, and under which URL; `on_ready` is told
    the URL too. Raises OSError when the address can't be taken. The store stays open.
    """
    settings = settings or ServerSettings()

    def ready(url: str) -> None:
        print(ready_line(store, settings, url), file=sys.stderr, flush=True)
        if on_ready is not None:
            on_ready(url)

    server = Server(store, settings, routes, ready)
    server.run(sockets=server.listeners)


def ready_line(store: Store, settings: ServerSettings, url: str) -> str:
    """What a person sees when the server is ready; weaker durability is said by name."""
    signatures = "verified" if settings.keys else "not verified (loopback only)"
    return (
        f"streamstore: ready at {url} (pid {os.getpid()}, durability {durability(store)}, "
        f"signatures {signatures})"
    )


class Running:
    """A server in a thread of this process: `with Running(store) as server: server.url`."""

    def __init__(
        self,
        store: Store,
        settings: ServerSettings | None = None,
        routes: Iterable[Route] = (),
    ) -> None:
        self._ready = threading.Event()
        self.server = Server(
            store, settings or ServerSettings(port=0), routes, lambda url: self._ready.set()
        )
        self.url = self.server.url
        self._thread = threading.Thread(target=self._run, name="streamstore-server", daemon=True)

    def _run(self) -> None:
        try:
            self.server.run(sockets=self.server.listeners)
        finally:
            self._ready.set()

    def __enter__(self) -> Running:
        self._thread.start()
        self._ready.wait()
        if not self.server.started:
            raise RuntimeError("the server did not start; its log says why")
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.should_exit = True
        self._thread.join()
