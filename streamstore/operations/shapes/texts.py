"""The service's wording of type errors and constraint violations (spec A.2 and B.2), and how values
are shown in it.

Only words: what is wrong is found by convert.py and violations.py.
"""

from __future__ import annotations

from typing import Any

PACKAGE = "com.amazonaws.dynamodb.v20120810"

UNEXPECTED_FIELD = "Unexpected field type"
UNEXPECTED_ELEMENT = "Unexpected value type in payload"
UNEXPECTED_TOKEN = "Unexpected token received from parser"
START_OF_STRUCTURE = "Start of structure or map found where not expected"

NAME_REQUIRED = "The parameter 'TableName' is required but was not present in the request"
NAME_LENGTH = "TableName must be at least 3 characters long and at most 255 characters long"

NOT_NULL = "Member must not be null"


def collection_type(java: str) -> str:
    """An array where `java` (a class or an interface, in full) was expected."""
    return f"Unrecognized collection type {java}"


def not_convertible(value: object, target: str) -> str:
    """A scalar of the wrong JSON type; `target` is a Java name: String, Integer, Long, Boolean."""
    return f"{value_kind(value)} cannot be converted to {target}"


def value_kind(value: object) -> str:
    """The parser's name for a JSON scalar."""
    if value is True:
        return "TRUE_VALUE"
    if value is False:
        return "FALSE_VALUE"
    if isinstance(value, int):
        return "NUMBER_VALUE"
    return "STRING_VALUE" if isinstance(value, str) else "DECIMAL_VALUE"


def at_least_value(bound: int) -> str:
    return f"Member must have value greater than or equal to {bound}"


def at_most_value(bound: int) -> str:
    return f"Member must have value less than or equal to {bound}"


def at_least_length(bound: int) -> str:
    return f"Member must have length greater than or equal to {bound}"


def at_most_length(bound: int) -> str:
    return f"Member must have length less than or equal to {bound}"


def matches(pattern: str) -> str:
    return f"Member must satisfy regular expression pattern: {pattern}"


def one_of(values: tuple[str, ...]) -> str:
    return f"Member must satisfy enum value set: [{', '.join(values)}]"


def map_keys(*constraints: str) -> str:
    return f"Map keys must satisfy constraint: [{', '.join(constraints)}]"


def map_values(*constraints: str) -> str:
    return f"Map value must satisfy constraint: [{', '.join(constraints)}]"


def violation(label: str, constraint: str) -> str:
    """One entry of the envelope; `label` is "Value 'x' at 'path'"."""
    return f"{label} failed to satisfy constraint: {constraint}"


def envelope(violations: list[str]) -> str:
    """The whole message for one or more violations."""
    many = "error" if len(violations) == 1 else "errors"
    return f"{len(violations)} validation {many} detected: {'; '.join(violations)}"


def prefixed(message: str) -> str:
    """The prefix that some families of errors got in 2026 (spec B.3)."""
    return f"1 validation error detected: {message}"


def lower_first(member: str) -> str:
    """A member's name in a path: KeySchema is keySchema there."""
    return member[:1].lower() + member[1:]


def required_map(member: str, operation: str) -> str:
    """A batch without tables (spec H.1, H.2)."""
    return f"The {lower_first(member)} parameter is required for {operation}"


def shown(value: Any, shape: str = "") -> str:
    """A value as Java prints it; `shape` names the class of structures in it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(shown(each, shape) for each in value)}]"
    if isinstance(value, dict):
        named = ", ".join(f"{lower_first(k)}={shown(v)}" for k, v in value.items())
        return f"{shape}({named})" if shape else f"{{{named}}}"
    return str(value) if isinstance(value, str | int) else "AttributeValue"
