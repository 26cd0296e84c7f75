"""Native values become what boto3 makes of them, and come back."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from streamstore.table import from_item, from_value, to_item, to_value


def _fits(number: Decimal) -> bool:
    # boto3's own bounds refuse what lies outside; those are tried apart.
    return -120 <= number.adjusted() <= 120 and len(number.as_tuple().digits) <= 38


numbers = st.integers(-(10**37), 10**37) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30
).filter(_fits)
scalars = st.text() | numbers | st.binary() | st.booleans() | st.none()
sets = st.one_of(
    st.sets(st.text(), min_size=1), st.sets(numbers, min_size=1), st.sets(st.binary(), min_size=1)
)
natives = st.recursive(
    scalars | sets,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def _unordered(value: Any) -> Any:
    """An attribute value with its sets as sets."""
    ((kind, payload),) = value.items()
    if kind in ("SS", "NS", "BS"):
        return kind, frozenset(payload)
    if kind == "L":
        return kind, [_unordered(each) for each in payload]
    if kind == "M":
        return kind, {name: _unordered(each) for name, each in payload.items()}
    return value


@given(natives)
def test_a_native_value_becomes_what_boto3_makes_of_it_and_comes_back(native: Any) -> None:
    ours, theirs = to_value(native), TypeSerializer().serialize(native)
    assert _unordered(ours) == _unordered(theirs)
    assert from_value(ours) == native == TypeDeserializer().deserialize(theirs)


@given(st.dictionaries(st.text(), natives))
def test_an_item_comes_back(native: dict[str, Any]) -> None:
    assert from_item(to_item(native)) == native


class Colour(IntEnum):
    RED = 7


class Text(str):
    pass


@pytest.mark.parametrize(
    ("native", "value"),
    [
        (True, {"BOOL": True}),
        (Colour.RED, {"N": "7"}),
        (Text("a"), {"S": "a"}),
        ((1, "a"), {"L": [{"N": "1"}, {"S": "a"}]}),
        (frozenset({"a"}), {"SS": ["a"]}),
        (bytearray(b"a"), {"B": b"a"}),
        (Binary(b"a"), {"B": b"a"}),
        ({Binary(b"a")}, {"BS": [b"a"]}),
        (set(), {"NS": []}),
        (Decimal("1.50"), {"N": "1.50"}),
    ],
)
def test_unusual_natives(native: Any, value: dict[str, Any]) -> None:
    assert to_value(native) == value


@pytest.mark.parametrize(
    ("native", "words"),
    [
        (1.5, "Float types are not supported. Use Decimal types instead."),
        ([{"a": 1.5}], "Float types are not supported. Use Decimal types instead."),
        (Decimal("Infinity"), "Infinity and NaN not supported"),
        (Decimal("NaN"), "Infinity and NaN not supported"),
        (object, "Unsupported type \"<class 'type'>\""),
        ({1.5}, "Unsupported type \"<class 'set'>\""),
        ({"a", 1}, "Unsupported type \"<class 'set'>\""),
        ({True}, "Unsupported type \"<class 'set'>\""),
    ],
)
def test_what_has_no_counterpart_is_a_type_error(native: Any, words: str) -> None:
    with pytest.raises(TypeError) as caught:
        to_value(native)
    assert words in str(caught.value)


@pytest.mark.parametrize("native", [Decimal("1." + "1" * 38), Decimal("1E127"), 10**40])
def test_a_number_that_would_be_rounded_raises_as_with_boto3(native: Any) -> None:
    with pytest.raises(ArithmeticError) as theirs:
        TypeSerializer().serialize(native)
    with pytest.raises(type(theirs.value)):
        to_value(native)
