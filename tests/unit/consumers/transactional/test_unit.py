"""A unit of work commits whole or not at all, and only if all that it read still is so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import streamstore
from streamstore import limits
from streamstore.client.exceptions import ClientError
from streamstore.consumers.transactional import UnitOfWork, unit_of_work
from streamstore.consumers.transactional.running import commit
from streamstore.errors import ConsumerError, UnitConflict, UnitTooLarge

KEY = {"p": "a", "s": 1}
Step = Callable[[Any], Any]


def put(client: Any, p: str = "a", s: int = 1, **rest: Any) -> None:
    client.table("things").put_item(Item={"p": p, "s": s, **rest})


def get(client: Any, p: str = "a", s: int = 1) -> Any:
    return client.table("things").get_item(Key={"p": p, "s": s}).get("Item")


def query(client: Any, **more: Any) -> Any:
    given = {
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": "a"},
        **more,
    }
    return client.table("things").query(**given)["Items"]


def by_g(client: Any) -> Any:
    return query(
        client,
        IndexName="by-g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": "x"},
    )


def update(client: Any, expression: str, value: int = 1, **more: Any) -> Any:
    return client.table("things").update_item(
        Key=KEY, UpdateExpression=expression, ExpressionAttributeValues={":v": value}, **more
    )


def failing(client: Any) -> None:
    with pytest.raises(ClientError):
        client.table("things").put_item(Item=KEY, ConditionExpression="attribute_not_exists(p)")


def delete(client: Any) -> None:
    client.table("things").delete_item(Key=KEY)


def no_such_table(unit: UnitOfWork) -> None:
    with pytest.raises(unit.exceptions.ResourceNotFoundException):
        unit.scan(TableName="later")


def make_later(store: streamstore.Store, name: str = "later") -> None:
    store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )


def drop_and_make(store: streamstore.Store) -> None:
    store.client.delete_table(TableName="counters")
    make_later(store, "counters")


def drop_index(store: streamstore.Store) -> None:
    store.client.update_table(
        TableName="things", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-g"}}]
    )


CONFLICTS: list[tuple[str, Step, Step]] = [
    ("an item that was read", get, lambda store: update(store, "SET n = :v")),
    ("an item that was read and went", get, delete),
    ("an absence that was read", lambda u: get(u, "z"), lambda store: put(store, "z")),
    ("an item of a batch", lambda u: u.batch_get_item(
        RequestItems={"things": {"Keys": [{"p": {"S": "a"}, "s": {"N": "1"}}]}}
    ), lambda store: update(store, "SET n = :v")),
    ("a row of a query", query, lambda store: update(store, "SET n = :v")),
    ("the end of a query", query, lambda store: put(store, s=9)),
    ("a gap before a page's end", lambda u: query(u, Limit=2), lambda store: put(store, s=2)),
    ("a row that a filter dropped", lambda u: query(u, FilterExpression="n > :p"),
     lambda store: update(store, "SET n = :v")),
    ("an entry of an index", by_g, lambda store: update(store, "SET v = :v")),
    ("the end of an index", by_g, lambda store: put(store, "q", 7, g="x", h=1)),
    ("the item behind an entry", lambda u: query(u, IndexName="by-l", Select="ALL_ATTRIBUTES"),
     lambda store: update(store, "SET n = :v")),
    ("a scan", lambda u: u.scan(TableName="things"), lambda store: put(store, "zz", 1)),
    ("a condition that was false", failing, delete),
    ("a value that an update returned",
     lambda u: update(u, "ADD n :v", ReturnValues="ALL_NEW"),
     lambda store: update(store, "ADD n :v")),
    ("a value that was read after a blind update",
     lambda u: (update(u, "ADD n :v"), get(u)), lambda store: update(store, "ADD n :v")),
    ("what a query showed of a blind update",
     lambda u: (update(u, "ADD n :v"), query(u, Limit=1)),
     lambda store: update(store, "ADD n :v")),
    ("a condition that was true",
     lambda u: update(u, "SET n = :v", ConditionExpression="attribute_exists(p)"), delete),
    ("a table that was not there", no_such_table, make_later),
    ("a table made anew", lambda u: u.scan(TableName="counters"), drop_and_make),
    ("a table written to and made anew",
     lambda u: u.put_item(TableName="counters", Item={"id": {"S": "1"}}), drop_and_make),
    ("an index that went", by_g, drop_index),
]  # fmt: skip


@pytest.mark.parametrize(
    ("did", "meanwhile"), [each[1:] for each in CONFLICTS], ids=[each[0] for each in CONFLICTS]
)
def test_a_unit_whose_reads_have_changed_commits_nothing(
    store: streamstore.Store, did: Step, meanwhile: Step
) -> None:
    put(store, g="x", h=1, l="m")
    put(store, s=3)
    unit = UnitOfWork(store)
    did(unit)
    put(unit, "written", 1)
    meanwhile(store)
    with pytest.raises(UnitConflict):
        commit(store, unit)
    assert get(store, "written") is None


@pytest.mark.parametrize(
    ("did", "meanwhile"),
    [
        (lambda u: update(u, "ADD n :v"), lambda store: update(store, "ADD n :v")),
        (lambda u: put(u, n=5), lambda store: update(store, "ADD n :v")),
        (delete, lambda store: update(store, "ADD n :v")),
        (get, lambda store: put(store, s=3, n=1)),
        (lambda u: query(u, Limit=1), lambda store: put(store, s=9)),
        (get, lambda store: (delete(store), put(store, g="x", h=1, l="m"))),
        (query, lambda store: put(store, "b", 1)),
        (get, lambda store: store.split_shard("things")),
    ],
    ids=[
        "two blind additions", "a blind put", "a blind deletion", "another item",
        "beyond a page's end", "changed and changed back", "another partition", "a split",
    ],
)  # fmt: skip
def test_what_it_did_not_see_is_no_conflict(
    store: streamstore.Store, did: Step, meanwhile: Step
) -> None:
    put(store, g="x", h=1, l="m")
    put(store, s=3)
    unit = UnitOfWork(store)
    did(unit)
    put(unit, "written", 1)
    meanwhile(store)
    commit(store, unit)
    assert get(store, "written") == {"p": "written", "s": 1}


def test_two_blind_additions_add_up(store: streamstore.Store) -> None:
    units = [UnitOfWork(store) for _ in range(3)]
    for unit in units:
        update(unit, "ADD n :v", 5)
        update(unit, "ADD n :v", 2)
    for unit in units:
        commit(store, unit)
    assert get(store)["n"] == 21


def test_its_writes_make_the_records_that_they_would_have_made(store: streamstore.Store) -> None:
    with unit_of_work(store) as unit:
        counters = unit.table("counters")
        counters.put_item(Item={"id": "a", "n": 1})
        counters.put_item(Item={"id": "a", "n": 1})
        counters.update_item(
            Key={"id": "a"}, UpdateExpression="ADD n :v", ExpressionAttributeValues={":v": 1}
        )
        counters.delete_item(Key={"id": "b"})
        assert store.table("counters").scan()["Items"] == []
    with store.follow("counters", "trim-horizon") as follower:
        names = [record["eventName"] for record in follower.page(0)]
    assert names == ["INSERT", "MODIFY"]


def test_reads_of_one_key_give_the_same_answer_until_the_end(store: streamstore.Store) -> None:
    put(store, n=1)
    unit = UnitOfWork(store)
    first = get(unit)
    put(store, n=2)
    assert get(unit) == first
    with pytest.raises(UnitConflict):
        commit(store, unit)


def transact(client: Any, *actions: tuple[str, dict[str, Any]], **more: Any) -> Any:
    items = [{kind: {"TableName": "things", **asked}} for kind, asked in actions]
    return client.transact_write_items(TransactItems=items, **more)


def put_of(p: str, s: int = 1, **asked: Any) -> tuple[str, dict[str, Any]]:
    return "Put", {"Item": {"p": {"S": p}, "s": {"N": str(s)}}, **asked}


def there(p: str) -> tuple[str, dict[str, Any]]:
    """A check that the item is there, which tells what there is if it isn't so."""
    return "ConditionCheck", {
        "Key": {"p": {"S": p}, "s": {"N": "1"}},
        "ConditionExpression": "attribute_exists(p) AND attribute_not_exists(broken)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def test_a_transaction_in_a_unit_sees_its_writes_and_commits_with_it(
    store: streamstore.Store,
) -> None:
    put(store, "committed")
    add = {
        "Key": {"p": {"S": "own"}, "s": {"N": "1"}},
        "UpdateExpression": "ADD n :v",
        "ExpressionAttributeValues": {":v": {"N": "2"}},
        "ConditionExpression": "attribute_exists(p)",
    }
    with unit_of_work(store) as unit:
        put(unit, "own", n=40)
        reply = transact(unit, put_of("new"), ("Update", add), there("committed"))
        assert set(reply) == {"ResponseMetadata"}
        assert get(unit, "own")["n"] == 42
        assert get(store, "new") is None
    assert (get(store, "own")["n"], get(store, "new")) == (42, {"p": "new", "s": 1})


