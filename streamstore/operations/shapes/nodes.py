"""A tree of one operation's parameters: the generated model with the hand-kept orders laid over it.

A node says what is expected at one place of a request: its kind, its members in the service's
order, its bounds. Trees are built once an operation, at its first use, and are read by three
walkers: fast.py (the straight path), convert.py (types, first error wins) and violations.py
(constraints, all of them).

Attribute values end a branch: their contents belong to codec, which answers a Reading for a map of
them and a Value for a single one. So trees are finite though attribute values nest.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from . import texts
from .orders import ADDED_MEMBERS, ENUM_ORDER, MEMBER_ORDER, TIGHTENED

Kind = Literal[
    "structure", "list", "map", "attributes", "attribute",
    "string", "boolean", "integer", "long", "timestamp",
]  # fmt: skip

_JAVA: dict[str, str] = {
    "string": "java.lang.String",
    "boolean": "java.lang.Boolean",
    "integer": "java.lang.Integer",
    "long": "java.lang.Long",
    "timestamp": "java.util.Date",
}
# arn:partition:dynamodb:region:account:table/name
TABLE_ARN = re.compile(
    r"arn:[a-z0-9-]+:dynamodb:[a-z0-9-]*:[a-zA-Z0-9]*:table/[a-zA-Z0-9_.-]{3,255}"
)


@dataclass(slots=True)
class Node:
    """What is expected at one place. `minimum` and `maximum` bound the value of a number, the
    length of all else.
    """

    kind: Kind
    shape: str
    java: str
    members: dict[str, Node] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    member: Node | None = None  # of a list's elements, of a map's values
    minimum: int | None = None
    maximum: int | None = None
    pattern: re.Pattern[str] | None = None
    enum: tuple[str, ...] = ()
    arn: bool = False  # a table's ARN is as good as its name
    control: bool = (
        False  # a table's name on the control plane: absence and length are told apart and first
    )
    label: str | None = None  # instead of "Value 'x' at 'path'"
    hide_value: bool = False  # "Value at 'path'"
    key: Node | None = None  # of a map, where its keys are constrained
    value_as_map: bool = False  # a bad length of a value is told at the map

    @property
    def element(self) -> Node:
        """The node of a list's elements or a map's values."""
        assert self.member is not None, "only lists and maps have elements"
        return self.member


@lru_cache(maxsize=1)
def model() -> dict[str, Any]:
    """The generated table: {"operations": {name: shape}, "shapes": {name: facts}}."""
    text = Path(__file__).with_name("model.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


@lru_cache(maxsize=64)
def tree(operation: str) -> Node:
    """The tree of an operation's parameters. KeyError for an operation that the model doesn't
    have.
    """
    return _build(model()["operations"][operation], {})


def _build(shape: str, tightened: dict[str, Any]) -> Node:
    facts = {**model()["shapes"][shape], **tightened}
    kind: str = facts["type"]
    if kind == "structure":
        return _structure(shape, facts)
    if kind == "list":
        node = _list(shape, facts)
    elif kind == "map":
        node = _map(shape, facts)
    else:
        node = Node(kind, shape, _JAVA[kind])  # type: ignore[arg-type]
    _bound(node, facts)
    return node


def _structure(shape: str, facts: dict[str, Any]) -> Node:
    java = f"class {texts.PACKAGE}.{shape}"
    if shape == "AttributeValue":
        return Node("attribute", shape, java)
    shapes: dict[str, str] = {**facts["members"], **ADDED_MEMBERS.get(shape, {})}
    order = [*MEMBER_ORDER.get(shape, ())]
    order += [name for name in shapes if name not in order]
    node = Node("structure", shape, java)
    required = []
    for name in order:
        tightened = TIGHTENED.get((shape, name), {})
        node.members[name] = _build(shapes[name], tightened)
        if name in facts["required"] or tightened.get("required"):
            required.append(name)
    node.required = tuple(required)
    return node


def _list(shape: str, facts: dict[str, Any]) -> Node:
    element = _build(facts["member"], {})
    return Node("list", shape, f"java.util.List<{_plain(element)}>", member=element)


def _map(shape: str, facts: dict[str, Any]) -> Node:
    element = _build(facts["value"], {})
    java = f"java.util.Map<java.lang.String, {_plain(element)}>"
    if element.kind == "attribute":
        return Node("attributes", shape, java)
    node = Node("map", shape, java, member=element)
    if "key_facts" in facts:
        node.key = Node("string", facts["key"], _JAVA["string"])
        _bound(node.key, facts["key_facts"])
    return node


def _plain(node: Node) -> str:
    return node.java.removeprefix("class ")


def _bound(node: Node, facts: dict[str, Any]) -> None:
    node.minimum = facts.get("min")
    node.maximum = facts.get("max")
    node.pattern = re.compile(facts["pattern"]) if "pattern" in facts else None
    # A tightened enum comes as a tuple and keeps its order; the model's comes as a list.
    enum = facts.get("enum", ())
    node.enum = enum if isinstance(enum, tuple) else ENUM_ORDER.get(node.shape, tuple(enum))
    node.arn = facts.get("arn", False)
    node.control = facts.get("control", False)
    node.label = facts.get("label")
    node.hide_value = facts.get("hide_value", False)
    node.value_as_map = facts.get("value_as_map", False)
