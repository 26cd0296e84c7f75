"""One intended write, checked and encoded before anything is locked: its key, its new content, its
condition.

Owns the checks of keys against a table's schema (spec F) and the stored form of keys. The normal
case is straight code; what is wrong with a bad key is found by `_fault` afterwards. It reads no
stored item: apply does, under the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ... import limits
from ...codec.hashing import partition_hash
from ...codec.items import pack
from ...codec.keys import encode
from ...codec.sizes import Item, item_size
from ...errors import ValidationFailed
from ..model import KeyPart, TableInfo

if TYPE_CHECKING:
    from ...expressions import Condition, Update

Kind = Literal["put", "update", "delete", "check"]

INVALID: Final = "One or more parameter values were invalid: "
KEY_MISMATCH: Final = "The provided key element does not match the schema"
EMPTY_KEY: Final = "The AttributeValue for a key attribute cannot contain an empty {} value."
_NOT_VALID: Final = "One or more parameter values are not valid. "
_MISSING: Final = INVALID + "Missing the key {} in the item"
_TYPE_MISMATCH: Final = INVALID + "Type mismatch for key {} expected: {} actual: {}"
_HASH_SIZE: Final = (
    INVALID
    + f"Size of hashkey has exceeded the maximum size limit of{limits.HASH_KEY_BYTES_MAX} bytes"
)
_RANGE_SIZE: Final = (
    INVALID + "Aggregated size of all range keys has exceeded the size limit of"
    f" {limits.RANGE_KEY_BYTES_MAX} bytes"
)
# A blob is one tag byte and, for S and B, the payload itself: an empty one is 1 byte long.
_PK_BYTES_MAX: Final = limits.HASH_KEY_BYTES_MAX + 1
_SK_BYTES_MAX: Final = limits.RANGE_KEY_BYTES_MAX + 1
_KINDS: Final = {"S": "string", "B": "binary"}


class EncodedKey:
    """A primary key as it is stored: 16-byte hash, blobs of both parts (`sk` is b"" without one),
    the key's item.
    """

    __slots__ = ("_packed", "_size", "hash", "item", "pk", "sk")

    def __init__(self, pk: bytes, sk: bytes, item: Item) -> None:
        self.hash = partition_hash(pk)
        self.pk = pk
        self.sk = sk
        self.item = item
        self._packed: bytes | None = None
        self._size = 0

    @property
    def packed(self) -> bytes:
        """The key's item as change records hold it."""
        if self._packed is None:
            self._packed = pack(self.item)
        return self._packed

    @property
    def size(self) -> int:
        """Bytes of the key's item, names included."""
        if not self._size:
            self._size = item_size(self.item)
        return self._size


class Mutation:
    """A write of one item, as prepared against `table`. Make it off the lock: a put is packed here.

    kind      "put" (with `item` and its `item_size`), "update" (with `update`, None for an
    UpdateItem without an
              expression), "delete", or "check" (a condition alone)
    condition judged under the lock against the stored item, {} when there is none
    ttl       a deletion by the time-to-live service
    flat      measure an update's result by its plain size, as transactions do (spec D.3)
    """

    __slots__ = (
        "condition",
        "flat",
        "item",
        "item_size",
        "key",
        "kind",
        "packed",
        "table",
        "ttl",
        "update",
    )

    def __init__(
        self,
        table: TableInfo,
        key: EncodedKey,
        kind: Kind,
        *,
        item: Item | None = None,
        item_size: int = 0,
        update: Update | None = None,
        condition: Condition | None = None,
        ttl: bool = False,
        flat: bool = False,
    ) -> None:
        self.table = table
        self.key = key
        self.kind = kind
        self.item = item
        self.item_size = item_size
        self.packed = None if item is None else pack(item)
        self.update = update
        self.condition = condition
        self.ttl = ttl
        self.flat = flat


def encode_key(table: TableInfo, key: Item) -> EncodedKey:
    """The key that a request's Key (canonical values) means.

    Raises ValidationFailed: "does not match the schema", an empty part, a part that is too long.
    """
    keys = table.keys
    part = keys.hash[0]
    value = key.get(part.name)
    if value is None or part.type not in value:
        raise ValidationFailed(KEY_MISMATCH)
    if not keys.range:
        if len(key) != 1:
            raise ValidationFailed(KEY_MISMATCH)
        pk = encode(value)
        if not 1 < len(pk) <= _PK_BYTES_MAX:
            raise _fault(table, key, pk, b"")
        return EncodedKey(pk, b"", key)
    part = keys.range[0]
    range_value = key.get(part.name)
    if range_value is None or part.type not in range_value or len(key) != 2:
        if range_value is not None and len(key) == 2:
            _refuse_empty(keys.hash[0], key)
        raise ValidationFailed(KEY_MISMATCH)
    pk = encode(value)
    sk = encode(range_value)
    if not (1 < len(pk) <= _PK_BYTES_MAX and 1 < len(sk) <= _SK_BYTES_MAX):
        raise _fault(table, key, pk, sk)
    return EncodedKey(pk, sk, key)


def encode_item_key(table: TableInfo, item: Item, *, in_batch: bool = False) -> EncodedKey:
    """The key of a whole item that is to be put.

    Raises ValidationFailed: a key attribute missing or of another type (in a batch: "does not match
    the schema"), empty or too long."""
    keys = table.keys
    part = keys.hash[0]
    value = item.get(part.name)
    if value is None or part.type not in value:
        raise _misfit(part, item, in_batch)
    pk = encode(value)
    key = {part.name: value}
    sk = b""
    if keys.range:
        part = keys.range[0]
        value = item.get(part.name)
        if value is None or part.type not in value:
            if value is not None:
                _refuse_empty(keys.hash[0], item)
            raise _misfit(part, item, in_batch)
        sk = encode(value)
        key[part.name] = value
        if not 1 < len(sk) <= _SK_BYTES_MAX:
            raise _fault(table, item, pk, sk)
    if not 1 < len(pk) <= _PK_BYTES_MAX:
        raise _fault(table, item, pk, sk)
    return EncodedKey(pk, sk, key)


def empty_key_text(part: KeyPart) -> str:
    """What is said of an empty value of a key attribute, without its surroundings."""
    return EMPTY_KEY.format(_KINDS[part.type])


def _misfit(part: KeyPart, item: Item, in_batch: bool) -> ValidationFailed:
    if in_batch:
        return ValidationFailed(KEY_MISMATCH)
    value = item.get(part.name)
    if value is None:
        return ValidationFailed(_MISSING.format(part.name))
    return ValidationFailed(_TYPE_MISMATCH.format(part.name, part.type, next(iter(value))))


def _refuse_empty(part: KeyPart, item: Item) -> None:
    """ValidationFailed for an empty part: told of the hash part before a range part's type is."""
    if part.type in _KINDS and not item[part.name][part.type]:
        raise ValidationFailed(f"{_NOT_VALID}{empty_key_text(part)} Key: {part.name}")


def _fault(table: TableInfo, item: Item, pk: bytes, sk: bytes) -> ValidationFailed:
    """What is wrong with a key's content: an empty part first, then sizes, hash before range."""
    for part in table.keys.parts:
        _refuse_empty(part, item)
    if len(pk) > _PK_BYTES_MAX:
        return ValidationFailed(_HASH_SIZE)
    assert len(sk) > _SK_BYTES_MAX, "the key is sound"
    return ValidationFailed(_RANGE_SIZE)
