"""Change records as stored bytes, joined from items that are packed already.

A body is a version byte, then a msgpack array: event code, SizeBytes, whether the time-to-live
service made it, the keys, the new image or nil, the old image or nil. The item's own packing is
put in as it is, without being read or written again, since both images of a put were packed a
moment before. What the service adds when it is read (event id, sequence number, time, stream) is
a column beside the body or computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import msgpack

from ..errors import Corrupted
from . import items
from .sizes import Item

EventName = Literal["INSERT", "MODIFY", "REMOVE"]
INSERT: Final = "INSERT"
MODIFY: Final = "MODIFY"
REMOVE: Final = "REMOVE"

# Positions are event codes: persisted, so the order never changes.
EVENT_NAMES: Final[tuple[EventName, ...]] = (INSERT, MODIFY, REMOVE)

_VERSION: Final = b"\x01"
_ARRAY_OF_SIX: Final = b"\x96"
_NIL: Final = b"\xc0"
_FALSE: Final = b"\xc2"
_TRUE: Final = b"\xc3"
_HEADS: Final = {
    name: _VERSION + _ARRAY_OF_SIX + bytes((code,)) for code, name in enumerate(EVENT_NAMES)
}
_ITEM_PREFIX: Final = len(items.VERSION)

_unpack: Final[Callable[[bytes], Any]] = msgpack.unpackb


def pack_record(
    event: EventName,
    size_bytes: int,
    keys_packed: bytes,
    new_packed: bytes | None,
    old_packed: bytes | None,
    ttl: bool = False,
) -> bytes:
    """The body of a record. The packed arguments come from `items.pack`; None leaves that image
    out."""
    return b"".join(
        (
            _HEADS[event],
            _packed_size(size_bytes),
            _TRUE if ttl else _FALSE,
            keys_packed[_ITEM_PREFIX:],
            _NIL if new_packed is None else new_packed[_ITEM_PREFIX:],
            _NIL if old_packed is None else old_packed[_ITEM_PREFIX:],
        )
    )


def unpack_record(blob: bytes) -> tuple[EventName, int, bool, Item, Item | None, Item | None]:
    """(event name, SizeBytes, ttl, keys, new image, old image) of a body. Raises Corrupted."""
    try:
        if blob[:2] == _VERSION + _ARRAY_OF_SIX:
            code, size_bytes, ttl, keys, new, old = _unpack(blob[1:])
            return EVENT_NAMES[code], size_bytes, ttl, keys, new, old
    except (ValueError, IndexError, TypeError, msgpack.UnpackException) as error:
        raise Corrupted(f"a record's bytes can't be read ({error})") from error
    raise Corrupted(f"a record's bytes start with {blob[:2].hex()}, which this version can't read")


def _packed_size(size_bytes: int) -> bytes:
    if size_bytes < 0x80:
        return bytes((size_bytes,))
    if size_bytes < 0x10000:
        return b"\xcd" + size_bytes.to_bytes(2)
    return b"\xce" + size_bytes.to_bytes(4)
