"""Operators with their values: how many, of which types, in which order it is told."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.codec.attributes import ValueReading, read_value
from streamstore.errors import ValidationFailed
from streamstore.expressions.legacy.arguments import check_arguments, check_name

P = "One or more parameter values were invalid: "
VALUES: dict[str, Any] = {
    "S": "x", "N": "1", "B": b"x", "BOOL": True, "NULL": True, "SS": ["a"], "NS": ["1"],
    "BS": [b"a"], "L": [], "M": {},
}  # fmt: skip
SCALARS = {"S", "N", "B"}
TAKES = {
    "EQ": set(VALUES), "NE": set(VALUES),
    "LT": SCALARS, "LE": SCALARS, "GT": SCALARS, "GE": SCALARS, "IN": SCALARS, "BETWEEN": SCALARS,
    "BEGINS_WITH": {"S", "B"},
    "CONTAINS": {*SCALARS, "BOOL", "NULL"}, "NOT_CONTAINS": {*SCALARS, "BOOL", "NULL"},
}  # fmt: skip


def readings(*values: Any) -> list[ValueReading]:
    return [read_value(value, base64_binary=False) for value in values]


def refusal(operator: str, *values: Any) -> str:
    with pytest.raises(ValidationFailed) as caught:
        check_arguments(operator, readings(*values))
    assert not caught.value.prefixed
    return caught.value.message


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("operator", TAKES)
def test_an_operator_takes_the_types_of_the_table_and_no_others(operator: str, kind: str) -> None:
    value = {kind: VALUES[kind]}
    values = [value, value] if operator == "BETWEEN" else [value]
    if kind in TAKES[operator]:
        assert check_arguments(operator, readings(*values)) == values
    else:
        assert refusal(operator, *values) == (
            f"{P}ComparisonOperator {operator} is not valid for {kind} AttributeValue type"
        )


@pytest.mark.parametrize("count", range(4))
@pytest.mark.parametrize("operator", [*TAKES, "NULL", "NOT_NULL"])
def test_an_operator_takes_its_number_of_values(operator: str, count: int) -> None:
    wanted = {"NULL": {0}, "NOT_NULL": {0}, "BETWEEN": {2}, "IN": {1, 2, 3}}.get(operator, {1})
    values = [{"S": "x"}] * count
    if count in wanted:
        assert len(check_arguments(operator, readings(*values))) == count
    else:
        assert refusal(operator, *values) == (
            f"{P}Invalid number of argument(s) for the {operator} ComparisonOperator"
        )


def test_values_of_one_list_are_of_one_type() -> None:
    same = P + "AttributeValues inside AttributeValueList must be of same type"
    assert refusal("IN", {"S": "x"}, {"N": "1"}) == same
    assert refusal("BETWEEN", {"N": "1"}, {"B": b"x"}) == same
    # A type that the operator doesn't take is told of the first value that has one.
    assert "not valid for SS" in refusal("IN", {"SS": ["x"]}, {"N": "1"})


@pytest.mark.parametrize(
    ("low", "high"),
    [({"S": "b"}, {"S": "a"}), ({"N": "10"}, {"N": "9"}), ({"B": b"\x80"}, {"B": b"\x7f"})],
)
def test_a_range_must_not_be_upside_down(low: Any, high: Any) -> None:
    assert refusal("BETWEEN", low, high) == (
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper"
        " bound"
    )
    assert check_arguments("BETWEEN", readings(high, low)) == [high, low]
    assert check_arguments("BETWEEN", readings(low, low)) == [low, low]


def test_a_value_at_fault_is_told_before_anything_about_the_operator() -> None:
    with pytest.raises(ValidationFailed) as caught:
        check_arguments("NULL", readings({"S": "x"}, {"SS": []}))
    assert caught.value.message == P + "An string set  may not be empty"
    assert caught.value.prefixed


def test_an_attribute_has_a_name() -> None:
    check_name("a.b")
    with pytest.raises(ValidationFailed, match=r"^Empty attribute name$"):
        check_name("")
