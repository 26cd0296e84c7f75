"""The driver, through two sinks in memory: one of items, one of events. They prove the seam too."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Sequence
from typing import Any

import pytest

import streamstore
from streamstore import limits
from streamstore.consumers.sinks import Change, Place, Replication, Source, replicate
from streamstore.errors import (
    ResourceNotFound,
    SinkRefused,
    SinkUnavailable,
    SnapshotFailed,
    StoreClosed,
)


class Items:
    """A sink of items, whose memory outlives it, as a database does. `fails`: numbers of calls that
    fail, before (-) or after (+) they are done.
    """

    copies = True

    def __init__(self, memory: dict[str, Any], fails: dict[int, str] | None = None) -> None:
        self.memory = memory
        self._fails = fails or {}
        self._calls = 0

    def open(self, source: Source) -> Place | None:
        self.keys = [name for name, _ in source.keys]
        place: Place | None = self.memory.get("place")
        return place

    def begin(self, place: Place) -> None:
        with _Failing(self):
            self.memory["place"] = place
            self.memory["named"] = set()
            self.memory.setdefault("rows", {})

    def apply(self, changes: Sequence[Change], place: Place) -> None:
        with _Failing(self):
            for change in changes:
                key = repr(sorted(change.key.items()))
                number, _ = self.memory["rows"].get(key, (0, None))
                if change.sequence >= number or key not in self.memory["named"]:
                    self.memory["rows"][key] = (change.sequence, change.image)
                    self.memory["named"].add(key)
            self.memory["place"] = place

    def settle(self, place: Place) -> int:
        with _Failing(self):
            gone = set(self.memory["rows"]) - self.memory["named"]
            for key in gone:
                del self.memory["rows"][key]
            self.memory["place"] = place
        return len(gone)

    def close(self) -> None:
        pass

    def items(self) -> list[Any]:
        return [image for _, image in self.memory["rows"].values() if image is not None]


class _Failing:
    def __init__(self, sink: Any) -> None:
        sink._calls += 1
        self._how = sink._fails.get(sink._calls, "")
        if self._how == "-":
            raise SinkUnavailable("it went away")

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        if self._how == "+":
            raise SinkUnavailable("its answer was lost")


class Events:
    """A sink of events: an audit log. It has no transaction with its place, so it drops what it has
    already.
    """

    copies = False

    def __init__(self) -> None:
        self.log: list[dict[str, Any]] = []
        self.begun = 0
        self.place: Place | None = None

    def open(self, source: Source) -> Place | None:
        return self.place

    def begin(self, place: Place) -> None:
        self.begun += 1
        self.place = place

    def apply(self, changes: Sequence[Change], place: Place) -> None:
        have = {record["eventID"] for record in self.log}
        self.log += [c.record for c in changes if c.record and c.record["eventID"] not in have]
        self.place = place

    def settle(self, place: Place) -> int:
        raise AssertionError("there is no copy")

    def close(self) -> None:
        pass


def same(shop: Any, sink: Items) -> None:
    assert sorted(map(repr, sink.items())) == sorted(map(repr, shop.items()))


def scribble(shop: Any, rng: random.Random, count: int) -> None:
    for _ in range(count):
        label = str(rng.randrange(25))
        if rng.random() < 0.3:
            shop.delete(id=label)
        else:
            shop.put(id=label, n=rng.randrange(100))
        if rng.random() < 0.02:
            shop.store.split_shard("orders")


@pytest.mark.parametrize("seed", range(5))
def test_whenever_the_sink_fails_it_holds_the_table_in_the_end(
    shop: Any, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(limits, "SINK_BACKOFF_SECONDS", (0.0,))
    monkeypatch.setattr(limits, "SINK_COPY_ITEMS_MAX", 3)
    monkeypatch.setattr(limits, "FOLLOW_RECORDS_MAX", 4)
    shop.create()
    rng = random.Random(seed)
    memory: dict[str, Any] = {}
    for turn in range(5):
        scribble(shop, rng, 40)
        if turn == 3:
            shop.outlive()
        fails = {n: rng.choice("-+") for n in range(60) if rng.random() < 0.4}
        told: list[dict[str, Any]] = []
        sink = Items(memory, fails)

        def report(event: dict[str, Any]) -> None:
            told.append(event)  # noqa: B023 - of this turn
            if event["event"] == "copied" and rng.random() < 0.5:
                scribble(shop, rng, 3)  # behind a snapshot, which may be left before it is whole

        replicate(shop.store, "orders", sink, once=True, report=report)
        replicate(shop.store, "orders", Items(memory), once=True)
        same(shop, sink)
        copies = [event["reason"] for event in told if event["event"] == "copy"]
        assert set(copies) <= {"first", "trimmed"}
        assert bool(copies) == (turn in (0, 3))


def test_every_single_failure_is_survived(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SINK_BACKOFF_SECONDS", (0.0,))
    monkeypatch.setattr(limits, "SINK_COPY_ITEMS_MAX", 2)
    shop.create()
    scribble(shop, random.Random(1), 30)
    for at, how in itertools.product(range(1, 12), "-+"):
        memory: dict[str, Any] = {}
        sink = Items(memory, {at: how})
        replicate(shop.store, "orders", sink, once=True)
        same(shop, sink)


def test_a_copy_that_was_cut_goes_on_after_the_last_key_with_the_sequence_of_its_snapshot(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SINK_BACKOFF_SECONDS", (0.0,))
    monkeypatch.setattr(limits, "SINK_COPY_ITEMS_MAX", 5)
    shop.create()
    for n in range(25):
        shop.put(id=str(n), n=n)
    begun, given = [], []

    class Watched(Items):
        def begin(self, place: Place) -> None:
            super().begin(place)
            begun.append(place)

        def apply(self, changes: Any, place: Place) -> None:
            super().apply(changes, place)
            given.extend((change.sequence, change.image["id"]["S"]) for change in changes)

    replicate(shop.store, "orders", Watched({}, {3: "-", 5: "-"}), once=True)
    assert len(begun) == 1
    assert sorted(label for _, label in given) == sorted(str(n) for n in range(25))
    assert {number for number, _ in given} == {int(begun[0].position[-20:])}


@pytest.mark.parametrize("bound", ["deadline", "wal"])
def test_a_copy_goes_on_in_a_new_snapshot_where_the_first_was_ended(
    shop: Any, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(limits, "SINK_COPY_ITEMS_MAX", 5)
    shop.create()
    rng = random.Random(3)
    for n in range(25):
        shop.put(id=str(n), n=n)
    left = [7, 9, 2]
    read = streamstore.following.snapshots.Snapshot.items

    def ends(snapshot: Any, after: Any = None) -> Any:
        for count, item in enumerate(read(snapshot, after)):
            if left and count == left[0]:
                left.pop(0)
                scribble(shop, rng, 10)
                raise SnapshotFailed(bound)
            yield item

    monkeypatch.setattr(streamstore.following.snapshots.Snapshot, "items", ends)
    told: list[dict[str, Any]] = []
    sink = Items({})
    with pytest.raises(SnapshotFailed):  # two items are less than a page: it would not get on
        replicate(shop.store, "orders", sink, once=True, report=told.append)
    replicate(shop.store, "orders", sink, once=True, report=told.append)
    same(shop, sink)
    assert [e["event"] for e in told].count("copy") == 1


def test_a_sink_of_events_gets_each_record_once_and_is_told_where_some_are_gone(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SINK_BACKOFF_SECONDS", (0.0,))
    shop.create("KEYS_ONLY")
    sink = Events()
    told: list[dict[str, Any]] = []
    for label in "ab":
        shop.put(id=label)
        replicate(shop.store, "orders", sink, once=True, report=told.append)
    assert [r["dynamodb"]["Keys"]["id"]["S"] for r in sink.log] == ["a", "b"]
    assert [r["eventName"] for r in sink.log] == ["INSERT", "INSERT"]
    assert sink.begun == 1
    shop.put(id="c")
    shop.outlive()
    shop.put(id="d")
    replicate(shop.store, "orders", sink, once=True, report=told.append)
    assert [r["dynamodb"]["Keys"]["id"]["S"] for r in sink.log] == ["a", "b", "d"]
    assert sink.begun == 2
    assert [e["reason"] for e in told if e["event"] == "begin"] == ["first", "trimmed"]


def test_a_sink_of_events_may_begin_with_what_comes(shop: Any) -> None:
    shop.create()
    shop.put(id="a")
    sink = Events()
    replicate(shop.store, "orders", sink, once=True, start="latest")
    shop.put(id="b")
    replicate(shop.store, "orders", sink, once=True, start="latest")
    assert [r["dynamodb"]["Keys"]["id"]["S"] for r in sink.log] == ["b"]


def test_in_silence_the_place_moves_so_that_it_outlives_the_retention(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SINK_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(limits, "SINK_LOOK_SECONDS", 0.0)
    shop.create()
    shop.put(id="a")
    client = shop.store.client
    client.create_table(
        TableName="other",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    sink = Items({})
    seen: list[str] = []

    class Watched(Items):
        def apply(self, changes: Any, place: Place) -> None:
            super().apply(changes, place)
            seen.append(place.position)
            if len(seen) == 4:
                replication.stop()
            client.put_item(TableName="other", Item={"id": {"S": str(len(seen))}})

    replication = Replication(shop.store, "orders", Watched(sink.memory))
    thread = threading.Thread(target=replication.run)
    thread.start()
    thread.join(20)
    replication.stop()
    thread.join(20)
    assert len(seen) >= 4
    assert seen == sorted(set(seen))
    assert sink.memory["place"].position == seen[-1]


def test_what_does_not_pass_ends_it_at_once_and_what_lasts_too_long_ends_it_too(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SINK_BACKOFF_SECONDS", (0.0,))
    with pytest.raises(ResourceNotFound):
        replicate(shop.store, "orders", Items({}), once=True)
    shop.create()
    lasting = Items({}, dict.fromkeys(range(100), "-"))
    told: list[dict[str, Any]] = []
    with pytest.raises(SinkUnavailable):
        replicate(shop.store, "orders", lasting, report=told.append, outages_max=3)
    assert [e["event"] for e in told].count("unavailable") == 3

    class Unreachable(Items):
        def open(self, source: Source) -> Place | None:
            raise SinkUnavailable("never was there")

    with pytest.raises(SinkUnavailable):
        replicate(shop.store, "orders", Unreachable({}))
    shop.store.close()
    with pytest.raises(StoreClosed):
        replicate(shop.store, "orders", Items({}))


def test_a_store_that_was_reopened_under_it_is_followed_on(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SINK_BACKOFF_SECONDS", (0.0,))
    monkeypatch.setattr(limits, "FOLLOW_RECORDS_MAX", 1)
    shop.create()
    sink = Items({})
    replicate(shop.store, "orders", sink, once=True)
    for n in range(4):
        shop.put(id=str(n))

    def report(event: dict[str, Any]) -> None:
        if event["event"] == "applied" and len(sink.memory["rows"]) == 2:
            shop.store.reopen()

    replicate(shop.store, "orders", sink, once=True, report=report)
    same(shop, sink)


def test_a_stream_without_images_is_refused_for_items(shop: Any) -> None:
    shop.create("KEYS_ONLY")
    with pytest.raises(SinkRefused, match="KEYS_ONLY, without new images"):
        replicate(shop.store, "orders", Items({}), once=True)
