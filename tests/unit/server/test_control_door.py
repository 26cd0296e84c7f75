"""Control over HTTP: who is let in where, and delays that hold up nobody else."""

from __future__ import annotations

import http.client
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from streamstore.clock import ManualClock, SystemClock
from streamstore.control import verbs
from streamstore.errors import AuthenticationFailed, StoreClosed, Throttled
from streamstore.operations.plan import Delayed, ReadPlan, Ready, WritePlan
from streamstore.server.admin import admin_routes
from streamstore.server.app import _refusal
from streamstore.server.gate import ServerSettings
from streamstore.server.serve import Running
from streamstore.server.signature import Verifier, signed_headers

KEYS = {"AKID": "s3cret"}
PATH = "/_streamstore/control/reset"


def accesses(bench: Any, host: str, keys: dict[str, str], enabled: bool) -> set[str]:
    bench.store.settings = replace(bench.store.settings, enable_control=enabled)
    routes = admin_routes(bench.store, ServerSettings(host=host, port=0, keys=keys))
    found = [route for route in routes if route.path.startswith("/_streamstore/control/")]
    assert len(found) in (1, len(verbs.VERBS))
    return {route.access for route in found}


@pytest.mark.parametrize(
    ("host", "keys", "enabled", "access"),
    [
        ("127.0.0.1", {}, False, "local"),
        ("127.0.0.1", KEYS, False, "local"),
        ("127.0.0.1", {}, True, "local"),
        ("localhost", KEYS, True, "local|signed:dynamodb"),
        ("0.0.0.0", KEYS, True, "signed:dynamodb"),
        ("10.0.0.1", KEYS, True, "signed:dynamodb"),
    ],
)
def test_control_is_local_unless_it_is_enabled_and_then_asks_others_to_sign(
    bench: Any, host: str, keys: dict[str, str], enabled: bool, access: str
) -> None:
    assert accesses(bench, host, keys, enabled) == {access}


def test_control_is_off_on_another_address_that_did_not_enable_it(bench: Any) -> None:
    settings = ServerSettings(host="10.0.0.1", port=0, keys=KEYS)
    (route,) = [r for r in admin_routes(bench.store, settings) if "control" in r.path]
    status, _, body = route.handler({"verb": "reset"}, {}, b"{}")
    assert status == 403
    assert "--enable-control" in json.loads(body)["message"]


def scope(peer: str, headers: dict[str, str]) -> dict[str, Any]:
    sent = {"content-type": "application/json", "host": "h:1"} | headers
    return {
        "type": "http",
        "method": "POST",
        "raw_path": PATH.encode(),
        "query_string": b"",
        "client": (peer, 1),
        "headers": [(k.lower().encode(), v.encode()) for k, v in sent.items()],
    }


def signed(secret: str = "s3cret", body: bytes = b"{}", key_id: str = "AKID") -> dict[str, str]:
    return signed_headers(key_id, secret, "h:1", PATH, body, ManualClock(), "us-east-1")


@pytest.mark.parametrize(
    ("access", "peer", "headers", "refused"),
    [
        ("signed:dynamodb", "127.0.0.1", {}, True),
        ("signed:dynamodb", "127.0.0.1", signed(), False),
        ("signed:dynamodb", "10.0.0.1", signed(), False),
        ("signed:dynamodb", "10.0.0.1", signed("wrong"), True),
        ("signed:dynamodb", "10.0.0.1", signed(body=b"{ }"), True),
        ("signed:dynamodb", "10.0.0.1", signed(key_id="OTHER"), True),
        ("local|signed:dynamodb", "127.0.0.1", {}, False),
        ("local|signed:dynamodb", "10.0.0.1", {}, True),
        ("local|signed:dynamodb", "10.0.0.1", signed(), False),
        ("local|signed:dynamodb", "127.0.0.1", {"via": "proxy"}, True),
        ("local|signed:dynamodb", "127.0.0.1", {"via": "proxy"} | signed(), False),
        ("local|signed:dynamodb", "127.0.0.1", signed("wrong"), True),
    ],
)
def test_who_is_let_in(
    bench: Any, access: str, peer: str, headers: dict[str, str], refused: bool
) -> None:
    bench.desk.verifier = Verifier(KEYS, ManualClock())
    route = SimpleNamespace(access=access)
    found = _refusal(route, bench.desk, scope(peer, headers), b"{}")  # type: ignore[arg-type]
    assert (found is not None) is refused


def test_a_verb_is_done_over_http_and_its_refusal_has_a_reason(bench: Any) -> None:
    with Running(bench.store) as server:
        parts = urlsplit(server.url)
        client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)

        def ask(verb: str, body: Any) -> tuple[int, Any]:
            headers = {"Content-Type": "application/json"}
            client.request("POST", f"/_streamstore/control/{verb}", json.dumps(body), headers)
            response = client.getresponse()
            return response.status, json.loads(response.read())

        status, rule = ask("rules-add", {"error": "ThrottlingException", "count": 2})
        assert (status, rule["id"]) == (200, 1)
        assert bench.store.rules is not None
        assert ask("rules-list", {}) == (200, {"rules": [rule]})
        assert ask("rules-clear", {}) == (200, {"cleared": 1})
        status, refusal = ask("rules-add", {"error": "Nope"})
        assert status == 400
        assert "no error is called 'Nope'" in refusal["message"]
        status, refusal = ask("reset", {})
        assert status == 400
        assert "enable_control" in refusal["message"]
        client.close()


