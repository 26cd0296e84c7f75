"""INSERT, UPDATE, DELETE and EXISTS as one write of one item.

    INSERT  a put where there is no item of the key       else DuplicateItem
    UPDATE  an update where there is one                  else ConditionFailed, and nothing is made
    DELETE  a delete; of nothing it succeeds, whatever other terms say
    EXISTS  a check that there is one, and of its other terms

The terms of WHERE that pin the key are taken out of the condition, all others stay in it.
"""

from __future__ import annotations

from typing import Final

from ... import limits
from ...codec.sizes import Value
from ...engine.model import TableInfo
from ...engine.tables.indexes import check_item, check_targets
from ...engine.writes.mutation import Mutation, encode_item_key, encode_key
from ...errors import ValidationFailed
from ...expressions import Condition
from ...expressions.partiql.conditions import Where, absent
from ...expressions.partiql.literals import item_of
from ...expressions.partiql.translation import Translation
from ...expressions.partiql.tree import Delete, Exists, Insert, Update
from ...expressions.partiql.updates import update_of
from ..items.writing import ITEM_TOO_LARGE
from ..parameters import refuse_paths_into_keys
from .reading import NO_FULL_KEY, check_type, key_of, where_of

Write = Insert | Update | Delete | Exists

BARE_EXISTS: Final = "EXISTS() must contain a single item read with additional condition"
_ON_INDEX: Final = "Reads on indices are not supported within transactions."


def mutation_of(
    table: TableInfo, statement: Write, parameters: list[Value], *, flat: bool = False
) -> Mutation:
    """The write that a statement is. `flat` as in Mutation. Raises ValidationFailed."""
    if isinstance(statement, Insert):
        return _put(table, statement, parameters)
    translation = Translation(parameters)
    where = where_of(translation, statement.where)
    pinned = key_of(table, where)
    if isinstance(statement, Exists):
        if statement.source.index is not None:
            raise ValidationFailed(_ON_INDEX)
        if where is None or pinned is None or where.rest(pinned[1]) is None:
            raise ValidationFailed(BARE_EXISTS)
        return _check(table, where, *pinned)
    if where is None or pinned is None:
        raise ValidationFailed(NO_FULL_KEY)
    key, used = pinned
    name = table.keys.hash[0].name
    if isinstance(statement, Delete):
        condition = _sound(table, where.where_absent(name, used))
        return Mutation(table, encode_key(table, key), "delete", condition=condition)
    update = update_of(translation, statement.changes)
    encoded = encode_key(table, key)
    check_targets(table, update)
    condition = _sound(table, where.where_present(name, used))
    return Mutation(table, encoded, "update", update=update, condition=condition, flat=flat)


def _put(table: TableInfo, statement: Insert, parameters: list[Value]) -> Mutation:
    reading = item_of(statement.item, parameters)
    item = reading.values
    for part in table.keys.parts:
        check_type(part, item.get(part.name))
    if reading.size > limits.ITEM_BYTES_MAX:
        raise ValidationFailed(ITEM_TOO_LARGE)
    key = encode_item_key(table, item)
    if table.indexes:
        check_item(table, item, "put")
    condition = absent(table.keys.hash[0].name)
    return Mutation(table, key, "put", item=item, item_size=reading.size, condition=condition)


def _check(table: TableInfo, where: Where, key: dict[str, Value], used: set[int]) -> Mutation:
    condition = _sound(table, where.where_present(table.keys.hash[0].name, used))
    return Mutation(table, encode_key(table, key), "check", condition=condition)


def _sound(table: TableInfo, condition: Condition | None) -> Condition | None:
    if condition is not None:
        refuse_paths_into_keys(table, condition.paths)
    return condition
