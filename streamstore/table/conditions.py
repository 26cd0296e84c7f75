"""Conditions as objects, `Key("id").eq("a") & Attr("n").gt(1)`: boto3's names and its protocol.

A condition answers `get_expression()`, an attribute has a `name`; the builder asks no more, so
boto3's own conditions are taken too. What a condition means, and whether it may stand where it is
put, the expression language says; here it only becomes text with placeholders.
"""

from __future__ import annotations

from typing import Any


class Condition:
    """A condition on attributes; combine with &, | and ~."""

    def __init__(self, operator: str, form: str, *values: Any) -> None:
        self.expression_operator = operator
        self.expression_format = form
        self.has_grouped_values = operator == "IN"
        self._values = values

    def get_expression(self) -> dict[str, Any]:
        """Format, operator and operands, as boto3's conditions answer them."""
        return {
            "format": self.expression_format,
            "operator": self.expression_operator,
            "values": self._values,
        }

    def __and__(self, other: Condition) -> Condition:
        return Condition("AND", "({0} {operator} {1})", self, other)

    def __or__(self, other: Condition) -> Condition:
        return Condition("OR", "({0} {operator} {1})", self, other)

    def __invert__(self) -> Condition:
        return Condition("NOT", "({operator} {0})", self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and self.get_expression() == other.get_expression()

    def __hash__(self) -> int:
        return hash(self.expression_operator)


class Key:
    """A key attribute, for KeyConditionExpression: `Key("pk").eq("a") & Key("sk").gt(7)`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def eq(self, value: Any) -> Condition:
        return Condition("=", "{0} {operator} {1}", self, value)

    def lt(self, value: Any) -> Condition:
        return Condition("<", "{0} {operator} {1}", self, value)

    def lte(self, value: Any) -> Condition:
        return Condition("<=", "{0} {operator} {1}", self, value)

    def gt(self, value: Any) -> Condition:
        return Condition(">", "{0} {operator} {1}", self, value)

    def gte(self, value: Any) -> Condition:
        return Condition(">=", "{0} {operator} {1}", self, value)

    def begins_with(self, value: Any) -> Condition:
        return Condition("begins_with", "{operator}({0}, {1})", self, value)

    def between(self, low_value: Any, high_value: Any) -> Condition:
        return Condition("BETWEEN", "{0} {operator} {1} AND {2}", self, low_value, high_value)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


class Attr(Key):
    """Any attribute by its path (`"a.b[0]"`), for FilterExpression and ConditionExpression."""

    def ne(self, value: Any) -> Condition:
        return Condition("<>", "{0} {operator} {1}", self, value)

    def is_in(self, value: list[Any]) -> Condition:
        return Condition("IN", "{0} {operator} {1}", self, value)

    def exists(self) -> Condition:
        return Condition("attribute_exists", "{operator}({0})", self)

    def not_exists(self) -> Condition:
        return Condition("attribute_not_exists", "{operator}({0})", self)

    def contains(self, value: Any) -> Condition:
        return Condition("contains", "{operator}({0}, {1})", self, value)

    def attribute_type(self, value: str) -> Condition:
        return Condition("attribute_type", "{operator}({0}, {1})", self, value)

    def size(self) -> Size:
        return Size(self)


class Size(Attr, Condition):
    """The size of an attribute, itself comparable: `Attr("tags").size().gt(3)`."""

    def __init__(self, attribute: Attr) -> None:
        Condition.__init__(self, "size", "{operator}({0})", attribute)
        self.name = attribute.name


class Builder:
    """Writes conditions as text, with placeholders that no request of a person would hold."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def text(self, part: Any) -> str:
        if hasattr(part, "get_expression"):
            said = part.get_expression()
            operand = self._grouped if getattr(part, "has_grouped_values", False) else self._operand
            operands = [operand(each) for each in said["values"]]
            text: str = said["format"].format(*operands, operator=said["operator"])
            return text
        return self._operand(part)

    def _operand(self, part: Any) -> str:
        if hasattr(part, "get_expression"):
            return self.text(part)
        if hasattr(part, "name") and hasattr(part, "begins_with"):
            return self._path(part.name)
        return self._value(part)

    def _grouped(self, part: Any) -> str:
        if isinstance(part, list | tuple):
            return f"({', '.join(self._value(each) for each in part)})"
        return self._operand(part)

    def _path(self, path: str) -> str:
        return ".".join(self._name(step) for step in path.split("."))

    def _name(self, step: str) -> str:
        name, bracket, rest = step.partition("[")
        placeholder = f"#streamstore_n{len(self.names)}"
        self.names[placeholder] = name
        return placeholder + bracket + rest

    def _value(self, native: Any) -> str:
        placeholder = f":streamstore_v{len(self.values)}"
        self.values[placeholder] = native
        return placeholder
