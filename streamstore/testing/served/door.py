"""The server's process, and the few requests that a checker makes of it.

Knows how a server is started, that its line on stderr names its URL, and nothing of what is
checked.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import select
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any, Final

READY_SECONDS_MAX: Final = 60.0
_AUTHORIZATION: Final = (
    "AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/dynamodb/aws4_request,"
    " SignedHeaders=host;x-amz-date, Signature=abc"
)
_PACKAGE_HOME: Final = Path(__file__).resolve().parents[3]


class Unready(Exception):
    """The server ended, or said nothing in time; the text is what it said."""


def environment() -> dict[str, str]:
    """This process's, with this package found first."""
    return {**os.environ, "PYTHONPATH": str(_PACKAGE_HOME)}


def head(port: int, target: str, length: int) -> bytes:
    """A request up to its body."""
    return (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"X-Amz-Target: {target}\r\nX-Amz-Date: 20261124T030000Z\r\n"
        f"Authorization: {_AUTHORIZATION}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


class Served:
    """One `streamstore serve` from its start; `wait` for it before asking anything."""

    def __init__(self, db: str, *flags: str) -> None:
        self.started = perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamstore", "serve", "--db", db, "--port", "0", *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        self.port = 0
        self._said = b""
        self._connection: http.client.HTTPConnection | None = None

    def wait(self) -> float:
        """Until the first reply; returns the seconds since the start. Raises Unready."""
        assert self.process.stderr is not None
        descriptor = self.process.stderr.fileno()
        while not (found := re.search(rb"ready at http://[^:\s]+:(\d+)", self._said)):
            left = READY_SECONDS_MAX - (perf_counter() - self.started)
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise Unready(f"not ready in {READY_SECONDS_MAX} s: {self._said!r}")
            piece = os.read(descriptor, 65536)
            if not piece:
                raise Unready(f"the server ended: {self._said!r}")
            self._said += piece
        self.port = int(found[1])
        self.ask("DynamoDB_20120810.ListTables", {})
        return perf_counter() - self.started

    def ask(self, target: str, body: dict[str, Any]) -> dict[str, Any]:
        """One request. Raises Unready for a refusal, OSError or HTTPException where it is gone."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = json.dumps(body).encode()
        self._connection.putrequest("POST", "/", skip_accept_encoding=True)
        for line in head(self.port, target, len(data)).decode().split("\r\n")[2:-2]:
            name, _, value = line.partition(": ")
            self._connection.putheader(name, value)
        self._connection.endheaders(data)
        reply = self._connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise Unready(f"{target}: {reply.status} {text[:300]!r}")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def split(self, table: str) -> None:
        """Have the widest shard split, by the admin door; whatever comes of it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {"Content-Type": "application/json"}
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("POST", "/_streamstore/split", json.dumps({"table": table}), headers)
            connection.getresponse().read()
        connection.close()

    def kill(self) -> None:
        """SIGKILL, this process alone, and nothing of it is left."""
        self.process.kill()
        self.process.wait()
        if self._connection is not None:
            self._connection.close()
        if self.process.stderr is not None:
            self.process.stderr.close()
