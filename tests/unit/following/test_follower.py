"""Followers: one line of records in order of commit, across shards that split, roll and are
trimmed.
"""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import pytest

import streamstore
from streamstore import limits
from streamstore.errors import RecordsTrimmed, ResourceNotFound, StoreClosed, ValidationFailed

DAY = 24 * 3600


def test_records_of_all_shards_come_in_order_of_commit_across_splits_and_rollovers(
    shop: Any,
) -> None:
    live = shop.follow()
    seen, written = [], []
    rng = random.Random(5)
    for step in range(12):
        labels = [f"{step}-{n}" for n in range(rng.randrange(1, 30))]
        shop.put(*labels)
        written += labels
        if step % 3 == 0:
            shop.split()
        if step == 7:
            shop.roll()
        if step % 2:
            seen += shop.rest(live)
    seen += shop.rest(live)
    assert seen == written
    assert shop.rest(shop.follow("trim-horizon")) == written


def test_a_record_is_as_get_records_gives_it_with_its_shard(shop: Any) -> None:
    shop.put("a")
    record = next(shop.follow("trim-horizon"))
    client, shard = shop.store.client, record.pop("ShardId")
    arn = client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    iterator = client.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    told = shop.store.call("GetRecords", {"ShardIterator": iterator})["Records"]
    assert told == [record]


