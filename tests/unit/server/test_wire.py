"""Requests of one connection, over a transport that only collects bytes."""

from __future__ import annotations

import itertools
import json
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore import limits
from streamstore.errors import RecordsTrimmed
from streamstore.server.connection import BUSY, HALF, READY, STALLED
from streamstore.storage.writer import Outcome


def echoes(replies: list[Any]) -> list[Any]:
    return [next(iter(reply.json.values())) for reply in replies]


def chunked(whole: bytes, size: int) -> bytes:
    """The same request with its body in chunks."""
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    lines.append(b"Transfer-Encoding: chunked\r\n\r\n")
    return (
        b"\r\n".join(lines)
        + b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts)
        + (b"0\r\n\r\n")
    )


def test_a_call_in_one_piece_is_answered_with_one_write(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    for number in range(3):
        wire.data_received(tools.request(params={"n": number}))
    assert len(transport.written) == 3
    assert [r.status for r in tools.replies_in(transport.out)] == [200, 200, 200]
    assert not transport.closed


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_replies_do_not_depend_on_how_requests_are_cut(tools: Any, data: st.DataObject) -> None:
    bench = tools.bench()
    kinds = st.sampled_from(["Echo", "Read", "LongRead", "Write", "Break", "chunks", "bad", "page"])
    chosen = data.draw(st.lists(kinds, min_size=1, max_size=25))
    stream, expected = b"", []
    for number, kind in enumerate(chosen):
        params = {"n": number, "pad": "x" * data.draw(st.integers(0, 300))}
        if kind == "chunks":
            stream += chunked(tools.request(params=params), 7)
        elif kind == "bad":
            stream += tools.request(body=b"{", X_N=str(number))
        elif kind == "page":
            stream += tools.request(method="GET", path="/page", body=b"")
        else:
            stream += tools.request(kind, params)
        expected.append(
            {"bad": 400, "Break": 500, "page": "page"}.get(kind) or params,
        )
    cuts = sorted(data.draw(st.lists(st.integers(1, len(stream) - 1), max_size=12)))
    edges = [0, *cuts, len(stream)]
    wire, transport = bench.wire()
    for start, stop in itertools.pairwise(edges):
        if start < stop:
            wire.data_received(stream[start:stop])
        if data.draw(st.booleans()):
            settle(bench, transport)
    settle(bench, transport)
    found: list[Any] = []
    for reply in tools.replies_in(transport.out):
        if reply.status != 200:
            found.append(reply.status)
        else:
            found.append("page" if reply.body == b"page" else next(iter(reply.json.values())))
    assert found == expected
    assert transport.reading
    assert not transport.closed
    assert not bench.loop.live_timers()
    assert bench.board.large_bodies == 0
    bench.board.close()


def settle(bench: Any, transport: Any) -> None:
    """Run the loop, the threads and the pages until nothing is left to do."""
    for _ in range(200):
        bench.board.close()  # waits for the threads
        bench.board._threads = None
        bench.loop.turn()
        open_pages = [page for page in bench.pages if page.fed and "answered" not in page.told]
        for page in open_pages:
            page.told.append("answered")
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage")
            page.answered()
        if not bench.loop.soon and not open_pages and bench.board._threads is None:
            return
    raise AssertionError("never came to rest")


def test_a_pipelined_read_never_overtakes_its_write(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    bench.store.writer.held = True
    wire.data_received(tools.request("Write", {"w": 1}) + tools.request("Read", {"r": 2}))
    wire.data_received(tools.request("Echo", {"e": 3}))
    assert transport.out == b""
    assert [name for name, _ in bench.store.seen] == ["Write"]
    bench.store.writer.held = False
    bench.store.writer.try_lead()
    bench.loop.turn()
    assert echoes(tools.replies_in(transport.out)) == [{"w": 1}, {"r": 2}, {"e": 3}]


def test_writes_of_many_connections_are_led_in_one_go(bench: Any, tools: Any) -> None:
    wires = [bench.wire() for _ in range(5)]
    for wire, _ in wires:
        wire.data_received(tools.request("Write"))
    assert len(bench.store.writer.queue) == 5
    assert len(bench.loop.soon) == 1
    bench.loop.turn()
    assert all(len(tools.replies_in(t.out)) == 1 for _, t in wires)
    assert bench.store.started == ["keeper"]


def test_a_full_queue_is_a_throttling_error_and_the_connection_goes_on(
    bench: Any, tools: Any
) -> None:
    wire, transport = bench.wire()
    bench.store.writer.full = True
    wire.data_received(tools.request("Write") + tools.request("Echo"))
    first, second = tools.replies_in(transport.out)
    assert first.status == 400
    assert first.json["__type"].endswith("#ThrottlingException")
    assert second.status == 200


def test_an_outcome_delivered_twice_is_answered_once(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    wire.data_received(tools.request("Write", {"w": 1}))
    _, deliver = bench.store.writer.queue.pop()
    outcome = Outcome()
    outcome.result = {"written": {"w": 1}}
    deliver(outcome)
    deliver(outcome)
    wire.data_received(tools.request("Write", {"w": 2}))
    deliver(outcome)
    assert echoes(tools.replies_in(transport.out)) == [{"w": 1}]
    bench.loop.turn()
    assert echoes(tools.replies_in(transport.out)) == [{"w": 1}, {"w": 2}]


def test_an_outcome_for_a_connection_that_is_gone_harms_nobody(bench: Any, tools: Any) -> None:
    gone, transport = bench.wire()
    other, other_transport = bench.wire()
    gone.data_received(tools.request("Write"))
    other.data_received(tools.request("Write"))
    gone.connection_lost(ConnectionResetError())
    bench.loop.turn()
    assert transport.out == b""
    assert len(tools.replies_in(other_transport.out)) == 1
    assert bench.connections == {other}


def test_an_outcome_from_another_thread_is_answered_on_the_loop(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    wire.data_received(tools.request("Write"))
    thread = threading.Thread(target=bench.store.writer.try_lead)
    thread.start()
    thread.join()
    assert transport.out == b""
    bench.loop.turn()
    assert len(tools.replies_in(transport.out)) == 1


# Bounds.


def test_a_body_of_the_largest_size_is_read_and_one_byte_more_is_413(
    bench: Any, tools: Any
) -> None:
    largest = limits.REQUEST_BODY_BYTES_MAX
    wire, transport = bench.wire()
    wire.data_received(tools.request(body=b"[" + b" " * (largest - 2) + b"]"))
    assert tools.replies_in(transport.out)[0].status == 400
    assert bench.store.seen == []
    wire, transport = bench.wire()
    wire.data_received(tools.request(body=b"", Content_Length=str(largest + 1)))
    (reply,) = tools.replies_in(transport.out)
    assert (reply.status, reply.body, reply.headers["connection"]) == (413, b"", "close")
    assert transport.eof


def test_a_refused_client_is_read_over_for_a_moment_and_then_closed(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    wire.data_received(tools.request(body=b"", Content_Length="999999999"))
    for _ in range(100):
        wire.data_received(b"x" * 65536)
    assert len(transport.written) == 1
    assert wire._held_bytes == 0
    (timer,) = bench.loop.live_timers()
    assert timer.seconds == limits.LINGER_SECONDS_MAX
    timer.callback()
    assert transport.closed


def test_chunks_past_the_bound_are_413_and_malformed_ones_400(bench: Any, tools: Any) -> None:
    head = tools.request(body=b"", without=("Content-Length",), Transfer_Encoding="chunked")
    for body, status in ((b"1000001\r\n", 413), (b"zz\r\n", 400)):
        wire, transport = bench.wire()
        wire.data_received(head + body)
        assert tools.replies_in(transport.out)[0].status == status
        assert transport.eof


@pytest.mark.parametrize("whole", [True, False])
def test_heads_past_the_bound_are_431(bench: Any, tools: Any, whole: bool) -> None:
    wire, transport = bench.wire()
    request = tools.request(X_Pad="p" * limits.REQUEST_HEADERS_BYTES_MAX)
    wire.data_received(request if whole else request[: limits.REQUEST_HEADERS_BYTES_MAX])
    assert whole or transport.out == b""
    if not whole:
        wire.data_received(b"pp")
    assert tools.replies_in(transport.out)[0].status == 431


def test_a_half_request_may_take_so_long_and_no_longer(bench: Any, tools: Any) -> None:
    whole = tools.request(params={"a": 1})
    for cut in (1, 100, len(whole) - 1):
        wire, transport = bench.wire()
        wire.data_received(whole[:cut])
        (timer,) = bench.loop.live_timers()
        assert timer.seconds == limits.REQUEST_READ_SECONDS_MAX
        if cut == 100:
            wire.data_received(whole[cut : cut + 1])
            assert bench.loop.live_timers() == [timer], "every byte must not buy more time"
            wire.data_received(whole[cut + 1 :])
            assert timer.cancelled
            assert tools.replies_in(transport.out)[0].status == 200
        else:
            timer.callback()
            timer.cancel()
            assert tools.replies_in(transport.out)[0].status == 408
            assert transport.eof
        wire.connection_lost(None)


def test_chunks_may_take_so_long_and_no_longer(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    wire.data_received(chunked(tools.request(), 1)[:-3])
    (timer,) = bench.loop.live_timers()
    timer.callback()
    assert tools.replies_in(transport.out)[0].status == 408


def test_what_waits_behind_a_running_request_is_bounded(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    wire.data_received(tools.request("Write"))
    pad = tools.request(params={"p": "x" * 10_000})
    sent = 0
    while transport.reading:
        wire.data_received(pad)
        sent += 1
    assert limits.WAITING_BYTES_MAX <= sent * len(pad) <= limits.WAITING_BYTES_MAX + len(pad)
    bench.loop.turn()
    assert transport.reading
    assert len(tools.replies_in(transport.out)) == sent + 1


def test_many_pipelined_requests_give_way_to_others_every_sixteen(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    wire.data_received(tools.request() * 40)
    assert len(tools.replies_in(transport.out)) == limits.PIPELINED_REQUESTS_MAX
    other, other_transport = bench.wire()
    other.data_received(tools.request())
    assert len(tools.replies_in(other_transport.out)) == 1
    bench.loop.turn()
    assert len(tools.replies_in(transport.out)) == 40
    assert len(transport.written) == 3


def test_a_client_that_does_not_read_gets_no_more_until_it_does(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    transport.high_water = 1000
    wire.data_received(tools.request(params={"p": "x" * 2000}))
    assert wire._state == STALLED
    wire.data_received(tools.request() * 3)
    bench.loop.turn()
    assert len(tools.replies_in(transport.out)) == 1
    wire.resume_writing()
    assert len(tools.replies_in(transport.out)) == 4


def test_giving_way_and_waiting_for_the_writer_do_not_wake_a_stalled_client(
    bench: Any, tools: Any
) -> None:
    wire, transport = bench.wire()
    transport.high_water = 1
    wire.data_received(tools.request() * 40)
    bench.loop.turn()
    assert len(tools.replies_in(transport.out)) == limits.PIPELINED_REQUESTS_MAX
    transport.high_water = None
    wire.resume_writing()
    bench.loop.turn()
    assert len(tools.replies_in(transport.out)) == 40
    transport.high_water = 1
    wire.data_received(tools.request("Write"))
    bench.loop.turn()
    wire.data_received(tools.request())
    assert len(tools.replies_in(transport.out)) == 41
    wire.resume_writing()
    assert len(tools.replies_in(transport.out)) == 42


def test_a_connection_that_was_quiet_and_is_not_any_more_is_kept(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    quiet = limits.CONNECTION_IDLE_SECONDS_MAX // limits.CONNECTION_SWEEP_SECONDS - 1
    for _ in range(3):
        wire.data_received(tools.request())
        for _ in range(quiet + 1):
            bench.board.sweep()
    assert not transport.closed


def test_a_long_read_that_fails_is_answered_like_any_other(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()

    def fail(plan: Any) -> Any:
        raise RecordsTrimmed

    bench.store.read = fail
    wire.data_received(tools.request("LongRead"))
    settle(bench, transport)
    (reply,) = tools.replies_in(transport.out)
    assert reply.status == 400
    assert reply.json["__type"].endswith("#TrimmedDataAccessException")


def test_writes_go_to_the_writer_of_now_after_a_reopen(bench: Any, tools: Any) -> None:
    wire, _ = bench.wire()
    wire.data_received(tools.request("Write"))
    bench.loop.turn()
    before, bench.store.writer = bench.store.writer, type(bench.store.writer)()
    wire.data_received(tools.request("Write"))
    assert not before.queue
    assert len(bench.store.writer.queue) == 1
    assert bench.store.started == ["keeper", "keeper"]


def test_a_stalled_client_is_cut_and_an_idle_one_closed_and_a_busy_one_left(
    bench: Any, tools: Any
) -> None:
    stalled, stalled_transport = bench.wire()
    idle, idle_transport = bench.wire()
    busy, busy_transport = bench.wire()
    active, active_transport = bench.wire()
    stalled_transport.high_water = 0
    stalled.data_received(tools.request())
    idle.data_received(tools.request())
    busy.data_received(tools.request("Write"))
    sweeps = limits.CONNECTION_IDLE_SECONDS_MAX // limits.CONNECTION_SWEEP_SECONDS
    bench.board.sweep()
    for number in range(sweeps):
        assert stalled_transport.aborted == (number > 0)
        assert not idle_transport.closed
        active.data_received(tools.request())
        bench.board.sweep()
    assert idle_transport.closed
    assert not busy_transport.closed
    assert not active_transport.closed


def test_one_connection_too_many_is_told_so(bench: Any, tools: Any) -> None:
    bench.connections.update(range(limits.CONNECTIONS_MAX))
    wire, transport = bench.wire()
    assert tools.replies_in(transport.out)[0].status == 503
    assert transport.closed
    wire.data_received(tools.request())
    assert len(transport.written) == 1


def test_large_bodies_coming_in_at_once_are_bounded(bench: Any, tools: Any) -> None:
    body = b"[" + b" " * limits.LARGE_BODY_BYTES + b"]"
    whole = tools.request(body=body)
    half = [bench.wire() for _ in range(limits.LARGE_BODIES_MAX)]
    for wire, _ in half:
        wire.data_received(whole[:1000])
    for late in (whole[:1000], chunked(whole, 100_000)):
        wire, transport = bench.wire()
        wire.data_received(late)
        assert tools.replies_in(transport.out)[0].status == 503
    half[0][0].data_received(whole[1000:])
    half[1][0].connection_lost(None)
    assert bench.board.large_bodies == limits.LARGE_BODIES_MAX - 2
    for late in (whole, chunked(whole, 100_000)):
        wire, transport = bench.wire()
        wire.data_received(late)
        assert tools.replies_in(transport.out)[0].status == 400
    assert bench.board.large_bodies == limits.LARGE_BODIES_MAX - 2


# Ends of connections.


@pytest.mark.parametrize("how", [{"Connection": "close"}, {"version": "1.0"}])
@pytest.mark.parametrize("operation", ["Echo", "Write", "Break"])
def test_a_client_that_wants_the_connection_closed_gets_its_reply_first(
    bench: Any, tools: Any, how: dict[str, str], operation: str
) -> None:
    wire, transport = bench.wire()
    wire.data_received(tools.request(operation, **how) + tools.request())
    bench.loop.turn()
    (reply,) = tools.replies_in(transport.out)
    assert reply.headers["connection"] == "close"
    assert transport.closed


def test_half_closing_keeps_the_connection_until_the_write_is_answered(
    bench: Any, tools: Any
) -> None:
    wire, transport = bench.wire()
    wire.data_received(tools.request("Write"))
    assert wire.eof_received() is True
    bench.loop.turn()
    assert len(tools.replies_in(transport.out)) == 1
    assert transport.closed
    idle, _ = bench.wire()
    assert idle.eof_received() is False


def test_draining_answers_what_runs_or_has_begun_and_closes_the_rest(
    bench: Any, tools: Any
) -> None:
    idle, idle_transport = bench.wire()
    running, running_transport = bench.wire()
    begun, begun_transport = bench.wire()
    whole = tools.request()
    running.data_received(tools.request("Write") + whole)
    begun.data_received(whole[:50])
    for wire in (idle, running, begun):
        wire.shutdown()
    assert idle_transport.closed
    assert not running_transport.closed
    assert not begun_transport.closed
    bench.loop.turn()
    begun.data_received(whole[50:] + whole)
    for transport in (running_transport, begun_transport):
        (reply,) = tools.replies_in(transport.out)
        assert reply.status == 200
        assert reply.headers["connection"] == "close"
        assert transport.closed


def test_a_client_that_expects_it_is_told_to_continue(bench: Any, tools: Any) -> None:
    whole = tools.request(params={"a": 1}, Expect="100-continue")
    at = whole.index(b"\r\n\r\n") + 4
    wire, transport = bench.wire()
    wire.data_received(whole[:at])
    assert transport.out == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.data_received(whole[at:])
    assert tools.replies_in(transport.written[1])[0].status == 200
    wire.data_received(whole)
    assert tools.replies_in(transport.written[2])[0].status == 200


def test_empty_lines_between_requests_are_read_over(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    wire.data_received(tools.request() + b"\r\n")
    assert not bench.loop.live_timers()
    wire.data_received(b"\r\n\r\n\r\n" + tools.request())
    bench.loop.turn()
    wire.data_received(b"\r\n" + tools.request())
    assert [r.status for r in tools.replies_in(transport.out)] == [200, 200, 200]
    assert wire._state == READY
    assert not bench.loop.live_timers()


# Pages.


def test_a_page_gets_the_connection_for_one_request(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    page_request = tools.request(method="PUT", path="/p?q=1", body=b"body")
    wire.data_received(tools.request() + page_request + tools.request())
    (page,) = bench.pages
    assert page.fed.startswith(b"PUT /p?q=1 HTTP/1.1\r\n")
    assert page.fed.endswith(b"\r\n\r\nbody")
    assert len(tools.replies_in(transport.out)) == 1
    assert wire._state == BUSY
    wire.pause_writing()
    wire.resume_writing()
    assert page.told == ["pause", "resume"]
    page.answered()
    bench.loop.turn()
    assert len(tools.replies_in(transport.out)) == 2
    assert bench.connections == {wire}


def test_a_page_is_told_of_the_end(bench: Any, tools: Any) -> None:
    for end in ("lost", "shutdown"):
        wire, transport = bench.wire()
        wire.data_received(tools.request(method="GET", path="/p", body=b""))
        if end == "lost":
            wire.connection_lost(None)
        else:
            wire.shutdown()
        assert bench.pages[-1].told == [end]
        bench.pages[-1].answered()
        assert transport.closed == (end == "shutdown")


def test_bytes_that_are_no_http_are_refused(bench: Any, tools: Any) -> None:
    for noise in (b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x00\r\n\r\n" * 100):
        wire, transport = bench.wire()
        wire.data_received(noise)
        assert tools.replies_in(transport.out)[0].status == 400
        assert transport.eof


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_bytes_at_all_break_a_connection(tools: Any, data: st.DataObject) -> None:
    bench = tools.bench()
    wire, transport = bench.wire()
    seed = tools.request(params={"a": 1}) + chunked(tools.request(params={"b": 2}), 3)
    for _ in range(data.draw(st.integers(1, 6))):
        noise = data.draw(st.binary(max_size=30))
        start = data.draw(st.integers(0, len(seed)))
        stop = data.draw(st.integers(start, len(seed)))
        wire.data_received(seed[start:stop] + noise or b"x")
        bench.loop.turn()
    assert all(
        reply.status in (200, 400, 403, 404, 408, 413, 431, 505)
        for reply in (tools.replies_in(transport.out))
    )
    assert wire._state == HALF or not wire._held or bench.pages


def test_replies_hold_the_request_they_answer(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    bodies = [{"n": n, "pad": "p" * (n % 7)} for n in range(100)]
    wire.data_received(b"".join(tools.request(params=b) for b in bodies))
    bench.loop.turn()
    assert [json.loads(r.body)["echo"] for r in tools.replies_in(transport.out)] == bodies
