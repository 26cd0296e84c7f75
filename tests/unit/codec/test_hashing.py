"""The hash space: golden vectors, even ranges, halves."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec import attributes, hashing, keys

bounded = settings(max_examples=100, deadline=None, database=None)
hashes = st.binary(min_size=16, max_size=16)


@pytest.mark.parametrize(
    ("value", "digest"),
    [
        ({"S": "user#1"}, "009e95e2ae7f237d7fc4fa82e06eccbe"),
        ({"S": "aé"}, "b5213c774c02fb30b88d2e093f6fd2f5"),
        ({"S": ""}, "5dbc98dcc983a70728bd082d1a47546e"),
        ({"B": b"\x00\xff"}, "b707a708dcf64743234a4f71bc456233"),
        ({"N": "0"}, "b0dad5e066ce506cbbd1b80080e052f8"),
        ({"N": "1"}, "51938a79627a9c992e2f838e01415e27"),
        ({"N": "-1"}, "002b2878ae2fc833899c14b56c1b95ea"),
    ],
)
def test_the_place_of_a_key_never_changes(value: dict[str, Any], digest: str) -> None:
    assert hashing.partition_hash(keys.encode(value)).hex() == digest


def test_spellings_of_one_number_share_a_place() -> None:
    places = set()
    for text in ("1", "1.0", "1e0", "+01", "10E-1"):
        reading = attributes.read_value({"N": text}, base64_binary=True)
        places.add(hashing.partition_hash(keys.encode(reading.value)))
    assert len(places) == 1


def test_equal_bytes_of_different_types_have_different_places() -> None:
    text, data = keys.encode({"S": "a"}), keys.encode({"B": b"a"})
    assert hashing.partition_hash(text) != hashing.partition_hash(data)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 64, 1000])
def test_even_ranges_cover_the_space_once(count: int) -> None:
    ranges = hashing.even_ranges(count)
    assert len(ranges) == count
    assert ranges[0][0] == hashing.HASH_MIN
    assert ranges[-1][1] == hashing.HASH_MAX
    for (_, last), (first, _) in itertools.pairwise(ranges):
        assert hashing.successor(last) == first
    lengths = [int.from_bytes(last) - int.from_bytes(first) for first, last in ranges]
    assert max(lengths) - min(lengths) <= 1


@bounded
@given(hashes, hashes)
def test_a_midpoint_leaves_two_halves_that_differ_by_at_most_one(one: bytes, other: bytes) -> None:
    low, high = min(one, other), max(one, other)
    if low == high:
        return
    middle = hashing.midpoint(low, high)
    assert low <= middle < high
    lower = int.from_bytes(middle) - int.from_bytes(low) + 1
    upper = int.from_bytes(high) - int.from_bytes(hashing.successor(middle)) + 1
    assert 0 <= lower - upper <= 1 or 0 <= upper - lower <= 1


def test_neighbours_have_a_midpoint() -> None:
    low = bytes(15) + b"\x07"
    assert hashing.midpoint(low, hashing.successor(low)) == low
