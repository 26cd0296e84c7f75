"""WHERE means what the same FilterExpression means; its terms pin keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.codec.attributes import read_attributes
from streamstore.errors import ValidationFailed
from streamstore.expressions import Condition, bind
from streamstore.expressions.partiql.conditions import Where, absent
from streamstore.expressions.partiql.statements import parse
from streamstore.expressions.partiql.translation import Translation
from streamstore.expressions.partiql.tree import Select

from ..drawn import joined_conditions, simple_conditions
from .conftest import literal

scalars = st.sampled_from(
    [{"S": "x"}, {"S": "ab"}, {"S": "a"}, {"S": "it's"}, {"N": "1"}, {"N": "2"}, {"N": "0.5"},
     {"N": "-3"}, {"BOOL": True}, {"NULL": True}, {"SS": ["a", "x"]}, {"NS": ["1", "2"]},
     {"S": "S"}, {"S": "L"}]
)  # fmt: skip
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda drawn: {"L": drawn}),
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2).map(lambda drawn: {"M": drawn}),
    ),
    max_leaves=5,
)
paths = st.sampled_from(["a", "b", "c", "a.a", "a.b", "b[0]", "b[1].a", "c[0][1]"])
operands = st.one_of(paths, st.sampled_from([":v0", ":v1"]), paths.map("size({})".format))
conditions = joined_conditions(
    simple_conditions(paths, operands),
    lambda inner: st.tuples(inner, inner, inner).map(lambda t: f"NOT {t[0]} AND {t[1]} OR {t[2]}"),
)


def where(text: str, *parameters: Any) -> Where:
    statement = parse(f"SELECT * FROM t WHERE {text}")
    assert isinstance(statement, Select)
    assert statement.where is not None
    return Where(Translation(list(parameters)), statement.where)


def answer(make: Callable[[], Condition], item: Any) -> bool | str:
    """Whether a condition holds for an item, or why it can't be asked."""
    try:
        return make().matches(item)
    except ValidationFailed as refused:
        return refused.message.removeprefix("Invalid FilterExpression: ")


def verdict(where: Where, item: Any) -> bool:
    compiled = where.compiled()
    return compiled is None or compiled.matches(item)


@settings(max_examples=600, deadline=None)
@given(
    conditions,
    st.dictionaries(st.sampled_from("abc"), documents, max_size=3),
    st.tuples(scalars, scalars),
    st.booleans(),
)
def test_a_where_holds_for_the_items_that_the_same_filter_expression_holds_for(
    text: str, item: Any, values: tuple[Any, Any], spelt: bool
) -> None:
    used = re.findall(r":v([01])", text)
    given_values = {f":v{at}": values[int(at)] for at in used}
    reading = read_attributes(given_values, base64_binary=False) if used else None
    replacement = literal(values[0]), literal(values[1])
    asked = re.sub(r":v([01])", lambda m: replacement[int(m[1])] if spelt else "?", text)
    parameters = [] if spelt else [values[int(at)] for at in used]
    expected = answer(
        lambda: bind(names=None, values=reading, filter=text).filter or absent("never"), item
    )
    if "redundant parentheses" not in str(expected):
        assert answer(lambda: where(asked, *parameters).compiled() or absent("x"), item) == expected


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a IS NULL", [{"a": {"NULL": True}}]),
        ("a IS NOT NULL", [{}, {"a": {"N": "1"}}]),
        ("a IS MISSING", [{}]),
        ("a IS NOT MISSING", [{"a": {"NULL": True}}, {"a": {"N": "1"}}]),
        ("a NOT IN [1, 2]", [{}, {"a": {"NULL": True}}]),
        ("a NOT BETWEEN 1 AND 2", [{}, {"a": {"NULL": True}}]),
        ("a != 1", [{}, {"a": {"NULL": True}}]),
    ],
)
def test_what_only_partiql_has_means(text: str, holds: list[Any]) -> None:
    items: list[Any] = [{}, {"a": {"NULL": True}}, {"a": {"N": "1"}}]
    assert [item for item in items if verdict(where(text), item)] == holds


