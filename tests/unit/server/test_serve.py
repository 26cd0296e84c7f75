"""A real server in a thread, on loopback, over a store that echoes."""

from __future__ import annotations

import asyncio
import http.client
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

import pytest

from streamstore import limits
from streamstore.clock import SystemClock
from streamstore.server import serve
from streamstore.server.app import Route
from streamstore.server.gate import ServerSettings
from streamstore.server.serve import Reopener, Running, Server, bind, date_line, url_of


@pytest.fixture(autouse=True)
def echo_targets(monkeypatch: pytest.MonkeyPatch, tools: Any) -> None:
    monkeypatch.setattr(serve, "targets", lambda: tools.targets)


@contextmanager
def connection(running: Running) -> Iterator[http.client.HTTPConnection]:
    parts = urlsplit(running.url)
    client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        yield client
    finally:
        client.close()


def get(client: http.client.HTTPConnection, path: str, method: str = "GET", **kw: Any) -> Any:
    client.request(method, path, **kw)
    response = client.getresponse()
    return response, response.read()


@pytest.fixture
def running(bench: Any) -> Iterator[Running]:
    with Running(bench.store) as server:
        yield server


def test_one_connection_mixes_calls_notices_and_pages(
    bench: Any, tools: Any, running: Running
) -> None:
    headers = {**tools.headers, "X-Amz-Target": "DynamoDB_20120810.Echo"}
    with connection(running) as client:
        for _ in range(3):
            response, body = get(client, "/", "POST", body=b'{"a":1}', headers=headers)
            assert (response.status, body) == (200, b'{"echo":{"a":1}}')
            response, body = get(client, "/")
            assert body == b"healthy: dynamodb.us-east-1.amazonaws.com "
            response, body = get(client, "/nothing/here")
            assert (response.status, body) == (404, b"<UnknownOperationException/>\n")
            assert response.getheader("x-amz-crc32") == str(crc32(body))
            assert response.getheader("Date") is not None
            response, body = get(client, "/nothing", "DELETE", body=b"some body")
            assert (response.status, body) == (404, b"<UnknownOperationException/>\n")


def test_health_readiness_and_metrics(bench: Any, running: Running) -> None:
    with connection(running) as client:
        assert get(client, "/healthz")[0].status == 200
        assert get(client, "/readyz")[0].status == 200
        bench.store.latched = OSError("the disk is gone")
        response, body = get(client, "/readyz")
        assert (response.status, body) == (503, b"the disk is gone\n")
        _, body = get(client, "/metrics")
        lines = body.decode().splitlines()
        assert "streamstore_ready 0" in lines
        assert "streamstore_connections 1" in lines
        assert 'streamstore_replies_total{code="ok"} 0' in lines
        assert "streamstore_write_units_total 0" in lines


def test_routes_are_handed_in_as_values(bench: Any) -> None:
    seen = []

    def handler(path: Any, query: Any, body: bytes) -> tuple[int, str, bytes]:
        seen.append((path, query, body, threading.current_thread().name))
        return 202, "application/json", b"{}"

    def broken(path: Any, query: Any, body: bytes) -> tuple[int, str, bytes]:
        raise RuntimeError("secret-value")

    routes = [
        Route("PUT", "/2015-03-31/things/{uuid}", handler, "open"),
        Route("GET", "/broken", broken, "open"),
    ]
    with Running(bench.store, routes=routes) as server, connection(server) as client:
        response, body = get(client, "/2015-03-31/things/a%20b?x=1", "PUT", body=b"body")
        assert (response.status, body) == (202, b"{}")
        assert response.getheader("Content-Type") == "application/json"
        assert seen[0][:3] == ({"uuid": "a b"}, {"x": "1"}, b"body")
        assert seen[0][3] != "streamstore-server"
        response, body = get(client, "/broken")
        assert response.status == 500
        assert b"secret" not in body
        assert get(client, "/2015-03-31/things/1")[0].status == 404


@pytest.mark.parametrize("keys", [{}, {"AKID": "secret"}])
def test_a_signed_route_asks_for_what_calls_ask_for(
    bench: Any, tools: Any, keys: dict[str, str]
) -> None:
    routes = [Route("GET", "/s", lambda *_: (200, "", b"in"), "signed:lambda")]
    settings = ServerSettings(port=0, keys=keys)
    with Running(bench.store, settings, routes) as server, connection(server) as client:
        response, body = get(client, "/s")
        assert response.status == 403
        assert b"MissingAuthenticationToken" in body
        response, body = get(client, "/s", headers=tools.headers)
        assert response.status == (403 if keys else 200)


def test_a_large_page_request_and_a_chunked_one_arrive_whole(bench: Any) -> None:
    routes = [Route("POST", "/size", lambda p, q, b: (200, "", str(len(b)).encode()), "open")]
    with Running(bench.store, routes=routes) as server, connection(server) as client:
        _, body = get(client, "/size", "POST", body=b"x" * 3_000_000)
        assert body == b"3000000"
        _, body = get(client, "/size", "POST", body=iter([b"ab"] * 500), encode_chunked=True)
        assert body == b"1000"


