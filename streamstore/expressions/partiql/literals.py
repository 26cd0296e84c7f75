"""Expressions -> attribute values: what a statement spells out, with its parameters filled in.

A literal becomes the same raw value that a request would carry and is read by the same codec, so
its numbers, sets, sizes and levels are judged by the same rules and in the same words. Only what
has no counterpart in a request is refused here: bags of mixed types, keys that are no strings,
paths, operators and parameters inside a value.

A bag is a set of strings or of numbers. Binary values, and sets of them, come by parameter only.
"""

from __future__ import annotations

from typing import Any, Final, TypeGuard

from ... import limits
from ...codec.attributes import Reading, ValueReading, read_attributes, read_value
from ...errors import ValidationFailed
from ..tree import Value
from .tree import (
    Constant,
    Expression,
    Invocation,
    Is,
    Operation,
    Parameter,
    PathRef,
    Sequence,
    Tuple,
)

Literal = Constant | Parameter | Sequence | Tuple

TOO_DEEP: Final = "Nesting Levels have exceeded supported limits"
_BAG_TYPES: Final = (
    "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags"
)
_NOT_AN_ITEM: Final = (
    "Unsupported format in item expression. Please use struct format {...} to express item values"
    " for insert statement."
)
_ROOT: Final = "root"
_SETS: Final = {"S": "SS", "N": "NS"}


def value_of(node: Literal, parameters: list[Value]) -> ValueReading:
    """The value of a literal. Raises ValidationFailed for whatever is wrong with it."""
    if isinstance(node, Parameter):
        return ValueReading(parameters[node.position], 0)
    reading = read_value(_raw(node, parameters, _ROOT), base64_binary=False)
    if reading.fault is not None:
        raise reading.fault
    return reading


def item_of(node: Expression, parameters: list[Value]) -> Reading:
    """The item that INSERT spells out. Raises ValidationFailed."""
    if not isinstance(node, Tuple):
        raise ValidationFailed(f"{_NOT_AN_ITEM} at {node.place}")
    if node.depth > limits.NESTING_LEVELS_MAX:
        raise ValidationFailed(TOO_DEEP)
    reading = read_attributes(_members(node, parameters, ""), base64_binary=False)
    if reading.fault is not None:
        raise reading.fault
    return reading


def is_literal(node: Expression) -> TypeGuard[Literal]:
    """Whether a node is a value spelt out, and not looked up or computed."""
    return isinstance(node, Constant | Parameter | Sequence | Tuple)


def _raw(node: Expression, parameters: list[Value], key: str) -> Any:
    """The value as a request would carry it. Goes as deep as levels may, and no deeper. A
    parameter is a value by itself and never part of one."""
    if isinstance(node, Parameter) and key == _ROOT:
        return parameters[node.position]
    if isinstance(node, Constant) and node.value is not None:
        return node.value
    if isinstance(node, Sequence | Tuple) and node.depth > limits.NESTING_LEVELS_MAX:
        raise ValidationFailed(TOO_DEEP)
    if isinstance(node, Tuple):
        return {"M": _members(node, parameters, key)}
    if isinstance(node, Sequence) and node.bracket != "<<":
        items = enumerate(node.items)
        return {"L": [_raw(item, parameters, f"{key}.{at}") for at, item in items]}
    if isinstance(node, Sequence):
        return _set(node)
    shown = _shown(node) if key == _ROOT else _kind(node)
    raise ValidationFailed(f"Unsupported data type: {shown} under key {key} at {node.place}")


def _members(node: Tuple, parameters: list[Value], key: str) -> dict[str, Any]:
    """The members of a map, or, with the key "", of an item."""
    members: dict[str, Any] = {}
    where = key or _ROOT
    for name, value in node.entries:
        if not (isinstance(name, Constant) and name.value is not None and "S" in name.value):
            raise ValidationFailed(
                f"Tuple keys must be of type String. Actual type: {_kind(name)} under {where}"
                f" at {name.place}"
            )
        text: str = name.value["S"]
        if text in members:
            raise ValidationFailed(
                f"Duplicate keys in tuple. Key: {text} under {where} at {name.place}"
            )
        members[text] = _raw(value, parameters, f"{key}.{text}" if key else _ROOT)
    return members


def _set(node: Sequence) -> Any:
    if not node.items:
        raise ValidationFailed(f"Empty bags are not supported at {node.place}")
    kinds: set[str] = set()
    members = []
    for item in node.items:
        ((kind, content),) = _member(item).items()
        if kind not in _SETS:
            raise ValidationFailed(f"{_BAG_TYPES} at {item.place}")
        kinds.add(kind)
        members.append(content)
    if len(kinds) > 1:
        raise ValidationFailed(_BAG_TYPES)
    return {_SETS[kinds.pop()]: members}


def _member(item: Expression) -> Value:
    if isinstance(item, Constant) and item.value is not None:
        return item.value
    raise ValidationFailed(f"{_BAG_TYPES} at {item.place}")


def _kind(node: Expression) -> str:
    """The service's name for a kind of node, as far as it is known."""
    if isinstance(node, PathRef):
        return "VariableReference"
    if isinstance(node, Constant) and node.value is not None:
        ((kind, content),) = node.value.items()
        return "INT" if kind == "N" and content.isdigit() else kind
    return "MISSING" if isinstance(node, Constant) else type(node).__name__


def _shown(node: Expression) -> str:
    """What the service shows of a node that is no value."""
    if isinstance(node, PathRef):
        return str(node.steps[0])
    if isinstance(node, Operation):
        return node.operator
    if isinstance(node, Invocation):
        return node.name
    return "MISSING" if isinstance(node, Constant) else "IS" if isinstance(node, Is) else "("
