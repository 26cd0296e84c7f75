"""One mutation under the lock: the old image, the condition, the new image, the row, its entries,
its change record.

`judge` reads and decides, and writes nothing; `carry_out` writes what was decided. `apply` does
both for a single write; a transaction judges all its mutations first (writes/transact). What was
checked before the lock is checked again here if the table has changed since (engine.md 1.8).

A write that leaves the item equal to what it was writes nothing and makes no record (spec A.10).
Equal bytes are equal items; bytes of different lengths are different items, since stored items are
canonical but for the order of names; only bytes of one length that differ are unpacked and
compared.

It is the hot path: a put with a stream is three statements, and the rest of it is plain code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zlib import adler32

from ... import limits
from ...codec.items import pack
from ...codec.sizes import Item, Value, item_size, value_size, write_units
from ...errors import ConditionFailed, ResourceNotFound, ValidationFailed
from ...storage import statements_tables as sql
from ..model import TableInfo
from ..streams.change import record_body
from ..streams.log import append
from ..tables.expiry import keep_expiry
from ..tables.indexes import check_item, check_targets, maintain
from .applied import Applied

if TYPE_CHECKING:
    from .group import Group
    from .mutation import Mutation

UPDATE_TOO_LARGE: Final = "Item size to update has exceeded the maximum allowed size"
UPDATE_TOO_DEEP: Final = "Nesting Levels have exceeded supported limits"

_ITEM: Final = sql.ITEM
_INSERT: Final = sql.ITEM_INSERT
_UPDATE: Final = sql.ITEM_UPDATE
_INLINE: Final = limits.INLINE_BODY_BYTES_MAX
_NESTED_MAX: Final = limits.NESTING_LEVELS_MAX - 1


def apply(group: Group, mutation: Mutation) -> Applied:
    """Do one write, or nothing.

    Raises ConditionFailed (with the stored item), ValidationFailed (an update that can't be done,
    or whose result breaks a limit), ResourceNotFound("table") when the table has gone since."""
    applied = judge(group, mutation)
    if applied.changed:
        carry_out(group, applied)
    return applied


def judge(group: Group, mutation: Mutation) -> Applied:
    """Decide what the mutation comes to, writing nothing. Raises as `apply`."""
    table = mutation.table
    current = group.table_by_id(table.table_id)
    if current is not table:
        table = _checked_again(mutation, current)
    key = mutation.key
    row = group.tx.one(_ITEM, (table.table_id, key.hash, key.pk, key.sk))
    applied = Applied(mutation, table, row)
    condition = mutation.condition
    if condition is not None and not condition.matches(applied.old or {}):
        raise ConditionFailed(applied.old)
    kind = mutation.kind
    if kind == "put":
        applied.new = mutation.item
        applied.new_size = mutation.item_size
        applied.new_packed = packed = mutation.packed
        before = applied.old_packed
        if before is not None and packed is not None and _may_be_equal(before, packed):
            applied.changed = before != packed and applied.old != mutation.item
    elif kind == "update":
        _judge_update(applied, mutation)
    elif kind == "delete":
        applied.changed = row is not None
    else:
        applied.changed = False
        applied.new = applied.old
        applied.new_size = applied.old_size
    return applied


def carry_out(group: Group, applied: Applied) -> None:
    """Write what was judged: the row, its index entries, the counters, the change record."""
    table = applied.table
    key = applied.key
    packed = applied.new_packed
    old_packed = applied.old_packed
    if packed is None:
        _delete_row(group, applied)
        count = -1
    elif len(packed) > _INLINE or applied.body_id is not None:
        _store_row(group, applied, packed)
        count = 1 if old_packed is None else 0
    elif old_packed is None:
        count = 1
        group.tx.run(
            _INSERT,
            (table.table_id, key.hash, key.pk, key.sk, applied.new_size, packed, None),
        )
    else:
        count = 0
        group.tx.run(
            _UPDATE,
            (applied.new_size, packed, None, table.table_id, key.hash, key.pk, key.sk),
        )
    if table.indexes:
        applied.index_writes = maintain(group, applied)
    if table.ttl is not None:
        keep_expiry(group, applied, table.ttl)
    old_size = applied.old_size
    new_size = applied.new_size
    position = table.route(key.hash)
    partition_id = table.partitions[position].partition_id
    counters = group.partitions.get(partition_id)
    if counters is None:
        counters = group.partition_counters(partition_id)
    group.keep_partition(counters)
    counters.item_count += count
    counters.item_bytes += new_size - old_size
    stream = table.stream
    if stream is not None:
        body, _ = record_body(
            stream.view_type,
            key.packed,
            old_packed,
            packed,
            key.size,
            old_size,
            new_size,
            applied.ttl,
        )
        append(group, table, position, body)
    if not applied.ttl:
        # What expires is deleted free of write units.
        larger = old_size if old_size > new_size else new_size
        group.observed.append((partition_id, key.hash, write_units(larger)))


def _may_be_equal(before: bytes, after: bytes) -> bool:
    """False where two packed items surely differ, whatever the order of their attributes.

    Equal items in different orders have the same bytes in different places, hence the same sum of
    bytes, which the lower half of Adler-32 is. It spares most puts the unpacking of the old item.
    """
    return len(before) == len(after) and (adler32(before) ^ adler32(after)) & 0xFFFF == 0


def _checked_again(mutation: Mutation, current: TableInfo | None) -> TableInfo:
    """The table as it is now, with what depends on its indexes checked once more; its keys never
    change.
    """
    before = mutation.table
    if current is None:
        raise ResourceNotFound("table", before.name)
    if current.indexes is not before.indexes:
        if mutation.kind == "put":
            assert mutation.item is not None, "a put has an item"
            check_item(current, mutation.item, "put")
        elif mutation.update is not None:
            check_targets(current, mutation.update)
    return current


def _judge_update(applied: Applied, mutation: Mutation) -> None:
    """Work out an update's result and hold it to the limits of spec D.3 and E.6."""
    update = mutation.update
    key = mutation.key
    old = applied.old
    if update is None:
        new: Item | None = key.item if old is None else old
        names: frozenset[str] = frozenset()
    else:
        updated = update.apply(old, key.item)
        new = updated.new
        names = update.top_names
    applied.new = new
    if new is None:
        applied.changed = False
        return
    if old is not None and all(old.get(name) == new.get(name) for name in names):
        applied.new = old
        applied.new_size = applied.old_size
        applied.changed = False
        return
    if old is None:
        size = item_size(new)
    else:
        size = applied.old_size
        for name in names:
            size += _member_size(name, new.get(name)) - _member_size(name, old.get(name))
    applied.new_size = size
    if update is not None:
        measured = size
        if not mutation.flat:
            measured = max(size, size - key.size + update.action_bytes)
        if measured > limits.ITEM_BYTES_MAX:
            raise ValidationFailed(UPDATE_TOO_LARGE)
        for name in names:
            value = new.get(name)
            if value is not None and _too_deep(value):
                raise ValidationFailed(UPDATE_TOO_DEEP)
    if applied.table.indexes:
        check_item(applied.table, new, "update", old or {})
    applied.new_packed = pack(new)


