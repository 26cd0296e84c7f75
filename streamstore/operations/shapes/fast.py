"""The straight path: closures that convert a valid request and raise Doubt at anything else.

A closure is made once for each place of an operation's tree and does only what a valid value needs:
no message is worded, no order kept, nothing allocated but the result. Whoever catches Doubt walks
the request again with convert.py and violations.py, which find the exact fault, or find that the
value is fine in an unusual way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...codec.attributes import read_attributes, read_value
from .nodes import Node
from .violations import broken

Reader = Callable[[Any], Any]

# Names of tables and indexes that were found good; a request's name is nearly always among them.
_KNOWN_NAMES_MAX = 4096


class Doubt(Exception):
    """This value is not plainly valid; the slow path must say what is wrong, if anything."""


def reader(node: Node, base64_binary: bool) -> Reader:
    """The closure for one place of a tree."""
    if node.kind == "structure":
        return _structure(node, base64_binary)
    if node.kind == "attributes":
        return lambda value: read_attributes(value, base64_binary=base64_binary)
    if node.kind == "attribute":
        return lambda value: read_value(value, base64_binary=base64_binary)
    if node.kind == "list":
        return _list(node, base64_binary)
    if node.kind == "map":
        return _map(node, base64_binary)
    if node.kind == "string":
        return _string(node, base64_binary)
    if node.kind == "boolean":
        return _boolean
    return _doubtful if node.kind == "timestamp" else _integer(node)


def structure_parts(node: Node, base64_binary: bool) -> tuple[dict[str, Reader], tuple[str, ...]]:
    """The readers of a structure's members, and the names of those that must be there."""
    readers = {name: reader(member, base64_binary) for name, member in node.members.items()}
    required = [*node.required]
    if "TableName" in node.members and node.members["TableName"].control:
        required.append("TableName")
    return readers, tuple(dict.fromkeys(required))


def _structure(node: Node, base64_binary: bool) -> Reader:
    readers, required = structure_parts(node, base64_binary)

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Doubt
        out = {}
        for name, given in value.items():
            if given is not None and name in readers:
                out[name] = readers[name](given)
        for name in required:
            if name not in out:
                raise Doubt
        return out

    return read


def _list(node: Node, base64_binary: bool) -> Reader:
    element = reader(node.element, base64_binary)
    low, high = _bounds(node)

    def read(value: Any) -> list[Any]:
        if type(value) is not list or not low <= len(value) <= high:
            raise Doubt
        # A null, which counts as absent, is nothing that a reader takes: it doubts.
        return [element(each) for each in value]

    return read


def _map(node: Node, base64_binary: bool) -> Reader:
    element = reader(node.element, base64_binary)
    key = _string(node.key or Node("string", "String", "java.lang.String"), base64_binary)
    low, high = _bounds(node)
    # Whether an empty map is an error depends on the operation, so the slow path judges it.
    low = max(low, 1)

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict or not low <= len(value) <= high:
            raise Doubt
        return {key(name): element(each) for name, each in value.items()}

    return read


def _string(node: Node, base64_binary: bool) -> Reader:
    if node.enum:
        return _enum(node)
    if node.pattern is not None:
        return _name(node)
    low, high = _bounds(node)

    def read(value: Any) -> str:
        if type(value) is not str or not low <= len(value) <= high:
            raise Doubt
        if not base64_binary and not value.isascii():
            value.encode()  # an embedded caller's string may hold a lone surrogate
        return value

    return read


def _enum(node: Node) -> Reader:
    allowed = {value: value for value in node.enum}

    def read(value: Any) -> str:
        if value in allowed:
            return allowed[value]
        raise Doubt

    return read


def _name(node: Node) -> Reader:
    known: dict[str, str] = {}

    def read(value: Any) -> str:
        if value in known:
            return known[value]
        if type(value) is not str or any(broken(node, value)) or _control_fault(node, value):
            raise Doubt
        if len(known) >= _KNOWN_NAMES_MAX:
            known.clear()
        known[value] = value
        return value

    return read


def _control_fault(node: Node, value: str) -> bool:
    return node.control and not 3 <= len(value) <= 255


def _boolean(value: Any) -> bool:
    if value is True:
        return True
    if value is False:
        return False
    raise Doubt


def _integer(node: Node) -> Reader:
    bits = 31 if node.kind == "integer" else 63
    low = -(1 << bits) if node.minimum is None else node.minimum
    high = (1 << bits) - 1 if node.maximum is None else node.maximum

    def read(value: Any) -> int:
        if type(value) is int and low <= value <= high:
            return value
        raise Doubt

    return read


def _doubtful(value: Any) -> Any:
    """For kinds so rare that the slow path is good enough."""
    raise Doubt


def _bounds(node: Node) -> tuple[int, int]:
    low = 0 if node.minimum is None else node.minimum
    return low, (1 << 62) if node.maximum is None else node.maximum
