"""Iterators: round trip, tampering, age."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore import limits
from streamstore.engine.streams import iterators
from streamstore.engine.streams.log import Position
from streamstore.errors import IteratorExpired, ValidationFailed

KEY = bytes(range(32))
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
NOW = 1_700_000_000_000
NUMBERS = st.integers(0, 2**63 - 1)
POSITIONS = st.builds(Position, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans())
PLACE = Position(7, 1_700_000_000_000_000, 1_700_000_000_000_009, 12, True)


@given(POSITIONS, st.text(st.characters(codec="utf-8"), max_size=300), NUMBERS)
def test_a_position_survives(position: Position, arn: str, now_ms: int) -> None:
    text = iterators.encode(KEY, arn, position, now_ms)
    assert iterators.decode(KEY, text, now_ms) == (arn, position)


def test_it_looks_as_the_service_s_and_the_longest_is_within_the_limit() -> None:
    assert iterators.encode(KEY, ARN, PLACE, NOW).startswith(ARN + "|1|")
    longest = ARN.replace("orders", "x" * limits.TABLE_NAME_CHARS_MAX)
    assert len(iterators.encode(KEY, longest, PLACE, NOW)) <= limits.ITERATOR_CHARS_MAX


@given(st.data())
def test_an_iterator_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    text = iterators.encode(KEY, ARN, PLACE, NOW)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda c: c != text[at]))
    with pytest.raises(ValidationFailed):
        iterators.decode(KEY, text[:at] + other + text[at + 1 :], NOW)


@given(
    st.text(max_size=400) | st.binary(max_size=80).map(lambda b: f"{ARN}|1|{b64encode(b).decode()}")
)
def test_what_nobody_issued_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed):
        iterators.decode(KEY, text, NOW)


def test_an_iterator_of_another_store_is_refused() -> None:
    text = iterators.encode(bytes(32), ARN, PLACE, NOW)
    with pytest.raises(ValidationFailed):
        iterators.decode(KEY, text, NOW)


def test_text_beyond_the_limit_is_refused_even_with_a_good_mac() -> None:
    text = iterators.encode(KEY, "x" * limits.ITERATOR_CHARS_MAX, PLACE, NOW)
    with pytest.raises(ValidationFailed):
        iterators.decode(KEY, text, NOW)


def test_it_lives_15_minutes_and_not_a_millisecond_longer() -> None:
    text = iterators.encode(KEY, ARN, PLACE, NOW)
    life_ms = 15 * 60 * 1000
    assert iterators.decode(KEY, text, NOW + life_ms) == (ARN, PLACE)
    with pytest.raises(IteratorExpired) as caught:
        iterators.decode(KEY, text, NOW + life_ms + 1)
    assert caught.value.issued_at_ms == NOW


def test_it_has_expired_if_it_was_made_before_the_floor() -> None:
    text = iterators.encode(KEY, ARN, PLACE, NOW)
    assert iterators.decode(KEY, text, NOW, NOW) == (ARN, PLACE)
    with pytest.raises(IteratorExpired):
        iterators.decode(KEY, text, NOW, NOW + 1)


def test_a_clock_set_back_does_not_end_an_iterator() -> None:
    text = iterators.encode(KEY, ARN, PLACE, NOW)
    assert iterators.decode(KEY, text, NOW - 10**9) == (ARN, PLACE)
