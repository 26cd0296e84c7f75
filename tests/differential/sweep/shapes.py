"""Every sound request, bent at every place that botocore's model describes.

A member is left out, null, of each other JSON type, just beyond and just within its bounds, not of
its pattern or enum; a structure has a member that nobody knows; and two or three such faults
together, drawn with a fixed seed.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from bases import BASES
from case import Case, Params, Step
from model import model_of

Place = tuple[Any, ...]
Bend = tuple[str, Place, Any]  # what is done, where, the new value

GONE = object()
WRONG: dict[str, tuple[Any, ...]] = {
    "string": (5, 1.5, True, [], {}),
    "boolean": (5, "x", "true", [], {}),
    "integer": ("x", "5", 1.5, True, [], {}),
    "long": ("x", "5", 1.5, True, [], {}),
    "timestamp": ("x", True, [], {}),
    "list": (5, "x", True, {}, {"a": 1}),
    "map": (5, "x", True, []),
    "structure": (5, "x", True, []),
    "blob": (5, True, [], {}),
}
LENGTH_TRIED_MAX = 70_000
PAIRS = 40


def cases() -> Iterator[Case]:
    """All bent requests, and each sound one first."""
    for operation, params, before in BASES:
        yield Case("sound", operation, params, before)
        bends = list(_bends(operation, params))
        for what, place, value in bends:
            yield _case(operation, params, before, f"shape {what}", [(what, place, value)])
        dice = random.Random(f"{operation} {sorted(params)}")
        faults = [bend for bend in bends if not bend[0].startswith(("within", "null", "unknown"))]
        for _ in range(min(PAIRS, len(faults))):
            chosen = dice.sample(faults, min(len(faults), dice.choice((2, 2, 3))))
            yield _case(operation, params, before, "shape several", chosen)


def _case(
    operation: str, params: Params, before: tuple[Step, ...], group: str, bends: list[Bend]
) -> Case:
    bent = copy.deepcopy(params)
    for _, place, value in bends:
        _bend(bent, place, value)
    return Case(group, operation, bent, before)


def _bend(bent: Any, place: Place, value: Any) -> None:
    """Put `value` at a place; where an earlier bend took the place away nothing happens."""
    at = bent
    for step in place[:-1]:
        try:
            at = at[step]
        except (LookupError, TypeError):
            return
    last = place[-1]
    if not (isinstance(at, dict) or (isinstance(at, list) and isinstance(last, int))):
        return
    if value is GONE:
        if isinstance(at, dict):
            at.pop(last, None)
        elif last < len(at):
            del at[last]
    elif isinstance(at, dict) or last < len(at):
        at[last] = copy.deepcopy(value)


def _bends(operation: str, params: Params) -> Iterator[Bend]:
    shapes, facts = model_of(operation)
    yield from _of_structure(shapes, facts["input"]["shape"], params, ())


def _of_structure(shapes: Params, name: str, value: Any, place: Place) -> Iterator[Bend]:
    shape = shapes[name]
    yield "unknown member", (*place, "Zzz"), {"a": 1}
    for member, facts in shape["members"].items():
        at = (*place, member)
        inner = shapes[facts["shape"]]
        if member in value:
            yield "missing", at, GONE
        yield "null", at, None
        for wrong in WRONG.get(inner["type"], ()):
            yield f"type {inner['type']}", at, wrong
        yield from _bounds(inner, at, value.get(member))
        if member in value:
            yield from _inside(shapes, facts["shape"], value[member], at)


def _inside(shapes: Params, name: str, value: Any, place: Place) -> Iterator[Bend]:
    """What is bent below a present value: the first element stands for all."""
    shape = shapes[name]
    if name == "AttributeValue":
        return
    if shape["type"] == "structure":
        yield from _of_structure(shapes, name, value, place)
    elif shape["type"] == "list" and value:
        inner = shapes[shape["member"]["shape"]]
        for number, each in enumerate(value):
            at = (*place, number)
            if number == 0:
                yield "null element", at, None
                for wrong in WRONG.get(inner["type"], ()):
                    yield f"element {inner['type']}", at, wrong
            yield from _bounds(inner, at, each)
            yield from _inside(shapes, shape["member"]["shape"], each, at)
    elif shape["type"] == "map" and value:
        inner = shapes[shape["value"]["shape"]]
        key, each = next(iter(value.items()))
        at = (*place, key)
        yield "null value", at, None
        for wrong in WRONG.get(inner["type"], ()):
            yield f"map value {inner['type']}", at, wrong
        yield from _inside(shapes, shape["value"]["shape"], each, at)


def _bounds(shape: Params, at: Place, value: Any) -> Iterator[Bend]:
    kind = shape["type"]
    low, high = shape.get("min"), shape.get("max")
    if kind in ("integer", "long"):
        for bound, step in ((low, -1), (high, 1)):
            if bound is not None:
                yield "beyond bound", at, bound + step
                yield "within bound", at, bound
        yield "number", at, -1
        yield "number", at, 0
        yield "number", at, 2**31
        yield "number", at, 2**63
    elif kind == "string" and "enum" in shape:
        for wrong in ("NOPE", "", shape["enum"][0].lower()):
            yield "enum", at, wrong
        for right in shape["enum"]:
            yield "within enum", at, right
    elif kind == "string":
        yield from _texts(shape, at)
    elif kind == "list" and value:
        for count in (0, low and low - 1, high, high and high + 1):
            if count is not None and 0 <= count <= LENGTH_TRIED_MAX:
                yield f"list of {count}", at, [copy.deepcopy(value[0]) for _ in range(count)]
    elif kind == "map" and value is not None:
        yield "empty map", at, {}


def _texts(shape: Params, at: Place) -> Iterator[Bend]:
    low, high = shape.get("min"), shape.get("max")
    yield "empty text", at, ""
    for length in (low and low - 1, low, high, high and high + 1):
        if length and 0 < length <= LENGTH_TRIED_MAX:
            yield "length of text", at, "a" * length
    if "pattern" in shape or at[-1] in ("TableName", "IndexName"):
        for wrong in ("a b c", "abcé", "a/b/c", "abc\n"):
            yield "pattern", at, wrong
        yield "length of text", at, "a" * 255
        yield "length of text", at, "a" * 256
        yield "length of text", at, "ab"
