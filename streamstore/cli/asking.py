"""Asking a server over HTTP: signed where there is a key, what it refuses said in its own words.

Every command with --url asks through here. A server that verifies signatures wants one wherever it
does not answer this machine alone; the key is given by --key or STREAMSTORE_KEY (terminal.KEY).
Signing is loaded with the first key, and nothing of a key is ever printed.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import Any, Final

from ..clock import SystemClock

ASKED_SECONDS_MAX: Final = 600.0
# What signs has to name a region; the server's doors beside the calls take any.
_REGION: Final = "us-east-1"
_TABLES: Final = "DynamoDB_20120810"
_NOBODY: Final = "streamstore:streamstore"


class Unreachable(Exception):
    """The server does not answer, or the owner has no door; the text says which."""


@contextmanager
def asked(
    url: str,
    target: str,
    *,
    body: bytes | None = None,
    key: str | None = None,
    seconds: float = ASKED_SECONDS_MAX,
    operation: str = "",
) -> Iterator[HTTPResponse]:
    """A server's answer to GET, or to POST of a JSON body, of `target`: a path and perhaps a query.

    `seconds` is how long it may be silent; `operation` is what X-Amz-Target names, in a call of the
    service's. Raises Unreachable.
    """
    address = url.rstrip("/") + target
    headers = {} if body is None else {"Content-Type": "application/json"}
    if operation:
        headers |= {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": operation}
    if key is not None:
        headers |= _signature(address, body, key, operation)
    try:
        request = urllib.request.Request(address, data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=seconds) as reply:
            yield reply
    except urllib.error.HTTPError as error:
        raise Unreachable(f"the server refused: {message_of(error.read())}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise Unreachable(f"{url} does not answer: {error}") from error


def ask(url: str, name: str, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    """One call of a server's admin door, signed with `key` (ACCESS_KEY_ID:SECRET) if given."""
    data = json.dumps(body).encode()
    with asked(url, f"/_streamstore/{name}", body=data, key=key) as reply:
        answer: dict[str, Any] = json.load(reply)
        return answer


def call(url: str, name: str, params: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    """One operation of DynamoDB at a server, signed with `key` or, without one, with a made-up key
    that a server without keys does not look at. Raises Unreachable.
    """
    data = json.dumps(params).encode()
    operation = f"{_TABLES}.{name}"
    with asked(url, "/", body=data, key=key or _NOBODY, operation=operation) as reply:
        answer: dict[str, Any] = json.load(reply)
        return answer


def message_of(body: bytes) -> str:
    """What a refusal says: its message, or all of it."""
    try:
        told = json.loads(body)
        return str(told.get("message") or told.get("Message") or told)
    except (ValueError, AttributeError):
        return body.decode("utf-8", "replace").strip()


def _signature(address: str, body: bytes | None, key: str, operation: str) -> dict[str, str]:
    from ..server.signature import signed_headers

    key_id, colon, secret = key.partition(":")
    if not colon or not key_id or not secret:
        raise Unreachable("a key is ACCESS_KEY_ID:SECRET")
    parts = urllib.parse.urlsplit(address)
    return signed_headers(
        key_id,
        secret,
        parts.netloc,
        parts.path,
        body or b"",
        SystemClock(),
        _REGION,
        method="GET" if body is None else "POST",
        query=parts.query,
        target=operation,
    )
