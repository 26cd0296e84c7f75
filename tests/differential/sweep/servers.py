"""The servers that are asked: ours, DynamoDB Local and dynoxide, each in memory on a free port.

One is up at a time, in a folder of its own; it is ended by its own id.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
READY_SECONDS_MAX = 40
STREAMS = ("ListStreams", "DescribeStream", "GetShardIterator", "GetRecords")
HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20261124T030000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=abc",
}
Answer = tuple[int, Any]


class Door:
    """One connection to a server, opened anew when it was closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, operation: str, params: Any) -> Answer:
        """(HTTP status, parsed body); the text of the body where it is no JSON."""
        prefix = "DynamoDBStreams" if operation in STREAMS else "DynamoDB"
        headers = {**HEADERS, "X-Amz-Target": f"{prefix}_20120810.{operation}"}
        body = json.dumps(params)
        try:
            self._connection.request("POST", "/", body, headers)
            reply = self._connection.getresponse()
            text = reply.read().decode()
        except (http.client.HTTPException, OSError):
            self._connection.close()
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            return 0, "the connection was closed"
        try:
            return reply.status, json.loads(text)
        except ValueError:
            return reply.status, text

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(name: str, peers: Path, port: int) -> list[str]:
    """How a server is started."""
    if name == "ours":
        return [sys.executable, "-m", "streamstore", "serve", "--in-memory", "--port", str(port)]
    if name == "dynoxide":
        return [str(peers / "dynoxide/bin/dynoxide"), "serve", "--port", str(port)]
    lib = peers / "ddblocal/lib"
    main = "software.amazon.dynamodb.services.local.main.ServerRunner"
    options = ["-inMemory", "-port", str(port), "-disableTelemetry"]
    return ["java", f"-Djava.library.path={lib}", "-cp", f"{lib}/*", main, *options]


@contextmanager
def running(name: str, peers: Path, flags: Sequence[str] = ()) -> Iterator[Door]:
    """A server from ready to ended; `flags` are added to its command."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="sweep-") as folder,
        Path(folder, "log").open("wb") as log,
    ):
        process = subprocess.Popen(
            [*command(name, peers, port), *flags],
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        door = Door(port)
        try:
            _wait(name, process, port)
            yield door
        finally:
            door.close()
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"{name} did not start")


def resolved(part: Any, facts: dict[str, Any]) -> Any:
    """`part` with "$name" replaced by what this server calls it."""
    if isinstance(part, dict):
        return {name: resolved(value, facts) for name, value in part.items()}
    if isinstance(part, list):
        return [resolved(each, facts) for each in part]
    if isinstance(part, str) and "$" in part:
        if part[1:] in facts:
            return facts[part[1:]]
        return re.sub(r"\$\{(\w+)\}", lambda found: str(facts.get(found[1], found[0])), part)
    return part
