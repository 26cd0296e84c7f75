"""What a request is about, read off its raw parameters: its tables, and the keys it names.

A key is told by a text: the values of its hash and range attribute, joined by "/" ("user-1/42").
Numbers are in normal form, binary values in base64, whichever door the request came through.
Parameters are looked at before or beside their validation, so nothing is taken for granted: what
has another shape than it should has no table or no key, and nothing raises.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import limits
from ..codec import numbers
from ..errors import ValidationFailed
from ..expressions.partiql.statements import parse
from ..expressions.partiql.tree import Unsupported

if TYPE_CHECKING:
    from ..engine.catalog import Catalog

_KEY_SEPARATOR = "/"
_ITERATOR_MIDDLE = "|1|"


class Target(NamedTuple):
    """A table's name and the text of a key in it; None where the request names none."""

    table: str | None
    key: str | None


def targets(params: Any, catalog: Catalog) -> list[Target]:
    """Everything that a request is about; at least one target, which may know nothing."""
    if not isinstance(params, dict):
        return [Target(None, None)]
    found = list(_of_batch(params, catalog)) + list(_of_transaction(params, catalog))
    found += _of_statements(params, catalog)
    return found or [_of_one(params, catalog)]


def _of_one(params: dict[Any, Any], catalog: Catalog) -> Target:
    for member in ("TableName", "StreamArn", "ResourceArn"):
        if isinstance(params.get(member), str):
            return _target(params[member], params, catalog)
    iterator = params.get("ShardIterator")
    if isinstance(iterator, str):
        return _target(iterator.partition(_ITERATOR_MIDDLE)[0], params, catalog)
    return Target(None, None)


def _of_batch(params: dict[Any, Any], catalog: Catalog) -> Iterator[Target]:
    """BatchGetItem's and BatchWriteItem's RequestItems."""
    for table, asked in _members(params.get("RequestItems")):
        keys = asked.get("Keys") if isinstance(asked, dict) else asked
        for each in keys if isinstance(keys, list | tuple) else ():
            if not isinstance(each, dict):
                continue
            if isinstance(asked, dict):
                yield _target(table, {"Key": each}, catalog)
            for _, request in _members(each):
                if isinstance(request, dict) and not isinstance(asked, dict):
                    yield _target(table, request, catalog)


def _of_transaction(params: dict[Any, Any], catalog: Catalog) -> Iterator[Target]:
    """TransactWriteItems' and TransactGetItems' actions."""
    actions = params.get("TransactItems")
    for each in actions if isinstance(actions, list | tuple) else ():
        for _, action in _members(each):
            if isinstance(action, dict) and isinstance(action.get("TableName"), str):
                yield _target(action["TableName"], action, catalog)


def _of_statements(params: dict[Any, Any], catalog: Catalog) -> Iterator[Target]:
    """The tables of PartiQL's statements; their keys are not looked for."""
    listed = params.get("Statements", params.get("TransactStatements", [params]))
    for each in listed if isinstance(listed, list | tuple) else ():
        text = each.get("Statement") if isinstance(each, dict) else None
        if not isinstance(text, str) or len(text) > limits.STATEMENT_CHARS_MAX:
            continue
        try:
            statement = parse(text)
        except ValidationFailed:
            continue
        if not isinstance(statement, Unsupported):
            yield _target(statement.source.table, {}, catalog)


def _members(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _target(place: Any, holder: dict[Any, Any], catalog: Catalog) -> Target:
    name = table_name(place) if isinstance(place, str) else None
    item = holder.get("Key", holder.get("Item"))
    table = None if name is None else catalog.find(place if "/stream/" not in place else name)
    if table is None or not isinstance(item, dict):
        return Target(name, None)
    texts = [_text(item.get(part)) for part in table.keys.names]
    if None in texts:
        return Target(name, None)
    return Target(name, _KEY_SEPARATOR.join(text for text in texts if text is not None))


def table_name(place: str) -> str:
    """The table's name of a name, of a table's ARN or of a stream's."""
    if not place.startswith("arn:"):
        return place
    return place.partition("table/")[2].partition("/")[0]


def _text(value: Any) -> str | None:
    """The text of a key attribute's value, or None for what is none."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((kind, inner),) = value.items()
    if kind == "B":
        if isinstance(inner, bytes | bytearray | memoryview):
            return b64encode(inner).decode()
        return inner if isinstance(inner, str) else None
    if not isinstance(inner, str):
        return None
    if kind == "N":
        try:
            return numbers.normalise(inner)
        except ValidationFailed:
            return None
    return inner if kind == "S" else None
