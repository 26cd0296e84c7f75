"""What a request is about, told from its raw parameters; garbage is about nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.control.targets import Target, targets
from streamstore.store import Store

KEY = {"id": {"S": "a"}, "at": {"N": "01.0"}}
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
STREAM = f"{ARN}/stream/2026-11-24T00:00:00.000"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"TableName": "orders"}, [("orders", None)]),
        ({"TableName": ARN}, [("orders", None)]),
        ({"TableName": "nowhere", "Key": KEY}, [("nowhere", None)]),
        ({"TableName": "orders", "Key": KEY}, [("orders", "a/1")]),
        ({"TableName": ARN, "Key": KEY}, [("orders", "a/1")]),
        ({"TableName": "orders", "Item": {**KEY, "x": {"S": "y"}}}, [("orders", "a/1")]),
        ({"TableName": "orders", "Item": {"id": {"S": "a"}}}, [("orders", None)]),
        ({"TableName": "orders", "Key": {"id": {"S": "a"}, "at": {"N": "x"}}}, [("orders", None)]),
        ({"StreamArn": STREAM}, [("orders", None)]),
        ({"ShardIterator": f"{STREAM}|1|abc"}, [("orders", None)]),
        ({}, [(None, None)]),
        (
            {"RequestItems": {"orders": {"Keys": [KEY, KEY]}, "nowhere": {"Keys": [KEY]}}},
            [("orders", "a/1"), ("orders", "a/1"), ("nowhere", None)],
        ),
        (
            {
                "RequestItems": {
                    "orders": [{"PutRequest": {"Item": KEY}}, {"DeleteRequest": {"Key": KEY}}]
                }
            },
            [("orders", "a/1"), ("orders", "a/1")],
        ),
        (
            {
                "TransactItems": [
                    {"Put": {"TableName": "orders", "Item": KEY}},
                    {"Get": {"TableName": "other", "Key": KEY}},
                ]
            },
            [("orders", "a/1"), ("other", None)],
        ),
        ({"Statement": 'SELECT * FROM "orders" WHERE id = ?'}, [("orders", None)]),
        ({"Statement": "SELECT * FROM"}, [(None, None)]),
        ({"Statement": "SELECT * FROM orders" + " " * 8192}, [(None, None)]),
        (
            {
                "Statements": [
                    {"Statement": "DELETE FROM orders"},
                    {"Statement": "CREATE TABLE x"},
                    {"Statement": f'UPDATE "{ARN}" SET a = 1'},
                ]
            },
            [("orders", None), ("orders", None)],
        ),
        (
            {"TransactStatements": [{"Statement": "INSERT INTO other VALUE {}"}]},
            [("other", None)],
        ),
    ],
)
def test_tables_and_keys_are_found_in_every_shape_of_request(
    store: Store, params: dict[str, Any], expected: list[tuple[str | None, str | None]]
) -> None:
    assert targets(params, store.engine.catalog) == [Target(*each) for each in expected]


def test_a_binary_key_reads_alike_from_both_doors(store: Store) -> None:
    store.client.create_table(
        TableName="blobs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "b", "AttributeType": "B"}],
        KeySchema=[{"AttributeName": "b", "KeyType": "HASH"}],
    )
    for spelt in (b"\x00\x01", bytearray(b"\x00\x01"), "AAE="):
        params = {"TableName": "blobs", "Key": {"b": {"B": spelt}}}
        assert targets(params, store.engine.catalog) == [Target("blobs", "AAE=")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["TableName", "Key", "Item", "Keys", "Put", "PutRequest", "id", "at", "S"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
MEMBERS = (
    "TableName",
    "StreamArn",
    "ShardIterator",
    "Key",
    "Item",
    "RequestItems",
    "TransactItems",
)


@given(JSON | st.dictionaries(st.sampled_from(MEMBERS), JSON | st.just("orders")))
def test_whatever_comes_in_is_about_something_or_nothing_and_never_raises(params: Any) -> None:
    class Catalog:
        @staticmethod
        def find(name: str) -> Any:
            return TABLES.get(name)

    found = targets(params, Catalog)  # type: ignore[arg-type]
    assert found
    assert all(isinstance(each, Target) for each in found)


class _Keys:
    names = ("id", "at")


class _Table:
    keys = _Keys


TABLES = {"orders": _Table}
