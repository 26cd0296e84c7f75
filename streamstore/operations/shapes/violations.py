"""Declared constraints (spec B.2): every violation in a converted request, worded, in the service's
order.

Called only when the fast path doubts and all types are right. At most VIOLATIONS_MAX entries are
listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from ...errors import ValidationFailed
from ...limits import TABLE_NAME_CHARS_MAX, TABLE_NAME_CHARS_MIN
from . import texts
from .nodes import TABLE_ARN, Node
from .orders import FIRST_ENUM_ORDER, REQUIRED_MAP, TABLE_NAME_FIRST, VIOLATIONS_MAX


def refuse_violations(operation: str, node: Node, params: dict[str, Any]) -> None:
    """Raise ValidationFailed if `params` (converted) break a constraint of the operation's tree."""
    name = node.members.get("TableName")
    if name is not None and name.control:
        _refuse_control_name(params.get("TableName"))
    if name is not None and operation in TABLE_NAME_FIRST:
        _refuse(_member(node, params, "TableName", ""))
        _refuse(_with_first_enum(operation, node, params))
    else:
        _refuse(_structure(node, params, ""))
    batch = REQUIRED_MAP.get(operation)
    if batch is not None and not params[batch]:
        raise ValidationFailed(texts.required_map(batch, operation))


def _refuse(found: Iterator[str]) -> None:
    listed = list(islice(found, VIOLATIONS_MAX))
    if listed:
        raise ValidationFailed(texts.envelope(listed))


def _refuse_control_name(name: str | None) -> None:
    if name is None:
        raise ValidationFailed(texts.NAME_REQUIRED)
    fits = TABLE_NAME_CHARS_MIN <= len(name) <= TABLE_NAME_CHARS_MAX
    if not fits and not TABLE_ARN.fullmatch(name):
        raise ValidationFailed(texts.NAME_LENGTH)


def _with_first_enum(operation: str, node: Node, params: dict[str, Any]) -> Iterator[str]:
    """The violations of an operation that tells of several bad enums only the first, if it does."""
    if not TABLE_NAME_FIRST[operation]:
        yield from _structure(node, params, "")
        return
    bad_enums = [m for m in FIRST_ENUM_ORDER if any(_member(node, params, m, ""))]
    for name in node.members:
        if name not in bad_enums[1:]:
            yield from _member(node, params, name, "")


def _structure(node: Node, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in node.members:
        yield from _member(node, value, name, path)


def _member(node: Node, value: dict[str, Any], name: str, path: str) -> Iterator[str]:
    at = path + texts.lower_first(name)
    if name in value:
        yield from _found(node.members[name], value[name], at)
    elif name in node.required:
        yield texts.violation(f"Value null at '{at}'", texts.NOT_NULL)


def _found(node: Node, value: Any, at: str) -> Iterator[str]:
    """The violations of one present value, its own before those of what it holds."""
    kind = node.kind
    if kind in ("attributes", "attribute", "boolean", "timestamp"):
        return
    if kind == "structure":
        yield from _structure(node, value, at + ".")
        return
    for constraint in broken(node, value):
        yield texts.violation(_label(node, value, at), constraint)
    if kind == "list":
        for position, each in enumerate(value, 1):
            yield from _found(node.element, each, f"{at}.{position}.member")
    elif kind == "map":
        yield from _map(node, value, at)


def _map(node: Node, value: dict[str, Any], at: str) -> Iterator[str]:
    label = _label(node, value, at)
    if node.key is not None and any(True for key in value for _ in broken(node.key, key)):
        yield texts.violation(label, texts.map_keys(*_length_and_pattern(node.key)))
    element = node.element
    for key, each in value.items():
        if node.value_as_map and any(broken(element, each)):
            yield texts.violation(label, texts.map_values(*_length_and_pattern(element)))
            return
        yield from _found(element, each, f"{at}.{key}.member")


def _length_and_pattern(node: Node) -> Iterator[str]:
    if node.maximum is not None:
        yield texts.at_most_length(node.maximum)
    if node.minimum is not None:
        yield texts.at_least_length(node.minimum)
    if node.pattern is not None:
        yield texts.matches(node.pattern.pattern)


def broken(node: Node, value: Any) -> Iterator[str]:
    """The constraints of this node alone that `value` breaks, worded: pattern or enum, then
    minimum, then maximum.
    """
    if node.arn and TABLE_ARN.fullmatch(value):
        return
    if node.pattern is not None and not node.pattern.fullmatch(value):
        yield texts.matches(node.pattern.pattern)
    if node.enum and value not in node.enum:
        yield texts.one_of(node.enum)
    if node.minimum is None and node.maximum is None:
        return
    is_number = node.kind in ("integer", "long")
    size = value if is_number else len(value)
    if node.minimum is not None and size < node.minimum:
        yield (texts.at_least_value if is_number else texts.at_least_length)(node.minimum)
    if node.maximum is not None and size > node.maximum:
        yield (texts.at_most_value if is_number else texts.at_most_length)(node.maximum)


def _label(node: Node, value: Any, at: str) -> str:
    if node.label is not None:
        return node.label
    if node.hide_value:
        return f"Value at '{at}'"
    inner = node.member
    shape = inner.shape if inner is not None and inner.kind == "structure" else ""
    return f"Value '{texts.shown(value, shape)}' at '{at}'"
