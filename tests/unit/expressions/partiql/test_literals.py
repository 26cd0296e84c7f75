"""Literals: an item spelt in PartiQL is the item that a request carries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec.attributes import read_attributes, read_value
from streamstore.errors import ValidationFailed
from streamstore.expressions.partiql.literals import item_of, value_of
from streamstore.expressions.partiql.statements import parse
from streamstore.expressions.partiql.tree import Insert

from .conftest import literal

names = st.text(alphabet="ab'é\U0001f600.\" -", min_size=1, max_size=4)
numbers = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(-1000, 1000, places=3, allow_nan=False).map(lambda n: f"{n:f}"),
    st.sampled_from(["1E2", "-2.5e-7", ".5", "0", "-0", "00012.500"]),
)
scalars = st.one_of(
    st.text(max_size=12).map(lambda text: {"S": text}),
    numbers.map(lambda number: {"N": number}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    st.lists(st.text(max_size=4), min_size=1, max_size=4, unique=True).map(lambda t: {"SS": t}),
    st.lists(st.integers(-50, 50).map(str), min_size=1, max_size=4, unique=True).map(
        lambda ns: {"NS": ns}
    ),
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(names, inner, max_size=3).map(lambda members: {"M": members}),
    ),
    max_leaves=8,
)


def inserted(text: str) -> Insert:
    statement = parse(text)
    assert isinstance(statement, Insert)
    return statement


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(names, values, max_size=5))
def test_an_item_spelt_out_is_the_item_of_a_request(item: Any) -> None:
    reading = item_of(inserted(f"INSERT INTO t VALUE {literal({'M': item})}").item, [])
    expected = read_attributes(item, base64_binary=False)
    assert (reading.values, reading.size) == (expected.values, expected.size)


@settings(max_examples=200, deadline=None)
@given(values)
def test_a_parameter_is_the_value_that_was_given(value: Any) -> None:
    given_value = read_value(value, base64_binary=False).value
    statement = inserted("INSERT INTO t VALUE {'a': ?}")
    assert item_of(statement.item, [given_value]).values == {"a": given_value}


@pytest.mark.parametrize("depth", [1, 31, 32, 33, 1000])
def test_the_levels_of_a_literal_are_those_of_a_request(depth: int) -> None:
    value: Any = {"S": "x"}
    for _ in range(depth):
        value = {"L": [value]}
    statement = inserted(f"INSERT INTO t VALUE {{'a': {'[' * depth}'x'{']' * depth}}}")
    fault = None
    if depth < 900:
        fault = read_attributes({"a": value}, base64_binary=False).fault
    if depth < 900 and fault is None:
        assert item_of(statement.item, []).values == {"a": value}
        return
    with pytest.raises(ValidationFailed, match="Nesting Levels have exceeded supported limits"):
        item_of(statement.item, [])


def test_a_value_by_itself_has_a_size() -> None:
    statement = inserted("INSERT INTO t VALUE ['abc', 1]")
    reading = value_of(statement.item, [])  # type: ignore[arg-type]
    assert (reading.value, reading.size) == ({"L": [{"S": "abc"}, {"N": "1"}]}, 10)