def test_pages_are_bounded_and_join_without_a_seam(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FOLLOW_RECORDS_MAX", 7)
    monkeypatch.setattr(limits, "FOLLOW_PIECE_RECORDS_MIN", 2)
    labels = [str(n) for n in range(50)]
    for at, label in enumerate(labels):
        shop.put(label)
        if at in (20, 33):
            shop.split()
    follower = shop.follow("trim-horizon")
    pages = []
    while page := follower.turn():
        pages.append(shop.ids(page))
    assert max(map(len, pages)) == 7
    assert [label for page in pages for label in page] == labels


def test_pages_are_bounded_in_bytes(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GET_RECORDS_BYTES_MAX", 1)
    shop.put("a", "b", "c")
    follower = shop.follow("trim-horizon")
    assert [shop.ids(follower.turn()) for _ in range(4)] == [["a"], ["b"], ["c"], []]


def test_large_records_make_short_pages(shop: Any) -> None:
    blob = {"B": bytes(300 * 1024)}
    for n in range(12):
        shop.store.client.put_item(TableName="orders", Item={"id": {"S": str(n)}, "blob": blob})
    follower = shop.follow("trim-horizon")
    assert [len(follower.turn()) for _ in range(4)] == [4, 4, 4, 0]


def test_what_was_given_of_a_shard_makes_the_loss_of_its_child_known(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FOLLOW_RECORDS_MAX", 1)
    shop.put("a")
    shop.roll()
    shop.put("a")
    shop.store.client.delete_item(TableName="orders", Key={"id": {"S": "a"}})
    follower = shop.follow("trim-horizon")
    assert shop.ids(follower.turn()) == ["a"]
    shop.clock.advance(DAY + 1)
    with pytest.raises(RecordsTrimmed):
        shop.rest(follower)


def test_following_goes_on_after_any_position_without_gap_and_duplicate(shop: Any) -> None:
    labels = [str(n) for n in range(40)]
    for at, label in enumerate(labels):
        shop.put(label)
        if at == 20:
            shop.split()
    records = shop.follow("trim-horizon").turn()
    for at, record in enumerate(records):
        number = record["dynamodb"]["SequenceNumber"]
        assert shop.rest(shop.follow(after=number)) == labels[at + 1 :]
        assert shop.rest(shop.follow(number)) == labels[at:]
    follower = shop.follow()
    shop.roll()
    assert follower.turn() == []
    shop.put("late")
    assert shop.rest(shop.follow(after=follower.position)) == ["late"]


def test_the_position_moves_on_in_silence_so_that_it_does_not_age(shop: Any) -> None:
    shop.put("a")
    idle = shop.follow("trim-horizon")
    assert shop.rest(idle) == ["a"]
    before = int(idle.position[-20:])
    shop.clock.advance(DAY - 60)
    shop.roll()
    assert idle.turn() == []
    assert int(idle.position[-20:]) > before
    shop.clock.advance(120)
    shop.put("b")
    shop.trim()
    assert shop.rest(shop.follow(after=idle.position)) == ["b"]


def test_following_begins_at_a_time(shop: Any) -> None:
    shop.put("a", "b")
    shop.clock.advance(60)
    between = shop.clock.now_ms() / 1000
    shop.put("c")
    shop.split()
    shop.put("d")
    assert shop.rest(shop.follow(str(between))) == ["c", "d"]
    assert shop.rest(shop.follow("0")) == ["a", "b", "c", "d"]
    shop.clock.advance(60)
    assert shop.rest(shop.follow(str(between + 60))) == []
    with pytest.raises(ValidationFailed, match="future"):
        shop.follow(str(between + 61))


def test_a_number_that_was_not_given_out_is_refused(shop: Any) -> None:
    with pytest.raises(ValidationFailed, match="still to come"):
        shop.follow(after="1" + str(2**63 - 1).zfill(20))


def test_a_follower_that_fell_behind_the_horizon_is_told(shop: Any) -> None:
    shop.put("a")
    place = shop.follow().position
    slow = shop.follow()
    shop.put("b")
    shop.clock.advance(DAY + 1)
    shop.put("c")
    for follow in (slow.turn, lambda: shop.follow(after=place).turn()):
        with pytest.raises(RecordsTrimmed):
            follow()
    assert shop.rest(shop.follow("trim-horizon")) == ["c"]


def test_a_follower_whose_shards_are_gone_is_told(shop: Any) -> None:
    shop.put("a")
    place = shop.follow().position
    slow = shop.follow()
    shop.put("b")
    shop.roll()
    shop.clock.advance(DAY + 1)
    shop.trim()
    assert all(shard.info.closed_ms is None for shard in shop.store.shards("orders"))
    with pytest.raises(RecordsTrimmed):
        slow.turn()
    with pytest.raises(RecordsTrimmed):
        shop.follow(after=place)


def test_from_the_trim_horizon_a_shard_that_went_meanwhile_is_passed_over(shop: Any) -> None:
    shop.put("a")
    shop.roll()
    follower = shop.follow("trim-horizon")
    shop.clock.advance(DAY + 1)
    shop.put("b")
    shop.trim()
    assert shop.rest(follower) == ["b"]


def test_a_disabled_stream_ends_its_followers_when_all_of_it_is_given(shop: Any) -> None:
    follower = shop.follow()
    shop.put("a")
    shop.store.client.update_table(TableName="orders", StreamSpecification={"StreamEnabled": False})
    assert not follower.ended
    assert shop.ids(list(follower)) == ["a"]
    assert follower.ended
    assert follower.page() == []


def test_a_commit_wakes_who_waits_and_time_runs_out_for_who_waits_in_vain(shop: Any) -> None:
    follower = shop.follow()
    assert follower.page(0.01) == []
    got: list[str] = []
    waiting = threading.Thread(target=lambda: got.extend(shop.ids(follower.page(30))))
    waiting.start()
    shop.put("a")
    waiting.join(30)
    assert got == ["a"]


def test_a_split_wakes_who_waits_and_its_children_are_followed(shop: Any) -> None:
    follower = shop.follow()
    got: list[str] = []

    def read() -> None:
        while len(got) < 8:
            got.extend(shop.ids(follower.page(30)))

    waiting = threading.Thread(target=read)
    waiting.start()
    for n in range(8):
        shop.split()
        shop.put(str(n))
    waiting.join(30)
    assert got == [str(n) for n in range(8)]


def test_closing_the_follower_ends_it_and_closing_the_store_is_said(shop: Any) -> None:
    for end, expected in ((lambda f: f.close(), None), (lambda f: shop.store.close(), StoreClosed)):
        follower, told = shop.follow(), []

        def read(follower: Any = follower, told: list[Any] = told) -> None:
            try:
                told.append(list(follower))
            except StoreClosed as error:
                told.append(error)

        waiting = threading.Thread(target=read)
        waiting.start()
        while not shop.store.engine.tail._waiting:
            assert waiting.is_alive()
        end(follower)
        waiting.join(30)
        assert told == [[]] if expected is None else isinstance(told[0], expected)


def test_a_reopened_store_wakes_its_followers_with_an_error(file_shop: Any) -> None:
    follower = file_shop.follow()
    place = follower.position
    told: list[BaseException] = []

    def read() -> None:
        try:
            next(follower)
        except StoreClosed as error:
            told.append(error)

    waiting = threading.Thread(target=read)
    waiting.start()
    file_shop.store.reopen()
    waiting.join(30)
    assert len(told) == 1
    file_shop.put("a")
    assert file_shop.rest(file_shop.follow(after=place)) == ["a"]


def test_an_event_loop_waits_for_a_commit(shop: Any) -> None:
    async def run() -> list[str]:
        follower = shop.follow()
        assert not await follower.wait_async(0.01)
        waiting = asyncio.ensure_future(follower.wait_async(30))
        await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(None, shop.put, "a")
        assert await waiting
        return shop.rest(follower)

    assert asyncio.run(run()) == ["a"]


def test_a_reader_beside_the_owner_follows_too(file_shop: Any) -> None:
    with streamstore.open(file_shop.store.path, read_only=True, clock=file_shop.clock) as reader:
        follower = reader.follow("orders")
        file_shop.put("a")
        file_shop.split()
        file_shop.put("b")
        got = file_shop.ids(follower.page(30))
        assert got + (file_shop.rest(follower) if len(got) < 2 else []) == ["a", "b"]


def test_a_table_without_a_stream_has_nothing_to_follow(shop: Any) -> None:
    with pytest.raises(ResourceNotFound):
        shop.store.follow("nobody")
    shop.store.client.create_table(
        TableName="plain",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    with pytest.raises(ResourceNotFound):
        shop.store.follow("plain")


def test_following_many_shards_asks_no_more_of_the_disk_than_they_hold(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of many shards fetches few records twice: pieces of a shard are kept, not thrown
    away.
    """
    for _ in range(12):
        shop.split()
    shop.put(*(str(n) for n in range(300)))
    from streamstore.following import follower as module

    fetched: list[int] = []
    read_page = module.log.read_page

    def counted(*args: Any) -> Any:
        page = read_page(*args)
        fetched.append(len(page.records))
        return page

    monkeypatch.setattr(module.log, "read_page", counted)
    monkeypatch.setattr(limits, "FOLLOW_RECORDS_MAX", 40)
    assert len(shop.rest(shop.follow("trim-horizon"))) == 300
    assert sum(fetched) == 300
