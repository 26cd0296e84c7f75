"""The relational sink on both databases: nothing lost, nothing twice, whatever happens between."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from streamstore import limits
from streamstore.consumers.sinks import Place, Source, replicate
from streamstore.consumers.sinks.relational import RelationalSink
from streamstore.errors import SinkRefused, SinkUnavailable


def ordered(value: Any) -> Any:
    """Names of maps in order, which JSONB keeps by their length."""
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value)}
    return [ordered(each) for each in value] if isinstance(value, list) else value


def by_text(items: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(ordered(item)) for item in items)


def once(shop: Any, target: Any, **more: Any) -> list[dict[str, Any]]:
    """Replicate what there is; the events that were told."""
    told: list[dict[str, Any]] = []
    with RelationalSink(target.url, table=more.pop("table", None)) as sink:
        replicate(shop.store, "orders", sink, once=True, report=told.append, **more)
    return told


def reasons(told: list[dict[str, Any]]) -> list[str]:
    return [event["reason"] for event in told if event["event"] == "copy"]


def same(shop: Any, target: Any) -> None:
    assert by_text(target.items()) == by_text(shop.items())


@pytest.mark.parametrize("seed", range(3))
def test_random_items_of_every_kind_come_back_whole_through_copies_and_changes(
    shop: Any, target: Any, randomly: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SINK_COPY_ITEMS_MAX", 7)
    monkeypatch.setattr(limits, "FOLLOW_RECORDS_MAX", 11)
    monkeypatch.setattr(limits, "SINK_COLUMNS_MAX", 20)
    made = randomly(seed)
    shop.create(id="S", at="N")

    def write(count: int) -> None:
        for n in range(count):
            label = made.rng.choice(("a", "b\x00", "x" * 1300, "$sha256:x", "\U0001f600", "'"))
            key = {"id": {"S": label}, "at": {"N": made.number() if n % 3 else str(n % 9)}}
            if made.rng.random() < 0.3:
                shop.store.client.delete_item(TableName="orders", Key=key)
            else:
                shop.put_item(made.item(**key))

    write(60)
    assert reasons(once(shop, target)) == ["first"]
    same(shop, target)
    for step in range(4):
        write(40)
        if step == 1:
            shop.store.split_shard("orders")
        assert reasons(once(shop, target)) == []
        same(shop, target)
    kinds = {kind for _, kind, _ in target.columns()}
    assert kinds == {"text", "number", "bytes", "boolean", "json"}
    assert len(target.columns()) == 20


def test_binary_keys_are_kept_too_however_long(shop: Any, target: Any) -> None:
    shop.create(id="B", at="B")
    for blob in (b"\x00", b"b" * 2000, b"b" * 1999 + b"c", b"$sha256:", b"\xff\xfe"):
        shop.put(id=blob, at=blob[:1000], n=1)
    once(shop, target)
    same(shop, target)
    shop.delete(id=b"b" * 2000, at=b"b" * 1000)
    shop.put(id=b"$sha256:", at=b"$sha256:", n=2)
    once(shop, target)
    same(shop, target)


def test_an_attribute_gets_a_column_when_it_appears_and_another_for_another_kind(
    shop: Any, target: Any
) -> None:
    shop.create()
    shop.put(id="a", price=12)
    once(shop, target)
    shop.put(id="b", price="cheap", Price=True, tags={"x", "y"}, none=None)
    shop.put(id="a", price=13)
    once(shop, target)
    assert set(target.columns()) == {
        ("id", "text", "id"),
        ("price", "number", "price"),
        ("price", "text", "price_text"),
        ("Price", "boolean", "Price_2"),
        ("tags", "json", "tags"),
    }
    rows = target.rows('SELECT id, price, price_text, "Price_2" FROM orders ORDER BY id')
    assert [tuple(row) for row in rows] == [("a", 13, None, None), ("b", None, "cheap", True)]
    same(shop, target)


def test_what_an_item_no_longer_has_is_null_and_an_item_of_keys_alone_is_a_row(
    shop: Any, target: Any
) -> None:
    shop.create()
    shop.put(id="a", n=1, s="x", none=None)
    once(shop, target)
    shop.put(id="a")
    shop.put(id="b")
    once(shop, target)
    assert target.rows("SELECT id, n, s, _rest FROM orders ORDER BY id") == [
        ("a", None, None, None),
        ("b", None, None, None),
    ]


def test_numbers_of_38_digits_are_exact_and_those_that_fit_can_be_added_up(
    shop: Any, target: Any
) -> None:
    shop.create()
    numbers = ["1", "2.5", "-7", "9" * 38, "0." + "1" * 38, "1" + "0" * 125, "9007199254740993"]
    for at, text in enumerate(numbers):
        shop.put_item({"id": {"S": str(at)}, "n": {"N": text}})
    once(shop, target)
    same(shop, target)
    assert float(target.rows("SELECT SUM(n) FROM orders WHERE id < '3'")[0][0]) == -3.5


def test_an_older_sequence_overwrites_and_deletes_nothing(target: Any) -> None:
    from streamstore.consumers.sinks import Change

    key = {"id": {"S": "a"}}
    place = Place("arn", "1" + "0" * 20)
    with RelationalSink(target.url) as sink:
        assert sink.open(Source("orders", (("id", "S"),))) is None
        sink.begin(place._replace(phase="copying"))
        sink.settle(place)
        sink.apply([Change(key, 5, {**key, "n": {"N": "5"}})], place)
        sink.apply([Change(key, 4, {**key, "n": {"N": "4"}})], place)
        sink.apply([Change(key, 3, None)], place)
        assert target.items() == [{**key, "n": {"N": "5"}}]
        sink.apply([Change(key, 6, {**key, "n": {"N": "6"}}), Change(key, 7, None)], place)
        assert target.items() == []


def test_two_replications_into_one_table_do_not_mix(target: Any) -> None:
    place = Place("arn", "1" + "0" * 20)
    source = Source("orders", (("id", "S"),))
    with RelationalSink(target.url) as first, RelationalSink(target.url) as second:
        first.open(source)
        first.begin(place)
        second.open(source)
        second.apply([], place)
        with pytest.raises(SinkRefused, match="Another replication writes"):
            first.apply([], place)
        second.apply([], place)


def test_after_a_trim_the_table_is_copied_anew_and_what_is_gone_is_deleted(
    shop: Any, target: Any
) -> None:
    shop.create()
    for label in "abc":
        shop.put(id=label)
    once(shop, target)
    shop.delete(id="a")
    shop.put(id="b", n=2)
    shop.outlive()
    shop.put(id="d")
    told = once(shop, target)
    assert reasons(told) == ["trimmed"]
    assert [e["removed"] for e in told if e["event"] == "settled"] == [1]
    same(shop, target)


def test_a_stream_that_was_made_anew_is_copied_anew_with_the_changes_in_between(
    shop: Any, target: Any
) -> None:
    shop.create()
    shop.put(id="a")
    once(shop, target)
    shop.stream(None)
    shop.delete(id="a")
    shop.put(id="b")
    with pytest.raises(SinkRefused, match="no stream enabled"):
        once(shop, target)
    shop.stream("NEW_AND_OLD_IMAGES")
    assert reasons(once(shop, target)) == ["stream"]
    same(shop, target)


def test_a_table_that_was_made_anew_is_copied_anew_unless_its_keys_differ(
    shop: Any, target: Any
) -> None:
    shop.create()
    shop.put(id="a")
    once(shop, target)
    shop.store.client.delete_table(TableName="orders")
    shop.create()
    shop.put(id="b")
    assert reasons(once(shop, target)) == ["stream"]
    same(shop, target)
    shop.store.client.delete_table(TableName="orders")
    shop.create(id="S", at="N")
    with pytest.raises(SinkRefused, match="other keys"):
        once(shop, target)
    target.rows("DROP TABLE orders")
    shop.put(id="c", at=1)
    assert reasons(once(shop, target)) == ["first"]
    same(shop, target)


def test_a_store_that_was_put_back_to_an_older_state_is_copied_anew(shop: Any, target: Any) -> None:
    shop.create()
    shop.put(id="a", n=1)
    once(shop, target)
    target.rows("UPDATE streamstore_sink SET position = '199999999999999999999'")
    target.rows("UPDATE orders SET _sequence = 9000000000000000000")
    shop.put(id="b")
    shop.put(id="a", n=2)
    assert reasons(once(shop, target)) == ["not of this store"]
    same(shop, target)


@pytest.mark.parametrize("view", ["KEYS_ONLY", "OLD_IMAGE"])
def test_a_stream_without_new_images_is_refused_by_name(
    shop: Any, sqlite_target: Any, view: str
) -> None:
    shop.create(view)
    with pytest.raises(SinkRefused, match=f"is of {view}, without new images"):
        once(shop, sqlite_target)


def test_a_table_of_the_targets_owner_is_left_alone(shop: Any, target: Any) -> None:
    shop.create()
    target.rows("CREATE TABLE orders (id INTEGER)")
    with pytest.raises(SinkRefused, match="not made by this sink"):
        once(shop, target)
    assert reasons(once(shop, target, table="Other orders")) == ["first"]
    assert target.items("Other orders") == []


def test_a_name_can_be_one_tables_only(shop: Any, target: Any) -> None:
    shop.create()
    once(shop, target, table="copy")
    with (
        RelationalSink(target.url, table="copy") as sink,
        pytest.raises(SinkRefused, match="replicates 'orders'"),
    ):
        sink.open(Source("people", (("id", "S"),)))


def test_a_lost_connection_is_waited_out_and_nothing_is_lost_or_doubled(
    shop: Any, postgresql_target: Any, postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SINK_BACKOFF_SECONDS", (0.01,))
    monkeypatch.setattr(limits, "FOLLOW_RECORDS_MAX", 5)
    shop.create()
    once(shop, postgresql_target)
    for n in range(40):
        shop.put(id=str(n % 7), n=n)
    told: list[dict[str, Any]] = []

    class Cut(RelationalSink):
        pages = 0

        def apply(self, changes: Any, place: Any) -> None:
            self.pages += 1
            if self.pages == 2:
                postgresql.stop()
                postgresql.start()
            if self.pages == 4:  # committed, but the answer is lost
                super().apply(changes, place)
                raise SinkUnavailable("lost on the way")
            super().apply(changes, place)

    with Cut(postgresql_target.url) as sink:
        replicate(shop.store, "orders", sink, once=True, report=told.append)
    assert [e["event"] for e in told].count("unavailable") == 2
    assert sum(e.get("records", 0) for e in told) == 35  # five were there, though nobody said so
    same(shop, postgresql_target)


def test_a_server_that_is_not_there_or_not_utf8_is_refused_at_once(
    shop: Any, postgresql: Any
) -> None:
    shop.create()
    nowhere = postgresql.url("nobody")
    with RelationalSink(nowhere) as sink, pytest.raises(SinkUnavailable, match="does not exist"):
        replicate(shop.store, "orders", sink)
    latin = postgresql.database("ENCODING 'LATIN1' TEMPLATE template0")
    with RelationalSink(latin) as sink, pytest.raises(SinkRefused, match="encoded in LATIN1"):
        replicate(shop.store, "orders", sink)


def test_it_goes_on_live_across_a_change_of_the_stream_until_it_is_stopped(
    shop: Any, sqlite_target: Any
) -> None:
    from streamstore.consumers.sinks import Replication

    shop.create()
    shop.put(id="a")
    events: list[str] = []
    met = {name: threading.Event() for name in ("caught-up", "applied", "waiting", "copy")}

    def report(event: dict[str, Any]) -> None:
        events.append(event["event"])
        if event["event"] in met:
            met[event["event"]].set()

    def wait(name: str) -> None:
        assert met[name].wait(20), events
        met[name].clear()

    with RelationalSink(sqlite_target.url) as sink:
        replication = Replication(shop.store, "orders", sink, report=report)
        thread = threading.Thread(target=replication.run)
        thread.start()
        wait("caught-up")
        shop.put(id="b")
        wait("applied")
        met["copy"].clear()
        shop.stream(None)
        wait("waiting")
        shop.put(id="c")
        shop.stream("NEW_IMAGE")
        wait("copy")
        met["caught-up"].clear()
        wait("caught-up")
        replication.stop()
        thread.join(20)
        assert not thread.is_alive()
    same(shop, sqlite_target)


@pytest.mark.parametrize("size", [1, 20, 30, 60, 1900])
def test_an_item_of_as_many_columns_as_there_may_be_fits_a_row(
    shop: Any, target: Any, randomly: Any, size: int
) -> None:
    shop.create()
    rng = randomly(size).rng
    item: dict[str, Any] = {"id": {"S": "a"}}
    for n in range(limits.SINK_COLUMNS_MAX + 3):
        text = "".join(rng.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=size))
        digits = {"N": "1" + "".join(rng.choices("123456789", k=min(size, 37)))}
        item[f"{n}"] = digits if n % 3 == 0 and size < 100 else {"S": text}
    shop.put_item(item)
    once(shop, target)
    assert len(target.columns()) == limits.SINK_COLUMNS_MAX
    same(shop, target)
