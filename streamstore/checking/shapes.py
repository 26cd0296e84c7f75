"""What one row must be, worked out from what it holds: keys, entries, expiries, digests of images.

Owns: a second account, beside the engine's, of where an item lies and what its index entries are: a
check that asked the engine's own functions would repeat their mistakes. It shares the codec only.
Must not know: rows, SQL, or findings.
"""

from __future__ import annotations

from decimal import Decimal
from hashlib import md5
from math import ceil
from typing import Any, Final

from .. import limits
from ..codec.hashing import partition_hash
from ..codec.keys import encode, encode_many
from ..codec.sizes import Item, value_size
from ..engine.model import IndexInfo, KeyPart, KeySchema
from ..engine.writes.tokens import digest_of

_EXPIRY_PLACES_MAX: Final = 15

# hash, pk, sk of an item, or of an entry in its index.
Place = tuple[bytes, bytes, bytes]


def place_of(keys: KeySchema, item: Item) -> Place | None:
    """Where an item with these key attributes lies; None if it lacks one, or one is unfit."""
    pk = _part(keys.hash[0], item)
    if pk is None:
        return None
    sk = b""
    if keys.range:
        found = _part(keys.range[0], item)
        if found is None:
            return None
        sk = found
    return partition_hash(pk), pk, sk


def _part(part: KeyPart, item: Item) -> bytes | None:
    value = item.get(part.name)
    return None if value is None or part.type not in value else encode(value)


def entry_of(index: IndexInfo, keys: KeySchema, item: Item, place: Place) -> Place | None:
    """Where the item's entry in an index lies; None if it has none."""
    own = index.keys
    sk = _joined(own.range, item, limits.RANGE_KEY_BYTES_MAX)
    if sk is None:
        return None
    if index.kind == "LSI":
        return place[0], place[1], sk
    pk = _joined(own.hash, item, limits.HASH_KEY_BYTES_MAX)
    return None if pk is None else (partition_hash(pk), pk, sk)


def _joined(parts: tuple[KeyPart, ...], item: Item, bytes_max: int) -> bytes | None:
    """The blob of these attributes together; None unless all are there and fit for a key."""
    values = []
    for part in parts:
        value = item.get(part.name)
        if value is None or not value.get(part.type):
            return None
        values.append(value)
    # The bound is on what the values count for; texts and bytes of a single part are their blob.
    if sum(map(value_size, values)) > bytes_max:
        return None
    return encode_many(values)


def projection(index: IndexInfo, keys: KeySchema, item: Item) -> Item:
    """What the entry of an item holds."""
    if index.projection == "ALL":
        return item
    names = {*keys.names, *index.keys.names, *index.non_key_attributes}
    return {name: value for name, value in item.items() if name in names}


def digest(item: Item) -> bytes:
    """Eight bytes that say whether two items are equal, whatever the order of their names."""
    return digest_of(item)[:8]


def key_digest(place: Place) -> bytes:
    """Sixteen bytes that stand for a key."""
    _, pk, sk = place
    return md5(b"%d:%b%b" % (len(pk), pk, sk), usedforsecurity=False).digest()


def shown(item: Item) -> str:
    """A key for people, short."""
    text = ", ".join(f"{name}={_value(value)}" for name, value in item.items())
    return text if len(text) <= 120 else text[:117] + "..."


def _value(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        return repr(next(iter(value.values())))
    return repr(value)


def expiry_of(item: Item, attribute: str) -> int | None:
    """The second at which an item expires, rounded up; None where it doesn't: no Number there, or
    one of more than 15 places before the point.
    """
    text = item.get(attribute, {}).get("N")
    if text is None or len(text.partition(".")[0]) > _EXPIRY_PLACES_MAX:
        return None
    return ceil(Decimal(text))
