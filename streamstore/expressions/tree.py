"""The parse tree of an expression: what was written, with placeholders unresolved.

Nodes hold no meaning: whether a function exists, a name is defined or a type fits is judged in
`checks`, and what a node does in `conditions`, `updates`, `projections` and `key_conditions`. A
tree can be as deep as its text is long (2,000 levels of a function in itself are legal syntax), so
nothing here or there walks it by recursion: `preorder` and `postorder` lay it flat.

Nodes compare by identity, so that a node can be the key of what was found out about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["Update", "Condition", "KeyCondition", "Filter", "Projection"]
Section = Literal["SET", "REMOVE", "ADD", "DELETE"]

Step = str | int
"""One element of a path: a map key or a list index."""

Path = tuple[Step, ...]
"""A resolved document path; the first element is the attribute's name."""

Value = dict[str, Any]
Item = dict[str, Value]


class Node:
    """Part of a condition or of the right side of an assignment."""

    __slots__ = ()

    @property
    def children(self) -> tuple[Node, ...]:
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class PathNode(Node):
    """A document path. Elements are names as written ("#n" unresolved) and list indexes; of 20
    digits and more those are text too, till they are refused."""

    elements: Path


@dataclass(frozen=True, slots=True, eq=False)
class ValueNode(Node):
    """A placeholder for a value, ":" included."""

    key: str


@dataclass(frozen=True, slots=True, eq=False)
class CallNode(Node):
    """A function, by the name as written."""

    function: str
    operands: tuple[Operand, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return self.operands


Operand = PathNode | ValueNode | CallNode


@dataclass(frozen=True, slots=True, eq=False)
class CompareNode(Node):
    """left = <> < <= > >= right"""

    operator: str
    left: Operand
    right: Operand

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True, eq=False)
class BetweenNode(Node):
    """subject BETWEEN low AND high, both ends inclusive"""

    subject: Operand
    low: Operand
    high: Operand

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.subject, self.low, self.high)


@dataclass(frozen=True, slots=True, eq=False)
class InNode(Node):
    """subject IN (options)"""

    subject: Operand
    options: tuple[Operand, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.subject, *self.options)


@dataclass(frozen=True, slots=True, eq=False)
class NotNode(Node):
    """NOT term"""

    term: ConditionNode

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.term,)


@dataclass(frozen=True, slots=True, eq=False)
class LogicNode(Node):
    """Two or more terms, all joined by the same AND or OR."""

    operator: Literal["AND", "OR"]
    terms: tuple[ConditionNode, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return self.terms


ConditionNode = CallNode | CompareNode | BetweenNode | InNode | NotNode | LogicNode


@dataclass(frozen=True, slots=True, eq=False)
class ArithmeticNode(Node):
    """left + right, or left - right. Only PartiQL has sums of sums."""

    operator: Literal["+", "-"]
    left: Operand | ArithmeticNode
    right: Operand | ArithmeticNode

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """One action of an update. `operand` is None for REMOVE, a ValueNode for ADD and DELETE."""

    section: Section
    path: PathNode
    operand: Operand | ArithmeticNode | None


@dataclass(frozen=True, slots=True, eq=False)
class UpdateTree:
    """The sections in the order of the text, each with its actions; one kind may be there twice."""

    sections: tuple[tuple[Action, ...], ...]

    @property
    def actions(self) -> tuple[Action, ...]:
        """All actions in the order of the text."""
        return tuple(action for section in self.sections for action in section)


@dataclass(frozen=True, slots=True, eq=False)
class ProjectionTree:
    """Paths in the order of the text."""

    paths: tuple[PathNode, ...]


Tree = ConditionNode | UpdateTree | ProjectionTree


def preorder(root: Node) -> list[Node]:
    """Every node before its children, left to right: where each begins in the text, but for infix
    operators."""
    found: list[Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting.extend(reversed(node.children))
    return found


def postorder(root: Node) -> list[Node]:
    """Every node after its children, left to right."""
    found: list[Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting.extend(node.children)
    found.reverse()
    return found
