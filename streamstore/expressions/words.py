"""The first look at a tree: faults that the text alone shows, in the order of the text (spec E.4).

It goes along the text, each function before its operands: names of functions, functions where they
may not stand, reserved words, list indexes, and, behind a section of an update, that its kind was
there before. Nothing here knows the request's names and values, so its verdict is kept together
with the tree. The table of functions lives here as well; the second look (`checks`) reads operand
counts and types off it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .. import limits
from . import reserved
from .grammar import refusal
from .tree import (
    CallNode,
    Kind,
    LogicNode,
    Node,
    NotNode,
    PathNode,
    ProjectionTree,
    Section,
    Tree,
    UpdateTree,
    preorder,
)

TYPE_NAMES: Final = frozenset(("S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"))


@dataclass(frozen=True, slots=True)
class Function:
    """`home`: the kind of expression it belongs to. `answers`: the type of its result; bool for a
    condition, None where that depends on the item. `operands`: how many it takes. `types`: those
    that its operands may have, from the first. `path_first`: the first operand is a path.
    `distinct`: no further operand is the same path as the first."""

    home: str
    answers: str | None
    operands: int
    types: tuple[frozenset[str], ...] = ()
    path_first: bool = False
    distinct: bool = False


FUNCTIONS: Final[Mapping[str, Function]] = {
    "attribute_exists": Function("condition", "bool", 1, path_first=True),
    "attribute_not_exists": Function("condition", "bool", 1, path_first=True),
    "attribute_type": Function("condition", "bool", 2, (TYPE_NAMES, frozenset("S")), distinct=True),
    "begins_with": Function(
        "condition", "bool", 2, (frozenset("SB"), frozenset("SB")), distinct=True
    ),
    "contains": Function("condition", "bool", 2, distinct=True),
    "size": Function("condition", "N", 1, (TYPE_NAMES - {"N", "BOOL", "NULL"},)),
    "if_not_exists": Function("update", None, 2, path_first=True, distinct=True),
    "list_append": Function("update", "L", 2, (frozenset("L"), frozenset("L"))),
}
_HOMES_SHOWN: Final = {"condition": "a condition expression", "update": "an update expression"}


def check_words(kind: Kind, tree: Tree) -> None:
    """The first look: what is wrong whatever names and values come with the text."""
    if isinstance(tree, ProjectionTree):
        for path in tree.paths:
            _check_elements(kind, path)
        return
    if not isinstance(tree, UpdateTree):
        _check_functions(kind, tree, condition=True)
        return
    opened: set[Section] = set()
    for actions in tree.sections:
        for action in actions:
            _check_elements(kind, action.path)
            if action.operand is not None:
                _check_functions(kind, action.operand, condition=False)
        section = actions[0].section
        if section in opened:
            raise refusal(
                kind, f'The "{section}" section can only be used once in an update expression;'
            )
        opened.add(section)


def _check_elements(kind: Kind, path: PathNode) -> None:
    for element in path.elements:
        if isinstance(element, int):
            outside = element > limits.LIST_INDEX_MAX
        else:
            if element.upper() in reserved.WORDS:
                raise refusal(
                    kind, f"Attribute name is a reserved keyword; reserved keyword: {element}"
                )
            outside = element[0].isdigit()
        if outside:
            raise refusal(kind, f"List index is not within the allowable range; index: [{element}]")


def _check_functions(kind: Kind, root: Node, *, condition: bool) -> None:
    home = "condition" if condition else "update"
    nested: set[Node] = set()  # what stands as an operand
    for node in preorder(root):
        if isinstance(node, PathNode):
            _check_elements(kind, node)
        if not isinstance(node, NotNode | LogicNode):
            nested.update(node.children)
        if not isinstance(node, CallNode):
            continue
        name = node.function
        function = FUNCTIONS.get(name)
        if function is None:
            raise refusal(kind, f"Invalid function name; function: {name}")
        if function.home != home:
            raise refusal(
                kind, f"The function is not allowed in {_HOMES_SHOWN[home]}; function: {name}"
            )
        if condition:
            misused = (function.answers == "bool") == (node in nested)
        else:
            misused = function.answers == "L" and node in nested
        if misused:
            raise refusal(
                kind,
                "The function is not allowed to be used this way in an expression; "
                f"function: {name}",
            )
