"""Conditions at work: a checked tree becomes a program of tests with jumps, which judges items.

AND, OR and NOT leave no trace but the jumps: each test names what comes next when it holds and
when it fails. So a condition of any depth is judged in one loop without recursion, and no test
runs that can't change the verdict. Tests are closures over resolved paths; the request's values
are handed in, so that one program serves all requests of the same text and names.

Spec E.5 in short: an operand that isn't there makes every test false but `<>` and
attribute_not_exists; operands of different types are unequal and have no order; canonical values
are equal when plain == says so.

The rules themselves (`compare`, `contains`, `begins_with`, `size_of`) take values and know nothing
of trees; the legacy parameters are judged by the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..codec import numbers
from .paths import find
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
    postorder,
)

Values = Mapping[str, Value]
Getter = Callable[[Item, Values], Value | None]
"""Finds an operand's value for an item; None when there is none."""

Test = Callable[[Item, Values], bool]

HOLDS: Final = -1
FAILS: Final = -2


class ConditionCode:
    """What all conditions of one text and one names map share.

    `program`: tests, each with the position to go on from when it holds and when it fails; HOLDS
    and FAILS end it. `paths`: every path of the text once, in its order. `top_names`: the
    attributes they begin with.
    """

    __slots__ = ("paths", "program", "top_names")

    def __init__(self, program: tuple[tuple[Test, int, int], ...], paths: tuple[Path, ...]) -> None:
        self.program = program
        self.paths = paths
        self.top_names = frozenset(str(path[0]) for path in paths)


