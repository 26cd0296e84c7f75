"""AWS's query protocol: a form's flat names as nested members, and replies as XML.

`Dimensions.member.1.Name=TableName` is {"Dimensions": [{"Name": "TableName"}]}. All values of a
form are texts; the operations read numbers out of them.
"""

from __future__ import annotations

from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl

from .moments import Moment

NAMESPACE: Final = "http://monitoring.amazonaws.com/doc/2010-08-01/"
_FIELDS_MAX: Final = 10_000
_DEPTH_MAX: Final = 16


def loads(body: bytes) -> tuple[str, dict[str, Any]]:
    """The Action and the members of a form. ValueError for what is no such form."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX):
        *parents, last = name.split(".")
        if len(parents) >= _DEPTH_MAX:
            raise ValueError("names nested too deeply")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise ValueError(f"{name} has a value and members")
        node[last] = value
    action = tree.pop("Action", "")
    tree.pop("Version", None)
    if not isinstance(action, str):
        raise ValueError("no Action")
    members = _shaped(tree)
    assert isinstance(members, dict)
    return action, members


def _shaped(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"} and isinstance(node["member"], dict):
        numbered = node["member"]
        if not all(key.isdecimal() for key in numbered):
            raise ValueError("members of a list are numbered")
        return [_shaped(numbered[key]) for key in sorted(numbered, key=int)]
    return {key: _shaped(value) for key, value in node.items()}


def reply_of(operation: str, reply: dict[str, Any], request_id: str) -> bytes:
    """A good reply's XML."""
    return (
        f'<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{_xml(reply)}'
        f"</{operation}Result><ResponseMetadata><RequestId>{request_id}</RequestId>"
        f"</ResponseMetadata></{operation}Response>"
    ).encode()


def error_of(code: str, message: str, request_id: str) -> bytes:
    """An error's XML."""
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId>"
        "</ErrorResponse>"
    ).encode()


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_xml(each)}</{key}>" for key, each in value.items())
    if isinstance(value, list):
        tag = getattr(value, "tag", "member")
        return "".join(f"<{tag}>{_xml(each)}</{tag}>" for each in value)
    if isinstance(value, Moment):
        return value.iso
    return escape(repr(value) if isinstance(value, float) else str(value))
