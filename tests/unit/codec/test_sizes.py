"""Item sizes by the rules of spec E.1 and D.3, and capacity units by E.2."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.codec import sizes


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "abc"}, 3),
        ({"S": "é\U0001f600"}, 6),
        ({"N": "42"}, 2),
        ({"N": "-8.25"}, 4),
        ({"B": b"\x00" * 7}, 7),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "é"]}, 3),
        ({"NS": ["1", "507"]}, 5),
        ({"BS": [b"", b"abc"]}, 3),
        ({"L": []}, 3),
        ({"M": {}}, 3),
        ({"L": [{"S": "ab"}, {"BOOL": True}]}, 8),
        ({"M": {"é": {"S": "ab"}}}, 8),
        ({"L": [{"M": {"a": {"L": []}}}]}, 12),
    ],
)
def test_size_of_a_value(value: dict[str, Any], size: int) -> None:
    assert sizes.value_size(value) == size
    assert sizes.item_size({"né": value}) == 3 + size


def test_an_item_is_the_sum_of_its_names_and_values() -> None:
    assert sizes.item_size({}) == 0
    assert sizes.item_size({"pk": {"S": "ab"}, "n": {"N": "7"}}) == 7


@pytest.mark.parametrize(
    ("size", "write", "consistent"),
    [
        (0, 1, 1),
        (1, 1, 1),
        (1024, 1, 1),
        (1025, 2, 1),
        (4096, 4, 1),
        (4097, 5, 2),
        (409_600, 400, 100),
    ],
)
def test_units_of_a_size(size: int, write: int, consistent: int) -> None:
    assert sizes.write_units(size) == write
    assert sizes.read_units(size, True) == float(consistent)
    assert sizes.read_units(size, False) == consistent / 2
    assert isinstance(sizes.read_units(size, True), float)
