from __future__ import annotations

import re
from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.server import replies


def test_request_ids_are_52_upper_case_letters_and_digits_and_never_repeat() -> None:
    first, second = replies.request_ids(), replies.request_ids()
    ids = [first() for _ in range(5000)] + [second() for _ in range(5000)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(rb"[A-Z0-9]{52}", i) for i in ids)


@given(st.binary(max_size=200))
def test_a_reply_has_the_length_and_the_checksum_of_its_exact_body(body: bytes) -> None:
    start = replies.opening(200, b"application/json")
    whole = replies.finish(start, b"date: now\r\n", b"ID", body)
    head, _, rest = whole.partition(b"\r\n\r\n")
    assert rest == body
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: application/json",
        b"date: now",
        b"x-amzn-RequestId: ID",
        b"x-amz-crc32: %d" % crc32(body),
        b"Content-Length: %d" % len(body),
    ]


def test_binary_values_become_base64_wherever_they_stand() -> None:
    reply = {"B": b"\x00\xff", "BS": [b"", b"a"], "L": [bytearray(b"b"), memoryview(b"c")]}
    assert orjson.loads(replies.encode(reply)) == {
        "B": "AP8=",
        "BS": ["", "YQ=="],
        "L": ["Yg==", "Yw=="],
    }
    with pytest.raises(TypeError, match="not JSON serializable: object"):
        replies.encode({"x": object()})


def test_a_closing_reply_says_so_and_is_otherwise_the_same() -> None:
    whole = replies.finish(replies.opening(400), b"", b"ID", b"\r\n\r\n")
    said = replies.closing(whole)
    assert said.replace(b"Connection: close\r\n", b"") == whole
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")


def test_refusals_close_and_413_has_no_body() -> None:
    assert replies.refusal(413) == (
        b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    assert replies.refusal(400, "so").endswith(b"Content-Length: 3\r\n\r\nso\n")


def test_cors_names_the_origin_and_never_a_star() -> None:
    answer = replies.preflight(b"https://app.test", b"x-amz-target")
    assert b"Access-Control-Allow-Origin: https://app.test\r\n" in answer
    assert b"Access-Control-Allow-Headers: x-amz-target\r\n" in answer
    assert b"Vary: Origin" in answer
    assert b"*" not in answer


def test_pages_may_read_the_date_by_which_an_sdk_corrects_its_clock() -> None:
    [exposed] = [
        line for line in replies.cors_lines(b"https://app.test").split(b"\r\n") if b"Expose" in line
    ]
    names = {name.strip() for name in exposed.partition(b":")[2].split(b",")}
    assert names == {b"x-amzn-RequestId", b"x-amz-crc32", b"Date"}
