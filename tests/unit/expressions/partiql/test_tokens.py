"""Text -> tokens: kinds, contents, places; no text breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.expressions.partiql.tokens import line_ends, place_of, tokens_of


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("SELECT select Select", ["SELECT", "SELECT", "SELECT"]),
        ("selects _a a$1 'it''s'", ["NAME selects", "NAME _a", "NAME a$1", "STRING it's"]),
        ('"select" "a""b" ""', ["QUOTED select", 'QUOTED a"b', "QUOTED "]),
        ("1 1.5 .5 1. 1e3 2E-7", [f"NUMBER {n}" for n in ("1", "1.5", ".5", "1.", "1e3", "2E-7")]),
        ("1a", ["UNKNOWN 1", "NAME a"]),
        ("1e", ["UNKNOWN 1", "NAME e"]),
        ("<<>>", ["<<", ">>"]),
        ("<>!=<=>=||", ["<>", "!=", "<=", ">=", "||"]),
        ("a-1", ["NAME a", "-", "NUMBER 1"]),
        ("a--1\n/* b\n*/c", ["NAME a", "NAME c"]),
        ("'open", ["UNKNOWN '", "OPEN_KEYWORD"]),
        ("`2020T` #:v", ["ION `2020T`", "UNKNOWN #", ":", "NAME v"]),
        ("\u00e9", ["UNKNOWN \u00e9"]),
        ("", []),
    ],
)
def test_a_text_becomes_these_tokens(text: str, tokens: list[str]) -> None:
    found = [
        token.kind
        if token.kind in ("EOF", token.text.upper(), token.text)
        else f"{token.kind} {token.text}"
        for token in tokens_of(text)
    ]
    assert found == [*(each.replace("OPEN_KEYWORD", "OPEN") for each in tokens), "EOF"]


def test_a_place_is_line_column_and_length_from_one() -> None:
    text = "SELECT\n  'it''s' x"
    assert [str(place_of(line_ends(text), token)) for token in tokens_of(text)] == [
        "1:1:6", "2:3:7", "2:11:1", "2:12:0",
    ]  # fmt: skip


@given(st.text())
def test_every_character_of_any_text_is_in_a_token_or_is_overlooked(text: str) -> None:
    tokens = tokens_of(text)
    assert tokens[-1].kind == "EOF"
    at = 0
    for token in tokens:
        between = text[at : token.start]
        assert not between.strip() or between.lstrip().startswith(("--", "/*"))
        at = token.end
    assert at == len(text)
