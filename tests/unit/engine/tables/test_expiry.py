"""Expiries: the second an item expires at, and rows that follow the items whatever is written."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec.items import unpack
from streamstore.codec.keys import decode
from streamstore.codec.numbers import normalise
from streamstore.engine.tables import ttl
from streamstore.engine.tables.expiry import expires_s


@pytest.mark.parametrize(
    "text",
    ["0", "1", "1700000000", "1700000000.5", "0.000001", "-1", "-0.5", "-1.5", "999999999999999"],
)
def test_the_second_is_the_number_rounded_up(text: str) -> None:
    assert expires_s({"e": {"N": normalise(text)}}, "e") == math.ceil(Decimal(text))


@pytest.mark.parametrize("text", ["1e15", "1e125", "-1e15", "-1e125", "1000000000000000.5"])
def test_a_number_out_of_all_reason_never_expires(text: str) -> None:
    assert expires_s({"e": {"N": normalise(text)}}, "e") is None


@pytest.mark.parametrize(
    "item",
    [
        None,
        {},
        {"other": {"N": "1"}},
        {"e": {"S": "1700000000"}},
        {"e": {"NS": ["1700000000"]}},
        {"e": {"M": {"e": {"N": "1"}}}},
        {"e": {"L": [{"N": "1"}]}},
        {"e": {"NULL": True}},
    ],
)
def test_what_is_no_top_level_number_never_expires(item: Any) -> None:
    assert expires_s(item, "e") is None


VALUES = st.sampled_from([None, {"N": "100"}, {"N": "100.5"}, {"N": "101"}, {"S": "x"}])
WRITES = st.lists(
    st.tuples(st.sampled_from(["put", "update", "delete", "remove"]), st.integers(0, 3), VALUES),
    max_size=12,
)


def rows(world: Any) -> list[tuple[int, str]]:
    found = world.rows("SELECT expires_s, pk FROM expiry ORDER BY expires_s, pk")
    return [(second, decode(pk)["S"]) for second, pk in found]


def expected(world: Any) -> list[tuple[int, str]]:
    made = []
    for (body,) in world.rows("SELECT body FROM item"):
        item = unpack(body)
        second = expires_s(item, "e")
        if second is not None:
            made.append((second, item["pk"]["S"]))
    return sorted(made)


def write(world: Any, kind: str, number: int, value: Any) -> None:
    key = {"pk": {"S": str(number)}, "sk": {"S": "s"}}
    if kind == "delete":
        world.do(world.delete_of(key))
    elif kind == "remove":
        world.do(world.update_of(key, "REMOVE e"))
    elif kind == "put" or value is None:
        world.put(key if value is None else {**key, "e": value})
    else:
        world.do(world.update_of(key, "SET e = :e", {":e": value}))


@settings(max_examples=60, deadline=None)
@given(before=WRITES, after=WRITES)
def test_rows_are_those_of_the_items_whatever_is_written(
    worlds: Any, before: Any, after: Any
) -> None:
    world = worlds()
    world.create()
    for each in before:
        write(world, *each)
    assert rows(world) == []
    world.run(lambda group: ttl.enable(group, group.find_table("t"), "e"))
    # Nothing is entered yet, so writes leave the rows alone until the filling has come to them.
    write(world, "put", 1, {"N": "100"})
    assert rows(world) == []
    while world.engine.catalog.table("t").ttl.filled_to is not None:
        world.run(ttl.ttl_tick)
    assert rows(world) == expected(world)
    world.reopen()
    for each in after:
        write(world, *each)
        assert rows(world) == expected(world)
