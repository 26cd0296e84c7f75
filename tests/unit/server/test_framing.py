from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore import limits
from streamstore.server.framing import (
    ChunkError,
    Dechunker,
    HeadError,
    framed_anew,
    read_head,
)

FIRST = b"POST / HTTP/1.1\r\nHost: a"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b"Content-Length: 5\r\nContent-Length: 5", 400),
        (b"Content-Length: 5, 5", 400),
        (b"Content-Length: +5", 400),
        (b"Content-Length: -5", 400),
        (b"Content-Length: 0x5", 400),
        (b"Content-Length: 99999999999999999999999", 400),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        (b"Transfer-Encoding: gzip, chunked", 400),
        (b"Transfer-Encoding: chunked, gzip", 400),
        (b"Transfer-Encoding: identity", 400),
        (b"A: b\r\n folded", 400),
        (b"A: b\x00c", 400),
        (b"A : b", 400),
        (b"A: b\nB: c", 400),
        (b"A: b\rB: c", 400),
        (b"nothing", 400),
        (b"Host: b", 400),
        (b"Authorization: a\r\nauthorization: b", 400),
        (b"X-Amz-Target: a\r\nX-AMZ-TARGET: a", 400),
        (b"Content-Length: %d" % (limits.REQUEST_BODY_BYTES_MAX + 1), 413),
        (b"A: " + b"x" * limits.REQUEST_HEADERS_BYTES_MAX, 431),
    ],
)
def test_a_head_that_could_be_read_in_two_ways_or_is_too_large_is_refused(
    lines: bytes, status: int
) -> None:
    with pytest.raises(HeadError) as caught:
        read_head(FIRST + b"\r\n" + lines)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("first", "status"),
    [
        (b"post / HTTP/1.1", 400),
        (b"POST / HTTP/2.0", 505),
        (b"PRI * HTTP/2.0", 400),
        (b"POST / HTTP/9.9", 400),
        (b"CONNECT a:1 HTTP/1.1", 400),
        (b"POST /a b HTTP/1.1", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"", 400),
    ],
)
def test_a_first_line_that_is_no_request_of_ours_is_refused(first: bytes, status: int) -> None:
    with pytest.raises(HeadError) as caught:
        read_head(first + b"\r\nHost: a")
    assert caught.value.status == status


def test_a_head_says_what_the_body_needs() -> None:
    head = read_head(
        b"POST http://h:1/a/b?c=d HTTP/1.1\r\nHost: h\r\nX-Y: z \r\nExpect: 100-Continue\r\n"
        b"Content-Length: %d" % limits.REQUEST_BODY_BYTES_MAX
    )
    assert (head.method, head.path, head.query) == (b"POST", b"/a/b", b"c=d")
    assert head.length == limits.REQUEST_BODY_BYTES_MAX
    assert head.expects_continue
    assert head.keep_alive
    assert head.header(b"x-y") == b"z"
    assert head.header(b"x-z") is None


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "Connection: close", False),
        ("1.1", "Connection: keep-alive", True),
        ("1.1", "Connection: Foo, CLOSE\r\nContent-Length: 3", False),
        ("1.0", "", False),
        ("1.0", "Connection: keep-alive", False),
    ],
)
def test_only_http_1_1_connections_are_kept(version: str, connection: str, kept: bool) -> None:
    text = f"GET / HTTP/{version}\r\nHost: a\r\n{connection}".strip()
    assert read_head(text.encode()).keep_alive is kept


def test_an_offer_to_upgrade_is_declined_in_silence() -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 2"
    head = read_head(FIRST + b"\r\n" + offer)
    assert head.length == 2
    assert b"upgrade: h2c" not in framed_anew(head, b"{}")


def test_a_request_framed_anew_reads_the_same() -> None:
    head = read_head(b"PUT /p?q HTTP/1.1\r\nHost: a\r\nB: c\r\nTransfer-Encoding: chunked")
    whole = framed_anew(head, b"body")
    raw, _, body = whole.partition(b"\r\n\r\n")
    again = read_head(raw)
    assert (again.method, again.target, again.length, body) == (b"PUT", b"/p?q", 4, b"body")
    assert again.header(b"b") == b"c"
    assert not again.chunked


def chunked(parts: list[bytes], extension: bytes = b"", trailers: bytes = b"") -> bytes:
    out = b"".join(b"%x%b\r\n%b\r\n" % (len(p), extension, p) for p in parts)
    return out + b"0\r\n" + trailers + b"\r\n"


@given(
    parts=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    extension=st.sampled_from([b"", b";a=b", b" ; q"]),
    trailers=st.sampled_from([b"", b"A: b\r\n", b"A: b\r\nC: d\r\n"]),
    rest=st.binary(max_size=20),
    data=st.data(),
)
def test_chunks_decode_the_same_however_they_are_cut(
    parts: list[bytes], extension: bytes, trailers: bytes, rest: bytes, data: st.DataObject
) -> None:
    whole = chunked(parts, extension, trailers)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    edges = [0, *cuts, len(whole)]
    dechunker = Dechunker()
    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]
    pieces = [piece for piece in pieces if piece]
    for piece in pieces[:-1]:
        assert dechunker.feed(piece) is False
    assert dechunker.feed(pieces[-1] + rest) is True
    assert bytes(dechunker.body) == b"".join(parts)
    assert dechunker.rest == rest


@pytest.mark.parametrize(
    "data",
    [
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1 1\r\n",
        b"\r\n",
        b"1_0\r\n",
        b"123456789\r\n",
        b"1\r\nab\r\n",
        b"1\r\nax\r\n0\r\n\r\n",
        b"1;" + b"e" * limits.CHUNK_LINE_BYTES_MAX + b"\r\n",
        b"e" * (limits.CHUNK_LINE_BYTES_MAX + 1),
    ],
)
def test_malformed_chunks_are_refused(data: bytes) -> None:
    with pytest.raises(ChunkError) as caught:
        Dechunker().feed(data)
    assert caught.value.status == 400


def test_a_chunked_body_is_bounded_at_its_declared_size_before_its_bytes_come() -> None:
    allowed = Dechunker()
    assert allowed.feed(b"%x\r\n" % limits.REQUEST_BODY_BYTES_MAX) is False
    with pytest.raises(ChunkError) as caught:
        Dechunker().feed(b"%x\r\n" % (limits.REQUEST_BODY_BYTES_MAX + 1))
    assert caught.value.status == 413


def feed_for_ever(dechunker: Dechunker, data: bytes) -> None:
    while True:
        dechunker.feed(data)


def test_tiny_chunks_cost_no_more_than_the_overhead_allowed() -> None:
    dechunker = Dechunker()
    flood = b"1;" + b"e" * 200 + b"\r\nx\r\n"
    with pytest.raises(ChunkError) as caught:
        feed_for_ever(dechunker, flood * 500)
    assert caught.value.status == 413
    overhead = limits.REQUEST_BODY_BYTES_MAX + limits.CHUNK_OVERHEAD_BYTES_MAX
    assert len(dechunker.body) <= overhead // len(flood) + 1000
