"""One HTTP request to a target and its reply: bounded in time and in bytes, without redirects.

Tells apart what the three outcomes need: whether the request may have reached the function. A
connection that was never made says it did not (Unreached); a reply that broke off (Lost) or did not
come in time (Overdue) says it may have.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from time import perf_counter
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from ... import limits

_CONNECT_SECONDS_MAX = 5.0
_PIECE_BYTES = 64 * 1024


class Unreached(Exception):
    """The connection could not be made; the text says why."""


class Lost(Exception):
    """The connection ended before a whole reply; the text says how."""


class Overdue(Exception):
    """No whole reply in time."""


class TooLarge(Exception):
    """The reply has more bytes than INVOCATION_BYTES_MAX."""


class Reply(NamedTuple):
    """A reply, whatever its status. `headers` have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes


def parts_of(url: str) -> SplitResult:
    """An http or https URL with a host, in its parts. ValueError otherwise."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no http:// or https:// URL")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError(f"{url!r} must not hold credentials or a fragment")
    _ = parts.port  # a port that is no number raises here
    return parts


def post(parts: SplitResult, headers: dict[str, str], body: bytes, seconds: float) -> Reply:
    """POST `body`; the whole reply within `seconds`, or Unreached, Lost, Overdue or TooLarge."""
    ends = perf_counter() + seconds
    assert parts.hostname is not None, "parts_of sees to it"
    connecting = min(seconds, _CONNECT_SECONDS_MAX)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=connecting, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=connecting)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:
            raise Unreached(f"{parts.netloc} can't be reached: {error}") from error
        sock: socket.socket = connection.sock  # the connection forgets it where the reply ends it
        try:
            _hurry(sock, ends)
            connection.request("POST", path, body, headers)
            _hurry(sock, ends)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, told, _body(sock, response, ends))
        except TimeoutError as error:
            raise Overdue from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Lost(f"{parts.netloc} gave no whole reply: {error!r}") from error
    finally:
        connection.close()


def _hurry(sock: socket.socket, ends: float) -> None:
    """Let the next wait on the socket end with the whole request's time. Raises TimeoutError."""
    left = ends - perf_counter()
    if left <= 0:
        raise TimeoutError
    sock.settimeout(left)


def _body(sock: socket.socket, response: http.client.HTTPResponse, ends: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while not response.isclosed():
        _hurry(sock, ends)
        piece = response.read1(_PIECE_BYTES)
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
        if size > limits.INVOCATION_BYTES_MAX:
            raise TooLarge
    if response.length:  # read1 is silent about a body that breaks off
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(pieces)
