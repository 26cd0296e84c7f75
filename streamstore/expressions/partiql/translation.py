"""What conditions, updates and selections share: one statement on its way into the expressions.

Attribute names and values become placeholders, as if a caller had named them, and paths and
operands the nodes that an expression's text becomes. Everything after that (checks of types and
counts, compiled programs) is that of the expressions; only its words lose "Invalid
...Expression:", since no such parameter was sent.

Nodes are turned bottom up and laid flat, so that no depth of a statement meets Python's stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ...errors import ValidationFailed
from ..checks import Scope
from ..tree import CallNode, Node, Operand, PathNode, Value, ValueNode
from ..words import FUNCTIONS
from .literals import is_literal, value_of
from .tree import Expression, Invocation, Is, Operation, PathRef, Sequence

_AGGREGATES: Final = frozenset(("avg", "count", "max", "min", "sum"))
_INVALID: Final = re.compile(r"Invalid [A-Za-z]+Expression: ")


class Translation:
    """The names and values of one statement so far; `parameters` fill its `?`."""

    def __init__(self, parameters: list[Value]) -> None:
        self.parameters = parameters
        self.names: dict[str, str] = {}
        self.values: dict[str, Value] = {}
        self._placeholders: dict[str, str] = {}

    def scope(self) -> Scope:
        """What the checks of the expressions are told."""
        return Scope(self.names, self.values)

    def path(self, node: PathRef) -> PathNode:
        """A path, its names as placeholders. Raises ValidationFailed for a faulty step."""
        if node.fault:
            raise ValidationFailed(f"{node.fault} at {node.place}")
        return PathNode(
            tuple(step if isinstance(step, int) else self._name(step) for step in node.steps)
        )

    def value(self, value: Value) -> ValueNode:
        """A value, be it of the statement or not."""
        key = f":v{len(self.values)}"
        self.values[key] = value
        return ValueNode(key)

    def simple(self, node: Expression) -> PathNode | ValueNode | None:
        """A path, literal or parameter; None for what has operands of its own."""
        if isinstance(node, PathRef):
            return self.path(node)
        if is_literal(node):
            return self.value(value_of(node, self.parameters).value)
        return None

    def call(self, node: Invocation, done: dict[Expression, Node]) -> CallNode:
        """A function with operands that are `done`. Whether it may stand where it does is for the
        checks of the expressions."""
        name = node.name.lower()
        if name in _AGGREGATES:
            raise ValidationFailed(f"Unsupported token in expression: {name} at {node.place}")
        if name not in FUNCTIONS:
            raise ValidationFailed(f"Unrecognized function: {name}")
        operands = []
        for argument in node.arguments:
            operand = done[argument]
            if not isinstance(operand, Operand):
                raise ValidationFailed(f"Unexpected argument of function: {node.name}")
            operands.append(operand)
        return CallNode(name, tuple(operands))

    def _name(self, name: str) -> str:
        placeholder = self._placeholders.get(name)
        if placeholder is None:
            placeholder = self._placeholders[name] = f"#n{len(self.names)}"
            self.names[placeholder] = name
        return placeholder


def bottom_up(root: Expression) -> list[Expression]:
    """The nodes of an expression, each behind its operands. Literals are whole, but for the list
    behind IN, whose items are operands."""
    found: list[Expression] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, Operation) and node.operator == "IN":
            subject, options = node.operands
            waiting.append(subject)
            waiting.extend(options.items if isinstance(options, Sequence) else (options,))
        elif isinstance(node, Operation):
            waiting.extend(node.operands)
        elif isinstance(node, Invocation):
            waiting.extend(node.arguments)
        elif isinstance(node, Is):
            waiting.append(node.subject)
    found.reverse()
    return found


@contextmanager
def reworded() -> Iterator[None]:
    """What the checks of the expressions refuse, without the parameter that nobody sent."""
    try:
        yield
    except ValidationFailed as fault:
        raise ValidationFailed(_INVALID.sub("", fault.message, count=1)) from None