def test_a_cancelled_transaction_leaves_the_unit_as_it_was(store: streamstore.Store) -> None:
    put(store, "old", broken=1)
    put(store, "hidden")
    with unit_of_work(store) as unit:
        put(unit, "own", n=1)
        with pytest.raises(unit.exceptions.TransactionCanceledException) as cancelled:
            transact(
                unit,
                put_of("own", ConditionExpression="attribute_exists(p)"),
                put_of("new"),
                there("old"),
                put_of("own", 2, ConditionExpression="attribute_exists(p)"),
                put_of("hidden", ConditionExpression="attribute_not_exists(p)"),
            )
        reasons = cancelled.value.response["CancellationReasons"]
        assert [(each["Code"], each.get("Item")) for each in reasons] == [
            ("None", None),
            ("None", None),
            ("ConditionalCheckFailed",
             {"p": {"S": "old"}, "s": {"N": "1"}, "broken": {"N": "1"}}),
            ("ConditionalCheckFailed", None),
            ("ConditionalCheckFailed", None),
        ]  # fmt: skip
        assert get(unit, "own") == {"p": "own", "s": 1, "n": 1}
        assert get(unit, "new") is None
    assert get(store, "own") == {"p": "own", "s": 1, "n": 1}
    assert get(store, "new") is None


