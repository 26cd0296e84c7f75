"""GET /streams/…/tail over sockets: events, resumption, bounds, and the ways in which it ends."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote, urlsplit

import pytest

import streamstore
from streamstore import limits
from streamstore.server.gate import ServerSettings
from streamstore.server.serve import Running


class Tail:
    """One client of the tail."""

    def __init__(self, url: str, path: str, **headers: str) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self.connection.request("GET", path, headers=headers)
        self.reply = self.connection.getresponse()

    def event(self) -> dict[str, str]:
        """The next event, or heartbeat; {} at the end."""
        fields: dict[str, str] = {}
        for raw in self.reply:
            line = raw.decode().rstrip("\n")
            if not line:
                break
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields

    def label(self) -> str:
        """The key of the next record."""
        record = json.loads(self.event()["data"])
        return str(record["dynamodb"]["Keys"]["id"]["S"])

    def close(self) -> None:
        self.connection.close()


def put(store: streamstore.Store, *labels: str) -> None:
    for label in labels:
        store.client.put_item(TableName="orders", Item={"id": {"S": label}})


@pytest.fixture
def store() -> Iterator[streamstore.Store]:
    with streamstore.open(background=False) as store:
        store.client.create_table(
            TableName="orders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        yield store


@pytest.fixture
def url(store: streamstore.Store) -> Iterator[str]:
    with Running(store) as server:
        yield server.url


def test_records_come_live_across_splits_with_their_numbers_as_ids(
    store: streamstore.Store, url: str
) -> None:
    with closing(Tail(url, "/streams/orders/tail")) as tail:
        assert tail.reply.status == 200
        assert tail.reply.headers["Content-Type"] == "text/event-stream"
        assert set(tail.event()) == {"retry", "id"}
        for n in range(6):
            put(store, str(n))
            store.split_shard("orders")
            event = tail.event()
            record = json.loads(event["data"])
            assert record["dynamodb"]["Keys"] == {"id": {"S": str(n)}}
            assert record["dynamodb"]["SequenceNumber"] == event["id"]
            assert record["ShardId"].startswith("shardId-")


def test_it_begins_where_it_is_told_and_goes_on_after_the_last_event(
    store: streamstore.Store, url: str
) -> None:
    put(store, "a", "b", "c")
    arn = store.client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    by_arn = f"/streams/{quote(arn, safe='')}/tail?from=trim-horizon"
    with closing(Tail(url, by_arn)) as tail:
        tail.event()
        first = tail.event()
        assert [json.loads(first["data"])["dynamodb"]["Keys"]["id"]["S"], tail.label()] == [
            "a",
            "b",
        ]
    again = {"Last-Event-ID": first["id"]}
    with closing(Tail(url, f"/streams/{arn}/tail", **again)) as tail:
        tail.event()
        assert [tail.label(), tail.label()] == ["b", "c"]
    with closing(Tail(url, f"/streams/orders/tail?after={first['id']}")) as tail:
        tail.event()
        assert tail.label() == "b"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/streams/nobody/tail", "ResourceNotFoundException"),
        ("/streams/orders/tail?from=soon", "no place to begin"),
        ("/streams/orders/tail?after=7", "Invalid SequenceNumber"),
    ],
)
def test_what_cannot_be_followed_is_refused_as_the_service_words_it(
    url: str, path: str, said: str
) -> None:
    with closing(Tail(url, path)) as tail:
        assert tail.reply.status == 400
        assert said in tail.reply.read().decode()


def test_silence_is_filled_with_heartbeats_that_carry_the_place(
    store: streamstore.Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TAIL_HEARTBEAT_SECONDS", 0.01)
    with closing(Tail(url, "/streams/orders/tail")) as tail:
        tail.event()
        beat = tail.event()
        assert set(beat) == {"", "id"}
        put(store, "a")
    with closing(Tail(url, "/streams/orders/tail", **{"Last-Event-ID": beat["id"]})) as tail:
        tail.event()
        assert tail.label() == "a"


def test_a_disabled_stream_ends_with_an_event(store: streamstore.Store, url: str) -> None:
    with closing(Tail(url, "/streams/orders/tail")) as tail:
        tail.event()
        put(store, "a")
        store.client.update_table(TableName="orders", StreamSpecification={"StreamEnabled": False})
        assert tail.label() == "a"
        assert tail.event()["event"] == "end"
        assert tail.event() == {}


def test_a_failure_while_following_is_an_event_of_the_services_words(
    store: streamstore.Store, url: str
) -> None:
    with closing(Tail(url, "/streams/orders/tail")) as tail:
        tail.event()
        store.engine.tail.stop()
        store.readers.close()
        store.writer.close()
        event = tail.event()
        assert event["event"] == "error"
        assert json.loads(event["data"])["__type"].endswith("#ServiceUnavailable")


def test_only_so_many_follow_at_once_and_who_leaves_makes_room(
    store: streamstore.Store, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TAILERS_MAX", 1)
    monkeypatch.setattr(limits, "TAIL_HEARTBEAT_SECONDS", 0.01)
    first = Tail(url, "/streams/orders/tail")
    first.event()
    with closing(Tail(url, "/streams/orders/tail")) as second:
        assert second.reply.status == 503
        second.reply.read()
    first.close()
    for _ in range(1000):
        with closing(Tail(url, "/streams/orders/tail")) as third:
            if third.reply.status == 200:
                break
    assert third.reply.status == 200


def test_a_drain_ends_it_at_once(store: streamstore.Store) -> None:
    with Running(store) as server:
        tail = Tail(server.url, "/streams/orders/tail")
        tail.event()
    assert tail.event() == {}
    tail.close()


def test_a_server_with_keys_wants_a_signature(store: streamstore.Store) -> None:
    with (
        Running(store, ServerSettings(port=0, keys={"AKID": "secret"})) as server,
        closing(Tail(server.url, "/streams/orders/tail")) as tail,
    ):
        assert tail.reply.status == 403
