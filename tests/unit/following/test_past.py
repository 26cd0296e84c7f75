"""The past of a table: at every moment that is known it is what it was, and it says since when it
is known.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from streamstore import limits
from streamstore.errors import SnapshotFailed, ValidationFailed

Images = dict[str, Any]


class Moment(NamedTuple):
    """What the table was once everything of this millisecond was done."""

    ms: int
    number: str | None
    state: Images


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def state_of(items: Any) -> Images:
    return {item["id"]["S"]: item for item in items}


def lived(shop: Any, seed: int, steps: int) -> list[Moment]:
    """A random life of the table, its shards split and rolled meanwhile."""
    rng = random.Random(seed)
    client = shop.store.client
    moments: list[Moment] = []
    for step in range(steps):
        shop.clock.advance(rng.choice([0.001, 1, 60]))
        for _ in range(rng.randrange(1, 4)):
            key = {"id": {"S": str(rng.randrange(25))}}
            kind = rng.random()
            if kind < 0.35:
                client.delete_item(TableName="orders", Key=key)
            elif kind < 0.45:
                puts = [
                    {
                        "Put": {
                            "TableName": "orders",
                            "Item": {"id": {"S": f"t{n}"}, "s": {"N": str(step)}},
                        }
                    }
                    for n in range(3)
                ]
                client.transact_write_items(TransactItems=puts)
            else:
                client.put_item(TableName="orders", Item={**key, "value": {"N": str(rng.random())}})
        if step % 9 == 4:
            shop.split()
        if step % 13 == 7:
            shop.roll()
        with shop.store.snapshot("orders") as now:
            moments.append(Moment(shop.clock.now_ms(), now.position, state_of(now.items())))
    return moments


def test_at_every_moment_the_table_is_what_it_was_and_follows_on_to_now(shop: Any) -> None:
    moments = lived(shop, 5, 60)
    now = moments[-1].state
    for moment in moments:
        for at in (iso(moment.ms), moment.number):
            with shop.store.snapshot("orders", at=at) as past:
                items = list(past.items())
                assert state_of(items) == moment.state
                assert len(items) == len(moment.state)
                follower = shop.follow(after=past.position)
        state = dict(moment.state)
        while page := follower.turn():
            for record in page:
                change = record["dynamodb"]
                key = change["Keys"]["id"]["S"]
                assert state.get(key) == change.get("OldImage")
                state[key] = change.get("NewImage")
        assert {key: item for key, item in state.items() if item is not None} == now


def test_between_two_changes_it_is_what_the_earlier_one_left(shop: Any) -> None:
    shop.clock.advance(1)
    shop.put("a")
    written = shop.clock.now_ms()
    shop.clock.advance(10)
    shop.put("b")
    for ms, there in ((written - 1, set()), (written, {"a"}), (written + 9_999, {"a"})):
        with shop.store.snapshot("orders", at=iso(ms)) as past:
            assert set(state_of(past.items())) == there
    with shop.store.snapshot("orders", at="latest") as past:
        assert set(state_of(past.items())) == {"a", "b"}
    with shop.store.snapshot("orders", at="trim-horizon") as past:
        assert list(past.items()) == []


def test_items_come_in_the_order_of_hashes_and_go_on_after_a_key(shop: Any) -> None:
    moments = lived(shop, 8, 30)
    moment = moments[12]
    with shop.store.snapshot("orders", at=iso(moment.ms)) as past:
        whole = list(past.items())
        for at, item in enumerate(whole):
            assert list(past.items({"id": item["id"]})) == whole[at + 1 :]
    for key in state_of(shop.store.client.scan(TableName="orders")["Items"]):
        shop.store.client.delete_item(TableName="orders", Key={"id": {"S": key}})
    for item in moment.state.values():
        shop.store.client.put_item(TableName="orders", Item=item)
    with shop.store.snapshot("orders") as now:
        assert list(now.items()) == whole


def test_the_services_own_iterators_go_on_from_its_positions(shop: Any) -> None:
    """Each head's records and those of all shards below it: every change since, and no other."""
    client = shop.store.client
    moments = lived(shop, 3, 40)
    arn = client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    shards = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    for moment in moments[::3]:
        with shop.store.snapshot("orders", at=iso(moment.ms)) as past:
            since = shop.rest(shop.follow(after=past.position))
            found: list[str] = []
            todo: list[tuple[str, str | None]] = list(past.positions.items())
            while todo:
                name, number = todo.pop()
                start = {"StreamArn": arn, "ShardId": name, "ShardIteratorType": "TRIM_HORIZON"}
                if number is not None:
                    start |= {
                        "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                        "SequenceNumber": number,
                    }
                iterator = shop.store.call("GetShardIterator", start)
                found += shop.ids(shop.store.call("GetRecords", iterator)["Records"])
                todo += [(s["ShardId"], None) for s in shards if s.get("ParentShardId") == name]
        assert sorted(found) == sorted(since)


