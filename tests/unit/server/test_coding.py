"""Bodies in a coding: gzip out where it is asked for and worth it, gzip and deflate in."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest

from streamstore import limits
from streamstore.clock import SystemClock
from streamstore.server.signature import Verifier

LONG = {"text": "x" * limits.GZIP_REPLY_BYTES_MIN}


def ask(bench: Any, tools: Any, *args: Any, **kwargs: Any) -> Any:
    raw, _, body = tools.request(*args, **kwargs).partition(b"\r\n\r\n")
    head = bench.desk.known.get(raw) or bench.desk.head(raw)
    answer = bench.desk.answer(head, body)
    assert isinstance(answer, bytes)
    return tools.replies_in(answer)[0]


@pytest.mark.parametrize(
    "accepted", ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.5", "deflate,gzip;q=1"]
)
def test_a_long_reply_is_packed_for_who_takes_gzip_and_its_checksum_is_of_what_is_sent(
    bench: Any, tools: Any, accepted: str
) -> None:
    for _ in range(2):  # the second head is one that is remembered
        reply = ask(bench, tools, params=LONG, Accept_Encoding=accepted)
        assert reply.headers["content-encoding"] == "gzip"
        assert int(reply.headers["x-amz-crc32"]) == zlib.crc32(reply.body)
        assert len(reply.body) < 200
        assert json.loads(gzip.decompress(reply.body)) == {"echo": LONG}


@pytest.mark.parametrize(
    ("params", "accepted"),
    [
        (LONG, {}),
        (LONG, {"Accept_Encoding": "identity"}),
        (LONG, {"Accept_Encoding": "gzip;q=0, deflate"}),
        (LONG, {"Accept_Encoding": "gzip;q=0.000"}),
        (LONG, {"Accept_Encoding": "xgzip"}),
        ({"text": "short"}, {"Accept_Encoding": "gzip"}),
    ],
)
def test_a_reply_comes_as_it_is_to_everybody_else_and_where_it_is_short(
    bench: Any, tools: Any, params: Any, accepted: dict[str, str]
) -> None:
    reply = ask(bench, tools, params=params, **accepted)
    assert "content-encoding" not in reply.headers
    assert reply.json == {"echo": params}


def test_a_deferred_write_is_answered_packed_too(bench: Any, tools: Any) -> None:
    wire, transport = bench.wire()
    wire.data_received(tools.request("Write", LONG, Accept_Encoding="gzip"))
    bench.loop.turn()
    (reply,) = tools.replies_in(transport.out)
    assert json.loads(gzip.decompress(reply.body)) == {"written": LONG}


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress)],
)
@pytest.mark.parametrize("operation", ["Echo", "Write", "Read"])
def test_a_packed_body_is_read_as_if_it_had_come_plain(
    bench: Any, tools: Any, operation: str, coding: str, pack: Any
) -> None:
    wire, transport = bench.wire()
    params = {"a": [1, "two"]}
    plain = tools.request(operation, params)
    coded = tools.request(
        operation, body=pack(json.dumps(params).encode()), Content_Encoding=coding
    )
    for request in (plain, coded, coded, plain):
        wire.data_received(request)
        bench.loop.turn()
    replies = tools.replies_in(transport.out)
    assert len(replies) == 4
    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    assert [seen for _, seen in bench.store.seen] == [params] * 4


def test_what_is_not_in_its_coding_is_refused_and_nothing_of_it_is_done(
    bench: Any, tools: Any
) -> None:
    packed = gzip.compress(b"{}")
    for body in (
        b"",
        b"{}",
        packed[:-1],
        packed + b"x",
        packed + packed,
        b"\x1f\x8b" + b"\xff" * 9,
    ):
        reply = ask(bench, tools, body=body, Content_Encoding="gzip")
        assert reply.status == 400
        assert reply.json["__type"].endswith("SerializationException")
    assert ask(bench, tools, body=packed, Content_Encoding="br").status == 400
    assert bench.store.seen == []


def test_a_body_that_would_expand_without_end_costs_no_more_than_the_largest_one(
    bench: Any, tools: Any
) -> None:
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(512)) + packer.flush()
    assert len(bomb) < limits.REQUEST_BODY_BYTES_MAX // 8
    tracemalloc.start()
    try:
        reply = ask(bench, tools, body=bomb, Content_Encoding="gzip")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reply.status == 413
    assert peak < 3 * limits.REQUEST_BODY_BYTES_MAX


def test_with_keys_the_signature_covers_the_packed_bytes_and_is_looked_at_first(
    bench: Any, tools: Any
) -> None:
    bench.desk.verifier = Verifier({"a": "b"}, SystemClock())
    reply = ask(bench, tools, body=b"no gzip at all", Content_Encoding="gzip")
    assert reply.status == 400
    assert not reply.json["__type"].endswith("SerializationException")
    assert bench.store.seen == []
