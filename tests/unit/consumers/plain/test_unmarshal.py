"""Records as Python values: every type, every spelling of a record, numbers by choice."""

from __future__ import annotations

import base64
import copy
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import Binary
from hypothesis import given
from hypothesis import strategies as st

import streamstore
from streamstore.consumers.plain import int_or_float, unmarshal
from streamstore.table import to_item

RAW = b"\x00\xffab"
TEXT = base64.b64encode(RAW).decode()


def record(**images: Any) -> dict[str, Any]:
    return {"eventID": "1", "eventName": "MODIFY", "dynamodb": {"SizeBytes": 9, **images}}


def test_a_record_keeps_everything_but_its_images_which_become_native() -> None:
    given_record = record(
        Keys={"id": {"S": "a"}},
        NewImage={
            "id": {"S": "a"},
            "n": {"N": "12.50"},
            "b": {"B": TEXT},
            "flag": {"BOOL": False},
            "none": {"NULL": True},
            "ss": {"SS": ["x", "y"]},
            "ns": {"NS": ["1", "2.5"]},
            "bs": {"BS": [TEXT]},
            "m": {"M": {"l": {"L": [{"N": "1"}, {"M": {}}]}}},
        },
    )
    before = copy.deepcopy(given_record)
    assert unmarshal(given_record) == record(
        Keys={"id": "a"},
        NewImage={
            "id": "a",
            "n": Decimal("12.50"),
            "b": RAW,
            "flag": False,
            "none": None,
            "ss": {"x", "y"},
            "ns": {Decimal(1), Decimal("2.5")},
            "bs": {RAW},
            "m": {"l": [Decimal(1), {}]},
        },
    )
    assert given_record == before


@pytest.mark.parametrize("binary", [TEXT, RAW, bytearray(RAW), Binary(RAW)])
def test_binary_is_bytes_in_every_spelling_of_a_record(binary: Any) -> None:
    assert unmarshal(record(Keys={"b": {"B": binary}}))["dynamodb"]["Keys"] == {"b": RAW}


@pytest.mark.parametrize(
    ("text", "native"),
    [("1", 1), ("1.0", 1), ("-0", 0), ("1E+2", 100), ("0.1", 0.1), ("1E-130", 1e-130)],
)
def test_numbers_may_be_int_or_float(text: str, native: float) -> None:
    images = record(Keys={"n": {"N": text}, "s": {"NS": [text]}})
    keys = unmarshal(images, numbers=int_or_float)["dynamodb"]["Keys"]
    assert keys == {"n": native, "s": {native}}
    assert type(keys["n"]) is type(native)
    assert unmarshal(images, numbers=str)["dynamodb"]["Keys"]["n"] == text


def test_an_event_gives_the_list_of_its_records() -> None:
    one, other = record(Keys={"a": {"S": "x"}}), record(Keys={"a": {"S": "y"}})
    for found in ({"Records": [one, other]}, [one, other], (one, other)):
        names = [each["dynamodb"]["Keys"]["a"] for each in unmarshal(found)]
        assert names == ["x", "y"]


@pytest.mark.parametrize("value", [{}, {"S": "a", "N": "1"}, {"Q": 1}, "a", {"N": "x"}, {"B": "?"}])
def test_what_is_no_attribute_value_is_refused_by_its_path(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^OldImage\.a holds no attribute value"):
        unmarshal(record(OldImage={"a": value}))


def test_it_is_at_the_top_of_the_package() -> None:
    assert streamstore.unmarshal is unmarshal


NATIVE = st.recursive(
    st.one_of(
        st.text(max_size=4),
        st.booleans(),
        st.none(),
        st.binary(max_size=4),
        st.integers(-99, 99).map(Decimal),
        st.sets(st.text(max_size=3), min_size=1, max_size=3),
        st.sets(st.binary(max_size=3), min_size=1, max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=3), NATIVE, max_size=4))
def test_it_is_the_inverse_of_what_a_table_stores(item: dict[str, Any]) -> None:
    assert unmarshal(record(NewImage=to_item(item)))["dynamodb"]["NewImage"] == item
