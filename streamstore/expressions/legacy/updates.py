"""AttributeUpdates: PUT, ADD and DELETE of whole attributes, as the update that SET, ADD, DELETE
and REMOVE would spell.

Beyond what an expression can say, ADD takes a list, whose elements are appended. A stored value of
another type has a text of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...codec.attributes import ValueReading
from ...errors import ValidationFailed
from ..conditions import type_of
from ..paths import Branch
from ..tree import Action, CallNode, Item, Path, PathNode, UpdateTree, Value, ValueNode
from ..updates import WRONG_TYPE, Update, UpdateCode, Updated
from .arguments import INVALID, check_name

Entry = Mapping[str, Any]
"""Action (PUT where it is absent) and Value (a ValueReading)."""

_MISMATCH: Final = "Type mismatch for attribute to update"
_SETS: Final = frozenset(("SS", "NS", "BS"))
_ADDABLE: Final = _SETS | {"N", "L"}
# No placeholder of a value is called so: those are ":0", ":1" and on.
_EMPTY_LIST: Final = ":[]"


class AttributeUpdate(Update):
    """An update that was given as AttributeUpdates."""

    __slots__ = ()

    def apply(self, old: Item | None, key: Item) -> Updated:
        """As `Update.apply`, but for the text of a wrong type."""
        try:
            return super().apply(old, key)
        except ValidationFailed as fault:
            if fault.message == WRONG_TYPE:
                raise ValidationFailed(_MISMATCH) from None
            raise


def read_updates(entries: Mapping[str, Entry]) -> Update | None:
    """The update that AttributeUpdates means; None for no entries. Raises ValidationFailed in the
    order of the entries."""
    paths: dict[PathNode, Path] = {}
    values: dict[str, Value] = {_EMPTY_LIST: {"L": []}}
    root = Branch()
    actions = []
    for place, (name, entry) in enumerate(entries.items()):
        check_name(name)
        path = PathNode((name,))
        paths[path] = (name,)
        root.plant((name,), place)
        key = f":{place}"
        action, value = _read(path, key, entry)
        actions.append(action)
        if value is not None:
            values[key] = value
    if not actions:
        return None
    return AttributeUpdate(UpdateCode(UpdateTree((tuple(actions),)), paths, root.order()), values)


def _read(path: PathNode, key: str, entry: Entry) -> tuple[Action, Value | None]:
    """One entry as an action, and the value that it brings."""
    word: str = entry.get("Action", "PUT")
    reading: ValueReading | None = entry.get("Value")
    if reading is None:
        if word != "DELETE":
            raise ValidationFailed(
                f"{INVALID}Only DELETE action is allowed when no attribute value is specified"
            )
        return Action("REMOVE", path, None), None
    if reading.fault is not None:
        raise reading.fault
    value = reading.value
    kind = type_of(value)
    brought = ValueNode(key)
    if word == "PUT":
        return Action("SET", path, brought), value
    if word == "DELETE":
        if kind not in _SETS:
            raise ValidationFailed(
                f"{INVALID}DELETE action with value is not supported for the type {kind}"
            )
        return Action("DELETE", path, brought), value
    if kind not in _ADDABLE:
        raise ValidationFailed(f"{INVALID}ADD action is not supported for the type {kind}")
    if kind != "L":
        return Action("ADD", path, brought), value
    before = CallNode("if_not_exists", (path, ValueNode(_EMPTY_LIST)))
    return Action("SET", path, CallNode("list_append", (before, brought))), value
