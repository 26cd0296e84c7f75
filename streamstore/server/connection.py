"""The life of one connection and all that bounds it, whatever its requests are.

Bounds: the number of connections and of large bodies coming in at once, the bytes waiting behind
a running request, the time a half request may take, idle time, and how long a client may leave
its replies unread. A connection that is refused is read over for a moment, so that a client in
the middle of sending sees the reply and not a reset.

What requests look like and how they are answered is wire.py's.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from .. import limits
from . import replies
from .framing import Dechunker, Head
from .switchboard import Switchboard

if TYPE_CHECKING:
    from ..storage.writer import Outcome
    from .pages import PageProtocol

# What a connection is doing. READY is 0, so that one truth test tells it from all others.
READY = 0
HALF = 1  # a request has begun; nothing to do before `_wanted` bytes are here
CHUNKS = 2  # a chunked body is coming in
BUSY = 3  # a request is with the writer, a thread or a page, or this connection gave way to others
STALLED = 4  # the client doesn't read its replies
REFUSED = 5  # the last reply is out; what still comes in is read over


class Connection(asyncio.Protocol):
    """One connection's state. Wire adds the requests."""

    __slots__ = (
        "_board",
        "_dechunker",
        "_desk",
        "_has_large_slot",
        "_head",
        "_held",
        "_held_bytes",
        "_last",
        "_lost",
        "_page",
        "_quiet_sweeps",
        "_reading_paused",
        "_settled",
        "_started",
        "_state",
        "_table",
        "_timer",
        "_touched",
        "_transport",
        "_wanted",
        "_writing_paused",
    )

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._desk = board.desk
        self._transport: asyncio.Transport
        self._state = READY
        self._held: list[bytes] = []  # bytes that came in and were not looked at
        self._held_bytes = 0
        self._wanted = 0
        self._head: Head | None = None  # of the running request, or of the chunks coming in
        self._dechunker: Dechunker | None = None
        self._page: PageProtocol | None = None
        self._last = False  # close after the running request
        self._lost = False
        self._settled: Outcome | None = None  # the newest one delivered
        self._started = 0.0  # when the running request began, and the table it is about
        self._table = ""
        self._timer: asyncio.TimerHandle | None = None
        self._reading_paused = False
        self._writing_paused = False
        self._has_large_slot = False
        self._touched = True
        self._quiet_sweeps = 0

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(
            asyncio.Transport, transport
        )  # uvloop's is none by class
        connections = self._board.connections
        connections.add(self)
        if len(connections) > limits.CONNECTIONS_MAX:
            # At once, without reading over what comes: the bound holds for refused ones too.
            self._state = REFUSED
            transport.write(replies.refusal(503, "Too many connections."))
            transport.close()

    def eof_received(self) -> bool:
        """True keeps the connection open until the running request is answered."""
        if self._state == BUSY:
            self._last = True
            return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._board.connections.discard(self)
        self._stop_timer()
        self._give_large_slot()
        self._held.clear()
        self._dechunker = None
        if self._page is not None:
            self._page.connection_lost(exc)
            self._page = None

    def pause_writing(self) -> None:
        self._writing_paused = True
        if self._page is not None:
            self._page.pause_writing()
        elif self._state == READY:
            self._state = STALLED

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._touched = True
        if self._page is not None:
            self._page.resume_writing()
        elif self._state == STALLED:
            self._go_on()

    # Called by the server.

    def shutdown(self) -> None:
        """Close once the running or half-received request is answered; at once if there is none."""
        self._last = True
        if self._page is not None:
            self._page.shutdown()
        elif self._state in (READY, STALLED, REFUSED):
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection, whatever it is doing."""
        self._transport.abort()

    def sweep(self) -> None:
        """One look in CONNECTION_SWEEP_SECONDS at whether anybody is still there."""
        if self._touched:
            self._touched = False
            self._quiet_sweeps = 0
            return
        self._quiet_sweeps += 1
        if self._writing_paused:
            self._transport.abort()
        elif (
            self._state == READY
            and self._quiet_sweeps * limits.CONNECTION_SWEEP_SECONDS
            >= limits.CONNECTION_IDLE_SECONDS_MAX
        ):
            self._transport.close()

    # Bytes that wait.

    def _go_on(self) -> None:
        """Look at the bytes that waited."""
        raise NotImplementedError

    def _keep(self, rest: bytes) -> None:
        if rest:
            self._held.append(rest)
            self._held_bytes += len(rest)

    def _resume_reading(self) -> None:
        self._reading_paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()

    # Ends.

    def _refuse(self, reply: bytes, out: list[bytes] | None = None) -> None:
        """Send a last reply and read over what still comes, for a while: a client that sends sees
        the reply then.
        """
        if out:
            self._flush(out)
        self._request_whole()
        self._state = REFUSED
        self._held.clear()
        self._held_bytes = 0
        self._dechunker = None
        self._transport.write(reply)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        loop = self._board.loop
        self._timer = loop.call_later(limits.LINGER_SECONDS_MAX, self._transport.close)

    def _flush(self, out: list[bytes]) -> None:
        if out:
            self._transport.write(b"".join(out))
            out.clear()

    def _start_timer(self) -> None:
        if self._timer is None:
            loop = self._board.loop
            self._timer = loop.call_later(limits.REQUEST_READ_SECONDS_MAX, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        self._refuse(replies.refusal(408, "The request took too long to come in."))

    def _request_whole(self) -> None:
        self._stop_timer()
        self._give_large_slot()

    def _take_large_slot(self, out: list[bytes]) -> bool:
        if not self._has_large_slot:
            if self._board.large_bodies >= limits.LARGE_BODIES_MAX:
                self._refuse(replies.refusal(503, "Too many large requests at once."), out)
                return False
            self._board.large_bodies += 1
            self._has_large_slot = True
        return True

    def _give_large_slot(self) -> None:
        if self._has_large_slot:
            self._board.large_bodies -= 1
            self._has_large_slot = False