def _member_size(name: str, value: Value | None) -> int:
    return 0 if value is None else len(name.encode()) + value_size(value)


def _too_deep(value: Value) -> bool:
    """Whether lists and maps lie more than 31 deep: the item itself is the first of 32 levels."""
    level = [value]
    for _ in range(_NESTED_MAX):
        inner: list[Value] = []
        for member in level:
            if "M" in member:
                inner.extend(member["M"].values())
            elif "L" in member:
                inner.extend(member["L"])
        if not inner:
            return False
        level = inner
    return any("M" in member or "L" in member for member in level)


def _store_row(group: Group, applied: Applied, packed: bytes) -> None:
    """Write the row of an item whose body is, or was, out of line."""
    tx = group.tx
    key = applied.key
    place = (applied.table.table_id, key.hash, key.pk, key.sk)
    body: bytes | None = None
    body_id = applied.body_id
    if len(packed) <= _INLINE:
        tx.run(sql.BODY_DELETE, (body_id,))
        body, body_id = packed, None
    elif body_id is None:
        tx.run(sql.BODY_INSERT, (packed,))
        body_id = tx.last_rowid()
    else:
        tx.run(sql.BODY_UPDATE, (packed, body_id))
    if applied.old_packed is None:
        tx.run(sql.ITEM_INSERT, (*place, applied.new_size, body, body_id))
    else:
        tx.run(sql.ITEM_UPDATE, (applied.new_size, body, body_id, *place))


def _delete_row(group: Group, applied: Applied) -> None:
    key = applied.key
    group.tx.run(sql.ITEM_DELETE, (applied.table.table_id, key.hash, key.pk, key.sk))
    if applied.body_id is not None:
        group.tx.run(sql.BODY_DELETE, (applied.body_id,))
