"""Sequence numbers: wire form, order, refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.engine.streams import sequence
from streamstore.errors import ValidationFailed

DEPTHS = st.integers(1, 10**9)
COUNTERS = st.integers(0, sequence.COUNTER_MAX)


@given(DEPTHS, COUNTERS)
def test_a_number_survives_the_wire(depth: int, counter: int) -> None:
    text = sequence.wire(depth, counter)
    assert sequence.parse(text) == (depth, counter)
    assert sequence.SEQUENCE_CHARS_MIN <= len(text) <= sequence.SEQUENCE_CHARS_MAX
    assert text.isdigit()


@given(DEPTHS, COUNTERS, COUNTERS)
def test_every_number_of_a_child_is_above_every_number_of_its_parent_as_an_integer(
    depth: int, one: int, other: int
) -> None:
    assert int(sequence.wire(depth, one)) < int(sequence.wire(depth + 1, other))


def test_comparing_numbers_as_texts_is_wrong_as_it_is_with_the_service() -> None:
    parent, child = sequence.wire(9, 5), sequence.wire(10, 6)
    assert int(parent) < int(child)
    assert parent > child


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1" * 20,
        "1" * 41,
        "0" * 21,
        "0" * 40,
        "1" * 20 + "x",
        "-" + "1" * 21,
        "１" * 21,
        "1 " * 11,
    ],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed):
        sequence.parse(text)


def test_twenty_digits_that_do_not_fit_the_disk_mean_the_greatest_number() -> None:
    assert sequence.parse("1" + "9" * 20) == (1, sequence.COUNTER_MAX)


@given(st.none() | COUNTERS, st.integers(0, 4 * 10**12))
def test_a_store_opens_at_its_own_number_or_at_the_microseconds_if_those_are_more(
    stored: int | None, now_ms: int
) -> None:
    counter = sequence.at_open(stored, now_ms)
    assert counter in (stored, now_ms * 1000)
    assert counter >= (stored or 0)
    assert counter >= now_ms * 1000


@given(st.lists(COUNTERS, min_size=2, max_size=20, unique=True))
def test_event_ids_are_32_hex_digits_and_differ(counters: list[int]) -> None:
    ids = {sequence.event_id("00ff00ff00ff00ff", counter) for counter in counters}
    assert len(ids) == len(counters)
    for one in ids:
        assert len(one) == 32
        assert set(one) <= set("0123456789abcdef")
