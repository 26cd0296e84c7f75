"""WHERE -> a condition, and which of its terms pin a key.

The condition becomes the tree of a ConditionExpression. IS MISSING is attribute_not_exists, IS NULL
asks for the type NULL, NOT IN and NOT BETWEEN are negations. What a missing attribute means is the
service's rule for expressions, not PartiQL's: `a <> 1` holds where there is no `a`.

`Where` keeps the terms that AND joins at the top apart, so that those which pin a key can be taken
out and become a Key or a key condition; it knows names and values, and nothing of tables.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final, Literal, cast

from ... import limits
from ...errors import ValidationFailed
from ..conditions import Condition, compile_condition
from ..tree import (
    BetweenNode,
    CallNode,
    CompareNode,
    ConditionNode,
    InNode,
    LogicNode,
    Node,
    NotNode,
    Operand,
    PathNode,
    Value,
    ValueNode,
    postorder,
)
from ..words import check_words
from .translation import Translation, bottom_up, reworded
from .tree import Constant, Expression, Invocation, Is, Operation, Sequence

_COMPARATORS: Final = frozenset(("=", "<>", "<", "<=", ">", ">="))
# What an operator becomes when the key stands on its right.
_MIRRORED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NO_CONDITION: Final = "The arguments to AND/OR must be Expressions"
_NOT_BOOLEAN: Final = "WHERE clause must contain an expression that resolves to a boolean"
_NOTHING_TO_NEGATE: Final = "The argument to NOT must be a Type or Expression"
_NOTHING_TO_TEST: Final = (
    "The left hand side argument to IS must be a Variable Reference, Literal, or Path"
)
_MISSING_COMPARED: Final = "MISSING must be compared using IS operator"
_BAD_IN: Final = (
    "IN operator must have a left hand argument of type Variable Reference and right hand argument"
    " of type Seq with at least one member"
)

Bound = tuple[str, tuple[str, ...]]
"""A condition on one attribute: its operator and the placeholders of its values."""


class Where:
    """A condition with its values. `terms` are joined by AND; `scope` knows paths and values."""

    def __init__(self, translation: Translation, root: Expression) -> None:
        node = _condition(translation, root)
        self.scope = translation.scope()
        with reworded():
            check_words("Condition", node)
            self.scope.condition("Condition", node)
        self.terms = _joined_by("AND", node)

    def compiled(self, without: Container[int] = ()) -> Condition | None:
        """The condition that all terms are, but for those at some positions; None if that is
        none."""
        root = self.rest(without)
        if root is None:
            return None
        return Condition(compile_condition(root, self.scope.paths), self.scope.values)

    def where_present(self, name: str, without: Container[int]) -> Condition:
        """That there is an attribute (of the key: an item), and `compiled`."""
        return self._guarded("attribute_exists", "AND", name, without)

    def where_absent(self, name: str, without: Container[int]) -> Condition | None:
        """That there is none, or `compiled`; None where that always holds."""
        if self.rest(without) is None:
            return None
        return self._guarded("attribute_not_exists", "OR", name, without)

    def rest(self, without: Container[int]) -> ConditionNode | None:
        """The terms but for some, as one."""
        terms = [term for at, term in enumerate(self.terms) if at not in without]
        if not terms:
            return None
        return terms[0] if len(terms) == 1 else LogicNode("AND", tuple(terms))

    def _guarded(
        self, function: str, operator: Literal["AND", "OR"], name: str, without: Container[int]
    ) -> Condition:
        path, rest = PathNode((name,)), self.rest(without)
        guard: ConditionNode = CallNode(function, (path,))
        root = guard if rest is None else LogicNode(operator, (guard, rest))
        paths = {**self.scope.paths, path: (name,)}
        return Condition(compile_condition(root, paths), self.scope.values)

    def pinned(self, name: str) -> tuple[int, Value] | None:
        """The position of the first term that says what an attribute equals, and the value."""
        for at, term in enumerate(self.terms):
            bound = self._bound(term, name)
            if bound is not None and bound[0] == "=":
                return at, self.scope.values[bound[1][0]]
        return None

    def equal_to(self, name: str) -> list[Value]:
        """All values that terms say an attribute equals."""
        bounds = [self._bound(term, name) for term in self.terms]
        return [self.scope.values[each[1][0]] for each in bounds if each and each[0] == "="]

    def bound(self, name: str) -> tuple[int, Bound] | None:
        """The first term about an attribute alone that a key condition can be made of, an equality
        before all others."""
        found = None
        for at, term in enumerate(self.terms):
            bound = self._bound(term, name)
            if bound is not None and bound[0] == "=":
                return at, bound
            if bound is not None and found is None:
                found = at, bound
        return found

    def choices(self, name: str) -> tuple[int | None, list[Value]] | None:
        """The values of which an attribute must have one: by an equality, an IN, or an OR whose
        every side says so. With it the position of the term that says just this, or None."""
        pinned = self.pinned(name)
        if pinned is not None:
            return pinned[0], [pinned[1]]
        for at, term in enumerate(self.terms):
            values = self._choices(term, name)
            if values is not None:
                return at if isinstance(term, InNode) else None, values
        return None

    def types_of(self, name: str) -> Iterable[str]:
        """The types of all values that an attribute is held against by terms of its own."""
        for term in self.terms:
            bound = self._bound(term, name)
            values = [] if bound is None else [self.scope.values[key] for key in bound[1]]
            if isinstance(term, InNode):
                values = self._choices(term, name) or []
            for value in values:
                yield from value

    def _bound(self, term: ConditionNode, name: str) -> Bound | None:
        operator = ""
        subject: Operand | None = None
        others: tuple[Operand, ...] = ()
        if isinstance(term, CompareNode) and term.operator != "<>":
            operator, subject, others = term.operator, term.left, (term.right,)
            if isinstance(subject, ValueNode):
                operator, subject, others = _MIRRORED[operator], term.right, (term.left,)
        elif isinstance(term, BetweenNode):
            operator, subject, others = "BETWEEN", term.subject, (term.low, term.high)
        elif isinstance(term, CallNode) and term.function == "begins_with":
            operator, (subject, *rest) = term.function, term.operands
            others = tuple(rest)
        if not self._is(subject, name):
            return None
        keys = tuple(other.key for other in others if isinstance(other, ValueNode))
        return (operator, keys) if len(keys) == len(others) else None

    def _is(self, node: Operand | None, name: str) -> bool:
        return isinstance(node, PathNode) and self.scope.paths[node] == (name,)

    def _choices(self, term: ConditionNode, name: str) -> list[Value] | None:
        """As `choices`, of one term; sides of an OR may be ANDs, of which one term is enough."""
        known: dict[Node, list[Value] | None] = {}
        for node in postorder(term):
            found: list[Value] | None = None
            if isinstance(node, CompareNode | InNode):
                found = self._listed(node, name)
            elif isinstance(node, LogicNode):
                parts = [known[part] for part in node.terms]
                told = [part for part in parts if part is not None]
                if node.operator == "AND" and told:
                    found = told[0]
                elif node.operator == "OR" and len(told) == len(parts):
                    found = [value for part in told for value in part]
            known[node] = found
        return known[term]

    def _listed(self, node: CompareNode | InNode, name: str) -> list[Value] | None:
        values = self.scope.values
        if isinstance(node, CompareNode):
            bound = self._bound(node, name)
            return [values[bound[1][0]]] if bound is not None and bound[0] == "=" else None
        options = [option for option in node.options if isinstance(option, ValueNode)]
        if not self._is(node.subject, name) or len(options) < len(node.options):
            return None
        return [values[option.key] for option in options]


def absent(name: str) -> Condition:
    """That there is no attribute of that name, and so no item of the key it is of."""
    path = PathNode((name,))
    return Condition(
        compile_condition(CallNode("attribute_not_exists", (path,)), {path: (name,)}), {}
    )


def _joined_by(operator: Literal["AND", "OR"], root: ConditionNode) -> list[ConditionNode]:
    terms: list[ConditionNode] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, LogicNode) and node.operator == operator:
            waiting.extend(reversed(node.terms))
        else:
            terms.append(node)
    return terms


def _condition(translation: Translation, root: Expression) -> ConditionNode:
    nodes = bottom_up(root)
    _refuse_excess(nodes)
    done: dict[Expression, Node] = {}
    for node in nodes:
        done[node] = _one(translation, node, done)
    return _judged(done[root], _NOT_BOOLEAN)


def _refuse_excess(nodes: list[Expression]) -> None:
    """The bounds of a condition, told before any of it is translated."""
    operators = 0
    for node in nodes:
        operators += isinstance(node, Operation | Invocation | Is)
        if isinstance(node, Operation) and node.operator == "IN":
            options = node.operands[1]
            if isinstance(options, Sequence) and len(options.items) > limits.IN_OPERANDS_MAX:
                raise ValidationFailed(
                    "The IN operator is provided with too many operands; "
                    f"number of operands: {len(options.items)}"
                )
    if operators > limits.EXPRESSION_OPERATORS_MAX:
        raise ValidationFailed(
            "The expression contains too many operators; "
            f"operator count: {limits.EXPRESSION_OPERATORS_MAX + 1}"
        )


def _one(translation: Translation, node: Expression, done: dict[Expression, Node]) -> Node:
    """A node whose operands are done."""
    if isinstance(node, Constant) and node.value is None:
        raise ValidationFailed(_MISSING_COMPARED)
    simple = translation.simple(node)
    if simple is not None:
        return simple
    if isinstance(node, Invocation):
        return translation.call(node, done)
    if isinstance(node, Is):
        return _test(translation, node, done)
    assert isinstance(node, Operation), "nothing else is left"
    operator = node.operator
    if operator == "IN":
        return _among(node, done)
    operands = [done[operand] for operand in node.operands]
    if operator in ("AND", "OR"):
        terms = (_judged(operands[0]), _judged(operands[1]))
        return LogicNode("AND" if operator == "AND" else "OR", terms)
    if operator == "NOT":
        return NotNode(_judged(operands[0], _NOTHING_TO_NEGATE))
    if operator != "BETWEEN" and operator not in _COMPARATORS:
        raise _unsupported(operator)
    values = [_operand(operand) for operand in operands]
    if operator == "BETWEEN":
        return BetweenNode(*values)
    return CompareNode(operator, *values)


def _among(node: Operation, done: dict[Expression, Node]) -> InNode:
    subject, options = node.operands
    if not isinstance(options, Sequence) or not options.items:
        raise ValidationFailed(_BAD_IN)
    return InNode(
        _operand(done[subject]), tuple(_operand(done[option]) for option in options.items)
    )


def _test(translation: Translation, node: Is, done: dict[Expression, Node]) -> CallNode:
    subject = done[node.subject]
    if not isinstance(subject, PathNode | ValueNode):
        raise ValidationFailed(_NOTHING_TO_TEST)
    if node.kind == "MISSING":
        return CallNode("attribute_not_exists", (subject,))
    return CallNode("attribute_type", (subject, translation.value({"S": "NULL"})))


def _judged(node: Node, otherwise: str = _NO_CONDITION) -> ConditionNode:
    """A node that has to be a condition."""
    if isinstance(node, PathNode | ValueNode):
        raise ValidationFailed(otherwise)
    return cast(ConditionNode, node)


def _operand(node: Node) -> Operand:
    """A node that has to be no condition. A function is checked later."""
    if isinstance(node, PathNode | ValueNode | CallNode):
        return node
    raise _unsupported(_symbol(node))


def _symbol(node: Node) -> str:
    if isinstance(node, CompareNode | LogicNode):
        return node.operator
    return {BetweenNode: "between", InNode: "in", NotNode: "not"}[type(node)]


def _unsupported(operator: str) -> ValidationFailed:
    return ValidationFailed(
        f"Unsupported operator in Condition Expression. Operator: {operator.lower()}"
    )
