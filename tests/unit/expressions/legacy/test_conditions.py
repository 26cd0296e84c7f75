"""Expected and filters: their texts, and that they judge as the expression of the same meaning."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.codec.attributes import read_attributes, read_value
from streamstore.errors import ValidationFailed
from streamstore.expressions import bind
from streamstore.expressions.conditions import compare
from streamstore.expressions.legacy import read_expected, read_filter

P = "One or more parameter values were invalid: "


def entry(**members: Any) -> dict[str, Any]:
    """An entry as the operations hand it over."""
    if "Value" in members:
        members["Value"] = read_value(members["Value"], base64_binary=False)
    if "AttributeValueList" in members:
        members["AttributeValueList"] = [
            read_value(value, base64_binary=False) for value in members["AttributeValueList"]
        ]
    return members


def compared(operator: str, *values: Any) -> dict[str, Any]:
    return entry(ComparisonOperator=operator, AttributeValueList=list(values))


def refusal(entries: dict[str, Any] | None, operator: str | None = None) -> str:
    with pytest.raises(ValidationFailed) as caught:
        read_expected(entries, operator)
    return caught.value.message


S = {"S": "x"}
FAULTY = [
    (entry(), "Value must be provided when Exists is null"),
    (entry(Exists=True), "Value must be provided when Exists is true"),
    (entry(Exists=False, Value=S), "Value cannot be used when Exists is false"),
    (
        entry(ComparisonOperator="EQ"),
        "Value or AttributeValueList must be used with ComparisonOperator: EQ",
    ),
    (
        entry(Exists=True, ComparisonOperator="EQ", Value=S),
        "Exists and ComparisonOperator cannot be used together",
    ),
    (
        entry(Value=S, AttributeValueList=[S]),
        "Value and AttributeValueList cannot be used together",
    ),
    (
        entry(ComparisonOperator="EQ", Value=S, AttributeValueList=[S]),
        "Value and AttributeValueList cannot be used together",
    ),
    (
        entry(Exists=True, ComparisonOperator="EQ", Value=S, AttributeValueList=[S]),
        "Exists and ComparisonOperator cannot be used together",
    ),
    (
        entry(AttributeValueList=[S]),
        "AttributeValueList can only be used with a ComparisonOperator",
    ),
    (
        entry(Exists=False, AttributeValueList=[]),
        "AttributeValueList can only be used with a ComparisonOperator",
    ),
]


@pytest.mark.parametrize(("faulty", "text"), FAULTY)
def test_members_of_expected_that_do_not_go_together(faulty: dict[str, Any], text: str) -> None:
    assert refusal({"a.b": faulty}) == f"{P}{text} for Attribute: a.b"
    # The first entry at fault answers.
    assert refusal({"z": faulty, "a": entry(ComparisonOperator="NE")}).endswith(" z")
    assert refusal({"a": entry(ComparisonOperator="NE"), "z": faulty}).endswith(" a")


def test_the_values_of_expected_are_checked_as_those_of_an_operator() -> None:
    two = P + "Invalid number of argument(s) for the EQ ComparisonOperator"
    assert refusal({"a": compared("EQ", S, S)}) == two
    assert "BETWEEN" in refusal({"a": entry(ComparisonOperator="BETWEEN", Value=S)})
    assert "NULL" in refusal({"a": entry(ComparisonOperator="NULL", Value=S)})
    assert "numeric" in refusal({"a": entry(Value={"N": "x"})})
    assert refusal({"": compared("NULL")}) == "Empty attribute name"


NONE = "ConditionalOperator cannot be used without Filter or Expected"
ONE = "ConditionalOperator can only be used when Filter or Expected has two or more elements"


@pytest.mark.parametrize("read", [read_expected, read_filter])
def test_a_conditional_operator_needs_something_to_join(read: Any) -> None:
    null = compared("NULL")
    for entries, text in ((None, NONE), ({}, NONE), ({"a": null}, ONE)):
        with pytest.raises(ValidationFailed) as caught:
            read(entries, "OR")
        assert (caught.value.message, caught.value.prefixed) == (text, False)
    assert read({"a": null, "b": null}, "OR") is not None
    assert read(None, None) is None
    assert read({}, None) is None
    # What an entry says for itself is told first.
    with pytest.raises(ValidationFailed, match="Invalid number"):
        read({"a": compared("NULL", S)}, "OR")


SCALARS = st.one_of(
    st.sampled_from([{"S": s} for s in ("", "a", "ab", "b")]),
    st.sampled_from([{"N": n} for n in ("0", "1", "2.5", "10", "-3")]),
    st.sampled_from([{"B": b} for b in (b"a", b"ab", b"\xff")]),
)
VALUES = st.one_of(
    SCALARS,
    st.sampled_from(
        [
            {"BOOL": True}, {"BOOL": False}, {"NULL": True}, {"SS": ["a", "b"]},
            {"NS": ["1", "10"]}, {"BS": [b"a"]}, {"L": [{"S": "a"}, {"N": "1"}]},
            {"M": {"a": {"S": "a"}}},
        ]
    ),
)  # fmt: skip
PAIRS = st.tuples(SCALARS, SCALARS).filter(lambda pair: compare(*pair) in (-1, 0))
ITEMS = st.dictionaries(st.sampled_from("ab"), VALUES)
# What each operator means as an expression on the attribute #n with the values :0, :1.
MEANING = {
    "EQ": "#n = :0",
    "NE": "#n <> :0",
    "LT": "#n < :0",
    "LE": "#n <= :0",
    "GT": "#n > :0",
    "GE": "#n >= :0",
    "NULL": "attribute_not_exists(#n)",
    "NOT_NULL": "attribute_exists(#n)",
    "CONTAINS": "contains(#n, :0)",
    "NOT_CONTAINS": "attribute_exists(#n) AND NOT contains(#n, :0)",
    "BEGINS_WITH": "begins_with(#n, :0)",
    "BETWEEN": "#n BETWEEN :0 AND :1",
    "IN": "#n IN (:0, :1)",
}


@pytest.mark.parametrize("operator", MEANING)
@given(item=ITEMS, pair=PAIRS)
def test_an_operator_means_its_expression(operator: str, item: Any, pair: Any) -> None:
    count = MEANING[operator].count(":")
    values = pair[:count]
    if operator == "BEGINS_WITH" and "N" in pair[0]:
        return
    legacy = read_filter({"a": compared(operator, *values)}, None)
    named = {f":{place}": value for place, value in enumerate(values)}
    expression = bind(
        names={"#n": "a"},
        values=read_attributes(named, base64_binary=False) if named else None,
        condition=MEANING[operator],
    ).condition
    assert legacy is not None
    assert expression is not None
    assert legacy.matches(item) == expression.matches(item)
    assert legacy.top_names == {"a"}


@given(item=ITEMS, value=VALUES)
def test_expected_without_an_operator_is_absence_or_equality(item: Any, value: Any) -> None:
    absent = read_expected({"a": entry(Exists=False)}, None)
    assert absent is not None
    assert absent.matches(item) == ("a" not in item)
    for members in ({"Value": value}, {"Exists": True, "Value": value}):
        equal = read_expected({"a": entry(**members)}, None)
        assert equal is not None
        assert equal.matches(item) == (item.get("a") == value)
        assert equal.matches({**item, "a": value})
    listed = read_expected({"a": entry(ComparisonOperator="EQ", Value=value)}, None)
    assert listed is not None
    assert listed.matches({"a": value})


@given(item=ITEMS, first=VALUES, second=VALUES)
def test_entries_are_joined_by_and_unless_or_is_said(item: Any, first: Any, second: Any) -> None:
    entries = {"a": compared("EQ", first), "b": compared("EQ", second)}
    each = [item.get("a") == first, item.get("b") == second]
    for operator, verdict in ((None, all(each)), ("AND", all(each)), ("OR", any(each))):
        for read in (read_filter, read_expected):
            condition = read(entries, operator)
            assert condition is not None
            assert condition.matches(item) is verdict


def test_a_dot_is_part_of_the_name() -> None:
    condition = read_filter({"m.x": compared("NOT_NULL")}, None)
    assert condition is not None
    assert condition.paths == (("m.x",),)
    assert condition.matches({"m.x": S})
    assert not condition.matches({"m": {"M": {"x": S}}})
