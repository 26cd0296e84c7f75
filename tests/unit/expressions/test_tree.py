"""The orders in which a tree is laid flat."""

from __future__ import annotations

from streamstore.expressions.grammar import parse
from streamstore.expressions.tree import (
    CallNode,
    Node,
    NotNode,
    PathNode,
    UpdateTree,
    ValueNode,
    postorder,
    preorder,
)


def label(node: Node) -> str:
    if isinstance(node, PathNode):
        return str(node.elements[0])
    if isinstance(node, ValueNode):
        return node.key
    if isinstance(node, CallNode):
        return node.function
    return getattr(node, "operator", type(node).__name__)


def tree(text: str) -> Node:
    root = parse("Condition", text)
    assert isinstance(root, Node)
    return root


def test_preorder_goes_along_the_text_and_postorder_bottom_up() -> None:
    root = tree("f(a, :v) AND (b = g(c) OR NOT d BETWEEN e AND h)")
    assert [label(node) for node in preorder(root)] == [
        *("AND", "f", "a", ":v", "OR", "=", "b", "g", "c"),
        *("NotNode", "BetweenNode", "d", "e", "h"),
    ]
    assert [label(node) for node in postorder(root)] == [
        *("a", ":v", "f", "b", "c", "g", "=", "d", "e", "h"),
        *("BetweenNode", "NotNode", "OR", "AND"),
    ]


def test_a_tree_a_thousand_levels_deep_is_laid_flat() -> None:
    root = tree("NOT " * 1000 + "a=:v")
    assert sum(isinstance(node, NotNode) for node in preorder(root)) == 1000
    assert label(postorder(root)[0]) == "a"
    assert postorder(root)[-1] is root


def test_an_update_knows_its_actions_by_section_and_all_of_them() -> None:
    update = parse("Update", "SET a = b, c = d REMOVE e set f = g")
    assert isinstance(update, UpdateTree)
    assert [len(section) for section in update.sections] == [2, 1, 1]
    assert [action.section for action in update.actions] == ["SET", "SET", "REMOVE", "SET"]
