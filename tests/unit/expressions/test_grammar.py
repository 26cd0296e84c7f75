"""Syntax errors that a transcript can't hold, bounds, and texts that are deep or long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.errors import ValidationFailed
from streamstore.expressions.grammar import parse
from streamstore.expressions.tree import Kind

KINDS: list[Kind] = ["Update", "Condition", "KeyCondition", "Filter", "Projection"]


def refusal(kind: Kind, text: str) -> str:
    with pytest.raises(ValidationFailed) as refused:
        parse(kind, text)
    assert refused.value.prefixed
    prefix = f"Invalid {kind}Expression: "
    assert refused.value.message.startswith(prefix)
    return refused.value.message.removeprefix(prefix)


@pytest.mark.parametrize(
    ("text", "token", "near"),
    [
        ("\t", "<EOF>", "\t"),
        ("a\t=", "<EOF>", "="),
        ("\n\na = = b", "=", "= = b"),
        ("a\x0c= :s", "\x0c", "a\x0c="),
        ("a\u00a0= :s", "\u00a0", "a\u00a0="),
        ("a\x00 = b", "\x00", "a\x00 ="),
        ("a = \U0001f600 b", "\U0001f600", "= \U0001f600"),
        ("a\ud800", "\ud800", "a\ud800"),
        ("(" * 4096, "<EOF>", "("),
        ("NOT " * 1024, "<EOF>", "NOT "),
        ("f(" * 2048, "<EOF>", "("),
        ("(" * 2000 + "a" + ")" * 2000, "<EOF>", ")"),
    ],
    ids=lambda text: ascii(text[:8]),
)
def test_a_syntax_error_shows_the_token_and_its_neighbours(
    text: str, token: str, near: str
) -> None:
    assert refusal("Condition", text) == f'Syntax error; token: "{token}", near: "{near}"'


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_expression_has_the_same_bounds(kind: Kind) -> None:
    assert refusal(kind, "") == "The expression can not be empty;"
    assert refusal(kind, " " * 4096) == f'Syntax error; token: "<EOF>", near: "{" " * 4096}"'
    for text in (" " * 4097, "é" * 2048 + "a"):
        assert refusal(kind, text) == (
            "Expression size has exceeded the maximum allowed size; expression size: 4097"
        )


@pytest.mark.parametrize(
    "text",
    [
        "NOT " * 1000 + "a=:v",
        "NOT (" * 600 + "a=:v" + ")" * 600,
        "size(" * 680 + "a" + ")" * 680 + "=:v",
        "(a=:v AND " * 350 + "b=:v" + ")" * 350,
        "a" + "[0]" * 1300 + "=:v",
        "a[" + "9" * 4000 + "]=:v",
    ],
    ids=lambda text: text[:6],
)
def test_deep_and_long_texts_are_ordinary_input(text: str) -> None:
    parse("Condition", text)


def test_right_sides_nest_as_deep_as_the_text_allows() -> None:
    parse("Update", "SET a=" + "if_not_exists(a," * 240 + "b" + ")" * 240)
    assert refusal("Update", "SET a=" + "(" * 4000).startswith('Syntax error; token: "<EOF>"')


@given(
    st.sampled_from(KINDS), st.text(alphabet="aSET RMOVD#:n.[]()=<>+-0,\t\U0001f600é'", max_size=40)
)
def test_any_text_is_a_tree_or_refused(kind: Kind, text: str) -> None:
    try:
        parse(kind, text)
    except ValidationFailed as refused:
        assert refused.message.startswith(f"Invalid {kind}Expression: ")  # noqa: PT017
