"""Secondary indexes: which entry an item has in an index, checks of index keys, and keeping entries
in step.

An entry is the projection of an item, under the index's key and the item's own. An item whose index
key attributes are not all there, or not of their types (it may be older than the index), has none.
Entries change in the transaction of their item. While a new index is being filled, items beyond its
`filled_to` are left to the filling (tables/backfill).

A large body belongs to one entry alone; an entry's row says whether it has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ... import limits
from ...codec.hashing import partition_hash
from ...codec.items import pack
from ...codec.keys import encode, encode_many
from ...codec.sizes import Item, Value, item_size, value_size, write_units
from ...errors import ValidationFailed
from ...storage import statements_tables as sql
from ..model import IndexInfo, KeyPart, TableInfo
from ..writes.mutation import INVALID, empty_key_text

if TYPE_CHECKING:
    from ...expressions import Update
    from ...storage.transaction import WriteTransaction
    from ..writes.applied import Applied
    from ..writes.group import Group

Form = Literal["put", "update"]
# hash, pk, sk of an entry; the item's own key follows on disk.
EntryKey = tuple[bytes, bytes, bytes]
# An entry's row: index id, hash, pk, sk, the item's pk and sk.
RowKey = tuple[int, bytes, bytes, bytes, bytes, bytes]
IndexWrites = list[tuple[IndexInfo, int]]

_INLINE: Final = limits.INLINE_BODY_BYTES_MAX
# Texts that fit any key: a character is at most four bytes.
_SURE_CHARS: Final = limits.RANGE_KEY_BYTES_MAX // 4

_PART_OF_KEY: Final = INVALID + "Cannot update attribute {}. This attribute is part of the key"
_NOT_SCALAR: Final = (
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed:"
    " IndexKey: {}"
)
_PUT_TYPE: Final = INVALID + "Type mismatch for Index Key {} Expected: {} Actual: {} IndexName: {}"
_PUT_EMPTY: Final = (
    "One or more parameter values are not valid. A value specified for a secondary index key is not"
    " supported. {} IndexName: {}, IndexKey: {}"
)
_PUT_SIZE: Final = INVALID + "Size limit exceeded"
_UPDATE_TYPE: Final = (
    "The update expression attempted to update the secondary index key to unsupported type"
)
_UPDATE_EMPTY: Final = (
    "One or more parameter values are not valid. The update expression attempted to update a"
    " secondary index key to a value that is not supported. {}"
)
_UPDATE_SIZE: Final = (
    "The update expression attempted to update the secondary index key beyond allowed size limits"
)


def check_item(table: TableInfo, item: Item, form: Form, old: Item | None = None) -> None:
    """Check the index key attributes of an item that is to be stored; with `old`, only those that
    changed.

    Raises ValidationFailed in the words of `form`, naming the alphabetically first offending index
    (spec E.6)."""
    for index in table.indexes:
        keys = index.keys
        if _offends(keys.hash, item, limits.HASH_KEY_BYTES_MAX) or (
            keys.range and _offends(keys.range, item, limits.RANGE_KEY_BYTES_MAX)
        ):
            fault = _first_fault(table, item, form, old)
            if fault is not None:
                raise fault
            return


def check_targets(table: TableInfo, update: Update) -> None:
    """Check what an update writes to: no key attribute at any depth, nothing below an index key
    attribute.

    Raises ValidationFailed.
    """
    names = update.top_names
    for name in table.keys.names:
        if name in names:
            raise ValidationFailed(_PART_OF_KEY.format(name))
    nested = {path[0] for path in update.targets if len(path) > 1} if table.indexes else None
    if nested:
        for index in sorted(table.indexes, key=lambda index: index.name):
            for name in index.keys.names:
                if name in nested:
                    raise ValidationFailed(_NOT_SCALAR.format(name))


def entry_key(index: IndexInfo, item: Item, base_hash: bytes, base_pk: bytes) -> EntryKey | None:
    """Where the item's entry in the index lies, or None if it has none.

    `base_hash` and `base_pk` are those of the item's own key, which an LSI shares.
    """
    keys = index.keys
    if index.kind == "LSI":
        part = keys.range[0]
        value = item.get(part.name)
        if value is None or part.type not in value:
            return None
        sk = encode(value)
        if not 1 < len(sk) <= limits.RANGE_KEY_BYTES_MAX + 1:
            return None
        return base_hash, base_pk, sk
    hash_values = _key_values(keys.hash, item, limits.HASH_KEY_BYTES_MAX)
    if hash_values is None:
        return None
    sk = b""
    if keys.range:
        range_values = _key_values(keys.range, item, limits.RANGE_KEY_BYTES_MAX)
        if range_values is None:
            return None
        sk = encode_many(range_values)
    pk = encode_many(hash_values)
    return partition_hash(pk), pk, sk


def project(index: IndexInfo, item: Item) -> Item:
    """What an entry of the index holds of an item."""
    names = index.attributes
    if not names:
        return item
    return {name: value for name, value in item.items() if name in names}


def maintain(group: Group, applied: Applied) -> IndexWrites:
    """Bring all entries of one item from its old to its new state; returns (index, write units) of
    those touched.

    Units are those of spec I.3: an entry that does not change is free, one that appears or goes
    costs its size, one that changes in place the larger size, one that moves both, each rounded.
    """
    writes: IndexWrites = []
    key = applied.key
    old = applied.old
    new = applied.new
    for index in applied.table.indexes:
        if index.filled_to is not None and (key.hash, key.pk, key.sk) > index.filled_to:
            continue
        before = None if old is None else entry_key(index, old, key.hash, key.pk)
        if old is not None and new is not None and _same_key(index, old, new):
            if before is None:
                continue
            units = _change_in_place(group, index, applied, before)
        else:
            units = 0
            if before is not None:
                units = _take_out(group, index, applied, before)
            after = None if new is None else entry_key(index, new, key.hash, key.pk)
            if after is not None:
                units += _put_in(group, index, applied, after)
        if units:
            writes.append((index, units))
    return writes


def _change_in_place(group: Group, index: IndexInfo, applied: Applied, place: EntryKey) -> int:
    old, new = applied.old, applied.new
    old_size, new_size, packed = applied.old_size, applied.new_size, applied.new_packed
    assert old is not None, "an entry in place has an item before"
    assert new is not None, "an entry in place has an item after"
    if index.attributes:
        old = project(index, old)
        new = project(index, new)
        if old == new:
            return 0
        old_size = item_size(old)
        new_size = item_size(new)
        packed = pack(new)
    assert packed is not None, "an item that stays is packed"
    _replace(group.tx, _row_key(index, applied, place), new_size, packed)
    counters = group.index_counters(index.index_id)
    group.keep_index(counters)
    counters.entry_bytes += new_size - old_size
    return write_units(old_size if old_size > new_size else new_size)


def _take_out(group: Group, index: IndexInfo, applied: Applied, place: EntryKey) -> int:
    old, size = applied.old, applied.old_size
    assert old is not None, "an entry that goes has an item before"
    if index.attributes:
        size = item_size(project(index, old))
    gone = group.tx.one(sql.ENTRY_DELETE, _row_key(index, applied, place))
    assert gone is not None, "an index entry is missing"
    if gone[0] is not None:
        group.tx.run(sql.BODY_DELETE, (gone[0],))
    counters = group.index_counters(index.index_id)
    group.keep_index(counters)
    counters.entry_count -= 1
    counters.entry_bytes -= size
    return write_units(size)


def _put_in(group: Group, index: IndexInfo, applied: Applied, place: EntryKey) -> int:
    new, size, packed = applied.new, applied.new_size, applied.new_packed
    assert new is not None, "an entry that appears has an item after"
    if index.attributes:
        new = project(index, new)
        size = item_size(new)
        packed = pack(new)
    assert packed is not None, "an item that is there is packed"
    insert_entry(group, index.index_id, _row_key(index, applied, place), size, packed)
    return write_units(size)


def _row_key(index: IndexInfo, applied: Applied, place: EntryKey) -> RowKey:
    return (index.index_id, *place, applied.key.pk, applied.key.sk)


def insert_entry(group: Group, index_id: int, row: RowKey, size: int, packed: bytes) -> None:
    """Insert an entry that is not there, and count it."""
    tx = group.tx
    if len(packed) <= _INLINE:
        tx.run(sql.ENTRY_INSERT, (*row, size, packed, None))
    else:
        tx.run(sql.BODY_INSERT, (packed,))
        tx.run(sql.ENTRY_INSERT, (*row, size, None, tx.last_rowid()))
    counters = group.index_counters(index_id)
    group.keep_index(counters)
    counters.entry_count += 1
    counters.entry_bytes += size


def _replace(tx: WriteTransaction, row: RowKey, size: int, packed: bytes) -> None:
    """Give an entry new content in place."""
    if len(packed) <= _INLINE:
        tx.run(sql.ENTRY_UPDATE_INLINE, (size, packed, *row))
        if tx.changes():
            return
    found = tx.one(sql.ENTRY_BODY_ID, row)
    assert found is not None, "an index entry is missing"
    body_id = found[0]
    if len(packed) <= _INLINE:
        tx.run(sql.BODY_DELETE, (body_id,))
        tx.run(sql.ENTRY_UPDATE, (size, packed, None, *row))
    elif body_id is None:
        tx.run(sql.BODY_INSERT, (packed,))
        tx.run(sql.ENTRY_UPDATE, (size, None, tx.last_rowid(), *row))
    else:
        tx.run(sql.BODY_UPDATE, (packed, body_id))
        tx.run(sql.ENTRY_UPDATE, (size, None, body_id, *row))


def _same_key(index: IndexInfo, old: Item, new: Item) -> bool:
    return all(old.get(part.name) == new.get(part.name) for part in index.keys.parts)


def _key_values(parts: tuple[KeyPart, ...], item: Item, bytes_max: int) -> list[Value] | None:
    """The values of these key attributes, or None unless all are there, of their types, not empty
    and not too long.
    """
    values = []
    for part in parts:
        value = item.get(part.name)
        if value is None:
            return None
        values.append(value)
    return None if _offends(parts, item, bytes_max) else values


def _offends(parts: tuple[KeyPart, ...], item: Item, bytes_max: int) -> bool:
    """Whether one of these attributes is there and not fit for a key, or they are too long
    together.
    """
    long = False
    for part in parts:
        value = item.get(part.name)
        if value is None:
            continue
        payload = value.get(part.type)
        if not payload:
            return True
        if len(payload) > _SURE_CHARS or len(parts) > 1:
            long = True
    return long and _total_bytes(parts, item) > bytes_max


def _total_bytes(parts: tuple[KeyPart, ...], item: Item) -> int:
    return sum(value_size(item[part.name]) for part in parts if part.name in item)


def _first_fault(
    table: TableInfo, item: Item, form: Form, old: Item | None
) -> ValidationFailed | None:
    for index in sorted(table.indexes, key=lambda index: index.name):
        for parts, bytes_max in (
            (index.keys.hash, limits.HASH_KEY_BYTES_MAX),
            (index.keys.range, limits.RANGE_KEY_BYTES_MAX),
        ):
            changed = tuple(
                part
                for part in parts
                if part.name in item and (old is None or old.get(part.name) != item[part.name])
            )
            for part in changed:
                fault = _part_fault(index, part, item[part.name], form)
                if fault is not None:
                    return fault
            if changed and _total_bytes(parts, item) > bytes_max:
                return ValidationFailed(_PUT_SIZE if form == "put" else _UPDATE_SIZE)
    return None


def _part_fault(
    index: IndexInfo, part: KeyPart, value: Value, form: Form
) -> ValidationFailed | None:
    if part.type not in value:
        if form == "update":
            return ValidationFailed(_UPDATE_TYPE)
        actual = next(iter(value))
        return ValidationFailed(_PUT_TYPE.format(part.name, part.type, actual, index.name))
    if not value[part.type]:
        empty = empty_key_text(part)
        if form == "update":
            return ValidationFailed(_UPDATE_EMPTY.format(empty))
        return ValidationFailed(_PUT_EMPTY.format(empty, index.name, part.name))
    return None
