"""Running the HTTP door: sockets, the loop, readiness, draining, reopening a store that latched.

`serve` blocks until SIGTERM or SIGINT, lets running requests finish, and returns; the store is the
caller's, who opens and closes it. `Running` does the same in a thread of its own, for tests and
for programs that want an endpoint beside their embedded store.

The loop is uvloop's and accepts by itself. uvicorn's server would do the same with the same Wire,
but importing it takes 45 ms of the time to the first reply; its protocol is borrowed for pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import uvloop

from .. import limits
from ..clock import SystemClock
from ..errors import StoreClosed
from ..operations.registry import OPERATIONS, preload
from .admin import admin_routes, durability
from .app import Health, Route, lazy_app
from .doors.tail import tail_route
from .gate import Gate, ServerSettings
from .protocol import Desk
from .signature import Verifier
from .switchboard import Switchboard
from .wire import Wire

if TYPE_CHECKING:
    from ..store import Store
    from .pages import PageProtocol, Pages

logger = logging.getLogger("streamstore.server")

_BACKLOG = 2048
_DRAIN_LOOK_SECONDS = 0.02
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def targets() -> dict[str, str]:
    """Every X-Amz-Target that is served, to the operation's name."""
    return {f"{op.target_prefix}.{name}": name for name, op in OPERATIONS.items()}


def bind(settings: ServerSettings) -> list[socket.socket]:
    """Bound sockets; "localhost" means both loopback addresses. Raises OSError."""
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
    host = "localhost" if settings.host in ("0.0.0.0", "::") else settings.host
    if ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{listener.getsockname()[1]}"


def allow_descriptors() -> None:
    """Raise this process's soft limit of open files to what the connections allowed may need."""
    wanted = limits.CONNECTIONS_MAX + limits.DESCRIPTORS_BESIDE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def date_line(now_ms: int) -> bytes:
    """The Date header of replies made now, in HTTP's form, which no locale changes."""
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    day, month = _DAYS[now.weekday()], _MONTHS[now.month - 1]
    return f"Date: {day}, {now.day:02} {month} {now.year} {now:%H:%M:%S} GMT\r\n".encode()


class Reopener:
    """Reopens a latched store after 1, 2, 4 ... 60 s, in a thread. The loop makes it look."""

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
            if self._store.latched is not None:
                raise self._store.latched  # commits are lost: no reopening brings them back
            logger.warning("The store was reopened and takes writes again.")
        except Exception as error:
            pause = min(2 * self._pause_seconds, float(limits.REOPEN_BACKOFF_SECONDS_MAX))
            self._pause_seconds = pause
            self._due = self._monotonic() + pause
            logger.error("Reopening failed, next attempt in %.0f s: %s", pause, error)
        finally:
            self._desk.paused = None
            self._running = False


class Server:
    """One endpoint over one store. `url` is known from the start; `on_ready` is told it in time."""

    def __init__(
        self,
        store: Store,
        settings: ServerSettings | None = None,
        routes: Iterable[Route] = (),
        on_ready: Callable[[str], None] | None = None,
    ) -> None:
        settings = settings or ServerSettings()
        verifier = Verifier(settings.keys, SystemClock()) if settings.keys else None
        self.desk = Desk(store, targets(), Gate(settings), verifier)
        self.connections: set[Any] = set()
        self.health = Health(self.desk, self.connections)
        routes = tuple(routes)
        self.desk.page_headers = [
            (route.header[0].encode(), route.header[1].lower().encode())
            for route in routes
            if route.path == "/" and route.header is not None
        ]
        self._ending = asyncio.Event()
        own = (*admin_routes(store, settings), tail_route(store, settings))
        self._app = lazy_app(self.desk, (*own, *routes), self._ending)
        self._reopener = Reopener(self.desk)
        self._on_ready = on_ready
        self._clock = SystemClock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pages: Pages | None = None
        self._hurry = False
        self._beats = 0
        self._listeners = bind(settings)
        self.url = url_of(settings, self._listeners[0])

    def run(self) -> None:
        """Serve until `stop`, or until a signal where this is the main thread."""
        allow_descriptors()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        finally:
            self.close()

    def close(self) -> None:
        """Give the address back; `run` does it at its end."""
        for listener in self._listeners:
            listener.close()

    def stop(self) -> None:
        """Begin to drain; from any thread. Twice: don't wait for running requests."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._end)

    async def _serve(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        board = Switchboard(self.desk, loop, self._page, self.connections)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._end)
        doors = [
            await loop.create_server(lambda: Wire(board), sock=listener, backlog=_BACKLOG)
            for listener in self._listeners
        ]
        self._beat(board)
        if self._on_ready is not None:
            self._on_ready(self.url)
        # The first call of each operation would pay for its modules; a thread does so meanwhile.
        asyncio.get_running_loop().run_in_executor(None, preload)
        await self._ending.wait()
        for door in doors:
            door.close()
        await self._drain()
        board.close()

    def _end(self) -> None:
        self._hurry = self._ending.is_set()
        self._ending.set()

    async def _drain(self) -> None:
        """Let running requests finish; close every connection."""
        self.health.draining = True
        for wire in list(self.connections):
            wire.shutdown()
        deadline = self._clock.monotonic() + limits.DRAIN_SECONDS_MAX
        while self.connections and not self._hurry and self._clock.monotonic() < deadline:
            await asyncio.sleep(_DRAIN_LOOK_SECONDS)
        for wire in list(self.connections):
            wire.abort()

    def _beat(self, board: Switchboard) -> None:
        """Once a second: the date, a look at the store, and once a minute at the connections."""
        self.desk.date = date_line(self._clock.now_ms())
        metrics = self.desk.store.metrics
        metrics.roll(self.desk.store.clock.now_ms())
        metrics.fold()
        self._reopener.look()
        self._beats += 1
        if self._beats % limits.CONNECTION_SWEEP_SECONDS == 0:
            board.sweep()
        board.loop.call_later(1.0, self._beat, board)

    def _page(self, answered: Callable[[], None]) -> PageProtocol:
        if self._pages is None:
            from .pages import Pages

            assert self._loop is not None
            self._pages = Pages(self._app, self._loop)
        return self._pages.make(self.desk.date, answered)


def serve(
    store: Store,
    settings: ServerSettings | None = None,
    routes: Iterable[Route] = (),
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then let running requests finish (at most DRAIN_SECONDS_MAX).

    One line on stderr says that requests are answered, and under which URL; `on_ready` is told the
    URL too. Raises OSError when the address can't be taken. The store stays open.
    """
    settings = settings or ServerSettings()

    def ready(url: str) -> None:
        print(ready_line(store, settings, url), file=sys.stderr, flush=True)
        if on_ready is not None:
            on_ready(url)

    Server(store, settings, routes, ready).run()


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
        self._failed: BaseException | None = None
        self.server = Server(
            store, settings or ServerSettings(port=0), routes, lambda url: self._ready.set()
        )
        self.url = self.server.url
        self._thread = threading.Thread(target=self._run, name="streamstore-server", daemon=True)

    def _run(self) -> None:
        try:
            self.server.run()
        except BaseException as error:
            self._failed = error
        finally:
            self._ready.set()

    def __enter__(self) -> Running:
        self._thread.start()
        self._ready.wait()
        if self._failed is not None:
            raise self._failed
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.stop()
        self._thread.join()
