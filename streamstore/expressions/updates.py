"""Updates at work: what an item becomes (spec E.6), and what UPDATED_OLD and UPDATED_NEW show.

Every right side and every path refers to the item before the update. So an update runs in two
steps: each action computes its result from the old item, then the new item is built from the
results along the tree of targets. An action's result is the value its target gets, or None if the
target goes. Nothing of the old item is changed; what the targets don't touch is shared with the
new one, and so are values of the request.

Faults of this step depend on the item, so they are told after a condition was judged and never
carry the prefix of spec B.3. Where an update has several, faults of operands go before faults of
paths, and the first action's before the second's; the service's own order is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..codec import numbers
from ..errors import ValidationFailed
from .conditions import Values
from .paths import Branch, find, pick
from .tree import (
    Action,
    ArithmeticNode,
    CallNode,
    Item,
    Operand,
    Path,
    PathNode,
    UpdateTree,
    Value,
    ValueNode,
)

MISSING: Final = "The provided expression refers to an attribute that does not exist in the item"
WRONG_TYPE: Final = "An operand in the update expression has an incorrect data type"
WRONG_PATH: Final = "The document path provided in the update expression is invalid for update"

Result = Callable[[Item, Values], Value | None]
Source = Callable[[Item, Values], Value]


class UpdateCode:
    """What all updates of one text and one names map share.

    `targets` and `results` are by position of the action. `names` holds the targets of an update
    whose targets are all whole attributes, else it is None.
    """

    __slots__ = ("clearing_actions", "creates", "names", "results", "root", "targets")

    def __init__(self, tree: UpdateTree, paths: Mapping[PathNode, Path], root: Branch) -> None:
        self.root = root
        self.targets = tuple(paths[action.path] for action in tree.actions)
        self.results = tuple(_result(action, paths) for action in tree.actions)
        self.clearing_actions = sum(action.section == "REMOVE" for action in tree.actions)
        self.creates = any(action.section in ("SET", "ADD") for action in tree.actions)
        self.names: tuple[str, ...] | None = None
        if all(len(path) == 1 for path in self.targets):
            self.names = tuple(str(path[0]) for path in self.targets)


class Updated:
    """What came of an update. `new` is the item as it is to be stored; None if there was none
    before and REMOVE and DELETE alone create none."""

    __slots__ = ("new",)

    def __init__(self, new: Item | None) -> None:
        self.new = new


class Update:
    """An update with its values. `apply` may be called from any thread, for any item."""

    __slots__ = ("code", "values")

    def __init__(self, code: UpdateCode, values: Values) -> None:
        self.code = code
        self.values = values

    @property
    def targets(self) -> tuple[Path, ...]:
        """The path that each action changes, in the order of the text."""
        return self.code.targets

    @property
    def top_names(self) -> frozenset[str]:
        """The names of the attributes that the actions change."""
        return frozenset(str(path[0]) for path in self.code.targets)

    @property
    def action_bytes(self) -> int:
        """What the actions add to an item's size when it is held against the ceiling (spec D.3):
        3 bytes, 19 for every action that writes a value and 2 for every REMOVE."""
        clearing = self.code.clearing_actions
        return 3 + 19 * (len(self.code.targets) - clearing) + 2 * clearing

    def apply(self, old: Item | None, key: Item) -> Updated:
        """The item after the update. `old` is the stored item or None, `key` its key attributes.
        Raises ValidationFailed, not prefixed: an operand or parent that is missing or of a wrong
        type, a sum that is out of range."""
        code = self.code
        values = self.values
        base = key if old is None else old
        if code.names is not None:
            new = dict(base)
            for name, result in zip(code.names, code.results, strict=True):
                value = result(base, values)
                if value is None:
                    new.pop(name, None)
                else:
                    new[name] = value
        else:
            new = _rebuilt(base, code.root, self._results(base))
        return Updated(None if old is None and not code.creates else new)

    def updated_old(self, old: Item | None) -> Item:
        """What lay at each target before, wrapped in its path; {} when nothing did."""
        return {} if old is None else pick(old, self.code.root, lambda value, position: value)

    def updated_new(self, old: Item | None, key: Item) -> Item:
        """What lies at each target after `apply` of the same arguments, wrapped in its path.
        REMOVE gives nothing, nor does a list element that was set past the end and so didn't land
        at the index of its path."""
        if old is None and not self.code.creates:
            return {}
        base = key if old is None else old
        written = _written({"M": base}, self.code.root, self._results(base))
        return {} if written is None else written["M"]

    def _results(self, base: Item) -> list[Value | None]:
        return [result(base, self.values) for result in self.code.results]


def _rebuilt(members: Item, branch: Branch, results: list[Value | None]) -> Item:
    """An item, or the members of a map, with the results at its targets."""
    new = dict(members)
    for step, further in branch.steps.items():
        name = str(step)
        if further.leaf is None:
            new[name] = _rebuilt_value(members.get(name), further, results)
            continue
        value = results[further.leaf]
        if value is None:
            new.pop(name, None)
        else:
            new[name] = value
    return new


def _rebuilt_value(value: Value | None, branch: Branch, results: list[Value | None]) -> Value:
    # Deep as a path is long, which is 32 at most.
    if value is None:
        raise ValidationFailed(WRONG_PATH)
    if not branch.of_list:
        if "M" not in value:
            raise ValidationFailed(WRONG_PATH)
        return {"M": _rebuilt(value["M"], branch, results)}
    if "L" not in value:
        raise ValidationFailed(WRONG_PATH)
    old: list[Value] = value["L"]
    new: list[Value | None] = list(old)
    appended: list[Value] = []
    for step, further in branch.steps.items():
        index = int(step)
        if further.leaf is None:
            inner = old[index] if index < len(old) else None
            new[index] = _rebuilt_value(inner, further, results)
            continue
        element = results[further.leaf]
        if index < len(old):
            new[index] = element  # None: it goes, when all positions have been used
        elif element is not None:
            appended.append(element)
    return {"L": [element for element in new if element is not None] + appended}


def _written(value: Value, branch: Branch, results: list[Value | None]) -> Value | None:
    """The results below a value, as `updated_new` shows them."""
    parts: list[tuple[str, Value]] = []
    length = len(value["L"]) if branch.of_list else 0
    for step, further in branch.steps.items():
        part: Value | None
        if further.leaf is not None:
            part = results[further.leaf]
            if part is None:
                continue
            if branch.of_list and int(step) >= length:
                landed, length = length, length + 1
                if landed != step:
                    continue
        else:
            inner = value["L"][step] if branch.of_list else value["M"][step]
            part = _written(inner, further, results)
        if part is not None:
            parts.append((str(step), part))
    if not parts:
        return None
    return {"L": [part for _, part in parts]} if branch.of_list else {"M": dict(parts)}


def _result(action: Action, paths: Mapping[PathNode, Path]) -> Result:
    node = action.operand
    if node is None:
        return lambda item, values: None
    if action.section == "SET":
        if isinstance(node, ArithmeticNode):
            return _arithmetic(node, paths)
        return _source(node, paths)
    assert isinstance(node, ValueNode), "ADD and DELETE take nothing else"
    key, path = node.key, paths[action.path]
    if action.section == "ADD":
        return lambda item, values: _added(find(item, path), values[key])
    return lambda item, values: _deleted(find(item, path), values[key])


def _source(node: Operand | ArithmeticNode, paths: Mapping[PathNode, Path]) -> Source:
    """How to compute an operand's value; it raises when there is none."""
    if isinstance(node, ArithmeticNode):
        return _arithmetic(node, paths)
    if isinstance(node, ValueNode):
        key = node.key
        return lambda item, values: values[key]
    if isinstance(node, PathNode):
        path = paths[node]

        def read(item: Item, values: Values) -> Value:
            value = find(item, path)
            if value is None:
                raise ValidationFailed(MISSING)
            return value

        return read
    if node.function == "list_append":
        return _list_append(node, paths)
    return _if_not_exists(node, paths)


