"""Where a request begins and ends: heads, lengths and chunks, out of bytes and without a socket.

A head is cut out by its empty line and read by httptools (llhttp in its strict mode), which
refuses what requests are smuggled with: two lengths, a length beside chunks, folded lines, bare
line feeds, control characters. The body is counted here by Content-Length, or decoded here from
chunks, so that its bound holds while it streams in.

This module knows nothing of DynamoDB. What the rooms above find out about a head before they have
its body, they write into the same `Head`, since one whole `Head` is what is remembered for equal
bytes. A body in a coding (Content-Encoding) is unpacked here too, as its caller asks for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import httptools

from .. import limits

if TYPE_CHECKING:
    from ..metrics import Series
    from ..operations.plan import ReadPlan, Scope, WritePlan
    from .signature import Claim

HEAD_END = b"\r\n\r\n"

# A second one of these would leave it open which of the two was meant.
_SINGLE_HEADERS = frozenset(
    (
        b"authorization",
        b"content-type",
        b"host",
        b"origin",
        b"x-amz-content-sha256",
        b"x-amz-date",
        b"x-amz-security-token",
        b"x-amz-target",
    )
)

_CHUNK_SIZE_DIGITS_MAX = 8


class HeadError(Exception):
    """The head can't be served: `status` and a text for whoever wrote the client. The connection
    is closed after it.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Head:
    """What is known of a request before its body.

    `refusal` is a whole reply to be sent without looking at the body, after which the connection
    closes. `call` says that this is a DynamoDB call (`POST /`); everything else is a page.
    `plain` calls need no look but at the body. The members below the line are the protocol's.
    """

    __slots__ = (
        "address",
        "call",
        "chunked",
        "claim",
        "coding",
        "expects_continue",
        "fault",
        "headers",
        "keep_alive",
        "latencies",
        "length",
        "method",
        "opening",
        "operation",
        "packs",
        "path",
        "plain",
        "query",
        "refusal",
        "region_account",
        "scope",
        "special",
        "target",
        "uncoded",
    )

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.path = b""
        self.query = b""
        self.headers: dict[bytes, bytes] = {}  # names in lower case, values as sent
        self.length = 0
        self.chunked = False
        self.keep_alive = True
        self.expects_continue = False
        self.coding = b""  # what the body is packed in; b"" for none
        self.packs = False  # a long reply to a call may come as gzip
        self.refusal: bytes | None = None
        self.call = False
        self.plain = False
        # -- filled by protocol.py for calls --
        self.opening = (
            b""  # the status line and the headers that are equal in every good reply to this head
        )
        self.operation = ""
        self.address = ""  # how the caller reached this server, if that is what it asks
        self.latencies: Mapping[str, Series] = {}  # of the operation, by table
        # Answers before the rest, or says None.
        self.special: Callable[[Head, bytes], bytes | WritePlan | ReadPlan | None] | None = None
        self.fault: bytes | None = None  # the body of the error for a bad target or bad credentials
        self.claim: Claim | None = None  # what has to be verified with the body's hash
        self.uncoded: Head | None = None  # as if the body had come without its coding
        self.region_account: tuple[str, str] = ("", "")
        self.scope: Scope | None = None

    def header(self, name: bytes) -> bytes | None:
        """The value of a header by its lower-case name, without blanks around it; or None."""
        value = self.headers.get(name)
        return value if value is None else value.strip()


class _Collector:
    """httptools' callbacks."""

    __slots__ = ("complete", "headers", "url")

    def __init__(self) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.complete = True


def read_head(raw: bytes) -> Head:
    """The head whose bytes, without the empty line at the end, are `raw`. Raises HeadError (400,
    413, 431, 505).
    """
    if len(raw) > limits.REQUEST_HEADERS_BYTES_MAX:
        raise HeadError(
            431, f"The headers are larger than {limits.REQUEST_HEADERS_BYTES_MAX} bytes."
        )
    collector = _Collector()
    parser = httptools.HttpRequestParser(collector)
    try:
        parser.feed_data(raw + HEAD_END)
    except httptools.HttpParserUpgrade:
        pass  # an offer of another protocol may be ignored: the request is served as HTTP/1.1
    except httptools.HttpParserError as error:
        raise HeadError(400, f"This is not an HTTP/1.1 request: {error}.") from None
    if not collector.complete:
        raise HeadError(400, "This is not an HTTP/1.1 request.")
    version = parser.get_http_version()
    if version not in ("1.1", "1.0"):
        raise HeadError(505, "Only HTTP/1.1 and HTTP/1.0 are served.")
    head = Head()
    head.method = parser.get_method()
    head.keep_alive = version == "1.1"
    _read_url(head, collector.url)
    _read_headers(head, collector.headers)
    return head


def _read_url(head: Head, url: bytes) -> None:
    head.target = url
    if url == b"/":
        head.path = url
        return
    if head.method == b"CONNECT":
        raise HeadError(400, "This server is no proxy.")
    try:
        parsed = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        raise HeadError(400, "The request's target is not a valid URL.") from None
    head.path = parsed.path or b"/"
    head.query = parsed.query or b""


