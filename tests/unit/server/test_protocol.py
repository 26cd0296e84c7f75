from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore import limits
from streamstore.clock import SystemClock
from streamstore.errors import (
    ConditionFailed,
    Latched,
    SerializationFailed,
    StoreClosed,
    ValidationFailed,
)
from streamstore.operations.plan import ReadPlan, WritePlan
from streamstore.server.framing import Head
from streamstore.server.protocol import is_too_deep, read_json
from streamstore.server.signature import Verifier

SERVICE = "com.amazon.coral.service#"


def head_and_body(bench: Any, whole: bytes) -> tuple[Head, bytes]:
    raw, _, body = whole.partition(b"\r\n\r\n")
    return bench.desk.known.get(raw) or bench.desk.head(raw), body


def ask(bench: Any, tools: Any, *args: Any, **kwargs: Any) -> Any:
    head, body = head_and_body(bench, tools.request(*args, **kwargs))
    if head.refusal is not None:
        return tools.replies_in(head.refusal)[0]
    assert head.call
    answer = bench.desk.answer(head, body)
    assert isinstance(answer, bytes), answer
    return tools.replies_in(answer)[0]


def test_a_good_call_is_answered_with_its_type_its_checksum_and_an_id(
    bench: Any, tools: Any
) -> None:
    reply = ask(bench, tools, params={"a": 1}, Content_Type="application/json; charset=utf-8")
    assert reply.status == 200
    assert reply.json == {"echo": {"a": 1}}
    assert reply.headers["content-type"] == "application/json"
    assert len(reply.headers["x-amzn-requestid"]) == 52
    assert "connection" not in reply.headers


# The table of spec A.1, rows 4 to 8: each request breaks the rules from one row on, so that the
# first one that is broken must be the one that answers.
NO_AUTH: dict[str, Any] = {"without": ("Authorization",)}


@pytest.mark.parametrize(
    ("how", "status", "kind"),
    [
        ({"body": b"x", "Content_Type": "text/plain", "prefix": "Other"}, 404, None),
        ({"body": b"{", "prefix": "Other", **NO_AUTH}, 400, "SerializationException"),
        ({"body": b"\xff", "prefix": "Other", **NO_AUTH}, 400, "SerializationException"),
        ({"prefix": "Other", **NO_AUTH}, 400, "UnknownOperationException"),
        ({"operation": "Nothing", **NO_AUTH}, 400, "UnknownOperationException"),
        ({"operation": "Feed", **NO_AUTH}, 400, "UnknownOperationException"),
        ({"body": b"", "without": ("X-Amz-Target",)}, 400, "UnknownOperationException"),
        ({"body": b"", **NO_AUTH}, 400, "MissingAuthenticationTokenException"),
        ({"body": b""}, 400, "SerializationException"),
        ({"body": b"", "Content_Type": "text/plain"}, 400, "SerializationException"),
        ({"body": b"[]"}, 400, "SerializationException"),
        ({"body": b"null"}, 400, "SerializationException"),
        ({"body": b'"x"'}, 400, "SerializationException"),
    ],
)
def test_the_first_broken_rule_of_the_wire_answers(
    bench: Any, tools: Any, how: dict[str, Any], status: int, kind: str | None
) -> None:
    reply = ask(bench, tools, **how)
    assert reply.status == status
    assert "x-amz-crc32" in reply.headers
    if kind is None:
        assert reply.body == b"<UnknownOperationException/>\n"
    else:
        assert reply.json["__type"] == SERVICE + kind
        if "Authentication" not in kind:
            assert list(reply.json) == ["__type"]
    assert bench.store.seen == []


def test_stream_calls_have_a_prefix_of_their_own(bench: Any, tools: Any) -> None:
    assert ask(bench, tools, "Feed", prefix="DynamoDBStreams_20120810").status == 200
    assert ask(bench, tools, "Echo", prefix="DynamoDBStreams_20120810").status == 400


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (
            ValidationFailed("no"),
            400,
            {"__type": "com.amazon.coral.validate#ValidationException", "message": "no"},
        ),
        (
            SerializationFailed("so"),
            400,
            {"__type": SERVICE + "SerializationException", "Message": "so"},
        ),
        (
            ConditionFailed({"k": {"B": b"a"}}),
            400,
            {
                "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                "message": "The conditional request failed",
                "Item": {"k": {"B": "YQ=="}},
            },
        ),
        (
            StoreClosed("closed"),
            503,
            {"__type": SERVICE + "ServiceUnavailable", "message": "closed"},
        ),
    ],
)
def test_errors_have_the_services_type_text_and_members(
    bench: Any, tools: Any, error: Exception, status: int, body: dict[str, Any]
) -> None:
    bench.store.error = error
    reply = ask(bench, tools, "Break")
    assert (reply.status, reply.json) == (status, body)


def test_a_latched_store_says_why_with_500(bench: Any, tools: Any) -> None:
    bench.store.error = Latched(OSError("the disk is gone"))
    reply = ask(bench, tools, "Break")
    assert reply.status == 500
    assert reply.json["__type"].endswith("#InternalServerError")
    assert "the disk is gone" in reply.json["message"]


