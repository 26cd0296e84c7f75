"""The admin door, over HTTP and in a store that only notes what it was told."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from streamstore.clock import SystemClock
from streamstore.errors import DiskFull, ResourceNotFound
from streamstore.server.app import _refusal
from streamstore.server.serve import Running

Ask = Any


@pytest.fixture
def told(bench: Any) -> list[Any]:
    told: list[Any] = []
    bench.store.compact = lambda: told.append("compact") or SimpleNamespace(records_removed=7)
    bench.store.split_shard = lambda table, shard: told.append((table, shard)) or ["a", "b"]
    bench.store.roll_shard = lambda table, shard: told.append((table, shard)) or "c"
    bench.store.tick = lambda: told.append("tick")
    return told


@pytest.fixture
def ask(bench: Any, told: list[Any]) -> Iterator[Ask]:
    with Running(bench.store) as server:
        parts = urlsplit(server.url)
        client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)

        def ask(name: str, body: Any = None, method: str = "POST", **headers: str) -> Any:
            raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
            sent = {"Content-Type": "application/json"}
            sent |= {key.replace("_", "-"): value for key, value in headers.items()}
            client.request(method, f"/_streamstore/{name}", raw, sent)
            response = client.getresponse()
            return response.status, response.read().decode()

        yield ask
        client.close()


def test_compact_split_and_clock_do_what_they_say(bench: Any, ask: Ask, told: list[Any]) -> None:
    assert ask("compact") == (200, '{"records_removed":7}')
    assert ask("split", {"table": "t", "shard": "s"}) == (200, '{"children":["a","b"]}')
    assert ask("split", {"table": "t"}) == (200, '{"children":["a","b"]}')
    assert ask("roll", {"table": "t", "shard": "r"}) == (200, '{"successor":"c"}')
    before = bench.store.clock.now_ms()
    assert ask("clock", {"advance_seconds": 1.5}) == (200, f'{{"now_ms":{before + 1500}}}')
    assert bench.store.clock.now_ms() == before + 1500
    assert told == ["compact", ("t", "s"), ("t", None), ("t", "r"), "tick"]


def test_info_says_whose_store_it_is(bench: Any, ask: Ask) -> None:
    status, body = ask("info", method="GET")
    assert status == 200
    assert json.loads(body) == {
        "pid": os.getpid(),
        "path": "fake",
        "durability": "full",
        "now_ms": bench.store.clock.now_ms(),
        "latched": None,
    }


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("split", {}),
        ("split", {"table": 1}),
        ("split", {"table": "t", "shard": 1}),
        ("roll", {"table": "t"}),
        ("clock", {}),
        ("clock", {"advance_seconds": "1"}),
        ("clock", {"advance_seconds": True}),
        ("clock", {"advance_seconds": -1}),
        ("clock", {"advance_seconds": 1e300}),
        ("compact", b"[]"),
        ("compact", b"{"),
        ("compact", b"[" * 5000),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_a_sentence(
    ask: Ask, told: list[Any], name: str, body: Any
) -> None:
    status, text = ask(name, body)
    assert status == 400
    assert "must be" in json.loads(text)["message"]
    assert told == []


def test_a_machines_clock_is_not_moved(bench: Any, ask: Ask, told: list[Any]) -> None:
    bench.store.clock = SystemClock()
    status, text = ask("clock", {"advance_seconds": 1})
    assert status == 400
    assert "not started to be moved" in text


def test_errors_of_the_store_are_said_as_calls_say_them(bench: Any, ask: Ask) -> None:
    def missing(table: str, shard: str | None) -> None:
        raise ResourceNotFound("described-table", table)

    def full() -> None:
        raise DiskFull("no space")

    bench.store.split_shard = missing
    bench.store.compact = full
    status, text = ask("split", {"table": "t"})
    assert status == 400
    assert "Table: t not found" in text
    status, text = ask("compact")
    assert status == 500
    assert "no space" in text


def test_pages_of_a_browser_are_kept_out(ask: Ask, told: list[Any]) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert ask("compact", Content_Type=kind)[0] == 415
    assert ask("compact", Origin="http://evil.example")[0] == 403
    assert told == []


def test_what_a_proxy_passes_on_is_kept_out(ask: Ask, told: list[Any]) -> None:
    for header in ("Forwarded", "X_Forwarded_For", "Via", "X_Real_IP"):
        assert ask("compact", **{header: "for=10.0.0.1"})[0] == 403
    assert told == []


@pytest.mark.parametrize(
    ("peer", "refused"),
    [(("127.0.0.1", 1), False), (("::1", 1), False), (("10.0.0.1", 1), True), (None, True)],
)
def test_peers_elsewhere_are_kept_out(bench: Any, peer: Any, refused: bool) -> None:
    route = SimpleNamespace(access="local")
    scope = {"client": peer, "method": "GET", "headers": []}
    answer = _refusal(route, bench.desk, scope, b"")  # type: ignore[arg-type]
    assert (answer is not None) is refused


def test_a_clock_is_confirmed_and_rates_are_told(ask: Ask, bench: Any) -> None:
    bench.store.engine.horizon = SimpleNamespace(confirm=lambda: 7)
    assert ask("clock/confirm") == (200, f'{{"held_ms":7,"now_ms":{bench.store.clock.now_ms()}}}')
    samples = SimpleNamespace(units_per_second=lambda partition, now_ms: partition + now_ms / 10)
    group = SimpleNamespace(engine=SimpleNamespace(samples=samples), now_ms=5)
    table = SimpleNamespace(open_shards=[SimpleNamespace(name="s", partition_id=3)])
    bench.store.engine.catalog = SimpleNamespace(table={"t": table}.__getitem__)
    bench.store.writer.run = lambda unit: unit(group)
    assert ask("rates", {"table": "t"}) == (200, '{"rates":{"s":3.5}}')
