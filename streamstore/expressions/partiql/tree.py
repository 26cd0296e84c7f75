"""The parse tree of a statement: what was written, before any table or parameter is known.

In PartiQL a condition, a value and a path are all expressions, so there is one kind of node for
them here; what may stand where is told by `conditions`, `updates`, `literals` and `selections`.
A tree can be as deep as its text is long, so nobody walks it by recursion: the nodes are `Node`s of
the expression language, which `postorder` lays flat. Nodes compare by identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..tree import Node, Step, Value
from .tokens import Place


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Node):
    """A string, number, boolean or NULL as a value not yet checked; None for MISSING."""

    value: Value | None
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Parameter(Node):
    """`?`, the one at `position` from 0."""

    position: int
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class PathRef(Node):
    """A document path. `faulty` is the place of a step that no path has, and `fault` why."""

    steps: tuple[Step, ...]
    place: Place
    fault: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sequence(Node):
    """[a, b], <<a, b>> or (a, b), told apart by `bracket`. `depth`: levels of collections in it,
    itself included.
    """

    bracket: Literal["[", "<<", "("]
    items: tuple[Expression, ...]
    depth: int
    place: Place

    @property
    def children(self) -> tuple[Node, ...]:
        return self.items


@dataclass(frozen=True, slots=True, eq=False)
class Tuple(Node):
    """{key: value}, both as written."""

    entries: tuple[tuple[Expression, Expression], ...]
    depth: int
    place: Place

    @property
    def children(self) -> tuple[Node, ...]:
        return tuple(part for entry in self.entries for part in entry)


@dataclass(frozen=True, slots=True, eq=False)
class Invocation(Node):
    """name(arguments)"""

    name: str
    arguments: tuple[Expression, ...]
    place: Place

    @property
    def children(self) -> tuple[Node, ...]:
        return self.arguments


@dataclass(frozen=True, slots=True, eq=False)
class Operation(Node):
    """An operator with its operands: AND OR NOT = <> < <= > >= BETWEEN IN LIKE || + - * / %.
    BETWEEN has three operands, IN a Sequence as its second.
    """

    operator: str
    operands: tuple[Expression, ...]
    place: Place

    @property
    def children(self) -> tuple[Node, ...]:
        return self.operands


@dataclass(frozen=True, slots=True, eq=False)
class Is(Node):
    """subject IS NULL, subject IS MISSING"""

    subject: Expression
    kind: Literal["NULL", "MISSING"]
    place: Place

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.subject,)


Expression = Constant | Parameter | PathRef | Sequence | Tuple | Invocation | Operation | Is

Returning = Literal["ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"]


@dataclass(frozen=True, slots=True)
class Source:
    """The table of a statement, and the index of it or None."""

    table: str
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What all statements have: a source, the number of `?` in them, and WHERE or None."""

    source: Source
    parameters: int
    where: Expression | None


@dataclass(frozen=True, slots=True)
class Select(Statement):
    """`projection` is None for *; `order`: path and whether it is descending."""

    projection: tuple[Expression, ...] | None
    order: tuple[tuple[PathRef, bool], ...]


@dataclass(frozen=True, slots=True)
class Insert(Statement):
    """INSERT INTO source VALUE item"""

    item: Expression


@dataclass(frozen=True, slots=True)
class Change:
    """SET path = value, or REMOVE path, whose value is None."""

    path: Expression
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Update(Statement):
    """UPDATE source SET ... REMOVE ... WHERE ... RETURNING ..."""

    changes: tuple[Change, ...]
    returning: Returning | None


@dataclass(frozen=True, slots=True)
class Delete(Statement):
    """DELETE FROM source WHERE ... RETURNING ALL OLD *"""

    returning: Returning | None


@dataclass(frozen=True, slots=True)
class Exists(Statement):
    """EXISTS(SELECT ...), a condition of a transaction."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """What is well formed and none of those: CREATE TABLE, an expression by itself."""

    operation: str


Parsed = Select | Insert | Update | Delete | Exists | Unsupported
