"""Tokens, and what is near one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.expressions.tokens import Tokens


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a #n :v 10", "IDENT NAME VALUE INDEX"),
        ("a1_ #1 :_ 0", "IDENT NAME VALUE INDEX"),
        ("And bEtWeEn IN not Or", "AND BETWEEN IN NOT OR"),
        ("SET remove Add dElEtE", "SET REMOVE ADD DELETE"),
        ("ANDY in_ sets", "IDENT IDENT IDENT"),
        ("<>=<=>=<>", "<> = <= >= <>"),
        ("a[007]", "IDENT [ INDEX INDEX INDEX ]"),
        ("1a _a", "INDEX IDENT UNKNOWN IDENT"),
        ("a.b-c+1", "IDENT . IDENT - IDENT + INDEX"),
        ("# :", "UNKNOWN UNKNOWN"),
        ("#é :-", "UNKNOWN UNKNOWN UNKNOWN -"),
        ("é * '", "UNKNOWN UNKNOWN UNKNOWN"),
        ("\U0001f600", "UNKNOWN UNKNOWN"),
        (" \t\r\n", ""),
    ],
)
def test_texts_become_tokens(text: str, kinds: str) -> None:
    assert Tokens(text).kinds == [*kinds.split(), "EOF"]


@given(st.text(alphabet="aA#:[]()<>=.,+-01_ \t\r\né\U0001f600", max_size=30))
def test_no_character_but_blanks_is_lost(text: str) -> None:
    tokens = Tokens(text)
    assert "".join(tokens.words[:-1]) == re.sub(r"[ \t\r\n]", "", text)
    for at in range(len(tokens.kinds)):
        assert tokens.near(at) in text


def test_what_is_near_spans_three_tokens_and_the_blanks_at_the_ends_of_the_text() -> None:
    tokens = Tokens(" a  = :v ")
    assert [tokens.near(at) for at in range(4)] == [" a  =", "a  = :v", "= :v ", ":v "]
