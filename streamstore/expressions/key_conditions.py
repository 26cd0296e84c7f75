"""Key conditions: which partition and which range of it a Query asks for (spec G.1).

A KeyConditionExpression is a condition by its grammar and its checks; what makes it a key
condition is looked at here, in two parts. Its shape (only AND, one simple condition an attribute)
is known from the text and names, so it is told before a table is looked for. Whether the
attributes and types are those of the key is told by `resolve`, which is given the key of the table
or index. Nothing here knows tables: a key part is anything with a name and a type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from .. import limits
from ..errors import ValidationFailed
from .conditions import Values
from .tree import (
    BetweenNode,
    CallNode,
    CompareNode,
    ConditionNode,
    InNode,
    Item,
    LogicNode,
    NotNode,
    Operand,
    Path,
    PathNode,
    Value,
    ValueNode,
)

_INVALID: Final = "One or more parameter values were invalid: "
_NOT_SUPPORTED: Final = "Query key condition not supported"
_MISSED: Final = "Query condition missed key schema element: "
_WRONG_TYPE: Final = _INVALID + "Condition parameter type does not match schema type"
_HASH_TOO_LONG: Final = (
    _INVALID + "Size of hashkey has exceeded the maximum size limit of"
    f"{limits.HASH_KEY_BYTES_MAX} bytes"
)
_RANGE_TOO_LONG: Final = (
    _INVALID + "Aggregated size of all range keys has exceeded the size limit of "
    f"{limits.RANGE_KEY_BYTES_MAX} bytes"
)

# What an operator becomes when the key stands on its right.
_MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

ShapedCondition = tuple[str, tuple[str, ...]]
"""The operator (= < <= > >= BETWEEN begins_with) and the placeholders of its values."""


class KeyPart(Protocol):
    """A key attribute of a table or index."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str:
        """S, N or B."""
        ...


class KeyRange:
    """What a Query reads: `hash` holds the value of every hash attribute, `range` the conditions
    on the range attributes, from the first: (operator, values). All but the last are "="."""

    __slots__ = ("hash", "range")

    def __init__(self, hash: Item, range: tuple[tuple[str, list[Value]], ...]) -> None:  # noqa: A002
        self.hash = hash
        self.range = range

    def __repr__(self) -> str:
        return f"KeyRange({self.hash!r}, {self.range!r})"


