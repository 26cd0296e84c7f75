"""Whether a read is long is known from the reads before it, and forgotten after a while."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.operations import registry
from streamstore.operations.items.reading import Lengths


def test_a_page_is_taken_for_short_until_one_was_long() -> None:
    lengths = Lengths()
    source = ("uuid", None)
    assert not lengths.long(source)
    lengths.note(source, 1000)
    assert not lengths.long(source)
    lengths.note(source, 1_000_000)
    assert lengths.long(source)
    assert not lengths.long(("uuid", "index"))
    short = 0
    while lengths.long(source):
        lengths.note(source, 100)
        short += 1
    assert 10 <= short <= 30


def test_what_is_remembered_is_bounded() -> None:
    lengths = Lengths()
    for number in range(10_000):
        lengths.note((str(number), None), 1_000_000)
    assert len(lengths._recent) <= 4096
    assert lengths.long(("9999", None))


def _long(desk: Any, operation: str, **params: Any) -> bool:
    plan: Any = registry.prepare(operation, params, desk.scope)
    return bool(plan.long)


@pytest.mark.parametrize(("limit", "long"), [(None, True), (100, True), (25, False), (1, False)])
def test_a_scan_is_long_unless_its_limit_is_small(shop: Any, limit: int | None, long: bool) -> None:
    limits = {} if limit is None else {"Limit": limit}
    assert _long(shop, "Scan", TableName="solo", **limits) is long


def test_a_query_is_long_after_a_long_one_of_the_same_table(shop: Any) -> None:
    query = {
        "TableName": "tab",
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "p"}},
    }
    for n in range(3):
        item = {"pk": {"S": "p"}, "sk": {"S": str(n)}, "x": {"S": "x" * 100_000}}
        shop.ask("PutItem", TableName="tab", Item=item)
    assert not _long(shop, "Query", **query)
    shop.ask("Query", **query)
    assert _long(shop, "Query", **query)
    assert not _long(shop, "Query", **query, Limit=10)