def cancelled_by_absence(unit: UnitOfWork) -> None:
    with pytest.raises(ClientError):
        transact(unit, put_of("new"), there("none"))


@pytest.mark.parametrize(
    "did",
    [lambda unit: transact(unit, put_of("new"), there("a")), cancelled_by_absence],
    ids=["a check that held", "a check that did not"],
)
def test_what_a_transaction_was_judged_by_must_still_be_so(
    store: streamstore.Store, did: Step
) -> None:
    put(store)
    unit = UnitOfWork(store)
    did(unit)
    put(unit, "written", 1)
    delete(store)
    put(store, "none")
    with pytest.raises(UnitConflict):
        commit(store, unit)
    assert get(store, "written") is None


def test_a_transaction_costs_twice_and_takes_no_token(store: streamstore.Store) -> None:
    unit = UnitOfWork(store)
    with pytest.raises(ConsumerError, match="commits once"):
        transact(unit, put_of("new"), ClientRequestToken="token")
    transact(unit, put_of("new"), there_not("none"))
    commit(store, unit)
    assert list(store.metrics.meters["things"].writes) == [2, 2]


def there_not(p: str) -> tuple[str, dict[str, Any]]:
    kind, asked = there(p)
    return kind, {**asked, "ConditionExpression": "attribute_not_exists(p)"}


