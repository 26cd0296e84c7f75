"""The second look: bounds, and which of several faults is told."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.codec.attributes import read_attributes
from streamstore.errors import ValidationFailed
from streamstore.expressions import bind

S = {":s": {"S": "x"}}


def refusal(values: Any = None, names: Any = None, **expression: str) -> str | None:
    reading = None if values is None else read_attributes(values, base64_binary=False)
    try:
        bind(names=names, values=reading, **expression)
    except ValidationFailed as refused:
        if not refused.prefixed:
            return "not prefixed: " + refused.message
        return refused.message.split("Expression: ")[-1]
    return None


def condition(text: str) -> str | None:
    return refusal(S if ":s" in text else None, condition=text)


MANY = "The expression contains too many operators; operator count: 301"
DEEP = "The document path has too many nesting levels; nesting levels: 33"
OPTIONS = "The IN operator is provided with too many operands; number of operands: 101"
UNDEFINED = "An expression attribute value used in expression is not defined; attribute value: :y"


@pytest.mark.parametrize(
    "text",
    [
        " OR ".join(["a=:s"] * 150),
        " AND ".join(["a BETWEEN :s AND :s"] * 150),
        " AND ".join(["size(a)=:s"] * 100),
        " OR ".join(["a IN (:s,:s)"] * 150),
        "NOT " * 299 + "a=:s",
        "NOT " * 298 + "begins_with(a,:s)",
    ],
    ids=lambda text: text[:20],
)
def test_299_operators_are_fine_and_two_more_are_too_many(text: str) -> None:
    assert condition(text) is None
    assert condition(f"NOT ({text} OR b=:s)") == MANY


def test_operators_of_updates_are_counted_without_assignments() -> None:
    sums = ",".join(f"a{n}=b+c" for n in range(300))
    assert refusal(update=f"SET {sums}") is None
    assert refusal(update=f"SET {sums},z=b-c") == MANY
    assert refusal(update="SET " + ",".join(f"a{n}=b" for n in range(400))) is None
    nested = "if_not_exists(z," * 200 + "b" + ")" * 200
    assert refusal(update=f"SET a={nested}") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a" + ".b" * 31 + "=:s", None),
        ("a" + "[0]" * 31 + "=:s", None),
        ("a" + ".b" * 32 + "=:s", DEEP),
        ("a" + "[0]" * 32 + "=:s", DEEP),
        ("#x" + ".b" * 32 + "=:s", DEEP),
        ("a IN (" + ",".join([":s"] * 100) + ")", None),
        ("a IN (" + ",".join([":s"] * 101) + ")", OPTIONS),
        ("a IN (" + ",".join([":s"] * 101) + ") OR b" + ".b" * 32 + "=:s", OPTIONS),
        ("b" + ".b" * 32 + "=:s OR a IN (" + ",".join([":s"] * 101) + ")", DEEP),
        ("b" + ".b" * 32 + "=:y", DEEP),
        ("a=:y OR b" + ".b" * 32 + "=:s", UNDEFINED),
        (" OR ".join(["a=:s"] * 151), MANY),
        (" OR ".join(["a=:s"] * 151) + " OR a=:y", UNDEFINED),
        (" OR ".join(["a=:s"] * 151) + " OR b" + ".b" * 32 + "=:s", DEEP),
    ],
    ids=range(14),
)
def test_bounds_and_which_of_them_is_told(text: str, told: str | None) -> None:
    assert condition(text) == told


def test_a_name_that_holds_a_dot_is_one_element() -> None:
    names = {"#d": "a.b"}
    assert refusal(condition="#d = a.b", names=names) is None
    distinct = refusal(condition="#d = #d", names=names)
    assert distinct is not None
    assert distinct.endswith("operator: =, first operand: [a.b]")


def test_targets_are_looked_at_from_the_last_and_before_operands() -> None:
    undefined = "An expression attribute name used in the document path is not defined"
    overlap = "Two document paths overlap with each other"

    def told(text: str) -> str:
        return str(refusal(S if ":s" in text else None, update=text)).split(";")[0]

    assert told("SET #x = :s, a = :s, a = :s") == overlap
    assert told("SET a = :s, a = :s, #x = :s") == undefined
    assert told("SET a = :y REMOVE #x") == undefined
    assert told("SET a = :y, a = :y") == overlap
    assert told("SET a = if_not_exists(b), c = :y") == UNDEFINED.split(";")[0]
    assert told("ADD a :s SET c = :y") == UNDEFINED.split(";")[0]


def test_of_three_paths_the_two_that_disagree_are_shown() -> None:
    told = refusal(projection="a.c, z, b, a")
    assert told is not None
    assert told.endswith("path one: [a, c], path two: [a]")
