"""A real server: `streamstore serve` in a process of its own, on a free port and a file on disk."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

READY_SECONDS_MAX = 30


def client_at(url: str, service: str = "dynamodb", **kw: Any) -> Any:
    """A boto3 client of an endpoint. No retries, so that every answer is seen."""
    given = {
        "region_name": "eu-west-1",
        "aws_access_key_id": "AKID",
        "aws_secret_access_key": "s3cret",
        "config": Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
    }
    return boto3.client(service, endpoint_url=url, **(given | kw))


class ServerProcess:
    """One `streamstore serve`. `url` is where it answers."""

    def __init__(self, *flags: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamstore", "serve", "--port", "0", *flags],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.errors: list[str] = []
        self._ready = threading.Event()
        self.url = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.wait(READY_SECONDS_MAX)
        assert self.url, f"the server did not become ready: {''.join(self.errors)}"
        parts = urlsplit(self.url)
        self.host, self.port = parts.hostname or "", parts.port or 0

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line)
            found = re.search(r"ready at (http://\S+)", line)
            if found and not self.url:
                self.url = found[1]
                self._ready.set()
        self._ready.set()

    def client(self, service: str = "dynamodb", **kw: Any) -> Any:
        """A boto3 client of it."""
        return client_at(self.url, service, **kw)

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=20)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        return code

    def end(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers; on the file `store.db` of the test's folder if no other place is named."""
    started: list[ServerProcess] = []

    def start(*flags: str) -> ServerProcess:
        place = () if {"--db", "--in-memory"} & set(flags) else ("--db", str(tmp_path / "store.db"))
        started.append(ServerProcess(*place, *flags))
        return started[-1]

    yield start
    for server in started:
        server.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for a module's tests, which each use tables of their own."""
    running = ServerProcess("--db", str(tmp_path_factory.mktemp("served") / "store.db"))
    yield running
    running.end()


@pytest.fixture
def client_of() -> Callable[..., Any]:
    """`client_of(url, service)`: a boto3 client; "dynamodb" if no service is named."""

    def make(url: str, service: str = "dynamodb") -> Any:
        return client_at(url, service)

    return make


@pytest.fixture
def aws_environment() -> dict[str, str]:
    """What the AWS CLI needs to believe that it has an account."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_PAGER": "",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
