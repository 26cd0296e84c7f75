"""Connections: bytes in, whole requests to the desk, replies out in order. The hot path of the
HTTP door.

A connection serves one request at a time. What comes behind a running one waits as bytes, and
reading pauses when many of them wait; so a pipelined GET never overtakes its PUT. Replies that
one turn produces leave in one write. The common request, a call that came in one piece with a
head seen before, passes through `data_received`, `_serve` and `Desk.answer` and nothing else;
every other shape (halves, chunks, closing, pages) has a path of its own below.

What is no DynamoDB call is a page: it is framed anew and given to uvicorn's own protocol, which
runs the app on it, and the connection comes back when it is answered.

Bounds: a head, a body, the bytes waiting behind a running request, the time a half request may
take, idle time, the number of connections and of large bodies coming in at once, and what a
client that doesn't read may keep in memory.
"""

from __future__ import annotations

from .. import limits
from ..operations.plan import ReadPlan, WritePlan
from ..storage.writer import Outcome
from . import replies
from .connection import BUSY, CHUNKS, HALF, READY, REFUSED, STALLED, Connection
from .framing import HEAD_END, ChunkError, Dechunker, Head, framed_anew
from .protocol import log_failure

_LARGE_REPLY_BYTES = 64 * limits.KIB


class Wire(Connection):
    """One connection's requests."""

    # Called by the transport.

    def data_received(self, data: bytes) -> None:
        self._touched = True
        if self._state:
            self._hold(data)
        else:
            self._serve(data)

    # The hot path.

    def _serve(self, data: bytes) -> None:
        """Answer the requests in `data`, which begins with one; keep what has to wait."""
        desk = self._desk
        known = desk.known
        size = len(data)
        at = 0
        out: list[bytes] = []
        while at < size:
            end = data.find(HEAD_END, at)
            if end < 0:
                self._await_head(data[at:], out)
                break
            raw = data[at:end]
            head = known.get(raw) or desk.head(raw)
            body_at = end + 4
            stop = body_at + head.length
            if stop > size or not head.plain:
                self._serve_rare(data[at:], end - at, head, out)
                break
            at = stop
            answer = desk.answer(head, data[body_at:stop])
            if not isinstance(answer, bytes):
                refused = self._defer(head, answer)
                if refused is None:
                    self._keep(data[at:])
                    break
                answer = refused
            out.append(answer)
            if self._timer is not None:
                self._request_whole()
            if self._last:
                break
            if len(out) == limits.PIPELINED_REQUESTS_MAX or len(answer) > _LARGE_REPLY_BYTES:
                self._give_way(data[at:])
                break
        if out:
            self._write_all(out)

    def _write_all(self, out: list[bytes]) -> None:
        if self._last and self._state == READY:
            out[-1] = replies.closing(out[-1])
        self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        if self._last and self._state == READY:
            self._transport.close()

    def _defer(self, head: Head, plan: WritePlan | ReadPlan) -> bytes | None:
        """Hand a plan to the writer or to a thread; bytes if it was refused."""
        self._head = head
        self._state = BUSY
        self._started = self._desk.started
        self._table = plan.table
        try:
            if isinstance(plan, WritePlan):
                self._board.enqueue(plan, self._delivered)
            else:
                self._board.read_long(plan, self._delivered)
        except Exception as error:
            self._state = READY
            return self._desk.fail(head, error, plan.table)
        if self._timer is not None:
            self._request_whole()
        return None

    def _delivered(self, outcome: Outcome) -> None:
        """The outcome of a deferred plan, on the loop's thread.

        Never raises, since the writer's leader calls it. A leader that was cut may deliver an
        outcome again: the second time nothing happens.
        """
        if self._lost or outcome is self._settled:
            return
        self._settled = outcome
        head = self._head
        assert head is not None
        desk = self._desk
        try:
            if outcome.error is None:
                reply = desk.encode(head, outcome.result, self._table, self._started)
            else:
                reply = desk.fail(head, outcome.error, self._table)
        except Exception as error:
            reply = desk.fail(head, error, self._table)
        outcome.result = None  # it is kept to be told from the next, its members need not be
        try:
            if self._last:
                self._transport.write(replies.closing(reply))
                self._transport.close()
                return
            self._transport.write(reply)
        except Exception as error:
            log_failure("writing a reply", error)
            return
        self._free()

    def _free(self) -> None:
        """The running request is answered."""
        if self._held_bytes:
            self._board.loop.call_soon(
                self._go_on
            )  # still BUSY, so that nothing overtakes what waits
        else:
            self._state = STALLED if self._writing_paused else READY
            if self._reading_paused:
                self._resume_reading()

    # Bytes that wait.

    def _hold(self, data: bytes) -> None:
        """Bytes came in while something else is going on."""
        state = self._state
        if state == REFUSED:
            return
        if state == CHUNKS:
            self._take_chunks(data)
            return
        self._keep(data)
        if state == HALF:
            if self._held_bytes >= self._wanted:
                self._go_on()
        elif self._held_bytes > limits.WAITING_BYTES_MAX and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """Look at the bytes that waited."""
        if self._lost:
            return
        if self._writing_paused and self._state == BUSY:
            self._state = STALLED
            return
        data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        self._state = READY
        if self._reading_paused:
            self._resume_reading()
        if data:
            self._serve(data)

    def _give_way(self, rest: bytes) -> None:
        """Let other connections have a turn before the requests in `rest`."""
        if rest:
            self._keep(rest)
            self._state = BUSY
            self._board.loop.call_soon(self._go_on)

    def _await_head(self, data: bytes, out: list[bytes]) -> None:
        if len(data) > limits.REQUEST_HEADERS_BYTES_MAX:
            self._refuse(replies.refusal(431, "The headers are too large."), out)
        elif data.strip(b"\r\n"):  # empty lines between requests are read over
            self._await(data, len(data) + 1)

    def _await(self, data: bytes, wanted: int) -> None:
        """Nothing to do before `wanted` bytes, these included, are here."""
        self._keep(data)
        self._wanted = wanted
        self._state = HALF
        self._start_timer()

    # What is not a plain call in one piece. `data` begins with it; its head ends at `end`.

    def _serve_rare(self, data: bytes, end: int, head: Head, out: list[bytes]) -> None:
        body_at = end + len(HEAD_END)
        if not data[:end].strip(b"\r\n"):
            self._give_way(data[body_at:])
            return
        if head.refusal is not None:
            self._refuse(head.refusal, out)
            return
        if head.length > limits.LARGE_BODY_BYTES and not self._take_large_slot(out):
            return
        whole = not head.chunked and len(data) >= body_at + head.length
        if head.expects_continue and not whole and len(data) == body_at:
            out.append(replies.CONTINUE)
        if whole:
            self._flush(out)
            body = data[body_at : body_at + head.length]
            self._keep(data[body_at + head.length :])
            self._serve_whole(head, body)
        elif head.chunked:
            self._flush(out)
            self._head = head
            self._dechunker = Dechunker()
            self._state = CHUNKS
            self._start_timer()
            self._take_chunks(data[body_at:])
        else:
            self._await(data, body_at + head.length)

    def _serve_whole(self, head: Head, body: bytes) -> None:
        """A call that closes the connection or came in chunks, or a page.

        What follows it is held already.
        """
        self._request_whole()
        self._last = self._last or not head.keep_alive
        self._state = BUSY
        if not head.call:
            self._serve_page(head, body)
            return
        answer = self._desk.answer(head, body)
        reply = answer if isinstance(answer, bytes) else self._defer(head, answer)
        if reply is not None:
            self._state = READY
            self._write_all([reply])
            if not self._last:
                self._state = BUSY
                self._free()

    def _serve_page(self, head: Head, body: bytes) -> None:
        page = self._page = self._board.page(self._page_answered)
        page.connection_made(self._transport)
        self._board.connections.discard(page)  # drained as part of this connection
        page.data_received(framed_anew(head, body))

    def _page_answered(self) -> None:
        self._page = None
        if not self._lost and not self._transport.is_closing():
            if self._last:
                self._transport.close()
            else:
                self._free()

    def _take_chunks(self, data: bytes) -> None:
        dechunker = self._dechunker
        head = self._head
        assert dechunker is not None
        assert head is not None
        try:
            whole = dechunker.feed(data)
        except ChunkError as fault:
            text = "The body's chunks are malformed." if fault.status == 400 else ""
            self._refuse(replies.refusal(fault.status, text))
            return
        large = len(dechunker.body) > limits.LARGE_BODY_BYTES
        if large and not self._has_large_slot and not self._take_large_slot([]):
            return
        if whole:
            self._dechunker = None
            self._keep(dechunker.rest)
            self._serve_whole(head, bytes(dechunker.body))