class Delays:
    """A store whose every plan is delayed by 7 seconds and then is what it is set to."""

    def __init__(self, bench: Any) -> None:
        self.become: Any = Ready({"late": True})
        self.bench = bench
        self.plain = bench.store.plan
        bench.store.plan = self.plan

    def plan(self, operation: str, params: Any, scope: Any) -> Any:
        if operation != "Feed":
            return self.plain(operation, params, scope)
        return Delayed(7, self.then)

    def then(self) -> Any:
        if isinstance(self.become, Exception):
            raise self.become
        return self.become


def fire(bench: Any) -> None:
    (timer,) = [t for t in bench.loop.live_timers() if t.seconds == 7]
    bench.loop.timers.remove(timer)
    timer.callback()
    bench.loop.turn()


STREAMS = "DynamoDBStreams_20120810"


@pytest.mark.parametrize(
    ("become", "reply"),
    [
        (Ready({"late": 1}), {"late": 1}),
        (WritePlan(lambda group: {"late": 2}), {"late": 2}),
        (ReadPlan(lambda rx: {"late": 3}), {"late": 3}),
    ],
)
def test_a_delayed_reply_comes_after_its_time_and_others_are_answered_meanwhile(
    bench: Any, tools: Any, become: Any, reply: dict[str, int]
) -> None:
    delays = Delays(bench)
    delays.become = become
    slow, slow_transport = bench.wire()
    quick, quick_transport = bench.wire()
    slow.data_received(tools.request("Feed", prefix=STREAMS))
    slow.data_received(tools.request("Echo", {"behind": 1}))
    quick.data_received(tools.request("Echo", {"a": 1}))
    bench.loop.turn()
    assert slow_transport.out == b""
    assert tools.replies_in(quick_transport.out)[0].json == {"echo": {"a": 1}}
    fire(bench)
    if isinstance(become, ReadPlan):
        bench.board.close()  # waits for the thread
        bench.loop.turn()
    late, behind = tools.replies_in(slow_transport.out)
    assert (late.status, late.json) == (200, reply)
    assert behind.json == {"echo": {"behind": 1}}


def test_a_delayed_error_is_answered_and_one_for_a_client_that_left_harms_nobody(
    bench: Any, tools: Any
) -> None:
    delays = Delays(bench)
    delays.become = Throttled("later")
    wire, transport = bench.wire()
    gone, _ = bench.wire()
    wire.data_received(tools.request("Feed", prefix=STREAMS))
    fire(bench)
    (reply,) = tools.replies_in(transport.out)
    assert reply.json["__type"].endswith("#ThrottlingException")
    gone.data_received(tools.request("Feed", prefix=STREAMS))
    gone.connection_lost(None)
    fire(bench)


def test_a_delay_that_ends_while_the_store_is_reopened_is_told_so(bench: Any, tools: Any) -> None:
    Delays(bench)
    wire, transport = bench.wire()
    wire.data_received(tools.request("Feed", prefix=STREAMS))
    bench.desk.paused = StoreClosed("opening")
    fire(bench)
    assert tools.replies_in(transport.out)[0].status == 503


def test_a_delayed_write_that_finds_the_queue_full_is_throttled(bench: Any, tools: Any) -> None:
    delays = Delays(bench)
    delays.become = WritePlan(lambda group: {})
    bench.store.writer.full = True
    wire, transport = bench.wire()
    wire.data_received(tools.request("Feed", prefix=STREAMS))
    fire(bench)
    (reply,) = tools.replies_in(transport.out)
    assert reply.json["__type"].endswith("#ThrottlingException")


def test_our_own_signature_is_what_a_verifier_takes_now() -> None:
    from streamstore.server.framing import Head
    from streamstore.server.signature import read_claim

    clock = SystemClock()
    for method, path, query, body in (
        ("POST", PATH, "", b"body"),
        ("GET", "/streams/arn%3Aaws%2Fx/tail", "from=2026-11-24T12%3A00&b=%2B+%2F&a", b""),
    ):
        headers = signed_headers(
            "AKID", "s3cret", "h:1", path, body, clock, "eu-west-1", method=method, query=query
        )
        head = Head()
        head.method, head.path, head.query = method.encode(), path.encode(), query.encode()
        sent = {name.lower().encode(): value.encode() for name, value in headers.items()}
        head.headers = sent | {b"host": b"h:1"}
        Verifier(KEYS, clock).verify(read_claim(head), head, body)
        head.query += b"&more=1"
        with pytest.raises(AuthenticationFailed):
            Verifier(KEYS, clock).verify(read_claim(head), head, body)


@pytest.mark.parametrize(
    ("keys", "access"), [({}, "local"), (KEYS, "local|signed:dynamodb")], ids=["none", "keys"]
)
def test_who_signs_may_read_stats_and_info_from_afar_and_nothing_else(
    bench: Any, keys: dict[str, str], access: str
) -> None:
    routes = admin_routes(bench.store, ServerSettings(port=0, keys=keys))
    found = {r.path: r.access for r in routes if not r.path.startswith("/_streamstore/control/")}
    assert found.pop("/_streamstore/stats") == found.pop("/_streamstore/info") == access
    assert set(found.values()) == {"local"}
