"""What the legacy parameters share: their texts' beginning, names of attributes, and an operator
with its values.

Each entry of a map is checked by itself and in the order given, so the first entry that is at
fault answers, whatever the later ones are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...codec.attributes import ValueReading
from ...errors import ValidationFailed
from ..conditions import compare, type_of
from ..tree import Value

INVALID: Final = "One or more parameter values were invalid: "

_SCALARS: Final = frozenset(("S", "N", "B"))
# How many values an operator takes; IN takes any number but none.
_COUNTS: Final = {
    "EQ": 1, "NE": 1, "LE": 1, "LT": 1, "GE": 1, "GT": 1, "CONTAINS": 1, "NOT_CONTAINS": 1,
    "BEGINS_WITH": 1, "BETWEEN": 2, "NULL": 0, "NOT_NULL": 0,
}  # fmt: skip
# The types that an operator takes; EQ and NE take any.
_TYPES: Final = {
    **dict.fromkeys(("LE", "LT", "GE", "GT", "IN", "BETWEEN"), _SCALARS),
    "BEGINS_WITH": frozenset(("S", "B")),
    **dict.fromkeys(("CONTAINS", "NOT_CONTAINS"), _SCALARS | {"BOOL", "NULL"}),
}


def check_name(name: str) -> None:
    """ValidationFailed for an attribute's name that is empty."""
    if not name:
        raise ValidationFailed("Empty attribute name")


def check_arguments(operator: str, readings: Sequence[ValueReading]) -> list[Value]:
    """The values of an operator. Raises ValidationFailed for faults of the values themselves (spec
    D), for their number and for their types.
    """
    values = []
    for reading in readings:
        if reading.fault is not None:
            raise reading.fault
        values.append(reading.value)
    wrong = len(values) != _COUNTS[operator] if operator in _COUNTS else not values
    if wrong:
        raise ValidationFailed(
            f"{INVALID}Invalid number of argument(s) for the {operator} ComparisonOperator"
        )
    allowed = _TYPES.get(operator)
    for value in values:
        kind = type_of(value)
        if allowed is not None and kind not in allowed:
            raise ValidationFailed(
                f"{INVALID}ComparisonOperator {operator} is not valid for {kind}"
                " AttributeValue type"
            )
        if kind not in values[0]:
            raise ValidationFailed(
                f"{INVALID}AttributeValues inside AttributeValueList must be of same type"
            )
    if operator == "BETWEEN" and compare(*values) == 1:
        raise ValidationFailed(
            "The BETWEEN condition was provided a range where the lower bound is greater than the"
            " upper bound"
        )
    return values