def test_stopping_answers_running_requests_and_closes_idle_connections(
    bench: Any, tools: Any
) -> None:
    bench.store.writer.held = True
    headers = {**tools.headers, "X-Amz-Target": "DynamoDB_20120810.Write"}
    with Running(bench.store) as server, connection(server) as client, connection(server) as idle:
        get(idle, "/healthz")
        client.request("POST", "/", body=b"{}", headers=headers)
        while not bench.store.writer.queue:
            pass
        server.server.stop()
        assert idle.sock.recv(1) == b""
        with pytest.raises(OSError):
            socket.create_connection((urlsplit(server.url).hostname, urlsplit(server.url).port))
        bench.store.writer.held = False
        bench.store.writer.try_lead()
        response = client.getresponse()
        assert (response.status, response.read()) == (200, b'{"written":{}}')
        assert response.getheader("Connection") == "close"


def test_stopping_twice_waits_for_nobody(
    bench: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DRAIN_SECONDS_MAX", 3600)
    bench.store.writer.held = True
    headers = {**tools.headers, "X-Amz-Target": "DynamoDB_20120810.Write"}
    running = Running(bench.store)
    with connection(running) as client:
        with running as server:
            client.request("POST", "/", body=b"{}", headers=headers)
            while not bench.store.writer.queue:
                pass
            server.server.stop()
        assert client.sock.recv(1) == b"", "cut while its write was still held"
    assert len(bench.store.writer.queue) == 1


def test_as_many_files_may_be_open_as_connections_need() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.CONNECTIONS_MAX + limits.DESCRIPTORS_BESIDE_CONNECTIONS
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
        serve.allow_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == wanted
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + 100, before[1]))
        serve.allow_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == wanted + 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_localhost_is_both_loopback_addresses_and_a_taken_port_is_an_error() -> None:
    listeners = bind(ServerSettings(host="localhost", port=0))
    ports = {listener.getsockname()[1] for listener in listeners}
    assert len(ports) == 1
    assert url_of(ServerSettings(host="::1"), listeners[0]).startswith("http://[::1]:")
    listeners[0].listen()
    with pytest.raises(OSError, match="in use"):
        bind(ServerSettings(port=ports.pop()))
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("now_ms", "text"),
    [
        (0, b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"),
        (1_795_489_200_999, b"Date: Tue, 24 Nov 2026 03:00:00 GMT\r\n"),
    ],
)
def test_the_date_is_in_https_own_form(now_ms: int, text: bytes) -> None:
    assert date_line(now_ms) == text


def test_a_latched_store_is_reopened_after_1_2_4_up_to_60_seconds(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reopener = Reopener(bench.desk)
    now = 100.0
    attempts: list[float] = []
    monkeypatch.setattr(reopener, "_monotonic", lambda: now)

    class Loop:
        def run_in_executor(self, _: Any, work: Any) -> None:
            assert bench.desk.paused is not None
            work()

    def reopen() -> None:
        attempts.append(now)
        if len(attempts) < 5:
            raise OSError("still broken")
        if len(attempts) >= 9:  # until then it opens, and finds that commits are lost
            bench.store.latched = None

    monkeypatch.setattr(asyncio, "get_running_loop", Loop)
    bench.store.reopen = reopen
    reopener.look()
    assert attempts == []
    bench.store.latched = OSError("gone")
    for _ in range(1200):
        reopener.look()
        assert bench.desk.paused is None
        now += 0.25
    waits = [round(b - a) for a, b in zip([100.0, *attempts], attempts, strict=False)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert limits.REOPEN_BACKOFF_SECONDS_MAX == 60
    bench.store.latched = OSError("again")
    reopener.look()
    now += 1
    reopener.look()
    assert len(attempts) == 10


def test_a_server_that_cannot_start_says_why(bench: Any) -> None:
    with Running(bench.store) as first:
        port = urlsplit(first.url).port or 0
        with pytest.raises(OSError, match="in use"):
            Running(bench.store, ServerSettings(port=port))


def test_the_ready_line_names_weaker_promises(bench: Any) -> None:
    line = serve.ready_line(bench.store, ServerSettings(), "http://127.0.0.1:1")
    assert "ready at http://127.0.0.1:1 " in line
    assert "durability full" in line
    assert "not verified (loopback only)" in line
    bench.store.path = ":memory:"
    line = serve.ready_line(bench.store, ServerSettings(keys={"a": "b"}), "u")
    assert "durability none" in line
    assert "signatures verified" in line


def test_the_date_moves_on_while_the_server_runs(bench: Any) -> None:
    server = Server(bench.store, ServerSettings(port=0))
    soon = SystemClock().now_ms() + 60_000
    server._clock = type("Later", (SystemClock,), {"now_ms": lambda self: soon})()
    board = bench.board
    server._beat(board)
    assert server.desk.date == date_line(soon)
    assert [timer.seconds for timer in bench.loop.timers] == [1.0]
    server.close()
