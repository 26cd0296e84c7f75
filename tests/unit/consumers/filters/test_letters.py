"""Ignoring case, against trying every spelling letter by letter."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from streamstore.consumers.filters import letters

LETTERS = st.text(alphabet="aBß.İéÀ", max_size=4)


def spellings(text: str) -> set[str]:
    ways = [{letter, letter.lower(), letter.upper()} for letter in text]
    return {"".join(each) for each in itertools.product(*ways)}


@given(text=LETTERS, before=LETTERS, after=LETTERS, other=LETTERS)
def test_case_is_ignored_letter_by_letter(text: str, before: str, after: str, other: str) -> None:
    known = spellings(text)
    for value in (*known, other, text.swapcase(), before + text, text + after):
        assert letters.equal(text)(value) is (value in known)
        assert letters.starting(text)(value) is value.startswith(tuple(known))
        assert letters.ending(text)(value) is value.endswith(tuple(known))
