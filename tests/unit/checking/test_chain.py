"""Records against each other and against the table: what a changed record is found as.

Each case rewrites one stored record of a lived-in store, soundly packed, so that nothing but the
meaning is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import streamstore
from streamstore.checking import chain, check, check_transaction
from streamstore.checking.records import Numbers
from streamstore.clock import ManualClock
from streamstore.codec.items import pack
from streamstore.codec.records import pack_record, unpack_record
from streamstore.codec.sizes import item_size

Item = dict[str, Any]


class Record(NamedTuple):
    record_id: int
    event: Any
    ttl: bool
    keys: Item
    new: Item | None
    old: Item | None

    def body(self) -> bytes:
        """The record packed as the engine packs it, its sizes right."""
        images = [it for it in (self.keys, self.new, self.old) if it is not None]
        return pack_record(
            self.event,
            sum(map(item_size, images)),
            pack(self.keys),
            None if self.new is None else pack(self.new),
            None if self.old is None else pack(self.old),
            self.ttl,
        )


def records(life: Any, view: str) -> list[Record]:
    """The records of the newest stream with that view type, in order of their numbers."""
    with life.store.readers.transaction() as rx:
        rows = rx.all(
            "SELECT record_id, body FROM record JOIN shard ON shard_id = record_id >> 38"
            " JOIN stream USING (stream_id) WHERE view_type = ? ORDER BY sequence",
            (view,),
        )
    found = []
    for record_id, body in rows:
        event, _, ttl, keys, new, old = unpack_record(body)
        found.append(Record(record_id, event, ttl, keys, new, old))
    return found


REWRITE = (
    "UPDATE record SET body = ?2 WHERE record_id = ?1",
    (
        "UPDATE shard SET byte_count = (SELECT sum(length(body)) FROM record WHERE"
        " record_id >> 38 = shard_id) WHERE shard_id = ?1 >> 38 AND length(?2)"
    ),
)


@pytest.fixture
def rewritten(damage: Any) -> Callable[[Record], set[str]]:
    """The codes that are found when a record is replaced by this one, counters and all."""
    return lambda record: damage(*REWRITE, params=(record.record_id, record.body()))


def pick(found: list[Record], wanted: Callable[[Record], bool], last: bool = False) -> Record:
    some = [record for record in found if wanted(record)]
    return some[-1 if last else 0]


def again(found: list[Record], record: Record) -> list[Record]:
    """All records of the same key."""
    return [each for each in found if each.keys == record.keys]


def other(item: Item | None) -> Item:
    return {**(item or {}), "z": {"S": "changed"}}


def test_a_record_that_is_packed_again_as_it_was_is_no_damage(
    life: Any, rewritten: Callable[[Record], set[str]]
) -> None:
    for view in ("NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE"):
        assert rewritten(records(life, view)[0]) == set()


def test_an_old_image_that_the_record_before_did_not_leave(life: Any, rewritten: Any) -> None:
    found = records(life, "NEW_AND_OLD_IMAGES")
    record = pick(
        found,
        lambda it: it.event == "MODIFY" and again(found, it)[0] != it,
    )
    assert rewritten(record._replace(old=other(record.old))) == {"I-7"}


def test_a_new_image_that_is_not_the_item_in_the_table(life: Any, rewritten: Any) -> None:
    for view in ("NEW_AND_OLD_IMAGES", "NEW_IMAGE"):
        found = records(life, view)
        record = pick(found, lambda it, f=found: it.new is not None and again(f, it)[-1] == it)
        assert rewritten(record._replace(new=other(record.new))) == {"I-6"}


def test_a_new_image_that_the_next_record_did_not_find(life: Any, rewritten: Any) -> None:
    found = records(life, "NEW_AND_OLD_IMAGES")
    record = pick(found, lambda it: it.new is not None and again(found, it)[-1] != it)
    assert rewritten(record._replace(new=other(record.new))) == {"I-7"}


def test_two_records_of_a_key_in_the_wrong_order(life: Any, damage: Any) -> None:
    """I-13 is seen as I-7: what the one leaves is not what the other finds."""
    found = records(life, "NEW_AND_OLD_IMAGES")
    first = pick(found, lambda it: it.event == "INSERT" and len(again(found, it)) > 1)
    same = again(found, first)
    second = same[same.index(first) + 1]
    swap = "UPDATE record SET body = CASE record_id WHEN ?1 THEN ?4 ELSE ?3 END"
    codes = damage(
        f"{swap} WHERE record_id IN (?1, ?2)",
        params=(first.record_id, second.record_id, first.body(), second.body()),
    )
    assert codes & {"I-6", "I-7"}


@pytest.mark.parametrize("view", ["KEYS_ONLY", "OLD_IMAGE", "NEW_IMAGE", "NEW_AND_OLD_IMAGES"])
def test_inserts_and_removals_take_turns_whatever_is_shown(
    life: Any, rewritten: Any, view: str
) -> None:
    found = records(life, view)
    record = pick(found, lambda it: it.event == "INSERT" and len(again(found, it)) > 1, last=True)
    newest = again(found, record)[-1]
    if newest.event == "REMOVE":
        newest = again(found, record)[-2]
    turned = newest._replace(event="REMOVE", new=None, old=newest.old if "OLD" in view else None)
    if "OLD" in view and turned.old is None:
        turned = turned._replace(old=newest.keys)
    assert rewritten(turned) & {"I-6", "I-7"}


def test_events_that_do_not_agree_with_their_images(life: Any, rewritten: Any) -> None:
    found = records(life, "NEW_AND_OLD_IMAGES")
    insert = pick(found, lambda it: it.event == "INSERT")
    modify = pick(found, lambda it: it.event == "MODIFY")
    remove = pick(found, lambda it: it.event == "REMOVE")
    assert "I-8" in rewritten(insert._replace(event="MODIFY"))
    assert "I-10" in rewritten(modify._replace(event="INSERT"))
    assert "I-10" in rewritten(remove._replace(new=remove.old))
    assert "I-8" in rewritten(remove._replace(old=None))
    assert "I-8" in rewritten(modify._replace(old=modify.new))
    assert "I-8" in rewritten(insert._replace(ttl=True))


def test_images_that_the_view_type_hides(life: Any, rewritten: Any) -> None:
    old_only = pick(records(life, "OLD_IMAGE"), lambda it: it.event == "MODIFY")
    assert rewritten(old_only._replace(new=old_only.old)) >= {"I-10"}
    new_only = pick(records(life, "NEW_IMAGE"), lambda it: it.event == "MODIFY")
    assert rewritten(new_only._replace(old=new_only.new)) >= {"I-10"}


def test_keys_that_are_not_those_of_the_images_or_not_of_the_shard(
    life: Any, rewritten: Any
) -> None:
    record = pick(records(life, "NEW_AND_OLD_IMAGES"), lambda it: it.event == "INSERT")
    moved = {**record.keys, "b": {"N": "12345"}}
    assert "I-10" in rewritten(record._replace(keys=moved))
    assert "I-10" in rewritten(record._replace(keys=other(record.keys)))
    assert "bytes" in rewritten(record._replace(keys={"a": record.keys["a"]}))
    codes = set()
    for number in range(40):
        keys = {**record.keys, "a": {"S": f"elsewhere{number}"}}
        codes |= rewritten(record._replace(keys=keys, new={**record.new, **keys}))
    assert "I-14" in codes


def test_a_size_that_is_not_that_of_its_content(life: Any, damage: Any) -> None:
    record = records(life, "NEW_AND_OLD_IMAGES")[0]
    body = bytearray(record.body())
    at = body.index(b"\xcd") if b"\xcd" in body[:5] else 3
    body[at + (body[at] == 0xCD)] ^= 1
    assert "bytes" in damage(REWRITE[0], params=(record.record_id, bytes(body)))


# ---- where the whole history is there ----


@pytest.fixture
def young() -> Any:
    """A store with a stream that began with its table, and one that began later."""
    clock = ManualClock()
    with streamstore.open(clock=clock, background=False) as store:
        schema: dict[str, Any] = {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
        }
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        store.client.create_table(TableName="whole", StreamSpecification=stream, **schema)
        store.client.create_table(TableName="late", **schema)
        for name in ("late", "whole"):
            for number in range(30):
                store.client.put_item(TableName=name, Item={"a": {"S": str(number)}})
        store.client.update_table(TableName="late", StreamSpecification=stream)
        for name in ("late", "whole"):
            for number in range(10):
                store.client.put_item(
                    TableName=name, Item={"a": {"S": str(number)}, "n": {"N": "1"}}
                )
        store.split_shard("whole")
        yield store


EXTRA = (
    (
        "INSERT INTO item (table_id, hash, pk, sk, size, body) SELECT table_id, ?1, ?2, x'', 2, ?3"
        " FROM table_def WHERE name = ?4"
    ),
    (
        "UPDATE partition SET item_count = item_count + 1, item_bytes = item_bytes + 2 WHERE"
        " partition_id = (SELECT min(partition_id) FROM partition JOIN table_def USING (table_id)"
        " WHERE name = ?4 AND retired_ms IS NULL) AND length(?1) + length(?2) + length(?3)"
    ),
)


@pytest.mark.parametrize(("name", "codes"), [("whole", {"I-6"}), ("late", set())])
def test_an_item_that_no_record_tells_of(young: Any, name: str, codes: set[str]) -> None:
    """It may be older than the stream, unless that began with an empty table and is all there."""
    from streamstore.codec.hashing import partition_hash

    assert check(young).clean
    item = {"a": {"S": "x"}}
    pk = b"Sx"
    with young.writer.holding(True) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for statement in EXTRA:
            connection.execute(statement, (partition_hash(pk), pk, pack(item), name)).fetchall()
        found = check_transaction(connection)
        connection.execute("ROLLBACK")
    assert {violation.code for violation in found} == codes


@pytest.mark.parametrize("keys_max", [1, 7, 50, 250_000])
def test_a_long_stream_is_walked_in_pieces_with_the_same_result(
    life: Any, young: Any, rewritten: Any, monkeypatch: pytest.MonkeyPatch, keys_max: int
) -> None:
    monkeypatch.setattr(chain, "CHECK_KEYS_MAX", keys_max)
    assert check(life.store).clean
    assert check(young).clean
    found = records(life, "NEW_AND_OLD_IMAGES")
    record = pick(found, lambda it: it.new is not None and again(found, it)[-1] != it)
    assert rewritten(record._replace(new=other(record.new))) == {"I-7"}


def test_numbers_are_remembered_within_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamstore.checking import records as module

    monkeypatch.setattr(module, "CHECK_NUMBER_BLOCKS_MAX", 2)
    numbers = Numbers()
    near, far, beyond = 1_700_000_000_000_001, 1_800_000_000_000_000, 2**62
    assert [numbers.seen(it) for it in (near, near + 1, near, far, far)] == [
        *(False, False, True, False, True)
    ]
    assert [numbers.seen(beyond), numbers.seen(beyond)] == [False, False]  # past the bound