def _read_headers(head: Head, sent: list[tuple[bytes, bytes]]) -> None:
    headers = head.headers
    for sent_name, value in sent:
        name = sent_name.lower()
        if name not in headers:
            headers[name] = value
        elif name in _SINGLE_HEADERS:
            raise HeadError(400, f"The header {name.decode()} was sent twice.")
        else:
            headers[name] += b"," + value
    length = headers.get(b"content-length")
    if length is not None:
        head.length = int(length)
        if head.length > limits.REQUEST_BODY_BYTES_MAX:
            raise HeadError(413, "")
    coding = headers.get(b"transfer-encoding")
    if coding is not None:
        if coding.strip().lower() != b"chunked":
            raise HeadError(400, "Of the transfer encodings only chunked is read.")
        head.chunked = True
    head.coding = headers.get(b"content-encoding", b"").strip().lower()
    accepted = headers.get(b"accept-encoding")
    head.packs = accepted is not None and _accepts_gzip(accepted)
    connection = headers.get(b"connection")
    if connection is not None and b"close" in (
        token.strip() for token in connection.lower().split(b",")
    ):
        head.keep_alive = False
    expected = headers.get(b"expect")
    head.expects_continue = expected is not None and expected.strip().lower() == b"100-continue"


def _accepts_gzip(value: bytes) -> bool:
    """Whether gzip is named among the accepted codings, with a weight that is not 0."""
    for part in value.lower().split(b","):
        coding, _, weight = part.partition(b";")
        if coding.strip() == b"gzip":
            quality = weight.strip().removeprefix(b"q=")
            return not quality or bool(quality.strip(b"0."))
    return False


# The codings of a body that are read: gzip, and deflate in its zlib form.
CODINGS = frozenset((b"gzip", b"deflate"))
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class CodingError(Exception):
    """A body is not what its coding says (400), or is too large once it is unpacked (413)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def unpacked(body: bytes) -> bytes:
    """A body out of its coding, which is one of CODINGS. Raises CodingError.

    No more than the bound of a body is ever unpacked, however far it would expand.
    """
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        content = decoder.decompress(body, limits.REQUEST_BODY_BYTES_MAX + 1)
    except zlib.error:
        raise CodingError(400) from None
    if len(content) > limits.REQUEST_BODY_BYTES_MAX:
        raise CodingError(413)
    if not decoder.eof or decoder.unused_data:
        raise CodingError(400)
    return content


# What a request framed anew leaves out: its old framing, and offers answered or declined already.
_FRAMING_HEADERS = frozenset((b"content-length", b"transfer-encoding", b"expect", b"upgrade"))


def framed_anew(head: Head, body: bytes) -> bytes:
    """The whole request as bytes with a plain Content-Length, for another parser to read."""
    lines = [b"%b %b HTTP/1.%d" % (head.method, head.target, head.keep_alive)]
    lines += [b"%b: %b" % p for p in head.headers.items() if p[0] not in _FRAMING_HEADERS]
    if body:
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join(lines) + HEAD_END + body


class ChunkError(Exception):
    """The chunks of a body are malformed (400) or too many bytes (413)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Dechunker:
    """Decodes one chunked body as its bytes come in. `rest` is what followed it. Trailers are
    read over.
    """

    __slots__ = ("_buffer", "_line_end_due", "_raw_bytes", "_trailers", "_wanted", "body", "rest")

    def __init__(self) -> None:
        self._buffer = b""  # the beginning of a line
        self._wanted = 0  # bytes that the chunk at hand still lacks
        self._line_end_due = False  # the chunk at hand lacks the CR LF that follows its bytes
        self._trailers = False
        self._raw_bytes = 0
        self.body = bytearray()
        self.rest = b""

    def feed(self, data: bytes) -> bool:
        """Take bytes; True once the body is whole. Raises ChunkError."""
        self._raw_bytes += len(data)
        buffer = self._buffer + data if self._buffer else data
        at = 0
        while True:
            if self._wanted:
                part = buffer[at : at + self._wanted]
                self.body += part
                self._wanted -= len(part)
                at += len(part)
                if self._wanted:
                    break
            end = buffer.find(b"\r\n", at)
            if end < 0:
                if len(buffer) - at > limits.CHUNK_LINE_BYTES_MAX:
                    raise ChunkError(400)
                break
            line = buffer[at:end]
            at = end + 2
            if self._line_end_due:
                if line:
                    raise ChunkError(400)
                self._line_end_due = False
            elif not self._trailers:
                self._open_chunk(line)
            elif not line:
                self.rest = buffer[at:]
                return True
        self._buffer = buffer[at:]
        # Bounds what chunks of one byte, long extensions and trailers may cost beyond the body.
        if self._raw_bytes > limits.REQUEST_BODY_BYTES_MAX + limits.CHUNK_OVERHEAD_BYTES_MAX:
            raise ChunkError(413)
        return False

    def _open_chunk(self, line: bytes) -> None:
        digits = line.partition(b";")[0].rstrip(b" \t")
        if not 0 < len(digits) <= _CHUNK_SIZE_DIGITS_MAX or len(line) > limits.CHUNK_LINE_BYTES_MAX:
            raise ChunkError(400)
        if digits.strip(b"0123456789abcdefABCDEF"):
            raise ChunkError(400)
        size = int(digits, 16)
        if len(self.body) + size > limits.REQUEST_BODY_BYTES_MAX:
            raise ChunkError(413)
        self._wanted = size
        self._line_end_due = size > 0
        self._trailers = size == 0
