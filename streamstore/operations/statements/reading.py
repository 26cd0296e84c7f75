"""A statement as it came: its text parsed, its parameters counted, its table found, its key pinned.

The texts of faults are those of DynamoDB Local 3.3 where the service's documentation has none.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ...codec.attributes import ValueReading
from ...codec.sizes import Item, Value
from ...engine.model import KeyPart, TableInfo
from ...errors import ValidationFailed
from ...expressions.partiql.conditions import Where
from ...expressions.partiql.statements import parse
from ...expressions.partiql.translation import Translation
from ...expressions.partiql.tree import Expression, Parsed, Statement, Unsupported
from ..items.transact_write_items import refuse_surrogates
from ..plan import Scope
from ..shapes.nodes import TABLE_ARN
from ..tables.status import data_plane_table

Params = dict[str, Any]

NO_FULL_KEY: Final = "Where clause does not contain a mandatory equality on all key attributes"
EXISTS_ELSEWHERE: Final = "EXISTS can only be used in ExecuteTransaction write requests."
_MISCOUNTED: Final = "Number of parameters in request and statement don't match."
_KEY_ABSENT: Final = "Key attribute should be present in the item: Key {}"
_KEY_TYPE: Final = "Key attribute's data type should match its data type in table's schema: Key {}"
_KEY_KIND: Final = "Key value must be of type S, N, or B. Key name: {}, Key type: {}"
_SEVERAL_KEYS: Final = (
    "Multiple conditions on same key {}. Only single item Update/Insert/Delete are supported"
)
_TABLE_NAME: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
_BAD_TABLE_NAME: Final = (
    "Table name should be within the length [3, 255] and only contain 'a-z', 'A-Z', '0-9', '-',"
    " '_', '.'."
)


def parameters_of(params: Params) -> list[Value]:
    """The values of `?`. Raises ValidationFailed for the first one that breaks a rule."""
    readings: list[ValueReading] = params.get("Parameters", [])
    for reading in readings:
        if reading.fault is not None:
            raise reading.fault
    return [reading.value for reading in readings]


def payload_of(params: Params) -> int:
    """Bytes of the text and parameters of a statement."""
    readings: list[ValueReading] = params.get("Parameters", [])
    return len(params["Statement"]) + sum(reading.size for reading in readings)


def parsed(params: Params) -> Parsed:
    """The statement. Raises ValidationFailed: syntax, or parameters too few or too many."""
    refuse_surrogates(params["Statement"])
    statement = parse(params["Statement"])
    if not isinstance(statement, Unsupported):
        count_parameters(statement, len(params.get("Parameters", [])))
    return statement


def count_parameters(statement: Statement, given: int) -> None:
    """ValidationFailed unless there is one value for every `?`."""
    if statement.parameters != given:
        raise ValidationFailed(_MISCOUNTED)


def table_of(scope: Scope, statement: Statement) -> TableInfo:
    """The table of a statement. Raises ValidationFailed and ResourceNotFound."""
    name = statement.source.table
    if not _TABLE_NAME.fullmatch(name) and not TABLE_ARN.fullmatch(name):
        raise ValidationFailed(_BAD_TABLE_NAME)
    return data_plane_table(scope, name)


def where_of(translation: Translation, root: Expression | None) -> Where | None:
    """The condition of a statement, if it has one."""
    return None if root is None else Where(translation, root)


def key_of(table: TableInfo, where: Where | None) -> tuple[Item, set[int]] | None:
    """The key that the terms of a condition pin, and their positions; None if they don't pin all of
    it. Raises ValidationFailed for a value of another type than the key's.
    """
    if where is None:
        return None
    key: Item = {}
    positions: set[int] = set()
    for part in table.keys.parts:
        pinned = where.pinned(part.name)
        if pinned is None:
            return None
        at, value = pinned
        (kind,) = value
        if kind not in ("S", "N", "B"):
            raise ValidationFailed(_KEY_KIND.format(part.name, kind))
        check_type(part, value)
        if any(other != value for other in where.equal_to(part.name)):
            raise ValidationFailed(_SEVERAL_KEYS.format(part.name))
        key[part.name] = value
        positions.add(at)
    return key, positions


def check_type(part: KeyPart, value: Value | None) -> None:
    """ValidationFailed for a key attribute that is missing from an item, or of another type."""
    if value is None:
        raise ValidationFailed(_KEY_ABSENT.format(part.name))
    if part.type not in value:
        raise ValidationFailed(_KEY_TYPE.format(part.name))
