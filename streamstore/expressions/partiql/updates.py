"""SET and REMOVE -> an update.

They become the actions of an UpdateExpression: `SET s = set_add(s, x)` is ADD and `set_delete`
DELETE, everything else is what it looks like. Sums of more than two terms, which an
UpdateExpression's text can't have, are sums of sums here.
"""

from __future__ import annotations

from typing import Final, Literal

from ... import limits
from ...errors import ValidationFailed
from ..conditions import type_of
from ..tree import (
    Action,
    ArithmeticNode,
    CallNode,
    Node,
    Operand,
    PathNode,
    Section,
    UpdateTree,
    ValueNode,
)
from ..updates import Update, UpdateCode
from ..words import check_words
from .translation import Translation, bottom_up, reworded
from .tree import Change, Constant, Expression, Invocation, Operation, PathRef

_SET_FUNCTIONS: Final[dict[str, Section]] = {"set_add": "ADD", "set_delete": "DELETE"}
_SETS: Final = frozenset(("SS", "NS", "BS"))
_MISSING_COMPARED: Final = "MISSING must be compared using IS operator"
_ARITHMETIC: Final[dict[str, Literal["+", "-"]]] = {"+": "+", "-": "-"}


def update_of(translation: Translation, changes: tuple[Change, ...]) -> Update:
    """The update that the changes are. Raises ValidationFailed."""
    sections: dict[Section, list[Action]] = {}
    for change in changes:
        action = _action(translation, change)
        sections.setdefault(action.section, []).append(action)
    tree = UpdateTree(tuple(tuple(actions) for actions in sections.values()))
    scope = translation.scope()
    with reworded():
        check_words("Update", tree)
        targets = scope.update(tree)
    return Update(UpdateCode(tree, scope.paths, targets), scope.values)


def _action(translation: Translation, change: Change) -> Action:
    assert isinstance(change.path, PathRef), "the grammar takes nothing else"
    target = translation.path(change.path)
    value = change.value
    if value is None:
        return Action("REMOVE", target, None)
    if isinstance(value, Invocation):
        section = _SET_FUNCTIONS.get(value.name.lower())
        if section is not None:
            return Action(section, target, _member(translation, change.path, value))
    return Action("SET", target, _right_side(translation, value))


def _member(translation: Translation, target: PathRef, call: Invocation) -> ValueNode:
    """The set that is added to or taken out of another one."""
    name = call.name.upper()
    if len(call.arguments) != 2:
        raise ValidationFailed(f"{name} must have exactly two arguments at {call.place}")
    first, second = call.arguments
    if not isinstance(first, PathRef) or first.steps != target.steps:
        raise ValidationFailed(f"The first argument to {name} must equal the assignment value")
    node = translation.simple(second)
    if not isinstance(node, ValueNode) or type_of(translation.values[node.key]) not in _SETS:
        raise ValidationFailed(
            f"The second argument to {name} must be a value with type SET at {first.place}"
        )
    return node


def _right_side(translation: Translation, root: Expression) -> Operand | ArithmeticNode:
    done: dict[Expression, Node] = {}
    levels: dict[Expression, int] = {}
    for node in bottom_up(root):
        levels[node] = 0
        if isinstance(node, Operation):
            if node.operator not in _ARITHMETIC:
                raise ValidationFailed(
                    f"Unsupported operator in Update Expression. Operator: {node.operator.lower()}"
                )
            levels[node] = 1 + max(levels[operand] for operand in node.operands)
            if levels[node] > limits.ARITHMETIC_LEVELS_MAX:
                raise ValidationFailed(
                    f"The expression contains too many operators; operator count: {levels[node]}"
                )
        done[node] = _one(translation, node, done)
    side = done[root]
    assert isinstance(side, PathNode | ValueNode | CallNode | ArithmeticNode), "see _one"
    return side


def _one(translation: Translation, node: Expression, done: dict[Expression, Node]) -> Node:
    if isinstance(node, Constant) and node.value is None:
        raise ValidationFailed(_MISSING_COMPARED)
    simple = translation.simple(node)
    if simple is not None:
        return simple
    if isinstance(node, Invocation):
        return translation.call(node, done)
    if not isinstance(node, Operation):
        raise ValidationFailed("IS operator is not supported in update expressions")
    operands = [done[operand] for operand in node.operands]
    if len(operands) != 2:
        raise ValidationFailed(
            "Incorrect number of operands for operator or function; operator or function:"
            f" {node.operator}, number of operands: {len(operands)}"
        )
    left, right = operands
    assert isinstance(left, PathNode | ValueNode | CallNode | ArithmeticNode), "see above"
    assert isinstance(right, PathNode | ValueNode | CallNode | ArithmeticNode), "see above"
    return ArithmeticNode(_ARITHMETIC[node.operator], left, right)