def many(unit: UnitOfWork, count: int, size: int = 1) -> None:
    for number in range(count):
        unit.table("things").put_item(Item={"p": "many", "s": number, "v": "x" * size})


LIMITS: list[tuple[str, str, Callable[[UnitOfWork], None]]] = [
    ("read", "items read", lambda u: [get(u, "none", n) for n in range(1001)] and None),
    ("read", "items read", lambda u: u.table("full").scan() and None),
    ("written", "items written", lambda u: many(u, 1001)),
    ("bytes", "bytes read and written", lambda u: many(u, 11, 390_000)),
    ("bytes", "bytes read and written", lambda u: [
        u.table("large").get_item(Key={"id": str(n)}) for n in range(12)
    ] and None),
    ("bytes", "bytes read and written", lambda u: [
        update(u, "SET n = :v", n) for n in range(9000)
    ] and None),
]  # fmt: skip


@pytest.mark.parametrize(("bound", "text", "work"), LIMITS)
def test_a_unit_that_is_too_large_says_in_what_and_commits_nothing(
    store: streamstore.Store, bound: str, text: str, work: Callable[[UnitOfWork], None]
) -> None:
    make_later(store, "full")
    make_later(store, "large")
    if text == "items read":
        requests = [{"PutRequest": {"Item": {"id": {"S": str(n)}}}} for n in range(1001)]
        for at in range(0, 1001, 25):
            store.client.batch_write_item(RequestItems={"full": requests[at : at + 25]})
    if bound == "bytes":
        for n in range(12):
            store.table("large").put_item(Item={"id": str(n), "v": "x" * 390_000})
    unit = UnitOfWork(store)
    with pytest.raises(UnitTooLarge, match=text) as refused:
        work(unit)
    assert refused.value.bound == bound
    # Whoever swallows it does not get half of his writes committed.
    with pytest.raises(UnitTooLarge):
        commit(store, unit)
    assert store.table("things").scan()["Items"] == []


def test_a_unit_holds_as_much_as_it_may(store: streamstore.Store) -> None:
    with unit_of_work(store) as unit:
        for number in range(limits.UNIT_ITEMS_READ_MAX):
            get(unit, "none", number)
        many(unit, limits.UNIT_ITEMS_WRITTEN_MAX, 2000)
        # A further write of an item that was written counts its bytes only.
        many(unit, 1)
    assert store.table("things").scan(Select="COUNT")["Count"] > 400


def test_a_unit_is_over_with_its_block_and_refuses_what_it_has_not(
    store: streamstore.Store,
) -> None:
    with unit_of_work(store) as unit:
        with pytest.raises(ConsumerError, match="no DeleteTable"):
            unit.delete_table(TableName="things")
        put(unit)
    with pytest.raises(ConsumerError, match="over"):
        get(unit)


def test_a_block_that_raises_writes_nothing(store: streamstore.Store) -> None:
    def interrupted() -> None:
        with unit_of_work(store) as unit:
            put(unit)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        interrupted()
    assert get(store) is None


def test_no_user_code_runs_and_no_transaction_is_open_between_calls(
    store: streamstore.Store,
) -> None:
    with unit_of_work(store) as unit:
        put(unit, n=1)
        query(unit)
        assert store.readers.oldest_seconds() == 0.0
        # The writer's lock is free: another write commits meanwhile.
        put(store, "other", 1)
    assert get(store, "other") is not None


def test_paginators_and_native_values_work_in_a_unit(store: streamstore.Store) -> None:
    with unit_of_work(store) as unit:
        many(unit, 5)
        pages = unit.get_paginator("query").paginate(
            TableName="things",
            KeyConditionExpression="p = :p",
            ExpressionAttributeValues={":p": {"S": "many"}},
            PaginationConfig={"PageSize": 2},
        )
        assert [len(page["Items"]) for page in pages] == [2, 2, 1]
