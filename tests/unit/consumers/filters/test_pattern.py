"""Compiled patterns: several ORed, what they leave alone, and hostile ones, which neither crash nor
hang.
"""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.consumers.filters import PatternInvalid, compile_filters, compile_pattern

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(max_size=5),
                st.sampled_from(["$or", "exists", "prefix", "numeric", "anything-but", "cidr"]),
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


def test_filters_are_ored_and_none_of_them_lets_all_pass() -> None:
    assert compile_filters([]) is None
    matches = compile_filters(['{"a":["x"]}', '{"b":["y"]}', '{"c":["z"]}'])
    assert matches is not None
    assert [matches(r) for r in ({"a": "x"}, {"c": "z"}, {"a": "y"})] == [True, True, False]
    with pytest.raises(PatternInvalid):
        compile_filters(['{"a":["x"]}', "{}"])


@settings(max_examples=300, deadline=None)
@given(pattern=st.dictionaries(st.text(max_size=5), JSON, max_size=3), record=JSON)
def test_any_json_is_a_pattern_or_refused_and_judges_any_record(pattern: Any, record: Any) -> None:
    try:
        compiled = compile_pattern(pattern)
    except PatternInvalid:
        return
    before = copy.deepcopy(record)
    assert compiled.matches(record) is compiled.explain(record).matched
    assert str(compiled.explain(record))
    assert record == before


def within(seconds: float, pattern: Any, record: Any) -> bool:
    started = time.perf_counter()
    answer = compile_pattern(pattern).matches(record)
    assert time.perf_counter() - started < seconds
    return answer


def test_hostile_patterns_end_quickly_on_hostile_values() -> None:
    long = "a" * 400_000
    assert not within(2, {"k": [{"wildcard": "*a" * 40 + "*b"}]}, {"k": long})
    assert not within(2, {"k": [{"wildcard": "*" + "ab" * 40 + "*c"}]}, {"k": "ab" * 200_000})
    assert not within(2, {"k": [{"suffix": {"equals-ignore-case": "b" + "a" * 4000}}]}, {"k": long})
    assert not within(2, {"k": [{"equals-ignore-case": "ß" * 2000}]}, {"k": "SS" * 1999})
    assert not within(2, {"k": [{"anything-but": {"prefix": ["a"] * 800}}]}, {"k": long})
    assert not within(2, {"k": [{"cidr": "::/0"}]}, {"k": ":" * 400_000})
    assert not within(2, {"k": [{"cidr": "0.0.0.0/0"}]}, {"k": "1" * 400_000})
    assert not within(2, {"k": [{"numeric": [">", 1e300]}]}, {"k": -(10**5000)})


def test_alternatives_are_not_multiplied_out() -> None:
    pattern = {
        f"f{at}": {"$or": [{"a": ["x"]}, {"b": ["y"]}, {"c": [{"exists": False}]}]}
        for at in range(50)
    }
    record = {f"f{at}": [{"c": 1}, {"b": "y", "c": 1}] for at in range(50)}
    assert within(2, pattern, record)


@pytest.mark.parametrize("shape", ["lists", "objects", "both spellings"])
def test_records_of_any_depth_are_judged(shape: str) -> None:
    deep: Any = {"c": "x"}
    for _ in range(5000):
        deep = [deep] if shape == "lists" else {"b": deep}
    record = {"a.b": deep, "a": {"b": deep}} if shape == "both spellings" else {"a": deep}
    for pattern in ({"a": {"b": {"c": ["y"]}}}, {"a": {"b": [{"exists": True}], "c": ["x"]}}):
        compiled = compile_pattern(pattern)
        assert not compiled.matches(record)
        assert compiled.explain(record).unmet
