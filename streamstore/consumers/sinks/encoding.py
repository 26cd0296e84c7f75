"""JSON of attribute values, for columns that hold what SQL has no type for. Nothing is lost.

    S       "text"; with U+0000 in it, which PostgreSQL takes nowhere: {"$S": base64 of its UTF-8}
    N       12.50 is 12.5: a JSON number with every digit
    BOOL    true    NULL null
    B       {"$B": base64}
    SS      {"$SS": [strings as above]}    NS {"$NS": [numbers]}    BS {"$BS": [base64, …]}
    L       [values]
    M       {name: value}; "$" before a name that begins with "$" is doubled, and a name with U+0000
            is "$0" and the base64 of its UTF-8

So an object is a set or a binary value exactly if its only name is "$" and one of those types.
Must not know: databases, columns.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

import orjson

Value = dict[str, Any]

NUL: Final = "\x00"


def encode(values: dict[str, Value]) -> str:
    """Attributes by name as a JSON object, written as a map is."""
    return orjson.dumps(_map(values)).decode()


def encode_value(value: Value) -> str:
    """One attribute value as JSON."""
    return orjson.dumps(_plain(value)).decode()


def _plain(value: Value) -> Any:
    ((kind, payload),) = value.items()
    if kind == "S":
        return _text(payload)
    if kind == "N":
        return orjson.Fragment(payload)
    if kind == "M":
        return _map(payload)
    if kind == "L":
        return [_plain(each) for each in payload]
    if kind == "BOOL":
        return payload
    if kind == "NULL":
        return None
    if kind == "B":
        return {"$B": _base64(payload)}
    if kind == "NS":
        return {"$NS": [orjson.Fragment(each) for each in payload]}
    if kind == "SS":
        return {"$SS": [_text(each) for each in payload]}
    assert kind == "BS", kind
    return {"$BS": [_base64(each) for each in payload]}


def _map(values: dict[str, Value]) -> dict[str, Any]:
    return {_name(name): _plain(value) for name, value in values.items()}


def _name(name: str) -> str:
    if NUL in name:
        return "$0" + _base64(name.encode())
    return "$" + name if name[:1] == "$" else name


def _text(text: str) -> Any:
    return {"$S": _base64(text.encode())} if NUL in text else text


def _base64(payload: bytes) -> str:
    return b64encode(payload).decode()
