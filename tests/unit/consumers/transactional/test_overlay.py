"""A unit sees what it would see if its writes had been made: the same calls with the same answers.

One store gets the calls directly, its twin in a unit. Every answer is compared, pages of tables and
of indexes in both directions included, and after the commit every item.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import streamstore
from streamstore.client.exceptions import ClientError
from streamstore.clock import ManualClock
from streamstore.consumers.transactional import UnitOfWork
from streamstore.consumers.transactional.running import commit

from .conftest import make_tables

Call = tuple[str, dict[str, Any]]

PARTITIONS = st.sampled_from(["a", "b"])
PLACES = st.integers(0, 3)
KEYS = st.builds(lambda p, s: {"p": {"S": p}, "s": {"N": str(s)}}, PARTITIONS, PLACES)
# Small, and large enough to lie out of line.
VALUES = st.sampled_from(["", "v", "w" * 900])
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "g": st.sampled_from([{"S": "x"}, {"S": "y"}]),
        "h": st.sampled_from([{"N": "1"}, {"N": "2"}]),
        "l": st.sampled_from([{"S": "m"}, {"S": "n"}]),
        "v": VALUES.map(lambda value: {"S": value}),
        "n": st.sampled_from([{"N": "1"}, {"N": "7"}]),
    },
)
CONDITIONS = st.sampled_from([None, "attribute_exists(p)", "attribute_not_exists(p)", "n > n"])
OLD = st.sampled_from(["NONE", "ALL_OLD"])
ALL = st.sampled_from(["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"])
UPDATES = st.sampled_from(
    [
        ("ADD n :n", {":n": {"N": "1"}}),
        ("SET g = :g, h = if_not_exists(h, :h)", {":g": {"S": "x"}, ":h": {"N": "2"}}),
        ("REMOVE l, v", None),
        ("SET l = :l", {":l": {"S": "n"}}),
        ("ADD v :n", {":n": {"N": "1"}}),  # fails where v is a string
    ]
)


def params(**given: Any) -> dict[str, Any]:
    return {"TableName": "things"} | {
        name: each for name, each in given.items() if each is not None
    }


PUTS = st.builds(
    lambda key, rest, condition, old: (
        "PutItem",
        params(Item={**rest, **key}, ConditionExpression=condition, ReturnValues=old),
    ),
    KEYS, ATTRIBUTES, CONDITIONS, OLD,
)  # fmt: skip
DELETES = st.builds(
    lambda key, condition, old: (
        "DeleteItem",
        params(Key=key, ConditionExpression=condition, ReturnValues=old),
    ),
    KEYS, CONDITIONS, OLD,
)  # fmt: skip
UPDATING = st.builds(
    lambda key, update, mode: (
        "UpdateItem",
        params(
            Key=key, UpdateExpression=update[0], ExpressionAttributeValues=update[1],
            ReturnValues=mode,
        ),
    ),
    KEYS, UPDATES, ALL,
)  # fmt: skip
BATCHES = st.builds(
    lambda puts: (
        "BatchWriteItem",
        {
            "RequestItems": {
                "things": [
                    {"PutRequest": {"Item": {**rest, **key}}}
                    if rest is not None
                    else {"DeleteRequest": {"Key": key}}
                    for key, rest in {str(key): (key, rest) for key, rest in puts}.values()
                ]
            }
        },
    ),
    st.lists(st.tuples(KEYS, st.none() | ATTRIBUTES), min_size=1, max_size=4),
)
GETS = KEYS.map(lambda key: ("GetItem", params(Key=key)))
BATCH_GETS = st.lists(KEYS, min_size=1, max_size=3, unique_by=str).map(
    lambda keys: ("BatchGetItem", {"RequestItems": {"things": {"Keys": keys}}})
)
LIMITS = st.none() | st.integers(1, 4)
QUERIES = st.builds(
    lambda p, low, limit, forward: (
        "Query",
        params(
            KeyConditionExpression="p = :p AND s >= :s",
            ExpressionAttributeValues={":p": {"S": p}, ":s": {"N": str(low)}},
            Limit=limit,
            ScanIndexForward=forward,
        ),
    ),
    PARTITIONS, PLACES, LIMITS, st.booleans(),
)  # fmt: skip
INDEX_QUERIES = st.builds(
    lambda index, key, limit, forward, select: (
        "Query",
        params(
            IndexName=index,
            KeyConditionExpression=f"{'g' if index == 'by-g' else 'p'} = :k",
            ExpressionAttributeValues={":k": {"S": key if index != "by-g" else "x"}},
            Limit=limit,
            ScanIndexForward=forward,
            Select=select if index == "by-l" else None,
        ),
    ),
    st.sampled_from(["by-g", "by-l", "by-h"]), PARTITIONS, LIMITS, st.booleans(),
    st.sampled_from([None, "ALL_ATTRIBUTES", "COUNT"]),
)  # fmt: skip
SCANS = st.builds(
    lambda index, limit, segment, filtered: (
        "Scan",
        params(
            IndexName=index,
            Limit=limit,
            Segment=segment,
            TotalSegments=None if segment is None else 2,
            FilterExpression="attribute_exists(v)" if filtered else None,
        ),
    ),
    st.sampled_from([None, "by-g", "by-l", "by-h"]), LIMITS, st.none() | st.integers(0, 1),
    st.booleans(),
)  # fmt: skip
WRITES = st.one_of(PUTS, PUTS, DELETES, UPDATING, UPDATING, BATCHES)
READS = st.one_of(GETS, BATCH_GETS, QUERIES, INDEX_QUERIES, SCANS)


def answer(client: Any, call: Call) -> Any:
    """The reply, or the error's words; a page is read to its end."""
    operation, given = call
    pages: list[Any] = []
    while len(pages) < 50:
        try:
            reply = client.make_api_call(operation, dict(given))
        except ClientError as error:
            return [*pages, {**error.response, "ResponseMetadata": None}]
        del reply["ResponseMetadata"]
        pages.append(reply)
        if "LastEvaluatedKey" not in reply:
            return pages
        given = {**given, "ExclusiveStartKey": reply["LastEvaluatedKey"]}
    raise AssertionError(f"{call} has no last page")


