"""Expected, QueryFilter and ScanFilter: conditions on whole attributes, joined by one AND or OR.

An entry becomes the node that an expression would have. Where the two languages differ is said
here: NOT_CONTAINS is false of an attribute that is not there, while NOT contains(...) is true
(DynamoDB Local 3.3.1, probed), and an entry of Expected may say `Exists` instead of an operator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, cast

from ...codec.attributes import ValueReading
from ...errors import ValidationFailed
from ..conditions import Condition, compile_condition
from ..tree import (
    BetweenNode,
    CallNode,
    CompareNode,
    ConditionNode,
    InNode,
    LogicNode,
    NotNode,
    Operand,
    Path,
    PathNode,
    Value,
    ValueNode,
)
from .arguments import INVALID, check_arguments, check_name

Entry = Mapping[str, Any]
"""ComparisonOperator, AttributeValueList (ValueReadings), and in Expected also Value, Exists."""

_COMPARATORS: Final = {"EQ": "=", "NE": "<>", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}
_FUNCTIONS: Final = {
    "NULL": "attribute_not_exists",
    "NOT_NULL": "attribute_exists",
    "CONTAINS": "contains",
    "BEGINS_WITH": "begins_with",
}
_VALUELESS: Final = ("NULL", "NOT_NULL")


def read_expected(entries: Mapping[str, Entry] | None, operator: str | None) -> Condition | None:
    """The condition that Expected and ConditionalOperator mean; None for no entries.

    Raises ValidationFailed in the order of the entries, then for the operator."""
    judged = []
    for name, entry in (entries or {}).items():
        check_name(name)
        judged.append((name, *_expectation(name, entry)))
    return _joined(judged, operator)


def read_filter(entries: Mapping[str, Entry] | None, operator: str | None) -> Condition | None:
    """The condition that QueryFilter or ScanFilter, with ConditionalOperator, means; None for no
    entries. Raises as `read_expected`."""
    judged = []
    for name, entry in (entries or {}).items():
        check_name(name)
        comparison = entry["ComparisonOperator"]
        values = check_arguments(comparison, entry.get("AttributeValueList", ()))
        judged.append((name, comparison, values))
    return _joined(judged, operator)


def _expectation(name: str, entry: Entry) -> tuple[str, list[Value]]:
    """The operator and values of one entry of Expected."""
    comparison: str | None = entry.get("ComparisonOperator")
    exists: bool | None = entry.get("Exists")
    value: ValueReading | None = entry.get("Value")
    listed: Sequence[ValueReading] | None = entry.get("AttributeValueList")
    fault: str | None = None
    if comparison is not None and exists is not None:
        fault = "Exists and ComparisonOperator cannot be used together"
    elif value is not None and listed is not None:
        fault = "Value and AttributeValueList cannot be used together"
    elif comparison is not None:
        if value is None and listed is None and comparison not in _VALUELESS:
            fault = (
                f"Value or AttributeValueList must be used with ComparisonOperator: {comparison}"
            )
    elif listed is not None:
        fault = "AttributeValueList can only be used with a ComparisonOperator"
    elif exists is False:
        if value is not None:
            fault = "Value cannot be used when Exists is false"
    elif value is None:
        fault = f"Value must be provided when Exists is {'null' if exists is None else 'true'}"
    if fault is not None:
        raise ValidationFailed(f"{INVALID}{fault} for Attribute: {name}")
    if comparison is None:
        comparison = "NULL" if exists is False else "EQ"
    arguments = listed if value is None else (value,)
    return comparison, check_arguments(comparison, arguments or ())


def _joined(
    judged: Sequence[tuple[str, str, list[Value]]], operator: str | None
) -> Condition | None:
    if operator is not None and len(judged) < 2:
        raise ValidationFailed(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements"
            if judged
            else "ConditionalOperator cannot be used without Filter or Expected"
        )
    if not judged:
        return None
    paths: dict[PathNode, Path] = {}
    values: dict[str, Value] = {}
    terms = []
    for name, comparison, arguments in judged:
        path = PathNode((name,))
        paths[path] = (name,)
        operands: list[Operand] = []
        for argument in arguments:
            key = f":{len(values)}"
            values[key] = argument
            operands.append(ValueNode(key))
        terms.append(_node(comparison, path, operands))
    word = cast("Literal['AND', 'OR']", operator or "AND")
    root = terms[0] if len(terms) == 1 else LogicNode(word, tuple(terms))
    return Condition(compile_condition(root, paths), values)


def _node(comparison: str, path: PathNode, operands: list[Operand]) -> ConditionNode:
    if comparison in _COMPARATORS:
        return CompareNode(_COMPARATORS[comparison], path, operands[0])
    if comparison in _FUNCTIONS:
        return CallNode(_FUNCTIONS[comparison], (path, *operands))
    if comparison == "IN":
        return InNode(path, tuple(operands))
    if comparison == "BETWEEN":
        return BetweenNode(path, operands[0], operands[1])
    assert comparison == "NOT_CONTAINS", comparison
    there = CallNode("attribute_exists", (path,))
    return LogicNode("AND", (there, NotNode(CallNode("contains", (path, operands[0])))))
