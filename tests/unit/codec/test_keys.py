"""Key blobs: byte order is value order, values come back, prefixes bound ranges."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec import keys, numbers
from streamstore.errors import Corrupted

bounded = settings(max_examples=200, deadline=None, database=None)

# Few characters, so that prefixes, equal values and the escaped bytes meet often.
strings = st.one_of(st.text(alphabet="\x00\x01aÿ\U0001f600", max_size=4), st.text(max_size=12))
binaries = st.one_of(st.lists(st.sampled_from([0, 1, 255]), max_size=4).map(bytes), st.binary())


@st.composite
def normal_numbers(draw: st.DrawFn) -> str:
    digits = draw(st.one_of(st.integers(0, 10**38 - 1), st.integers(0, 120)))
    adjusted = draw(st.one_of(st.integers(-130, 125), st.integers(-2, 2)))
    sign = draw(st.sampled_from(["", "-"]))
    return numbers.normalise(f"{sign}{digits}E{adjusted - len(str(digits)) + 1}")


by_type: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "S": strings.map(lambda text: {"S": text}),
    "N": normal_numbers().map(lambda number: {"N": number}),
    "B": binaries.map(lambda data: {"B": data}),
}


@st.composite
def same_shape_keys(draw: st.DrawFn, count: int) -> list[list[dict[str, Any]]]:
    """`count` keys of one to four parts, of the same types part by part."""
    types = draw(st.lists(st.sampled_from("SNB"), min_size=1, max_size=4))
    return [[draw(by_type[kind]) for kind in types] for _ in range(count)]


def order(value: dict[str, Any]) -> Any:
    """What the service orders a key value by."""
    if "S" in value:
        return value["S"].encode()
    return Decimal(value["N"]) if "N" in value else value["B"]


@bounded
@given(normal_numbers(), normal_numbers())
def test_the_order_of_number_blobs_is_numeric_order(left: str, right: str) -> None:
    one, other = keys.encode({"N": left}), keys.encode({"N": right})
    assert (one < other) == (Decimal(left) < Decimal(right))
    assert (one == other) == (left == right)


def test_the_order_holds_at_every_corner_of_the_range() -> None:
    nines = "9" * 38
    texts = [
        f"{d}E{e}"
        for d in ("1", f"1.{'0' * 36}1", "5.01", "5.1", "9")
        for e in (-130, -129, -1, 0, 1, 37, 38, 124, 125)
    ]
    texts += [f"9.{nines[1:]}E125", f"9.{nines[1:]}E-130", "10", "99", "100", "101", "0.1", "0.11"]
    ascending = sorted(
        {numbers.normalise(sign + text) for text in [*texts, "0"] for sign in ("", "-")},
        key=Decimal,
    )
    blobs = [keys.encode({"N": number}) for number in ascending]
    assert blobs == sorted(blobs)
    assert len(set(blobs)) == len(ascending)
    assert [keys.decode(blob) for blob in blobs] == [{"N": number} for number in ascending]


@bounded
@given(same_shape_keys(2))
def test_the_order_of_joined_blobs_is_the_order_of_their_parts(
    pair: list[list[dict[str, Any]]],
) -> None:
    left, right = pair
    one, other = keys.encode_many(left), keys.encode_many(right)
    parts, other_parts = [order(value) for value in left], [order(value) for value in right]
    assert (one < other) == (parts < other_parts)
    assert (one == other) == (left == right)


@bounded
@given(same_shape_keys(1))
def test_values_come_back_from_joined_blobs(group: list[list[dict[str, Any]]]) -> None:
    [values] = group
    assert keys.decode_many(keys.encode_many(values), len(values)) == values


@bounded
@given(st.one_of(*by_type.values()))
def test_a_joined_blob_of_one_value_is_its_blob(value: dict[str, Any]) -> None:
    blob = keys.encode(value)
    assert keys.encode_many([value]) == blob
    assert keys.decode(blob) == value
    assert blob[:1].decode() in value


def test_no_values_make_an_empty_blob() -> None:
    assert keys.encode_many([]) == b""
    assert keys.encode_prefix([]) == b""
    assert keys.decode_many(b"", 0) == []


@bounded
@given(same_shape_keys(2), st.data())
def test_a_closed_prefix_begins_exactly_the_keys_with_equal_first_parts(
    pair: list[list[dict[str, Any]]], data: st.DataObject
) -> None:
    left, right = pair
    count = data.draw(st.integers(0, len(left) - 1))
    prefix = keys.encode_prefix(left[:count])
    assert keys.encode_many(left).startswith(prefix)
    assert keys.encode_many(right).startswith(prefix) == (right[:count] == left[:count])


@bounded
@given(strings, strings, strings, binaries, binaries)
def test_begins_with_bounds_hold_in_the_last_part_and_before_it(
    beginning: str, text: str, tail: str, start: bytes, data: bytes
) -> None:
    first = {"N": "1"}
    for text_value in (text, beginning + text):
        starts = text_value.startswith(beginning)
        last = keys.encode_begins_with([first], {"S": beginning}, is_last=True)
        assert keys.encode_many([first, {"S": text_value}]).startswith(last) == starts
        inner = keys.encode_begins_with([], {"S": beginning}, is_last=False)
        assert keys.encode_many([{"S": text_value}, {"S": tail}]).startswith(inner) == starts
    inner = keys.encode_begins_with([], {"B": start}, is_last=False)
    joined = keys.encode_many([{"B": data}, first])
    assert joined.startswith(inner) == data.startswith(start)


@bounded
@given(binaries, binaries)
def test_prefix_end_bounds_everything_that_starts_so(prefix: bytes, blob: bytes) -> None:
    for candidate in (blob, prefix + blob):
        end = keys.prefix_end(prefix)
        inside = prefix <= candidate and (end is None or candidate < end)
        assert inside == candidate.startswith(prefix)


@pytest.mark.parametrize(
    ("blob", "end"),
    [(b"", None), (b"\xff\xff", None), (b"a", b"b"), (b"a\xff", b"b"), (b"a\xfe\xff", b"a\xff")],
)
def test_prefix_end_of(blob: bytes, end: bytes | None) -> None:
    assert keys.prefix_end(blob) == end


@pytest.mark.parametrize(
    ("value", "blob"),
    [
        ({"S": ""}, "53"),
        ({"S": "aé"}, "5361c3a9"),
        ({"B": b"\x00\xff"}, "4200ff"),
        ({"N": "0"}, "4e80"),
        ({"N": "1"}, "4ec0822100"),
        ({"N": "-1"}, "4e407ddeff"),
        ({"N": "12345"}, "4ec08623456100"),
        ({"N": "0.05"}, "4ec0806100"),
    ],
)
def test_blobs_on_disk_keep_these_bytes(value: dict[str, Any], blob: str) -> None:
    assert keys.encode(value).hex() == blob


@bounded
@given(st.one_of(st.binary(), st.binary().map(lambda b: b"N" + b)), st.integers(1, 3))
def test_bytes_that_are_no_key_are_reported_as_damage(blob: bytes, count: int) -> None:
    try:
        values = keys.decode_many(blob, count)
    except Corrupted:
        return
    assert len(values) == count


@pytest.mark.parametrize("blob", [b"", b"X", b"N", b"N\xc0\x82\xff\x00", b"S\xff"])
def test_damaged_keys_raise_corrupted(blob: bytes) -> None:
    with pytest.raises(Corrupted):
        keys.decode(blob)


def test_a_blob_of_too_many_values_is_damage() -> None:
    with pytest.raises(Corrupted):
        keys.decode_many(b"Sa", 0)
