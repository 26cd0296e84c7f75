"""Tokens -> expressions: what binds how tightly, brackets, and hostile depth."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.errors import ValidationFailed
from streamstore.expressions.partiql.grammar import expression_of
from streamstore.expressions.partiql.reader import Reader
from streamstore.expressions.partiql.translation import bottom_up
from streamstore.expressions.partiql.tree import (
    Constant,
    Expression,
    Invocation,
    Is,
    Operation,
    Parameter,
    PathRef,
    Sequence,
    Tuple,
)


def shown(node: Any) -> str:
    """An expression with all its parentheses."""
    if isinstance(node, Constant):
        return "MISSING" if node.value is None else str(next(iter(node.value.values())))
    if isinstance(node, Parameter):
        return f"?{node.position}"
    if isinstance(node, PathRef):
        return ".".join(map(str, node.steps)) + ("!" if node.fault else "")
    if isinstance(node, Is):
        return f"({shown(node.subject)} is {node.kind.lower()})"
    if isinstance(node, Sequence):
        return node.bracket + ",".join(map(shown, node.items)) + f"/{node.depth}"
    if isinstance(node, Tuple):
        return "{" + ",".join(f"{shown(k)}:{shown(v)}" for k, v in node.entries) + f"/{node.depth}"
    if isinstance(node, Invocation):
        return f"{node.name}({','.join(map(shown, node.arguments))})"
    assert isinstance(node, Operation)
    if len(node.operands) == 1:
        return f"({node.operator.lower()} {shown(node.operands[0])})"
    return "(" + f" {node.operator.lower()} ".join(map(shown, node.operands)) + ")"


def whole(text: str) -> Expression:
    """The expression that a text is."""
    reader = Reader(text)
    node = expression_of(reader)
    if reader.kind != "EOF":
        raise reader.malformed()
    return node


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a = 1 OR b = 2 AND c = 3", "((a = 1) or ((b = 2) and (c = 3)))"),
        ("NOT a = 1 AND b = 2", "((not (a = 1)) and (b = 2))"),
        ("NOT NOT a", "(not (not a))"),
        ("a != 1", "(a <> 1)"),
        ("a + 1 - 2 = b - -3", "(((a + 1) - 2) = (b - -3))"),
        ("a - (b - 1)", "(a - (b - 1))"),
        ("a + b * 2", "(a + (b * 2))"),
        ("a || b + 1", "(a || (b + 1))"),
        ("- a", "(- a)"),
        ("-1", "-1"),
        ("- -1", "1"),
        ("a BETWEEN 1 AND 2 AND b", "((a between 1 between 2) and b)"),
        ("a BETWEEN b + 1 AND c OR d", "((a between (b + 1) between c) or d)"),
        ("a BETWEEN 1 AND 2 AND b BETWEEN 3 AND 4",
         "((a between 1 between 2) and (b between 3 between 4))"),
        ("a NOT BETWEEN 1 AND 2", "(not (a between 1 between 2))"),
        ("NOT a BETWEEN 1 AND 2", "(not (a between 1 between 2))"),
        ("a IN (1)", "(a in (1/1)"),
        ("a IN (1, 2) AND b", "((a in (1,2/1) and b)"),
        ("a NOT IN [1]", "(not (a in [1/1))"),
        ("a IN <<'x'>>", "(a in <<x/1)"),
        ("((a)) = (1)", "(a = 1)"),
        ("a IS NULL AND b IS NOT MISSING", "((a is null) and (not (b is missing)))"),
        ("NOT a IS NULL", "(not (a is null))"),
        ("a = 1 IS NULL", "((a = 1) is null)"),
        ("f(a, 'x', [?]) = ?", "(f(a,x,[?0/1) = ?1)"),
        ("f()", "f()"),
        ("size(a) > 1", "(size(a) > 1)"),
        ("count(*)", "count()"),
        ("a.b[0].\"c d\"['e'][1]", "a.b.0.c d.e.1"),
        ("@a.b", "a.b"),
        ("a[1.5] = 1", "(a.1.5! = 1)"),
        ("a[-1] = 1", "(a.1! = 1)"),
        ("[]", "[/1"),
        ("<<>>", "<</1"),
        ("{}", "{/1"),
        ("{'a': [1, {'b': []}], \"c\": 2}", "{a:[1,{b:[/1/2/3,c:2/4"),
        ("TRUE and False or MISSING", "((True and False) or MISSING)"),
    ],
)  # fmt: skip
def test_an_expression_means(text: str, meant: str) -> None:
    assert shown(whole(text)) == meant


@pytest.mark.parametrize(
    "text",
    [
        "", "a =", "= a", "a b", "a NOT = 1", "a BETWEEN 1", "a BETWEEN 1 OR 2", "a BETWEEN 1 = 2",
        "a AND", "(a", "a)", "[1,]", "[1", "<<1>", "{'a'}", "{'a':1,}", "{'a' 1}", "{'a':1:2}",
        "()", "a IN ()", "f(", "f(a,)", "a.", "a.1", "a[", "a[]", "a[*]", "a IS 1", "a IS NOT",
        "1a", "'x", "#a", ":a", "a ; b", "select", "a..b", "(1)[0]", "'a'.b",
    ],
)  # fmt: skip
def test_what_fits_no_rule_is_malformed(text: str) -> None:
    with pytest.raises(ValidationFailed, match="Statement wasn't well formed"):
        whole(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [("(", ")"), ("[", "]"), ("<<", ">>"), ("{'a':", "}"), ("NOT ", ""), ("f(", ")"), ("-", ""),
     ("a AND (", ")"), ("a[0].", ""), ("a + ", ""), ("a = b OR ", ""), ("a BETWEEN 1 AND ", "")],
)  # fmt: skip
def test_no_depth_meets_pythons_stack(before: str, after: str) -> None:
    times = 8000 // (len(before) + len(after))
    if before == "-":
        before = "- "  # "--" begins a comment
    text = before * times + "a" + after * times
    assert whole(text) is not None
    assert bottom_up(whole(text))


PIECES = [
    "a", "b", "1", "'x'", "?", "(", ")", "[", "]", "<<", ">>", "{", "}", ",", ":", ".", "=", "<",
    "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "NULL", "MISSING", "-", "+", "*", "f", "LIKE", "||",
]  # fmt: skip


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_any_tokens_are_an_expression_or_refused(pieces: list[str]) -> None:
    with suppress(ValidationFailed):
        whole(" ".join(pieces))