class KeyConditionTree:
    """A key condition with its values."""

    __slots__ = ("_conditions", "_values")

    def __init__(self, conditions: Mapping[str, ShapedCondition], values: Values) -> None:
        self._conditions = conditions
        self._values = values

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes that have a condition, in the order of the text."""
        return tuple(self._conditions)

    def resolve(
        self,
        hash_parts: Sequence[KeyPart],
        range_parts: Sequence[KeyPart],
        index_name: str | None = None,
    ) -> KeyRange:
        """The range that the condition means for a key. `index_name` makes an empty value's error
        that of an index. Raises ValidationFailed with the texts of spec G.1, never prefixed."""
        conditions = self._conditions
        simple = len(hash_parts) == 1 and len(range_parts) <= 1
        if len(conditions) > len(hash_parts) + len(range_parts):
            if simple and len(conditions) > 2:
                raise ValidationFailed("Conditions can be of length 1 or 2 only")
            raise ValidationFailed(_NOT_SUPPORTED)
        if not simple:
            self._check_several(hash_parts, range_parts)
        hash_values: Item = {}
        for part in hash_parts:
            condition = conditions.get(part.name)
            if condition is None:
                raise ValidationFailed(_MISSED + part.name)
            (value, *_) = self._operands(condition, part, index_name, _HASH_TOO_LONG)
            if condition[0] != "=":
                raise ValidationFailed(_NOT_SUPPORTED)
            hash_values[part.name] = value
        ranges: list[tuple[str, list[Value]]] = []
        for part in range_parts:
            condition = conditions.get(part.name)
            if condition is None:
                break
            values = self._operands(condition, part, index_name, _RANGE_TOO_LONG)
            ranges.append((condition[0], values))
        if len(hash_values) + len(ranges) != len(conditions):
            raise ValidationFailed(_MISSED + range_parts[len(ranges)].name)
        return KeyRange(hash_values, tuple(ranges))

    def _check_several(self, hash_parts: Sequence[KeyPart], range_parts: Sequence[KeyPart]) -> None:
        """The rules of keys of several attributes."""
        conditions = self._conditions
        equal = {name for name, (operator, _) in conditions.items() if operator == "="}
        lacking = [part.name for part in hash_parts if part.name not in equal]
        if lacking:
            raise ValidationFailed(
                f"HASH key attributes {', '.join(lacking)} must have equality conditions "
                "specified in the query"
            )
        hash_names = {part.name for part in hash_parts}
        range_names = [part.name for part in range_parts]
        if not conditions.keys() - hash_names <= set(range_names):
            absent = next(name for name in range_names if name not in conditions)
            raise ValidationFailed(_MISSED + absent)
        constrained = [name for name in range_names if name in conditions]
        if not constrained:
            return
        last = constrained[-1]
        lacking = [n for n in range_names[: range_names.index(last)] if n not in equal]
        if lacking:
            raise ValidationFailed(
                f"RANGE key attributes {', '.join(lacking)} must have equality conditions "
                "specified in the query because a condition is present on key attribute "
                f"{last}"
            )

    def _operands(
        self, condition: ShapedCondition, part: KeyPart, index_name: str | None, too_long: str
    ) -> list[Value]:
        values = [self._values[key] for key in condition[1]]
        kind = part.type
        for value in values:
            content = value.get(kind)
            if content is None:
                raise ValidationFailed(_WRONG_TYPE)
            if not content:
                raise ValidationFailed(_empty(kind, part.name, index_name))
            bound = (
                limits.HASH_KEY_BYTES_MAX
                if too_long is _HASH_TOO_LONG
                else limits.RANGE_KEY_BYTES_MAX
            )
            if len(content) * 4 > bound and index_name is None and kind != "N":
                size = len(content.encode("utf-8", "surrogatepass") if kind == "S" else content)
                if size > bound:
                    raise ValidationFailed(too_long)
        return values


def _empty(kind: str, name: str, index_name: str | None) -> str:
    empty = "string" if kind == "S" else "binary"
    fault = f"The AttributeValue for a key attribute cannot contain an empty {empty} value."
    if index_name is None:
        return f"One or more parameter values are not valid. {fault} Key: {name}"
    return (
        "One or more parameter values are not valid. A value specified for a secondary index key "
        f"is not supported. {fault} IndexName: {index_name}, IndexKey: {name}"
    )


def shape(root: ConditionNode, paths: Mapping[PathNode, Path]) -> dict[str, ShapedCondition]:
    """The conditions by attribute, if the tree is a key condition by its shape. Raises
    ValidationFailed."""
    shaped: dict[str, ShapedCondition] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, LogicNode) and node.operator == "AND":
            waiting.extend(reversed(node.terms))
            continue
        operator, operands = _parts(node)
        name, values = _sides(operator, operands, paths)
        if name in shaped:
            raise ValidationFailed(
                "KeyConditionExpressions must only contain one condition per key"
            )
        if isinstance(node, CompareNode) and isinstance(operands[0], ValueNode):
            operator = _MIRRORED[operator]
        shaped[name] = operator, values
    return shaped


def _parts(node: ConditionNode) -> tuple[str, tuple[Operand, ...]]:
    if isinstance(node, CompareNode) and node.operator != "<>":
        return node.operator, (node.left, node.right)
    if isinstance(node, BetweenNode):
        return "BETWEEN", (node.subject, node.low, node.high)
    if isinstance(node, CallNode) and node.function == "begins_with":
        return node.function, node.operands
    if isinstance(node, CompareNode | LogicNode):
        refused = node.operator
    elif isinstance(node, CallNode):
        refused = node.function
    elif isinstance(node, NotNode):
        refused = "NOT"
    else:
        assert isinstance(node, InNode)
        refused = "IN"
    raise ValidationFailed(f"Invalid operator used in KeyConditionExpression: {refused}")


def _sides(
    operator: str, operands: tuple[Operand, ...], paths: Mapping[PathNode, Path]
) -> tuple[str, tuple[str, ...]]:
    """The attribute of one condition and the placeholders of its values."""
    name: str | None = None
    values: list[str] = []
    for operand in operands:
        if isinstance(operand, CallNode):
            raise ValidationFailed("KeyConditionExpressions cannot contain nested operations")
        if isinstance(operand, ValueNode):
            if name is None and operator in ("BETWEEN", "begins_with"):
                raise ValidationFailed(
                    f"Invalid condition in KeyConditionExpression: {operator} operator must have "
                    "the key attribute as its first operand"
                )
            values.append(operand.key)
            continue
        if name is not None:
            raise ValidationFailed(
                "Invalid condition in KeyConditionExpression: "
                "Multiple attribute names used in one condition"
            )
        path = paths[operand]
        if len(path) > 1:
            raise ValidationFailed(
                "Invalid KeyConditionExpression: "
                "KeyConditionExpressions cannot have conditions on nested attributes"
            )
        name = str(path[0])
    if name is None:
        raise ValidationFailed(
            "Invalid condition in KeyConditionExpression: No key attribute specified"
        )
    return name, tuple(values)
