"""Start keys as callers send them back: each fault with its text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.codec.hashing import HASH_MAX, HASH_MIN, even_ranges, partition_hash
from streamstore.codec.keys import encode
from streamstore.engine.tables.positions import (
    page_key,
    query_start,
    scan_start,
    segment_range,
    sort_range,
)
from streamstore.errors import ValidationFailed
from streamstore.expressions import KeyRange

BAD = "The provided starting key is invalid"
SCHEMA = "The provided key element does not match the schema"
OUTSIDE = "The provided starting key is outside query boundaries based on provided conditions"
OFF_RANGE = "The provided starting key does not match the range key predicate"
ONE_ROW = "The query can return at most one row and cannot be restarted"
EMPTY = (
    f"{BAD}: One or more parameter values are not valid. The AttributeValue for a key attribute"
    " cannot contain an empty string value. Key: {}"
)


def s(text: str) -> Any:
    return {"S": text}


KEY = {"pk": s("p"), "sk": s("m")}
ENTRY = {**KEY, "g": s("g"), "n": {"N": "5"}}


@pytest.fixture(scope="module")
def table(worlds: Any) -> Any:
    world = worlds()
    return world.create(indexes=(world.index("gsi", world.keys("g", "n:N")),))


@pytest.mark.parametrize(
    ("start", "conditions", "text"),
    [
        ({"pk": s("p")}, (), BAD),
        ({"pk": s("p"), "other": s("m")}, (), BAD),
        ({**KEY, "more": s("x")}, (), BAD),
        ({**KEY, "sk": {"N": "1"}}, (), f"{BAD}: {SCHEMA}"),
        ({**KEY, "pk": {"B": b"p"}}, (), f"{BAD}: {SCHEMA}"),
        ({**KEY, "sk": s("")}, (), EMPTY.format("sk")),
        ({**KEY, "pk": s("q")}, (), OUTSIDE),
        ({**KEY, "pk": s("q")}, ((">", [s("a")]),), ONE_ROW),
        ({**KEY, "pk": s("q")}, (("<", [s("a")]),), OFF_RANGE),
        (KEY, (("<", [s("m")]),), OFF_RANGE),
        (KEY, (("begins_with", [s("n")]),), OFF_RANGE),
        (KEY, (("BETWEEN", [s("a"), s("l")]),), OFF_RANGE),
    ],
)
def test_a_start_that_no_query_of_these_conditions_gave_is_refused(
    table: Any, start: Any, conditions: Any, text: str
) -> None:
    with pytest.raises(ValidationFailed) as failed:
        query_start(table, None, KeyRange({"pk": s("p")}, conditions), start)
    assert failed.value.message == text


@pytest.mark.parametrize(
    ("start", "text"),
    [
        (KEY, BAD),
        ({**ENTRY, "more": s("x")}, BAD),
        ({**ENTRY, "n": s("5")}, SCHEMA),
        ({**ENTRY, "g": {"N": "1"}}, SCHEMA),
        ({**ENTRY, "sk": {"N": "1"}}, f"{BAD}: {SCHEMA}"),
        ({**ENTRY, "g": s("")}, EMPTY.format("g")),
        ({**ENTRY, "g": s("h")}, OUTSIDE),
    ],
)
def test_a_start_that_no_query_of_this_index_gave_is_refused(
    table: Any, start: Any, text: str
) -> None:
    with pytest.raises(ValidationFailed) as failed:
        query_start(table, table.index("gsi"), KeyRange({"g": s("g")}, ()), start)
    assert failed.value.message == text


@pytest.mark.parametrize(
    ("on_index", "start", "text"),
    [
        (False, {"pk": s("p")}, f"{BAD}: {SCHEMA}"),
        (False, ENTRY, f"{BAD}: {SCHEMA}"),
        (False, {**KEY, "sk": {"N": "1"}}, f"{BAD}: {SCHEMA}"),
        (True, KEY, BAD),
        (True, {**ENTRY, "n": s("5")}, SCHEMA),
        (True, {**ENTRY, "pk": {"N": "1"}}, f"{BAD}: {SCHEMA}"),
    ],
)
def test_a_start_that_no_scan_gave_is_refused(
    table: Any, on_index: bool, start: Any, text: str
) -> None:
    with pytest.raises(ValidationFailed) as failed:
        scan_start(table, table.index("gsi") if on_index else None, start)
    assert failed.value.message == text


def test_a_start_of_another_segment_is_refused_and_named(table: Any) -> None:
    place = partition_hash(encode(s("p")))
    own = next(n for n in range(4) if segment_range(n, 4)[0] <= place <= segment_range(n, 4)[1])
    assert scan_start(table, None, KEY, own, 4)[0] == place
    other = (own + 1) % 4
    with pytest.raises(ValidationFailed) as failed:
        scan_start(table, None, KEY, other, 4)
    assert failed.value.message == (
        f"{BAD}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment."
        f" TotalSegments: 4 Segment: {other}"
    )


def test_a_page_key_is_the_start_of_what_follows(table: Any) -> None:
    item = {**ENTRY, "more": s("x")}
    assert page_key(table, None, item) == KEY
    assert page_key(table, table.index("gsi"), item) == ENTRY
    position = query_start(table, table.index("gsi"), KeyRange({"g": s("g")}, ()), ENTRY)
    assert position == (
        partition_hash(encode(s("g"))),
        *(encode(ENTRY[name]) for name in ("g", "n", "pk", "sk")),
    )


@given(st.integers(1, 1_000_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_segments_meet_without_gap_or_overlap(numbers: tuple[int, int]) -> None:
    total, segment = numbers
    first, last = segment_range(segment, total)
    assert first <= last
    if segment == 0:
        assert first == HASH_MIN
    if segment == total - 1:
        assert last == HASH_MAX
    else:
        following = segment_range(segment + 1, total)[0]
        assert int.from_bytes(following) == int.from_bytes(last) + 1
    if total < 50:
        assert [segment_range(n, total) for n in range(total)] == even_ranges(total)


@given(
    st.text(max_size=5),
    st.text(min_size=1, max_size=3),
    st.sampled_from(["<", "<=", "=", ">=", ">"]),
)
def test_a_range_of_sort_keys_holds_exactly_what_its_condition_says(
    text: str, operand: str, operator: str
) -> None:
    class Keys:
        range = (None,)

    low, high = sort_range(Keys(), KeyRange({}, ((operator, [s(operand)]),)))  # type: ignore[arg-type]
    one, other = text.encode(), operand.encode()
    expected = {
        "<": one < other,
        "<=": one <= other,
        "=": one == other,
        ">=": one >= other,
        ">": one > other,
    }[operator]
    assert (low <= encode(s(text)) < high) is expected