def test_errors_of_ours_are_answered_and_not_logged(
    bench: Any, tools: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bench.store.error = ValidationFailed("no")
    ask(bench, tools, "Break")
    assert caplog.text == ""


@pytest.mark.parametrize("error", [RuntimeError, RecursionError, MemoryError, AssertionError])
def test_what_nobody_foresaw_is_a_500_and_its_text_stays_out_of_log_and_reply(
    bench: Any, tools: Any, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    bench.store.error = error("secret-value")
    with caplog.at_level(logging.ERROR, "streamstore.server"):
        reply = ask(bench, tools, "Break", {"Item": "secret-value"})
    assert reply.status == 500
    assert reply.json["__type"] == "com.amazonaws.dynamodb.v20120810#InternalServerError"
    assert b"secret" not in reply.body
    assert "secret" not in caplog.text
    assert f"Break failed: {error.__name__} at" in caplog.text
    assert "conftest.py" in caplog.text


def test_a_reply_that_cannot_be_written_is_a_500(bench: Any, tools: Any) -> None:
    bench.store.plan = lambda *_: ReadPlan(lambda rx: {"x": object()})
    assert ask(bench, tools).status == 500


@pytest.mark.parametrize(("operation", "kind"), [("Write", WritePlan), ("LongRead", ReadPlan)])
def test_what_has_to_wait_comes_back_as_a_plan(
    bench: Any, tools: Any, operation: str, kind: type
) -> None:
    head, body = head_and_body(bench, tools.request(operation))
    assert isinstance(bench.desk.answer(head, body), kind)


def test_a_short_read_waits_in_a_thread_when_the_loops_connection_is_busy(
    bench: Any, tools: Any
) -> None:
    assert ask(bench, tools, "Read", {"a": 1}).json == {"read": {"a": 1}}
    bench.store.readers.busy = True
    bench.store.engine.commits += 1  # so that the turn's snapshot is begun anew
    head, body = head_and_body(bench, tools.request("Read"))
    assert isinstance(bench.desk.answer(head, body), ReadPlan)


def test_while_the_store_is_reopened_calls_are_told_to_come_again(bench: Any, tools: Any) -> None:
    bench.desk.paused = StoreClosed("soon")
    assert ask(bench, tools).status == 503
    bench.desk.paused = None
    assert ask(bench, tools).status == 200


@pytest.mark.parametrize(
    ("credential", "region", "account"),
    [
        ("a/20261124/eu-west-2/dynamodb/aws4_request", "eu-west-2", "000000000000"),
        ("123456789012/1/local/any/thing", "local", "123456789012"),
        ("1234567890123/1/x/any/thing", "x", "000000000000"),
    ],
)
def test_the_scope_comes_from_the_credential(
    bench: Any, tools: Any, credential: str, region: str, account: str
) -> None:
    auth = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=x"
    assert ask(bench, tools, Authorization=auth).status == 200
    assert ask(bench, tools, Authorization=auth).status == 200
    first, second = bench.store.scopes
    assert (first.region, first.account, first.base64_binary) == (region, account, True)
    assert first is second


def test_who_asks_for_the_endpoint_gets_the_scope_of_the_host_that_was_admitted(
    bench: Any, tools: Any
) -> None:
    bench.desk._targets[b"DynamoDB_20120810.DescribeEndpoints"] = "DescribeEndpoints"
    for host in ("localhost:8000", "127.0.0.1:9", "localhost:8000"):
        assert ask(bench, tools, "DescribeEndpoints", Host=host).status == 200
        assert ask(bench, tools, Host=host).status == 200
    assert [scope.address for scope in bench.store.scopes] == [
        "localhost:8000", "", "127.0.0.1:9", "", "localhost:8000", "",
    ]  # fmt: skip
    refused = ask(bench, tools, "DescribeEndpoints", Host="example.org")
    assert refused.status == 403
    assert len(bench.store.scopes) == 6


def test_a_reopened_store_gets_scopes_of_its_new_engine(bench: Any, tools: Any) -> None:
    ask(bench, tools)
    bench.store.engine = SimpleNamespace(settings=bench.store.settings)
    ask(bench, tools)
    assert bench.store.scopes[0].engine is not bench.store.engine
    assert bench.store.scopes[1].engine is bench.store.engine


def test_scopes_and_heads_that_are_remembered_are_bounded(bench: Any, tools: Any) -> None:
    for number in range(3 * limits.HEAD_CACHE_ENTRIES):
        auth = tools.authorization.replace("us-east-1", f"r{number}")
        assert ask(bench, tools, Authorization=auth).status == 200
    assert len(bench.desk.known) <= limits.HEAD_CACHE_ENTRIES
    assert len(bench.desk._known_before) <= limits.HEAD_CACHE_ENTRIES
    assert len(bench.desk._scopes) <= limits.SCOPE_CACHE_ENTRIES
    assert [s.region for s in bench.store.scopes] == [
        f"r{n}" for n in range(3 * limits.HEAD_CACHE_ENTRIES)
    ]


def test_a_large_head_is_served_and_not_remembered(bench: Any, tools: Any) -> None:
    assert ask(bench, tools, X_Pad="p" * limits.HEAD_CACHED_BYTES_MAX).status == 200
    assert not bench.desk.known


def test_with_keys_no_head_is_remembered(bench: Any, tools: Any) -> None:
    bench.desk.verifier = Verifier({"a": "b"}, SystemClock())
    assert ask(bench, tools).status == 400
    assert not bench.desk.known


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"without": ("Host",)}, 400),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:8000"}, 200),
    ],
)
def test_host_and_origin_are_looked_at_before_anything_else(
    bench: Any, tools: Any, headers: dict[str, Any], status: int
) -> None:
    assert ask(bench, tools, **headers).status == status
    page, _ = head_and_body(bench, tools.request(method="GET", path="/metrics", **headers))
    assert (page.refusal is None) == (status == 200)


