"""A pattern's JSON as a tree, or why it is none: EventBridge's reasons, which Lambda hides.

`read(text)` is the whole door. It bounds what it takes: the length of the text (Lambda's bound),
and the depth of names, dots counted, so that nobody's recursion ends a process. Of duplicate keys
in one object the last one counts, as JSON's parser leaves it.

Must not know: how a tree is matched.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from ... import limits
from ...errors import PatternInvalid
from .operators import condition, is_number, shown
from .tree import Condition, Field, Leaf, Object

OR: Final = "$or"

# An object with one of these keys is a match expression, so its array is an ordinary field's.
_RESERVED: Final = frozenset(
    (
        *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists"),
        *("wildcard", "numeric", "cidr", "=", "<", "<=", ">", ">="),
        *("regex", "not-wildcard", "not-equals-ignore-case"),
        *("date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"),
        *("ip-address-in-range", "ip-address-not-in-range"),
    )
)


def read(text: str) -> Object:
    """A pattern. Raises PatternInvalid with the reason."""
    if len(text) > limits.PATTERN_CHARACTERS_MAX:
        raise PatternInvalid(f"Pattern is longer than {limits.PATTERN_CHARACTERS_MAX} characters")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PatternInvalid(f"Pattern is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise PatternInvalid("Filter is not an object")
    return _object(found, 0)


def _object(found: dict[str, Any], depth: int) -> Object:
    if not found:
        raise PatternInvalid("Empty objects are not allowed")
    groups: list[tuple[Object, ...]] = []
    leaves: list[Field] = []
    objects: dict[str, list[Object]] = {}
    for key, value in found.items():
        if key == OR and _is_group(value):
            groups.append(tuple(_object(branch, depth + 1) for branch in value))
            continue
        first, *rest = key.split(".")
        if depth + 1 + len(rest) > limits.PATTERN_DEPTH_MAX:
            raise PatternInvalid(f"Pattern is deeper than {limits.PATTERN_DEPTH_MAX} levels")
        below = _below(key, value, depth + 1 + len(rest))
        for name in reversed(rest):
            below = Object((Field(name, below),), ())
        if isinstance(below, Object):
            objects.setdefault(first, []).append(below)
        else:
            leaves.append(Field(first, below))
    nested = [Field(name, _merged(parts)) for name, parts in objects.items()]
    return Object((*leaves, *nested), tuple(groups))


def _merged(parts: list[Object]) -> Object:
    """Objects that dotted names put at one place ("a.b" beside "a.c") as one."""
    if len(parts) == 1:
        return parts[0]
    leaves: list[Field] = []
    objects: dict[str, list[Object]] = {}
    for part in parts:
        for each in part.fields:
            if isinstance(each.below, Object):
                objects.setdefault(each.name, []).append(each.below)
            else:
                leaves.append(each)
    nested = [Field(name, _merged(found)) for name, found in objects.items()]
    groups = tuple(group for part in parts for group in part.groups)
    return Object((*leaves, *nested), groups)


def _is_group(value: Any) -> bool:
    """Whether $or is alternatives and not a field of that name."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(each, dict) and _RESERVED.isdisjoint(each) for each in value)
    )


def _below(key: str, value: Any, depth: int) -> Leaf | Object:
    if isinstance(value, dict):
        return _object(value, depth)
    if not isinstance(value, list):
        raise PatternInvalid(f'"{key}" must be an object or an array')
    if not value:
        raise PatternInvalid("Empty arrays are not allowed")
    return Leaf(tuple(_condition(each) for each in value))


def _condition(value: Any) -> Condition:
    if isinstance(value, dict):
        return condition(value)
    if value is None or isinstance(value, str | bool) or is_number(value):
        return Condition(shown(value), literal=True, exact=value)
    raise PatternInvalid("Match value must be String, number, true, false, or null")
