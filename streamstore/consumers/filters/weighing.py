"""The exact rule for arrays, and names with dots.

EventBridge sees a record as a flat list of fields, each with the elements of arrays it lies in,
and asks for a choice of fields in which every array has one element. `weigh` says the same walking
the tree: a pair (some, none),

    some    it holds, and a value that is there took part
    none    it holds by absence alone

so that an array holds if one element has `some`, or all have `none`. That is what makes
{"exists": false} look at the chosen element where there is one and at every element where none is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ... import limits
from .operators import double
from .tree import MISSING, Leaf, Object

Weight = tuple[bool, bool]


def weigh(below: Leaf | Object, value: Any) -> Weight:
    """(some, none) of a value or of MISSING."""
    if isinstance(value, list):
        weights = [weigh(below, each) for each in elements(value)]
        return (
            any(some for some, _ in weights),
            below.absent and all(none for _, none in weights),
        )
    if isinstance(below, Leaf):
        if value is MISSING or isinstance(value, dict):
            return False, below.absent
        return accepted(below, value), False
    if not isinstance(value, dict):
        return False, below.absent
    if not value.keys().isdisjoint(below.joined):
        value = spread(value, below.joined)
    parts = [weigh(each.below, value.get(each.name, MISSING)) for each in below.fields]
    for group in below.groups:
        weights = [weigh(branch, value) for branch in group]
        parts.append((any(some for some, _ in weights), any(none for _, none in weights)))
    return (
        all(some or none for some, none in parts) and any(some for some, _ in parts),
        all(none for _, none in parts),
    )


def accepted(leaf: Leaf, value: Any) -> bool:
    """Whether a scalar is what one of the conditions wants."""
    for each in leaf.conditions:
        if each.accepts is not None:
            if each.accepts(value):
                return True
        elif each.literal and same(each.exact, value):
            return True
    return False


def same(one: Any, other: Any) -> bool:
    """Whether two scalars of JSON are equal: numbers as doubles, true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return double(one) == double(other)
    return type(one) is type(other) and bool(one == other)


def elements(values: list[Any]) -> Iterator[Any]:
    """The elements of an array and of the arrays in it, without recursion."""
    waiting = [iter(values)]
    while waiting:
        for each in waiting[-1]:
            if isinstance(each, list):
                waiting.append(iter(each))
                break
            yield each
        else:
            waiting.pop()


def spread(value: dict[str, Any], joined: frozenset[str]) -> dict[str, Any]:
    """A dict whose keys of `joined` are nested dicts instead: {"a.b": 1} as {"a": {"b": 1}}.

    What both spellings give is one dict if both are dicts, else the elements of one array.
    """
    spelt = {name: found for name, found in value.items() if name not in joined}
    for name, found in value.items():
        if name in joined:
            first, *rest = name.split(".")
            for part in reversed(rest):
                found = {part: found}
            depth = limits.PATTERN_DEPTH_MAX
            spelt[first] = _both(spelt[first], found, depth) if first in spelt else found
    return spelt


def _both(one: Any, other: Any, depth: int) -> Any:
    """Two values of one path. No pattern looks below `depth`."""
    if depth and isinstance(one, dict) and isinstance(other, dict):
        merged = dict(one)
        for name, found in other.items():
            merged[name] = _both(merged[name], found, depth - 1) if name in merged else found
        return merged
    return [
        *(one if isinstance(one, list) else [one]),
        *(other if isinstance(other, list) else [other]),
    ]
