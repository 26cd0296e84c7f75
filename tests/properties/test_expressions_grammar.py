"""A second grammar against the first: lark's Earley parser over the rules of spec E.2.

Both must accept the same texts, build the same tree and, where a text is wrong, stop at the same
token: an Earley parser stops at the first token that nothing could continue with, by its nature;
ours does by construction. Texts are made from the rules and then mutilated token by token.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from streamstore.errors import ValidationFailed
from streamstore.expressions.grammar import parse
from streamstore.expressions.tree import (
    BetweenNode,
    CallNode,
    InNode,
    LogicNode,
    NotNode,
    PathNode,
    ProjectionTree,
    UpdateTree,
    ValueNode,
)

GRAMMAR = r"""
condition: or_
or_: and_ (OR and_)*
and_: not_ (AND not_)*
not_: NOT not_ | _primary
_primary: enclosed_condition | comparison | between | in_ | function
enclosed_condition: "(" or_ ")"
comparison: _operand compare _operand
compare: COMPARATOR | EQUALS
between: _operand BETWEEN _operand AND _operand
in_: _operand IN "(" _operand ("," _operand)* ")"
_operand: enclosed | function | VALUE | path
enclosed: "(" _operand ")"
function: IDENT "(" _operand ("," _operand)* ")"
path: (IDENT | NAME) ("." (IDENT | NAME) | "[" INDEX "]")*

projection: path ("," path)*

update: _section+
_section: set_ | remove | add | delete
set_: SET assign ("," assign)*
remove: REMOVE path ("," path)*
add: ADD path VALUE ("," path VALUE)*
delete: DELETE path VALUE ("," path VALUE)*
assign: path EQUALS _right
_right: enclosed_right | _operand | arithmetic
arithmetic: _operand SIGN _operand
enclosed_right: "(" _right ")"