def test_cors_is_off_unless_an_origin_was_asked_for(tools: Any, bench: Any) -> None:
    from streamstore.server.gate import Gate, ServerSettings

    bench.desk.gate = Gate(ServerSettings(allowed_origins=("https://app.test",)))
    reply = ask(bench, tools, Origin="https://app.test")
    assert reply.headers["access-control-allow-origin"] == "https://app.test"
    failed = ask(bench, tools, "Break", Origin="https://app.test")
    assert failed.headers["access-control-allow-origin"] == "https://app.test"
    assert "access-control-allow-origin" not in ask(bench, tools).headers
    preflight = ask(bench, tools, method="OPTIONS", Origin="https://app.test", body=b"")
    assert (preflight.status, preflight.body) == (200, b"")
    assert ask(bench, tools, method="OPTIONS", Origin="https://b.test", body=b"").status == 403


HEADER_VALUES = st.binary(max_size=12) | st.sampled_from(
    [b"localhost", b"http://localhost", b"/?X-Amz-Date=%ff&&=", b"AWS4-HMAC-SHA256 Credential=a/b"]
)


@given(
    target=st.binary(max_size=12) | st.sampled_from([b"/", b"/?a=b", b"http://[", b"*", b"//"]),
    headers=st.lists(
        st.tuples(
            st.sampled_from(
                [b"Host", b"Origin", b"Authorization", b"X-Amz-Target", b"Content-Type", b"Date"]
            ),
            HEADER_VALUES,
        ),
        max_size=6,
    ),
    method=st.sampled_from([b"POST", b"GET", b"OPTIONS", b"CONNECT", b"post", b""]),
)
def test_no_head_at_all_crashes_the_desk(
    tools: Any, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    desk = tools.bench().desk
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: localhost"]
    head = desk.head(b"\r\n".join(lines + [name + b": " + value for name, value in headers]))
    if head.call:
        assert isinstance(desk.answer(head, b"{}"), bytes)
    else:
        assert head.refusal is None or head.refusal.startswith(b"HTTP/1.1 ")


# JSON.


def nested(depth: int, kind: str = "[") -> bytes:
    if kind == "[":
        return b"[" * depth + b"]" * depth
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@pytest.mark.parametrize("kind", ["[", "{"])
def test_json_is_read_up_to_the_depth_allowed_and_no_deeper(kind: str) -> None:
    assert read_json(nested(limits.JSON_DEPTH_MAX, kind))
    with pytest.raises(orjson.JSONDecodeError, match="deeply"):
        read_json(nested(limits.JSON_DEPTH_MAX + 1, kind))


def test_brackets_inside_texts_are_no_depth() -> None:
    flood = "[" * 500 + '"{' * 3 + "\\" * 3 + '"'
    value = {flood: [flood, {"a": "}]" * 200}], "b": ["[", '"', "\\"]}
    assert read_json(orjson.dumps(value)) == value


@given(
    st.recursive(
        st.text('[]{}"\\ax', max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text('[]{}"\\a', max_size=3), inner, max_size=3)
        ),
        max_leaves=25,
    ),
    st.integers(0, 60),
)
def test_the_depth_check_agrees_with_counting(value: Any, more: int) -> None:
    def depth(v: Any) -> int:
        if isinstance(v, dict):
            return 1 + max(map(depth, v.values()), default=0)
        return 1 + max(map(depth, v), default=0) if isinstance(v, list) else 0

    outer = limits.JSON_DEPTH_MAX - 30 + more
    text = b"[" * outer + json.dumps(value).encode() + b"]" * outer
    assert is_too_deep(text) is (outer + depth(value) > limits.JSON_DEPTH_MAX)


@given(st.binary(max_size=300) | st.text('[]{}",:\\ \n1aE', max_size=400).map(str.encode))
def test_no_bytes_at_all_crash_the_reader(body: bytes) -> None:
    is_too_deep(body)
    try:
        read_json(body)
    except orjson.JSONDecodeError:
        return
    json.loads(body)


def test_duplicate_members_take_the_last_and_lone_surrogates_are_refused() -> None:
    assert read_json(b'{"a":1,"a":2}') == {"a": 2}
    for body in (b'{"a":"\\ud800"}', b'{"a":"\xed\xa0\x80"}', b'{"\\udfff":1}'):
        with pytest.raises(orjson.JSONDecodeError):
            read_json(body)
