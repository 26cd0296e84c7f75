"""A tree as closures: what every record of a mapping goes through, a few microseconds each.

A closure is given the value at its place, or MISSING, and says whether it will do. The ordinary
case is a walk down dicts; lists and dotted names go the longer ways, and where a list meets
{"exists": false} the exact rule of `weighing` decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .operators import double, is_number
from .tree import MISSING, Condition, Leaf, Object
from .weighing import elements, spread, weigh

Judge = Callable[[Any], bool]


def judge_of(below: Leaf | Object) -> Judge:
    """What judges the value at a place of a record."""
    return _judge_of_object(below) if isinstance(below, Object) else _judge_of_leaf(below)


def accepting(conditions: tuple[Condition, ...]) -> Judge:
    """What judges a scalar: str, int, float, bool or None."""
    literals = [each.exact for each in conditions if each.literal]
    strings = frozenset(each for each in literals if isinstance(each, str))
    constants = tuple(each for each in literals if each is None or isinstance(each, bool))
    numbers = frozenset(double(each) for each in literals if is_number(each))
    judges = tuple(each.accepts for each in conditions if each.accepts is not None)
    if not judges and not numbers and not constants:
        return lambda value: type(value) is str and value in strings
    if len(judges) == 1 and not literals:
        return judges[0]

    def accepts(value: Any) -> bool:
        kind = type(value)
        if kind is str:
            if value in strings:
                return True
        elif kind is int or kind is float:
            if numbers and double(value) in numbers:
                return True
        elif any(value is each for each in constants):
            return True
        return any(judge(value) for judge in judges)

    return accepts


def _judge_of_leaf(leaf: Leaf) -> Judge:
    accepts, absent = accepting(leaf.conditions), leaf.absent

    def judge(value: Any) -> bool:
        if type(value) is str:
            return accepts(value)
        if value is MISSING or isinstance(value, dict):
            return absent
        if isinstance(value, list):
            present = False
            for each in elements(value):
                if not isinstance(each, dict):
                    if accepts(each):
                        return True
                    present = True
            return absent and not present
        return accepts(value)

    return judge


def _judge_of_object(wanted: Object) -> Judge:
    fields = tuple((each.name, judge_of(each.below)) for each in wanted.fields)
    groups = tuple(tuple(map(_judge_of_object, group)) for group in wanted.groups)
    joined, absent, asks_absence = wanted.joined, wanted.absent, wanted.asks_absence

    def judge(value: Any) -> bool:
        if type(value) is not dict and not isinstance(value, dict):
            if not isinstance(value, list):
                return absent
            if asks_absence:
                return any(weigh(wanted, value))
            for each in value:
                if isinstance(each, list):
                    return any(judge(inner) for inner in elements(value))
                if judge(each):
                    return True
            return False
        if joined and not value.keys().isdisjoint(joined):
            value = spread(value, joined)
        get = value.get
        for name, below in fields:
            if not below(get(name, MISSING)):
                return False
        return not groups or all(any(branch(value) for branch in group) for group in groups)

    return judge


def either(judges: tuple[Judge, ...]) -> Judge:
    """What accepts that one of several accepts."""
    if len(judges) == 1:
        return judges[0]

    def judge(value: Any) -> bool:
        for each in judges:  # noqa: SIM110 - a generator costs more than a filter
            if each(value):
                return True
        return False

    return judge