AND.2: /and(?![a-z0-9_])/i
OR.2: /or(?![a-z0-9_])/i
NOT.2: /not(?![a-z0-9_])/i
BETWEEN.2: /between(?![a-z0-9_])/i
IN.2: /in(?![a-z0-9_])/i
SET.2: /set(?![a-z0-9_])/i
REMOVE.2: /remove(?![a-z0-9_])/i
ADD.2: /add(?![a-z0-9_])/i
DELETE.2: /delete(?![a-z0-9_])/i
IDENT: /[A-Za-z][A-Za-z0-9_]*/
NAME: /#[A-Za-z0-9_]+/
VALUE: /:[A-Za-z0-9_]+/
INDEX: /0|[1-9][0-9]*/
SIGN: "+" | "-"
COMPARATOR: "<>" | "<=" | ">=" | "<" | ">"
EQUALS: "="
%ignore /[ \t\r\n]+/
"""

KINDS = {"Condition": "condition", "Projection": "projection", "Update": "update"}


@cache
def second() -> Lark:
    # One parser for all three, since the words of each are tokens in every one.
    starts = list(KINDS.values())
    return Lark(GRAMMAR, start=starts, parser="earley", lexer="basic", ambiguity="explicit")


def outcome_of_second(kind: str, text: str) -> Any:
    """A tree as nested tuples, or the token that is wrong."""
    try:
        tree = second().parse(text, start=KINDS[kind])
    except UnexpectedToken as error:
        return "<EOF>" if error.token.type == "$END" else str(error.token)
    except UnexpectedCharacters as error:
        return text[error.pos_in_stream]
    except UnexpectedEOF:
        return "<EOF>"
    return plain(next(iter(alternatives(tree))))


def alternatives(tree: Tree[Token]) -> list[Tree[Token]]:
    """Where parentheses may belong to the condition or to its operand, any reading will do: both
    have one meaning."""
    return [*tree.find_data("_ambig"), tree] if tree.data == "_ambig" else [tree]


def plain(node: Any) -> Any:
    if isinstance(node, Token):
        return str(node)
    parts = [plain(child) for child in node.children]
    if node.data == "_ambig":
        return parts[0]
    if node.data in ("or_", "and_"):
        terms = parts[::2]
        return terms[0] if len(terms) == 1 else (node.data[:-1].upper(), *terms)
    if node.data == "not_":
        return ("NOT", parts[1]) if len(parts) == 2 else parts[0]
    if node.data in ("condition", "enclosed_condition", "enclosed", "enclosed_right", "compare"):
        return parts[0]
    if node.data in ("comparison", "arithmetic"):
        return (parts[1], parts[0], parts[2])
    if node.data == "between":
        return ("BETWEEN", parts[0], parts[2], parts[4])
    if node.data == "in_":
        return ("IN", parts[0], *parts[2:])
    if node.data == "path":
        return ("path", *parts)
    if node.data == "function":
        return ("call", *parts)
    if node.data == "projection":
        return tuple(parts)
    if node.data == "update":
        return tuple(action for section in parts for action in section)
    if node.data == "set_":
        return tuple(("SET", *assign) for assign in parts[1:])
    if node.data == "assign":
        return (parts[0], parts[2])
    if node.data == "remove":
        return tuple(("REMOVE", path) for path in parts[1:])
    assert node.data in ("add", "delete"), node.data
    return tuple(
        (node.data.upper(), path, value)
        for path, value in zip(parts[1::2], parts[2::2], strict=True)
    )


def outcome_of_first(kind: Any, text: str) -> Any:
    try:
        return ours(parse(kind, text))
    except ValidationFailed as refused:
        found = re.search(r'Syntax error; token: "(.*?)", near: ', refused.message, re.DOTALL)
        return found[1] if found else refused.message.split(": ")[1]


def ours(node: Any) -> Any:
    if isinstance(node, ValueNode):
        return node.key
    if isinstance(node, PathNode):
        return ("path", *map(str, node.elements))
    if isinstance(node, CallNode):
        return ("call", node.function, *map(ours, node.operands))
    if isinstance(node, BetweenNode):
        return ("BETWEEN", *map(ours, node.children))
    if isinstance(node, InNode):
        return ("IN", *map(ours, node.children))
    if isinstance(node, NotNode):
        return ("NOT", ours(node.term))
    if isinstance(node, LogicNode):
        return (node.operator, *map(ours, node.terms))
    if isinstance(node, ProjectionTree):
        return tuple(map(ours, node.paths))
    if isinstance(node, UpdateTree):
        return tuple(
            (action.section, ours(action.path))
            if action.operand is None
            else (action.section, ours(action.path), ours(action.operand))
            for action in node.actions
        )
    return (node.operator, ours(node.left), ours(node.right))


def doubled(text: str) -> bool:
    """Whether two pairs of parentheses enclose the same. Those of a call or of IN enclose no
    single thing."""
    tokens = re.findall(r"[A-Za-z0-9_#:]+|[^\s]", text)
    opened: list[tuple[int, bool]] = []
    pairs = set()
    for at, token in enumerate(tokens):
        if token == "(":
            before = tokens[at - 1].upper() if at else ""
            encloses = not before[:1].isalpha() or before in ("AND", "OR", "NOT", "BETWEEN")
            opened.append((at, encloses))
        elif token == ")" and opened:
            start, encloses = opened.pop()
            if encloses:
                pairs.add((start, at))
    return any((start + 1, end - 1) in pairs for start, end in pairs)


words = st.sampled_from(["a", "b", "Set1", "and_", "#n", "#0_", "x_y"])
values = st.sampled_from([":v", ":1", ":_x"])
steps = st.one_of(words.map(".{}".format), st.sampled_from(["[0]", "[ 12 ]", " . c"]))
paths = st.tuples(words, st.lists(steps, max_size=3)).map(
    lambda parts: parts[0] + "".join(parts[1])
)


def sometimes_enclosed(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(texts, st.sampled_from([0, 0, 0, 1, 1, 2])).map(
        lambda drawn: "(" * drawn[1] + drawn[0] + ")" * drawn[1]
    )


def calls(operands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(
        st.sampled_from(["f", "size", "g_1"]), st.lists(operands, min_size=1, max_size=3)
    ).map(lambda drawn: f"{drawn[0]}({', '.join(drawn[1])})")


operands = st.recursive(
    sometimes_enclosed(paths | values), lambda inner: sometimes_enclosed(calls(inner)), max_leaves=3
)
simple = st.one_of(
    calls(operands),
    st.tuples(operands, st.sampled_from(["=", " <> ", "<=", " > "]), operands).map("".join),
    st.tuples(operands, operands, operands).map(lambda t: f"{t[0]} BETWEEN {t[1]} and {t[2]}"),
    st.tuples(operands, st.lists(operands, min_size=1, max_size=3)).map(
        lambda t: f"{t[0]} iN ({','.join(t[1])})"
    ),
)
conditions = st.recursive(
    sometimes_enclosed(simple),
    lambda inner: sometimes_enclosed(
        st.one_of(
            inner.map("NOT {}".format),
            st.tuples(
                st.lists(inner, min_size=2, max_size=3), st.sampled_from([" AND ", " or "])
            ).map(lambda drawn: drawn[1].join(drawn[0])),
        )
    ),
    max_leaves=4,
)
right_sides = sometimes_enclosed(
    st.one_of(operands, st.tuples(operands, st.sampled_from(["+", " - "]), operands).map("".join))
)
sections = st.one_of(
    st.lists(st.tuples(paths, right_sides).map(" = ".join), min_size=1, max_size=3).map(
        lambda texts: "SET " + ", ".join(texts)
    ),
    st.lists(paths, min_size=1, max_size=3).map(lambda texts: "remove " + ",".join(texts)),
    st.lists(st.tuples(paths, values).map(" ".join), min_size=1, max_size=2).map(
        lambda texts: "ADD " + ", ".join(texts)
    ),
    st.tuples(paths, values).map(lambda pair: "DELETE " + " ".join(pair)),
)
updates = st.lists(sections, min_size=1, max_size=3).map(" ".join)
projections = st.lists(paths, min_size=1, max_size=4).map(", ".join)

SCRAPS = [*"().[]=<+-,!é#:_", "a", ":v", "#n", "0", "01", "AND ", " NOT ", " SET ", " IN ", "f("]


@st.composite
def mutilated(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    tokens = re.findall(r"[A-Za-z0-9_#:]+|<>|<=|>=|\s+|.", draw(texts))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(tokens)))
        if draw(st.booleans()):
            tokens[at : at + 1] = []
        else:
            tokens.insert(at, draw(st.sampled_from(SCRAPS)))
    return "".join(tokens)


def check(kind: str, text: str) -> None:
    if not text:
        return
    first, other = outcome_of_first(kind, text), outcome_of_second(kind, text)
    if first == "The expression has redundant parentheses;":
        # The second grammar doesn't mind; a syntax error further on is told by neither rule alone.
        assert doubled(text), text
    elif isinstance(first, str) or isinstance(other, str):
        assert first == other, text
    else:
        assert first == other, text
        assert not doubled(text), text


LAWS = settings(max_examples=120, deadline=None)


@LAWS
@given(mutilated(conditions))
@example("(a = :v) = :v")
@example("((f(a)) = :v)")
@example("NOT (a)")
@example("(NOT f(a)) AND b")
def test_conditions_mean_the_same_to_a_second_parser(text: str) -> None:
    check("Condition", text)


@LAWS
@given(mutilated(updates))
@example("SET a = (b) + (c)")
@example("SET a = (b + c) + d")
@example("SET a = b REMOVE c SET d = e")
def test_updates_mean_the_same_to_a_second_parser(text: str) -> None:
    check("Update", text)


@LAWS
@given(mutilated(projections))
@example("a, b[0][1].c")
def test_projections_mean_the_same_to_a_second_parser(text: str) -> None:
    check("Projection", text)


@pytest.mark.parametrize(
    ("kind", "text", "token"),
    [
        ("Condition", "(a).b = :v", "."),
        ("Condition", "a = b + c", "+"),
        ("Update", "SET a = b + c + d", "+"),
        ("Projection", "a, (b)", "("),
    ],
)
def test_the_second_parser_is_no_echo_of_the_first(kind: str, text: str, token: str) -> None:
    assert outcome_of_second(kind, text) == token