def _if_not_exists(node: CallNode, paths: Mapping[PathNode, Path]) -> Source:
    # One in the other, they are a list of paths to try before the last operand.
    tried: list[Path] = []
    last: Operand = node
    while isinstance(last, CallNode):
        path, last = last.operands
        assert isinstance(path, PathNode), "checked to be a path"
        tried.append(paths[path])
    otherwise = _source(last, paths)

    if len(tried) == 1 and len(tried[0]) == 1:
        name = str(tried[0][0])

        def one(item: Item, values: Values) -> Value:
            value = item.get(name)
            return otherwise(item, values) if value is None else value

        return one

    def several(item: Item, values: Values) -> Value:
        for path in tried:
            value = find(item, path)
            if value is not None:
                return value
        return otherwise(item, values)

    return several


def _list_append(node: CallNode, paths: Mapping[PathNode, Path]) -> Source:
    first, second = (_source(operand, paths) for operand in node.operands)

    def append(item: Item, values: Values) -> Value:
        front = first(item, values).get("L")
        if front is None:
            raise ValidationFailed(WRONG_TYPE)
        back = second(item, values).get("L")
        if back is None:
            raise ValidationFailed(WRONG_TYPE)
        return {"L": front + back}

    return append


def _arithmetic(node: ArithmeticNode, paths: Mapping[PathNode, Path]) -> Source:
    left, right = _source(node.left, paths), _source(node.right, paths)
    operation = numbers.add if node.operator == "+" else numbers.subtract

    def compute(item: Item, values: Values) -> Value:
        one = left(item, values).get("N")
        if one is None:
            raise ValidationFailed(WRONG_TYPE)
        other = right(item, values).get("N")
        if other is None:
            raise ValidationFailed(WRONG_TYPE)
        return {"N": operation(one, other)}

    return compute


def _added(value: Value | None, operand: Value) -> Value:
    """ADD: a sum, or a union of sets of one type."""
    if value is None:
        return operand
    (kind,) = operand
    if kind not in value:
        raise ValidationFailed(WRONG_TYPE)
    if kind == "N":
        return {"N": numbers.add(value["N"], operand["N"])}
    members = set(value[kind])
    if members.issuperset(operand[kind]):
        return value
    members.update(operand[kind])
    return {kind: numbers.ascending(members) if kind == "NS" else sorted(members)}


def _deleted(value: Value | None, operand: Value) -> Value | None:
    """DELETE: a difference of sets of one type; None when nothing is left or was there."""
    if value is None:
        return None
    (kind,) = operand
    if kind not in value:
        raise ValidationFailed(WRONG_TYPE)
    going = set(operand[kind])
    left = [member for member in value[kind] if member not in going]
    return {kind: left} if left else None