def test_a_term_that_pins_is_found_on_either_side_and_can_be_taken_out() -> None:
    found = where("1 = sk AND a = 2 AND 'x' = pk AND pk <> 'y'")
    assert found.pinned("pk") == (2, {"S": "x"})
    assert found.pinned("sk") == (0, {"N": "1"})
    assert found.pinned("nope") is None
    rest = found.compiled({0, 1, 2})
    assert rest is not None
    assert rest.paths == (("pk",),)
    assert found.compiled({0, 1, 2, 3}) is None


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("sk > 1", (0, ">", ["1"])),
        ("1 > sk", (0, "<", ["1"])),
        ("1 < sk", (0, ">", ["1"])),
        ("1 <= sk", (0, ">=", ["1"])),
        ("1 >= sk", (0, "<=", ["1"])),
        ("a = 1 AND sk BETWEEN 1 AND 2", (1, "BETWEEN", ["1", "2"])),
        ("sk > 1 AND sk = 2", (1, "=", ["2"])),
        ("sk <> 1", None),
        ("sk = a", None),
        ("sk BETWEEN 1 AND a", None),
        ("sk.x = 1", None),
        ("NOT sk = 1", None),
        ("sk = 1 OR sk = 2", None),
        ("sk IN [1]", None),
    ],
)
def test_a_bound_of_a_sort_key(text: str, bound: Any) -> None:
    condition = where(text)
    found = condition.bound("sk")
    if found is not None:
        at, (operator, keys) = found
        found = at, operator, [condition.scope.values[key]["N"] for key in keys]  # type: ignore
    assert found == bound


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("pk = 'a'", (0, "a")),
        ("b = 1 AND pk IN ['b', 'a']", (1, "ba")),
        ("pk = 'a' OR pk = 'b'", (None, "ab")),
        ("(pk = 'a' AND b = 1) OR (b = 2 AND pk IN ['c', 'd'])", (None, "acd")),
        ("(pk = 'a' OR pk = 'b') AND b = 1", (None, "ab")),
        ("pk = 'a' OR b = 1", None),
        ("NOT pk = 'a'", None),
        ("pk > 'a'", None),
        ("pk = b OR pk = 'a'", None),
        ("pk IN ['a', b]", None),
    ],
)
def test_the_choices_of_a_hash_key(text: str, choices: Any) -> None:
    found = where(text).choices("pk")
    shown = None if found is None else (found[0], "".join(value["S"] for value in found[1]))
    assert shown == choices


def test_guards_of_an_item_that_is_there_or_not() -> None:
    condition = where("pk = 'a' AND b = 1")
    there, other, none = {"pk": {"S": "a"}, "b": {"N": "1"}}, {"pk": {"S": "a"}}, {}
    present = condition.where_present("pk", {0})
    assert [present.matches(item) for item in (there, other, none)] == [True, False, False]
    gone = condition.where_absent("pk", {0})
    assert gone is not None
    assert [gone.matches(item) for item in (there, other, none)] == [True, False, True]
    assert condition.where_absent("pk", {0, 1}) is None
    assert [absent("pk").matches(item) for item in (there, none)] == [False, True]


@pytest.mark.parametrize("text", ["NOT " * 290 + "a = 1", " AND ".join(["a = 1"] * 150)])
def test_a_deep_condition_is_judged(text: str) -> None:
    assert verdict(where(text), {"a": {"N": "1"}})


@pytest.mark.parametrize("text", ["NOT " * 1900 + "a = 1", "(a=1 AND " * 800 + "a=1" + ")" * 800])
def test_a_condition_of_too_many_operators_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed, match="too many operators; operator count: 301"):
        where(text)


@pytest.mark.parametrize(
    "text",
    ["a", "1", "a AND b", "NOT a", "a OR b = 1", "a + 1 = 2", "a = (b = 1)", "a = NOT b",
     "(a IN [1]) = 1", "a IN b", "a IN []", "(a = 1) IN [1]", "a IN [b = 1]", "a IN [NOT b]",
     "a IN [b IN [1]]",
     "a LIKE 'x'", "a || b = 1", "-a = 1", "f(a)", "size(a)", "size(a) AND b = 1", "a = [b]",
     "a = {'x': b}", "a = (b, c)", "a = <<>>", "a = MISSING", "MISSING = a", "a IN [MISSING]",
     "size(a) IS NULL", "(a = 1) IS MISSING", "contains(a, b = 1)", "contains(a IN (b), c)",
     "begins_with(a)", "a BETWEEN b = 1 AND 2", "set_add(a, b) = 1", "list_append(a, b) = 1",
     "count(*) = 1", "a[-1] = 1", "a = ? AND b[?] = 1"],
)  # fmt: skip
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed):
        where(text, {"N": "1"}, {"N": "1"})
