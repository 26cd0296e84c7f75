"""What changed between two images, by path."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.consumers.plain import Difference, diff


@pytest.mark.parametrize(
    ("old", "new", "added", "removed", "changed"),
    [
        (None, {"a": 1}, {"a": 1}, {}, {}),
        ({"a": 1}, None, {}, {"a": 1}, {}),
        (None, None, {}, {}, {}),
        ({"a": 1}, {"a": 2}, {}, {}, {"a": (1, 2)}),
        ({"a": Decimal("1.0")}, {"a": 1}, {}, {}, {}),
        ({"a": 1}, {"a": True}, {}, {}, {"a": (1, True)}),
        ({"a": 0}, {"a": False}, {}, {}, {"a": (0, False)}),
        ({"a": "1"}, {"a": 1}, {}, {}, {"a": ("1", 1)}),
        ({"a": None}, {}, {}, {"a": None}, {}),
        ({"a": {"b": 1}}, {"a": {"b": 2, "d": 3}}, {"a.d": 3}, {}, {"a.b": (1, 2)}),
        ({"a": {}}, {"a": []}, {}, {}, {"a": ({}, [])}),
        ({"a": [1, {"x": 1}, 3]}, {"a": [1, {"x": 2}]}, {}, {"a[2]": 3}, {"a[1].x": (1, 2)}),
        ({"a": [[1]]}, {"a": [[1, 2], 3]}, {"a[0][1]": 2, "a[1]": 3}, {}, {}),
        ({"a": {1, 2}}, {"a": {2, 1}}, {}, {}, {}),
        ({"a": {1, 2}}, {"a": {2}}, {}, {}, {"a": ({1, 2}, {2})}),
        ({"a": b"x"}, {"a": "x"}, {}, {}, {"a": (b"x", "x")}),
        ({"a.b": {"c d": 1}}, {"a.b": {"c d": 2}}, {}, {}, {'["a.b"].c d': (1, 2)}),
        ({"a": {"[0]": 1}}, {"a": {"[0]": 2}}, {}, {}, {'a["[0]"]': (1, 2)}),
        ({"": {"": 1}}, {"": {"": 2}}, {}, {}, {'[""][""]': (1, 2)}),
    ],
)  # fmt: skip
def test_a_difference_is_as_small_as_it_can_be(
    old: Any, new: Any, added: Any, removed: Any, changed: Any
) -> None:
    difference = diff(old, new)
    assert difference == Difference(added, removed, changed)
    assert bool(difference) is bool(added or removed or changed)


ITEMS = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "[0]", '"']),
    st.recursive(
        st.integers(0, 2),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab."), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@given(old=ITEMS, new=ITEMS)
def test_both_directions_mirror_each_other_and_equal_items_have_no_difference(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    forth, back = diff(old, new), diff(new, old)
    assert bool(forth) is (old != new)
    assert (forth.added, forth.removed) == (back.removed, back.added)
    assert forth.changed == {path: (one, other) for path, (other, one) in back.changed.items()}
    named = [*forth.added, *forth.removed, *forth.changed]
    assert len(set(named)) == len(named), "a path means one place"
