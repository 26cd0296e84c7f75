"""KeyConditions: what they tell without a table, and the range that they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from streamstore.codec.attributes import read_value
from streamstore.errors import ValidationFailed
from streamstore.expressions.legacy import read_key_conditions


@dataclass
class Part:
    name: str
    type: str


P = "One or more parameter values were invalid: "
HASH, RANGE = [Part("pk", "S")], [Part("sk", "N")]


def compared(operator: str, *values: Any) -> dict[str, Any]:
    listed = [read_value(value, base64_binary=False) for value in values]
    return {"ComparisonOperator": operator, "AttributeValueList": listed}


EQUAL = compared("EQ", {"S": "x"})
ONE, TWO = {"N": "1"}, {"N": "2"}


def refusal(**entries: Any) -> str:
    with pytest.raises(ValidationFailed) as caught:
        read_key_conditions(entries)
    return caught.value.message


@pytest.mark.parametrize(
    ("condition", "meaning"),
    [
        (compared("EQ", ONE), ("=", [ONE])),
        (compared("LT", ONE), ("<", [ONE])),
        (compared("LE", ONE), ("<=", [ONE])),
        (compared("GT", ONE), (">", [ONE])),
        (compared("GE", ONE), (">=", [ONE])),
        (compared("BETWEEN", ONE, TWO), ("BETWEEN", [ONE, TWO])),
    ],
)
def test_a_range_condition_means_its_operator(condition: Any, meaning: Any) -> None:
    for entries in ({"pk": EQUAL, "sk": condition}, {"sk": condition, "pk": EQUAL}):
        found = read_key_conditions(entries).resolve(HASH, RANGE)
        assert (found.hash, found.range) == ({"pk": {"S": "x"}}, (meaning,))


def test_begins_with_is_for_strings_and_bytes() -> None:
    condition = compared("BEGINS_WITH", {"S": "a"})
    found = read_key_conditions({"pk": EQUAL, "sk": condition})
    assert found.resolve(HASH, [Part("sk", "S")]).range == (("begins_with", [{"S": "a"}]),)
    assert "BEGINS_WITH is not valid for N" in refusal(pk=EQUAL, sk=compared("BEGINS_WITH", ONE))


@pytest.mark.parametrize("operator", ["NE", "IN", "CONTAINS", "NOT_CONTAINS", "NULL", "NOT_NULL"])
def test_operators_that_no_key_is_searched_by(operator: str) -> None:
    values = [] if operator.endswith("NULL") else [{"S": "x"}]
    text = "Attempted conditional constraint is not an indexable operation"
    assert refusal(pk=compared(operator, *values)) == text
    assert refusal(pk=EQUAL, sk=compared(operator, *values)) == text
    assert refusal(sk=compared(operator, *values), pk=EQUAL) == text


def test_one_condition_or_two() -> None:
    text = "Conditions can be of length 1 or 2 only"
    assert refusal() == text
    assert refusal(a=EQUAL, b=EQUAL, c=compared("NE", ONE)) == text
    # An entry that is at fault by itself is told before.
    assert "numeric" in refusal(a=EQUAL, b=EQUAL, c=compared("EQ", {"N": "x"}))
    assert "Invalid number" in refusal(a=compared("NE"), b=EQUAL)


def test_the_key_judges_names_types_and_operators() -> None:
    for entries, text in (
        ({"sk": compared("EQ", ONE)}, "Query condition missed key schema element: pk"),
        ({"pk": compared("LT", {"S": "x"})}, "Query key condition not supported"),
        ({"pk": EQUAL, "zz": EQUAL}, "Query condition missed key schema element: sk"),
        (
            {"pk": compared("EQ", ONE)},
            P + "Condition parameter type does not match schema type",
        ),
    ):
        with pytest.raises(ValidationFailed) as caught:
            read_key_conditions(entries).resolve(HASH, RANGE)
        assert caught.value.message == text
