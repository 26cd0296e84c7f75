"""KeyConditions: one or two conditions on key attributes, as a KeyConditionExpression would spell
them.

What the request tells by itself is checked here; whether the attributes are those of the key, and
the values of its types, is told by `KeyConditionTree.resolve` as for an expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import ValidationFailed
from ..key_conditions import KeyConditionTree, ShapedCondition
from ..tree import Value
from .arguments import check_arguments, check_name

_CONDITIONS_MAX: Final = 2
_OPERATORS: Final = {
    "EQ": "=",
    "LT": "<",
    "LE": "<=",
    "GT": ">",
    "GE": ">=",
    "BETWEEN": "BETWEEN",
    "BEGINS_WITH": "begins_with",
}


def read_key_conditions(entries: Mapping[str, Mapping[str, Any]]) -> KeyConditionTree:
    """The key condition that KeyConditions means. Raises ValidationFailed: for an entry by itself
    in their order, then for their number, then for an operator that no key can be searched by."""
    values: dict[str, Value] = {}
    shaped: dict[str, ShapedCondition] = {}
    indexable = True
    for name, entry in entries.items():
        check_name(name)
        comparison = entry["ComparisonOperator"]
        keys = []
        for value in check_arguments(comparison, entry.get("AttributeValueList", ())):
            keys.append(f":{len(values)}")
            values[keys[-1]] = value
        indexable = indexable and comparison in _OPERATORS
        shaped[name] = _OPERATORS.get(comparison, comparison), tuple(keys)
    if not 1 <= len(shaped) <= _CONDITIONS_MAX:
        raise ValidationFailed("Conditions can be of length 1 or 2 only")
    if not indexable:
        raise ValidationFailed("Attempted conditional constraint is not an indexable operation")
    return KeyConditionTree(shaped, values)