def test_it_is_known_no_further_back_than_its_records_are_kept(shop: Any) -> None:
    moments = lived(shop, 4, 20)
    shop.clock.advance(20 * 3600)
    later = lived(shop, 6, 20)
    shop.clock.advance(5 * 3600)
    shop.trim()
    for moment in moments:
        with pytest.raises(ValidationFailed, match="is known since"):
            shop.store.snapshot("orders", at=iso(moment.ms - 1))
    with shop.store.snapshot("orders", at="trim-horizon") as past:
        assert state_of(past.items()) == moments[-1].state
    for moment in later:
        with shop.store.snapshot("orders", at=iso(moment.ms)) as past:
            assert state_of(past.items()) == moment.state


def test_before_its_stream_began_and_after_now_nothing_is_known(shop: Any) -> None:
    shop.put("a")
    began = shop.clock.now_ms()
    shop.clock.advance(5)
    switch = {"TableName": "orders", "StreamSpecification": {"StreamEnabled": False}}
    shop.store.call("UpdateTable", switch)
    with pytest.raises(ValidationFailed, match="no enabled stream"):
        shop.store.snapshot("orders", at=iso(began))
    kept = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    shop.store.call("UpdateTable", {"TableName": "orders", "StreamSpecification": kept})
    with pytest.raises(ValidationFailed, match="keeps NEW_IMAGE"):
        shop.store.snapshot("orders", at=iso(began))
    shop.store.call("UpdateTable", switch)
    shop.clock.advance(5)
    kept["StreamViewType"] = "OLD_IMAGE"
    shop.store.call("UpdateTable", {"TableName": "orders", "StreamSpecification": kept})
    with pytest.raises(ValidationFailed, match="is known since"):
        shop.store.snapshot("orders", at=iso(began + 6_000))
    shop.clock.advance(1)
    with shop.store.snapshot("orders", at=iso(began + 11_000)) as past:
        assert set(state_of(past.items())) == {"a"}
    with pytest.raises(ValidationFailed, match="yet to come"):
        shop.store.snapshot("orders", at=iso(began + 11_001))
    with pytest.raises(ValidationFailed, match="yet"):
        shop.store.snapshot("orders", at="1" + str(2**62).zfill(20))
    with pytest.raises(ValidationFailed, match="no place to begin"):
        shop.store.snapshot("orders", at="yesterday")


def test_a_past_that_takes_more_memory_than_it_may_is_refused(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.clock.advance(1)
    began = shop.clock.now_ms()
    shop.clock.advance(1)
    shop.put(*(str(number) for number in range(100)))
    monkeypatch.setattr(limits, "SNAPSHOT_MEMORY_BYTES_MAX", 2_000)
    with pytest.raises(SnapshotFailed, match="memory"):
        list(shop.store.snapshot("orders", at=iso(began)).items())