# Every page of one and of two, forward and backward: where a page ends is where errors hide.
SURVEY: list[Call] = [
    (
        "Query",
        params(
            IndexName=index,
            KeyConditionExpression=f"{'g' if index == 'by-g' else 'p'} = :k",
            ExpressionAttributeValues={":k": {"S": "x" if index == "by-g" else partition}},
            Limit=limit,
            ScanIndexForward=forward,
        ),
    )
    for index in (None, "by-g", "by-l", "by-h")
    for partition in ("a", "b")
    for limit in (1, 2)
    for forward in (True, False)
] + [("Scan", params(IndexName=index, Limit=1)) for index in (None, "by-g", "by-l", "by-h")]


def everything(store: streamstore.Store) -> Any:
    return [
        answer(store.client, ("Scan", params(IndexName=index)))
        for index in (None, "by-g", "by-l", "by-h")
    ]


@settings(max_examples=100, deadline=None)
@given(before=st.lists(WRITES, max_size=8), calls=st.lists(WRITES | READS, max_size=16))
def test_a_unit_answers_as_a_store_in_which_its_writes_were_made(
    before: list[Call], calls: list[Call]
) -> None:
    with (
        streamstore.open(":memory:", clock=ManualClock(), background=False) as plain,
        streamstore.open(":memory:", clock=ManualClock(), background=False) as store,
    ):
        for each in (plain, store):
            make_tables(each)
            for call in before:
                answer(each.client, call)
        unit = UnitOfWork(store)
        untouched = everything(store)
        for call in calls:
            assert answer(unit, call) == answer(plain.client, call), call
        for call in SURVEY:
            assert answer(unit, call) == answer(plain.client, call), call
        assert everything(store) == untouched
        commit(store, unit)
        assert everything(store) == everything(plain)
