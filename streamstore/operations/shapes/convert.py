"""Types (spec A.2): a request as the tree expects it, or SerializationFailed for the first value of
a wrong JSON type.

Walks in the service's member order, depth first. Drops null members and unknown ones. This is the
slow path, taken when the fast one doubts; it also takes what an embedded caller may reasonably
write instead of JSON's types: tuples for lists, subclasses of str, int and dict, datetimes for
timestamps.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from ...codec.attributes import read_attributes, read_value
from ...errors import SerializationFailed
from . import texts
from .nodes import Node

_TRUE = frozenset(("true", "1", "yes"))
_FALSE = frozenset(("false", "0", "no"))


def convert(node: Node, value: Any, base64_binary: bool) -> Any:
    """`value` (not None) converted to what `node` expects; attribute values become codec's
    Readings.
    """
    kind = node.kind
    if kind == "string":
        return _string(node, value)
    if kind == "structure":
        return _structure(node, value, base64_binary, texts.UNEXPECTED_FIELD)
    if kind == "attributes":
        return read_attributes(value, base64_binary=base64_binary)
    if kind == "attribute":
        return read_value(value, base64_binary=base64_binary)
    if kind == "list":
        return _list(node, value, base64_binary)
    if kind == "map":
        return _map(node, value, base64_binary)
    if kind == "boolean":
        return _boolean(node, value)
    return _timestamp_ms(node, value) if kind == "timestamp" else _integer(node, value)


def _element(node: Node, value: Any, base64_binary: bool) -> Any:
    if node.kind == "structure":
        return _structure(node, value, base64_binary, texts.UNEXPECTED_ELEMENT)
    if node.kind == "attribute":
        return read_value(value, base64_binary=base64_binary, as_element=True)
    return convert(node, value, base64_binary)


def _structure(node: Node, value: Any, base64_binary: bool, unexpected: str) -> dict[str, Any]:
    if isinstance(value, list | tuple):
        raise SerializationFailed(texts.collection_type(node.java))
    if not isinstance(value, dict):
        raise SerializationFailed(unexpected)
    return {
        name: convert(member, value[name], base64_binary)
        for name, member in node.members.items()
        if value.get(name) is not None
    }


def _list(node: Node, value: Any, base64_binary: bool) -> list[Any]:
    if isinstance(value, dict):
        raise SerializationFailed(texts.START_OF_STRUCTURE)
    if not isinstance(value, list) and (base64_binary or not isinstance(value, tuple)):
        raise SerializationFailed(texts.UNEXPECTED_FIELD)
    element = node.element
    return [_element(element, each, base64_binary) for each in value if each is not None]


def _map(node: Node, value: Any, base64_binary: bool) -> dict[str, Any]:
    if isinstance(value, list | tuple):
        raise SerializationFailed(texts.collection_type(node.java))
    if not isinstance(value, dict):
        raise SerializationFailed(texts.UNEXPECTED_FIELD)
    element = node.element
    return {
        _text(key): _element(element, each, base64_binary)
        for key, each in value.items()
        if each is not None
    }


def _scalar(node: Node, value: Any) -> None:
    if isinstance(value, dict):
        raise SerializationFailed(texts.START_OF_STRUCTURE)
    if isinstance(value, list | tuple):
        raise SerializationFailed(texts.collection_type(f"class {node.java}"))


def _string(node: Node, value: Any) -> str:
    _scalar(node, value)
    return _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise SerializationFailed(texts.not_convertible(value, "String"))
    try:
        value.encode()
    except UnicodeEncodeError:
        # A lone surrogate: JSON off the wire can't hold one, an embedded caller's string can.
        raise SerializationFailed(texts.UNEXPECTED_TOKEN) from None
    return value


def _boolean(node: Node, value: Any) -> bool:
    _scalar(node, value)
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise SerializationFailed(texts.not_convertible(value, "Boolean"))
    word = value.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise SerializationFailed(texts.UNEXPECTED_TOKEN)


def _integer(node: Node, value: Any) -> int:
    _scalar(node, value)
    bits = 31 if node.kind == "integer" else 63
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        number = int(value)
        if -(1 << bits) <= number < 1 << bits:
            return number
    raise SerializationFailed(texts.not_convertible(value, node.java.rpartition(".")[2]))


def _timestamp_ms(node: Node, value: Any) -> int:
    """Milliseconds since 1970 of a number of seconds (or, embedded, of a datetime)."""
    _scalar(node, value)
    if isinstance(value, datetime):
        value = value.timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12:
        return round(value * 1000)
    raise SerializationFailed(texts.not_convertible(value, "milliseconds since epoch"))
