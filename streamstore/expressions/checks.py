"""The second look at a tree: faults that show with names and values at hand, and which of them is
told (spec E.3, E.4).

It goes bottom up and left to right: placeholders, path length, operand counts, equal operands,
types, bounds. In an update it takes the targets first and then the operands, both from the last
action to the first; projections go from the last path to the first too. The number of operators
counts when all else is sound. The first fault in this order is the error. (The first look, at the
text alone, is in `words`.)

`Scope` gathers what the look finds out: what every path resolves to, what was used, and what was
required of the types of values. The last is why a tree that was looked at once can be bound to
other values without another look (`binding`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from .. import limits
from ..errors import ValidationFailed
from .conditions import compare, type_of
from .grammar import refusal
from .paths import Branch, show
from .tree import (
    Action,
    ArithmeticNode,
    BetweenNode,
    CallNode,
    CompareNode,
    ConditionNode,
    InNode,
    Kind,
    LogicNode,
    Node,
    Operand,
    Path,
    PathNode,
    ProjectionTree,
    Section,
    UpdateTree,
    Value,
    ValueNode,
    postorder,
)
from .words import FUNCTIONS, TYPE_NAMES

_ORDERED: Final = frozenset(("S", "N", "B"))
_SET_TYPES: Final = frozenset(("SS", "NS", "BS"))

# The service prints types in the order of a hash table; these are two it was seen to print.
_TYPES_SHOWN: Final = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
_VALID_TYPES_SHOWN: Final = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"


_ACTION_TYPES: Final[Mapping[Section, frozenset[str]]] = {
    "ADD": _SET_TYPES | {"N"},
    "DELETE": _SET_TYPES,
}
_LONG_TYPE_NAMES: Final = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
}


class Scope:
    """A request's names and values, and what the second look at its expressions found out.

    `paths` resolves every path node. `types` holds, a value, the types it may have; `bounds` the
    pairs of values that must be the ends of a range; `type_names` the values that must name a type.
    """

    def __init__(self, names: Mapping[str, str], values: Mapping[str, Value]) -> None:
        self.names = names
        self.values = values
        self.used_names: set[str] = set()
        self.used_values: set[str] = set()
        self.paths: dict[PathNode, Path] = {}
        self.types: dict[str, frozenset[str]] = {}
        self.bounds: list[tuple[str, str]] = []
        self.type_names: list[str] = []

    def condition(self, kind: Kind, root: ConditionNode) -> None:
        """The second look at a condition."""
        look = _Look(self, kind)
        nodes = postorder(root)
        for node in nodes:
            look.node(node)
        look.operators(nodes)

    def update(self, tree: UpdateTree) -> Branch:
        """The second look at an update; its targets by position of the action."""
        look = _Look(self, "Update")
        targets = look.apart([action.path for action in tree.actions])
        operators: list[Node] = []
        for action in reversed(tree.actions):
            if action.operand is not None:
                nodes = postorder(action.operand)
                for node in nodes:
                    look.node(node)
                operators.extend(nodes)
                look.action(action)
        look.operators(operators)
        return targets

    def projection(self, tree: ProjectionTree) -> Branch:
        """The second look at a projection; its paths by position."""
        return _Look(self, "Projection").apart(tree.paths)


class _Look:
    """The second look at one expression."""

    def __init__(self, scope: Scope, kind: Kind) -> None:
        self.scope = scope
        self.kind = kind

    def refuse(self, detail: str) -> ValidationFailed:
        return refusal(self.kind, detail)

    def apart(self, paths: Iterable[PathNode]) -> Branch:
        """Paths that must not overlap, from the last to the first."""
        resolved: dict[int, Path] = {}
        root = Branch()
        for position, node in reversed(list(enumerate(paths))):
            path = resolved[position] = self.path(node)
            clash = root.plant(path, position)
            if clash is not None:
                how, other = clash
                raise self.refuse(
                    f"Two document paths {how} with each other; "
                    "must remove or rewrite one of these paths; "
                    f"path one: {show(path)}, path two: {show(resolved[other])}"
                )
        return root.order()

    def node(self, node: Node) -> None:
        """One node, whose children are known to be sound."""
        if isinstance(node, PathNode):
            self.path(node)
        elif isinstance(node, ValueNode):
            self.value(node)
        elif isinstance(node, CallNode):
            self.call(node)
        elif isinstance(node, CompareNode):
            self.distinct(node.operator, (node.left, node.right))
            if node.operator not in ("=", "<>"):
                self.typed(node.operator, _ORDERED, node.left, node.right)
        elif isinstance(node, BetweenNode):
            self.between(node)
        elif isinstance(node, InNode):
            self.distinct("IN", (node.subject, *node.options))
            if len(node.options) > limits.IN_OPERANDS_MAX:
                raise self.refuse(
                    "The IN operator is provided with too many operands; "
                    f"number of operands: {len(node.options)}"
                )
        elif isinstance(node, ArithmeticNode):
            self.typed(node.operator, frozenset("N"), node.left, node.right)

    def path(self, node: PathNode) -> Path:
        path = node.elements
        if len(path) > limits.PATH_ELEMENTS_MAX:
            raise self.refuse(
                f"The document path has too many nesting levels; nesting levels: {len(path)}"
            )
        if any(isinstance(element, str) and element[0] == "#" for element in path):
            path = tuple(
                self.name(element) if isinstance(element, str) and element[0] == "#" else element
                for element in path
            )
        self.scope.paths[node] = path
        return path

    def name(self, placeholder: str) -> str:
        name = self.scope.names.get(placeholder)
        if name is None:
            raise self.refuse(
                "An expression attribute name used in the document path is not defined; "
                f"attribute name: {placeholder}"
            )
        self.scope.used_names.add(placeholder)
        return name

    def value(self, node: ValueNode) -> None:
        if node.key not in self.scope.values:
            raise self.refuse(
                "An expression attribute value used in expression is not defined; "
                f"attribute value: {node.key}"
            )
        self.scope.used_values.add(node.key)

    def call(self, node: CallNode) -> None:
        name = node.function
        function = FUNCTIONS[name]
        if len(node.operands) != function.operands:
            raise self.refuse(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {name}, number of operands: {len(node.operands)}"
            )
        if function.path_first and not isinstance(node.operands[0], PathNode):
            raise self.refuse(
                f"Operator or function requires a document path; operator or function: {name}"
            )
        if function.distinct:
            self.distinct(name, node.operands)
        for allowed, operand in zip(function.types, node.operands, strict=False):
            self.typed(name, allowed, operand)
        if name == "attribute_type":
            self.type_name(node.operands[1])

    def type_name(self, operand: Operand) -> None:
        if not isinstance(operand, ValueNode):
            raise self.refuse(_incorrect("attribute_type", _TYPES_SHOWN))
        self.scope.type_names.append(operand.key)
        name = self.scope.values[operand.key]["S"]
        if name not in TYPE_NAMES:
            raise self.refuse(
                f"Invalid attribute type name found; type: {name}, "
                f"valid types: {_VALID_TYPES_SHOWN}"
            )

    def distinct(self, operator: str, operands: tuple[Operand, ...]) -> None:
        first = operands[0]
        if not isinstance(first, PathNode):
            return
        path = self.scope.paths[first]
        for other in operands[1:]:
            if isinstance(other, PathNode) and self.scope.paths[other] == path:
                raise self.refuse(
                    "The first operand must be distinct from the remaining operands for this "
                    f"operator or function; operator: {operator}, first operand: {show(path)}"
                )

    def typed(
        self, operator: str, allowed: frozenset[str], *operands: Operand | ArithmeticNode
    ) -> None:
        for operand in operands:
            if isinstance(operand, ValueNode):
                known = type_of(self.scope.values[operand.key])
                types = self.scope.types
                types[operand.key] = types.get(operand.key, TYPE_NAMES) & allowed
            elif isinstance(operand, CallNode):
                known = FUNCTIONS[operand.function].answers or ""
            else:
                continue
            if known and known not in allowed:
                raise self.refuse(_incorrect(operator, known))

    def between(self, node: BetweenNode) -> None:
        self.typed("BETWEEN", _ORDERED, node.subject, node.low, node.high)
        self.distinct("BETWEEN", (node.subject, node.low, node.high))
        if isinstance(node.low, ValueNode) and isinstance(node.high, ValueNode):
            self.scope.bounds.append((node.low.key, node.high.key))
            low = self.scope.values[node.low.key]
            high = self.scope.values[node.high.key]
            order = compare(low, high)
            if order is None or order > 0:
                rule = (
                    "same data type for lower and upper bounds"
                    if order is None
                    else "upper bound to be greater than or equal to lower bound"
                )
                raise self.refuse(
                    f"The BETWEEN operator requires {rule}; "
                    f"lower bound operand: AttributeValue: {_value_shown(low)}, "
                    f"upper bound operand: AttributeValue: {_value_shown(high)}"
                )

    def action(self, action: Action) -> None:
        """The operand of ADD and DELETE."""
        allowed = _ACTION_TYPES.get(action.section)
        if allowed is None or not isinstance(action.operand, ValueNode):
            return
        key = action.operand.key
        self.scope.types[key] = self.scope.types.get(key, TYPE_NAMES) & allowed
        known = type_of(self.scope.values[key])
        if known not in allowed:
            raise self.refuse(
                "Incorrect operand type for operator or function; "
                f"operator: {action.section}, operand type: {_LONG_TYPE_NAMES[known]}, "
                f"typeSet: ALLOWED_FOR_{action.section}_OPERAND"
            )

    def operators(self, nodes: list[Node]) -> None:
        count = 0
        for node in nodes:
            if isinstance(node, LogicNode):
                count += len(node.terms) - 1
            elif not isinstance(node, PathNode | ValueNode):
                count += 1
        if count > limits.EXPRESSION_OPERATORS_MAX:
            # The service stops counting at the first one too many.
            raise self.refuse(
                "The expression contains too many operators; "
                f"operator count: {limits.EXPRESSION_OPERATORS_MAX + 1}"
            )


def _incorrect(operator: str, type_shown: str) -> str:
    return (
        "Incorrect operand type for operator or function; "
        f"operator or function: {operator}, operand type: {type_shown}"
    )


def _value_shown(value: Value) -> str:
    if "B" in value:
        # The service shows Java's idea of a buffer.
        length = len(value["B"])
        return f"{{B:java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]}}"
    (name,) = value
    return f"{{{name}:{value[name]}}}"
