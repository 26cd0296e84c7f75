"""Conditions at work: the rules of spec E.5, and programs against a plain reading of the tree."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec.attributes import read_attributes
from streamstore.errors import ValidationFailed
from streamstore.expressions import bind
from streamstore.expressions.conditions import begins_with, compare, contains, size_of, type_of
from streamstore.expressions.grammar import parse
from streamstore.expressions.tree import (
    BetweenNode,
    CallNode,
    CompareNode,
    InNode,
    LogicNode,
    NotNode,
    PathNode,
    ValueNode,
)

from .drawn import joined_conditions, simple_conditions

S, N, B = ({"S": "x"}, {"N": "1"}, {"B": b"x"})


def matches(text: str, item: Any, **values: Any) -> bool:
    reading = read_attributes(
        {f":{key}": value for key, value in values.items()}, base64_binary=False
    )
    bound = bind(names=None, values=reading if values else None, condition=text)
    assert bound.condition is not None
    return bound.condition.matches(item)


@pytest.mark.parametrize(
    "text",
    ["a = :v", "a < :v", "a >= :v", "a BETWEEN :v AND :v", "a IN (:v, b)", "a = b", "b IN (a)",
     "begins_with(a, :v)", "contains(a, :v)", "contains(:v, a)", "attribute_type(a, :v)",
     "attribute_exists(a)", "size(a) >= :v", ":v <= size(a)", "NOT a <> :v", "a < b"],
)  # fmt: skip
def test_a_missing_operand_makes_a_test_false(text: str) -> None:
    values = {"v": {"S": "SS"}} if ":v" in text else {}
    assert not matches(text, {}, **values)


@pytest.mark.parametrize("text", ["a <> :v", "a <> b", "size(a) <> :v", "NOT a = :v"])
def test_a_missing_operand_is_unequal_to_anything(text: str) -> None:
    assert matches(text, {}, **({"v": S} if ":v" in text else {}))


def test_a_missing_operand_is_missing() -> None:
    assert matches("attribute_not_exists(a) AND attribute_not_exists(b[0].c)", {"b": {"L": []}})
    assert not matches("attribute_not_exists(a)", {"a": {"NULL": True}})


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        (S, {"S": "y"}, -1),
        ({"S": "\uffff"}, {"S": "\U0001f600"}, -1),  # UTF-16 would have it the other way round
        ({"S": "B"}, {"S": "a"}, -1),
        ({"S": ""}, {"S": ""}, 0),
        ({"N": "9"}, {"N": "10"}, -1),
        ({"N": "-1"}, {"N": "-2"}, 1),
        ({"N": "0.5"}, {"N": "0.25"}, 1),
        ({"N": "99999999999999999999999999999999999999"}, {"N": "1" + "0" * 38}, -1),
        ({"B": b"\x7f"}, {"B": b"\x80"}, -1),  # unsigned
        ({"B": b"a"}, {"B": b""}, 1),
        (S, N, None),
        ({"S": "1"}, {"N": "1"}, None),
        ({"BOOL": True}, {"BOOL": False}, None),
        ({"NULL": True}, {"NULL": True}, None),
        ({"L": []}, {"L": []}, None),
        ({"SS": ["a"]}, {"SS": ["b"]}, None),
    ],
)
def test_order_is_by_bytes_and_numbers_and_within_a_type(
    left: Any, right: Any, order: int | None
) -> None:
    assert compare(left, right) == order
    assert compare(right, left) == (None if order is None else -order)


@pytest.mark.parametrize(
    ("operator", "verdicts"),
    [
        ("=", [False, True, False, False]),
        ("<>", [True, False, True, True]),
        ("<", [True, False, False, False]),
        ("<=", [True, True, False, False]),
        (">", [False, False, True, False]),
        (">=", [False, True, True, False]),
    ],
)
def test_comparators_on_less_equal_greater_and_another_type(
    operator: str, verdicts: list[bool]
) -> None:
    item = {"a": {"N": "2"}, "b": {"N": "9"}, "c": {"N": "10"}, "d": {"S": "9"}}
    for name, verdict in zip("abcd", verdicts, strict=True):
        assert matches(f"{name} {operator} :v", item, v={"N": "9.0"}) is verdict
        assert matches(f"({name}) {operator} e", {**item, "e": {"N": "9"}}) is verdict


@pytest.mark.parametrize(
    ("value", "part", "held"),
    [
        ({"S": "abc"}, {"S": "bc"}, True),
        ({"S": "abc"}, {"S": ""}, True),
        ({"S": "1"}, N, False),
        ({"B": b"abc"}, {"B": b"bc"}, True),
        ({"B": b"abc"}, {"S": "bc"}, False),
        ({"SS": ["a", "b"]}, {"S": "a"}, True),
        ({"SS": ["a", "b"]}, {"SS": ["a"]}, False),
        ({"NS": ["1", "2"]}, N, True),
        ({"NS": ["1", "2"]}, {"S": "1"}, False),
        ({"BS": [b"x"]}, B, True),
        ({"L": [{"L": [N]}, S]}, {"L": [N]}, True),
        ({"L": [{"L": [N]}, S]}, N, False),
        ({"M": {"x": S}}, S, False),
        (N, N, False),
        ({"BOOL": True}, {"BOOL": True}, False),
    ],
)
def test_what_contains_what(value: Any, part: Any, held: bool) -> None:
    assert contains(value, part) is held


@pytest.mark.parametrize(
    ("value", "prefix", "held"),
    [
        ({"S": "abc"}, {"S": "ab"}, True),
        ({"S": "abc"}, {"S": ""}, True),
        ({"S": "abc"}, {"S": "b"}, False),
        ({"B": b"\xff\x00"}, {"B": b"\xff"}, True),
        ({"B": b"a"}, {"S": "a"}, False),
        ({"N": "12"}, N, False),
        ({"L": [S]}, S, False),
    ],
)
def test_what_begins_with_what(value: Any, prefix: Any, held: bool) -> None:
    assert begins_with(value, prefix) is held


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "abc"}, 3),
        ({"S": "é"}, 1),
        ({"S": "€uro"}, 4),
        ({"S": "\U0001f600"}, 2),  # UTF-16 units
        ({"B": b"\x00\x01"}, 2),
        ({"SS": ["a", "b"]}, 2),
        ({"NS": ["1"]}, 1),
        ({"BS": [b"a", b"b", b"c"]}, 3),
        ({"L": [S, S]}, 2),
        ({"M": {"a": {"M": {"b": S, "c": S}}}}, 1),
        (N, None),
        ({"BOOL": True}, None),
        ({"NULL": True}, None),
        (None, None),
    ],
)
def test_sizes(value: Any, size: int | None) -> None:
    assert size_of(value) == (None if size is None else {"N": str(size)})


# Random conditions over random items.

scalars = st.sampled_from(
    [S, {"S": "ab"}, {"S": "a"}, {"S": ""}, {"S": "\U0001f600"}, N, {"N": "2"}, {"N": "0.5"},
     {"N": "-3"}, {"B": b"a"}, B, {"BOOL": True}, {"NULL": True}, {"SS": ["a", "x"]},
     {"NS": ["1", "2"]}, {"BS": [b"a"]}, {"S": "S"}, {"S": "L"}]
)  # fmt: skip
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda drawn: {"L": drawn}),
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(lambda drawn: {"M": drawn}),
    ),
    max_leaves=5,
)
paths = st.sampled_from(["a", "b", "c", "a.a", "a.b", "b[0]", "b[1].a", "c[0][1]", "(a)"])
operands = st.one_of(
    paths, st.sampled_from([":v0", ":v1", ":v2"]), paths.map(lambda p: f"size({p.strip('()')})")
)
conditions = joined_conditions(
    simple_conditions(paths, operands),
    lambda inner: st.tuples(inner, inner).map(lambda t: f"NOT {t[0]} AND {t[1]}"),
)


class Naive:
    """A condition judged by walking its tree, in plain Python terms."""

    def __init__(self, item: Any, values: Any) -> None:
        self.item = item
        self.values = values

    def value(self, node: Any) -> Any:
        if isinstance(node, ValueNode):
            return self.values[node.key]
        if isinstance(node, CallNode):
            inner = self.value(node.operands[0])
            if inner is None or not {"S", "B", "SS", "NS", "BS", "L", "M"} & inner.keys():
                return None
            (content,) = inner.values()
            length = len(content.encode("utf-16-le")) // 2 if "S" in inner else len(content)
            return {"N": str(length)}
        assert isinstance(node, PathNode)
        found: Any = {"M": self.item}
        for step in node.elements:
            try:
                found = found["M" if isinstance(step, str) else "L"][step]
            except (KeyError, IndexError):
                return None
        return found

    @staticmethod
    def rank(value: Any) -> Any:
        (kind,) = value
        convert = {"S": str.encode, "B": bytes, "N": Decimal}.get(kind)
        return None if convert is None else (kind, convert(value[kind]))

    def ordered(self, left: Any, right: Any, operator: str) -> bool:
        one, other = self.rank(left), self.rank(right)
        if one is None or other is None or one[0] != other[0]:
            return False
        return {"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[
            operator
        ]

    def holds(self, node: Any) -> bool:
        if isinstance(node, NotNode):
            return not self.holds(node.term)
        if isinstance(node, LogicNode):
            verdicts = [self.holds(term) for term in node.terms]
            return all(verdicts) if node.operator == "AND" else any(verdicts)
        operands = [self.value(child) for child in node.children]
        if isinstance(node, CallNode):
            if node.function == "attribute_exists":
                return operands[0] is not None
            if node.function == "attribute_not_exists":
                return operands[0] is None
        if isinstance(node, CompareNode) and node.operator == "<>":
            return None in operands or operands[0] != operands[1]
        if isinstance(node, InNode):
            return operands[0] is not None and operands[0] in operands[1:]
        if None in operands:
            return False
        if isinstance(node, BetweenNode):
            value, low, high = operands
            return self.ordered(low, value, "<=") and self.ordered(value, high, "<=")
        if isinstance(node, CompareNode):
            if node.operator == "=":
                return bool(operands[0] == operands[1])
            return self.ordered(operands[0], operands[1], node.operator)
        assert isinstance(node, CallNode)
        if node.function == "attribute_type":
            return operands[1]["S"] in operands[0]
        return (contains if node.function == "contains" else begins_with)(*operands)


@settings(max_examples=300, deadline=None)
@given(
    conditions,
    st.dictionaries(st.sampled_from("abc"), documents, max_size=3),
    st.lists(documents, min_size=3, max_size=3),
)
def test_a_program_judges_as_its_tree_reads(text: str, item: Any, drawn: list[Any]) -> None:
    values = {f":v{n}": value for n, value in enumerate(drawn) if f":v{n}" in text}
    reading = read_attributes(values, base64_binary=False) if values else None
    try:
        condition = bind(names=None, values=reading, condition=text).condition
    except ValidationFailed:
        return
    assert condition is not None
    naive = Naive(item, values)
    assert condition.matches(item) is naive.holds(parse("Condition", text)), text
    assert condition.matches({}) is Naive({}, values).holds(parse("Condition", text)), text


def test_a_condition_of_300_operators_is_judged_near_the_recursion_limit() -> None:
    text = "(a <> :v AND NOT " * 99 + "a = :v" + ")" * 99
    reading = read_attributes({":v": S}, base64_binary=False)
    condition = bind(names=None, values=reading, condition=text).condition
    assert condition is not None
    depth = 0
    frame = sys._getframe()
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 30)
    try:
        # NOT of the innermost is true, of that false, and so on up 99 times.
        assert condition.matches({"a": N}) is True
        assert condition.matches({"a": S}) is False
    finally:
        sys.setrecursionlimit(limit)


def test_a_condition_knows_its_paths_and_attributes() -> None:
    names = {"#n": "a.b"}
    condition = bind(
        names=names, values=None, condition="#n = c[0] OR size(d.e) < c[0] OR NOT #n < f"
    ).condition
    assert condition is not None
    assert condition.paths == (("a.b",), ("c", 0), ("d", "e"), ("f",))
    assert condition.top_names == {"a.b", "c", "d", "f"}


def test_deep_documents_are_equal_without_recursion_in_python() -> None:
    one: Any = {"S": "x"}
    other: Any = {"S": "x"}
    for _ in range(31):
        one, other = {"L": [one]}, {"L": [other]}
    assert matches("a = b AND contains(c, :v)", {"a": one, "b": other, "c": {"L": [one]}}, v=other)
    assert type_of(one) == "L"
