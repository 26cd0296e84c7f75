"""Replies as bytes: status lines, headers, checksums, request ids and the bodies of errors.

A good reply is one formatting of bytes, since every request pays for it. What an error is called
and worded is decided in operations/faults; here it becomes JSON. Binary attribute values become
base64 text here, as codec/fragments spells them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from zlib import MAX_WBITS, compressobj, crc32

import orjson

from ..codec.fragments import encode_binary

JSON_1_0 = b"application/x-amz-json-1.0"

SERIALIZATION_BODY = b'{"__type":"com.amazon.coral.service#SerializationException"}'
UNKNOWN_OPERATION_BODY = b'{"__type":"com.amazon.coral.service#UnknownOperationException"}'
NOT_SERVED_BODY = b"<UnknownOperationException/>\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# The statuses that this server sends by itself; importing http for them would cost the start 3 ms.
_PHRASES = {
    200: b"OK",
    400: b"Bad Request",
    403: b"Forbidden",
    404: b"Not Found",
    408: b"Request Timeout",
    413: b"Content Too Large",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
    505: b"HTTP Version Not Supported",
}

_GZIP = 16 + MAX_WBITS
_GZIP_LEVEL = 1  # who serves from this machine gains little from the rest

_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ID_TAILS = [(a + b).encode() for a in _ID_ALPHABET for b in _ID_ALPHABET]
_ID_BLOCK_CHARS = 50
_ID_OF_BYTE = bytes(ord(_ID_ALPHABET[byte % len(_ID_ALPHABET)]) for byte in range(256))


def request_ids() -> Callable[[], bytes]:
    """A source of request ids: 52 upper-case letters and digits, unique for as good as certain.

    50 characters are drawn at random once for 1,296 ids, the last two count: one concatenation an
    id.
    """

    def source() -> Any:
        while True:
            block = secrets.token_bytes(_ID_BLOCK_CHARS).translate(_ID_OF_BYTE)
            for tail in _ID_TAILS:
                yield block + tail

    iterator = source()
    take: Callable[[], bytes] = iterator.__next__
    return take


def status_line(status: int) -> bytes:
    """The first line of a reply, with its CR LF."""
    return b"HTTP/1.1 %d %b\r\n" % (status, _PHRASES[status])


def opening(status: int, content_type: bytes = b"", cors: bytes = b"") -> bytes:
    """All that replies of one status and type begin with alike: what `finish` is given."""
    kind = b"Content-Type: %b\r\n" % content_type if content_type else b""
    return status_line(status) + kind + cors


def finish(start: bytes, date: bytes, request_id: bytes, body: bytes) -> bytes:
    """A whole reply. `start` comes from `opening`; `date` is a whole header line or empty."""
    return b"%b%bx-amzn-RequestId: %b\r\nx-amz-crc32: %d\r\nContent-Length: %d\r\n\r\n%b" % (
        start,
        date,
        request_id,
        crc32(body),
        len(body),
        body,
    )


def packed(start: bytes, date: bytes, request_id: bytes, body: bytes) -> bytes:
    """The same with its body as gzip. Its checksum is that of the bytes sent, as the service's
    is (aws-sdk-go-v2, dynamodb/internal/customizations).
    """
    packer = compressobj(_GZIP_LEVEL, wbits=_GZIP)
    start += b"Content-Encoding: gzip\r\n"
    return finish(start, date, request_id, packer.compress(body) + packer.flush())


def refusal(status: int, text: str = "") -> bytes:
    """A whole reply to something that is no call; the connection closes after it."""
    body = text.encode() + b"\n" if text else b""
    kind = b"text/plain; charset=utf-8" if text else b""
    return b"%bConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
        opening(status, kind),
        len(body),
        body,
    )


def closing(reply: bytes) -> bytes:
    """The same reply, saying that the connection closes after it."""
    return reply.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


def cors_lines(origin: bytes) -> bytes:
    """The headers that let pages of an allowed Origin read a reply.

    The date among them: by it an SDK in a page corrects a clock that is wrong, and signs again.
    """
    return (
        b"Access-Control-Allow-Origin: %b\r\nVary: Origin\r\n"
        b"Access-Control-Expose-Headers: x-amzn-RequestId, x-amz-crc32, Date\r\n" % origin
    )


def preflight(origin: bytes, request_headers: bytes) -> bytes:
    """The whole reply to the question of a browser, whether pages of an allowed Origin may call."""
    allowed = b"Access-Control-Allow-Headers: %b\r\n" % request_headers if request_headers else b""
    return (
        status_line(200)
        + cors_lines(origin)
        + b"Access-Control-Allow-Methods: GET, POST, OPTIONS\r\nAccess-Control-Max-Age: 600\r\n"
        + allowed
        + b"Content-Length: 0\r\n\r\n"
    )


def encode(reply: Any) -> bytes:
    """A reply's members as JSON; bytes become base64 text. TypeError for what no reply may hold."""
    return orjson.dumps(reply, default=encode_binary)
