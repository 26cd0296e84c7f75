"""Items as stored bytes: a version byte, then msgpack of the canonical item.

Names keep the order in which they were given. The version byte is what lets a later layout live
beside this one. Bytes that can't be read are damage, reported as Corrupted, since nothing but
`pack` writes them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, cast

import msgpack

from ..errors import Corrupted
from .sizes import Item

VERSION: Final = b"\x01"
_VERSION_CODE: Final = VERSION[0]
_BUFFER_BYTES: Final = 32 * 1024

_unpack: Final[Callable[[bytes], Any]] = msgpack.unpackb


class _Packers(threading.local):
    """One packer a thread: a packer costs more to make than a small item costs to pack, and must
    not be shared."""

    def __init__(self) -> None:
        self.pack: Callable[[Any], bytes] = msgpack.Packer(buf_size=_BUFFER_BYTES).pack


_packers: Final = _Packers()


def pack(item: Item) -> bytes:
    """The stored bytes of a canonical item."""
    return VERSION + _packers.pack(item)


def unpack(blob: bytes) -> Item:
    """The canonical item of stored bytes, fresh at every call. Raises Corrupted."""
    try:
        if blob[0] == _VERSION_CODE:
            item = _unpack(blob[1:])
            if type(item) is dict:
                return cast(Item, item)
    except (ValueError, IndexError, msgpack.UnpackException) as error:
        raise Corrupted(f"an item's bytes can't be read ({error})") from error
    raise Corrupted(f"an item's bytes start with {blob[:2].hex()}, which this version doesn't know")