class Condition:
    """A condition with its values. `matches` may be called from any thread, for any item."""

    __slots__ = ("code", "values")

    def __init__(self, code: ConditionCode, values: Values) -> None:
        self.code = code
        self.values = values

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every document path in the condition once, in the order of the text."""
        return self.code.paths

    @property
    def top_names(self) -> frozenset[str]:
        """The names of the attributes that the condition looks at."""
        return self.code.top_names

    def matches(self, item: Item) -> bool:
        """Whether the condition holds for an item; a missing item is {}."""
        program = self.code.program
        values = self.values
        at = 0
        while at >= 0:
            test, on_true, on_false = program[at]
            at = on_true if test(item, values) else on_false
        return at == HOLDS


def compile_condition(root: ConditionNode, paths: Mapping[PathNode, Path]) -> ConditionCode:
    """The program of a tree that `checks` found sound. `paths` resolves its path nodes."""
    tests: list[tuple[Test, int, int]] = []
    # A label is a number from 0; where it lies is known when its test is laid down.
    places: list[int] = []
    waiting: list[tuple[ConditionNode, int, int, int]] = []  # node, its label or none, jumps

    def jump(label: int) -> int:
        return places[label] if label >= 0 else label

    waiting.append((root, -1, HOLDS, FAILS))
    while waiting:
        node, label, on_true, on_false = waiting.pop()
        if label >= 0:
            places[label] = len(tests)
        if isinstance(node, NotNode):
            waiting.append((node.term, -1, on_false, on_true))
        elif isinstance(node, LogicNode):
            first = len(places)
            places.extend([0] * (len(node.terms) - 1))
            entries = []
            for position, term in enumerate(node.terms):
                own = first + position - 1 if position else -1
                further = first + position
                if position == len(node.terms) - 1:
                    entries.append((term, own, on_true, on_false))
                elif node.operator == "AND":
                    entries.append((term, own, further, on_false))
                else:
                    entries.append((term, own, on_true, further))
            waiting.extend(reversed(entries))
        else:
            tests.append((_test(node, paths), on_true, on_false))
    program = tuple((test, jump(on_true), jump(on_false)) for test, on_true, on_false in tests)
    used = dict.fromkeys(paths[node] for node in postorder(root) if isinstance(node, PathNode))
    return ConditionCode(program, tuple(used))


def getter(node: Operand, paths: Mapping[PathNode, Path]) -> Getter:
    """How to find the value of a path, a placeholder or size(...)."""
    if isinstance(node, PathNode):
        path = paths[node]
        if len(path) == 1:
            name = str(path[0])
            return lambda item, values: item.get(name)
        return lambda item, values: find(item, path)
    if isinstance(node, ValueNode):
        key = node.key
        return lambda item, values: values[key]
    inner = getter(node.operands[0], paths)

    def size(item: Item, values: Values) -> Value | None:
        return size_of(inner(item, values))

    return size


def _test(node: ConditionNode, paths: Mapping[PathNode, Path]) -> Test:
    if isinstance(node, CompareNode):
        return _comparison(node, paths)
    if isinstance(node, BetweenNode):
        subject, low, high = (getter(n, paths) for n in (node.subject, node.low, node.high))

        def between(item: Item, values: Values) -> bool:
            value, least, most = subject(item, values), low(item, values), high(item, values)
            if value is None or least is None or most is None:
                return False
            after, before = compare(least, value), compare(value, most)
            return after is not None and after <= 0 and before is not None and before <= 0

        return between
    if isinstance(node, InNode):
        wanted = getter(node.subject, paths)
        options = tuple(getter(option, paths) for option in node.options)

        def among(item: Item, values: Values) -> bool:
            value = wanted(item, values)
            return value is not None and any(value == option(item, values) for option in options)

        return among
    assert isinstance(node, CallNode), "NOT, AND and OR have become jumps"
    return _function(node, paths)


_ORDERS: Final[Mapping[str, frozenset[int | None]]] = {
    "<": frozenset((-1,)),
    "<=": frozenset((-1, 0)),
    ">": frozenset((1,)),
    ">=": frozenset((0, 1)),
}


def _comparison(node: CompareNode, paths: Mapping[PathNode, Path]) -> Test:
    left, right = getter(node.left, paths), getter(node.right, paths)
    if node.operator == "=":
        if isinstance(node.right, ValueNode):
            # The commonest test. A value is never None, so a missing left side is unequal to it.
            key = node.right.key
            return lambda item, values: left(item, values) == values[key]

        def equal(item: Item, values: Values) -> bool:
            value = left(item, values)
            return value is not None and value == right(item, values)

        return equal
    if node.operator == "<>":

        def unequal(item: Item, values: Values) -> bool:
            value = left(item, values)
            return value is None or value != right(item, values)

        return unequal
    orders = _ORDERS[node.operator]

    def ordered(item: Item, values: Values) -> bool:
        one, other = left(item, values), right(item, values)
        return one is not None and other is not None and compare(one, other) in orders

    return ordered


def _function(node: CallNode, paths: Mapping[PathNode, Path]) -> Test:
    first = getter(node.operands[0], paths)
    if node.function == "attribute_exists":
        return lambda item, values: first(item, values) is not None
    if node.function == "attribute_not_exists":
        return lambda item, values: first(item, values) is None
    second = getter(node.operands[1], paths)
    if node.function == "attribute_type":

        def typed(item: Item, values: Values) -> bool:
            value, name = first(item, values), second(item, values)
            return value is not None and name is not None and name["S"] in value

        return typed
    rule = contains if node.function == "contains" else begins_with

    def judged(item: Item, values: Values) -> bool:
        value, other = first(item, values), second(item, values)
        return value is not None and other is not None and rule(value, other)

    return judged


def type_of(value: Value) -> str:
    """The type key of a canonical value."""
    (name,) = value
    return name


def compare(left: Value, right: Value) -> int | None:
    """-1, 0 or 1 as left lies before, at or behind right; None where there is no order: other
    types than S, N and B, or two different ones."""
    if "S" in left and "S" in right:
        one, other = left["S"], right["S"]
    elif "N" in left and "N" in right:
        return numbers.compare(left["N"], right["N"])
    elif "B" in left and "B" in right:
        one, other = left["B"], right["B"]
    else:
        return None
    # Code points order strings as their UTF-8 bytes do; bytes compare unsigned.
    return int(one > other) - int(one < other)


_ELEMENT_TYPES: Final = {"SS": "S", "NS": "N", "BS": "B"}


def contains(value: Value, part: Value) -> bool:
    """Substring, bytes in bytes, member of a set, element of a list."""
    kind = type_of(value)
    if kind == "L":
        return part in value["L"]
    if kind in ("S", "B"):
        return kind in part and part[kind] in value[kind]
    element = _ELEMENT_TYPES.get(kind)
    return element is not None and element in part and part[element] in value[kind]


def begins_with(value: Value, prefix: Value) -> bool:
    """Whether a string begins with a string, or bytes with bytes; False for any other types."""
    for kind in ("S", "B"):
        if kind in value and kind in prefix:
            return bool(value[kind].startswith(prefix[kind]))
    return False


def size_of(value: Value | None) -> Value | None:
    """The number that size() gives: UTF-16 units, bytes, or elements; None for a value without a
    size or none at all."""
    if value is None:
        return None
    kind = type_of(value)
    if kind in ("N", "BOOL", "NULL"):
        return None
    content = value[kind]
    count = len(content)
    if kind == "S" and not content.isascii():
        count = len(content.encode("utf-16-le", "surrogatepass")) // 2
    return {"N": str(count)}
