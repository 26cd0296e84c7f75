"""Shard iterators: positions as texts that nobody else can make or alter.

    <stream ARN>|1|<base64 of: position (33 bytes), issue time (8), MAC (16)>

The MAC is keyed BLAKE2b over the ARN, the position and the time, with a key kept in the store: an
iterator survives a restart, is good only in its own store, and expires after 15 minutes of the
store's clock, or when a tester lets all expire, which moves a floor under the issue times. Nothing
is remembered about it; reading with the same iterator again gives the same records. The 57 bytes
are a multiple of three, so base64 has no padding and no spare bits, and no two texts mean the same
iterator.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from hashlib import blake2b
from hmac import compare_digest
from struct import Struct
from typing import TYPE_CHECKING, Final

from ... import limits
from ...errors import IteratorExpired, ValidationFailed
from ...storage import statements
from .log import Position

if TYPE_CHECKING:
    from ..writes.group import Group

KEY_BYTES: Final = 32
FLOOR_STATE: Final = "iterator_floor_ms"

_MAC_BYTES: Final = 16
_LAYOUT: Final = Struct(
    ">QQQQ?Q"
)  # shard id, its starting number, after, ordinal, exact, issue time in ms
_BLOB_CHARS: Final = (_LAYOUT.size + _MAC_BYTES) // 3 * 4
_MIDDLE: Final = "|1|"
_LIFE_MS: Final = limits.ITERATOR_LIFE_SECONDS * 1000

assert (_LAYOUT.size + _MAC_BYTES) % 3 == 0, (
    "base64 would have spare bits, and iterators second spellings"
)


def encode(key: bytes, arn: str, position: Position, now_ms: int) -> str:
    """The iterator for a position in the stream of that ARN, issued now. `key`: KEY_BYTES secret
    bytes of the store.
    """
    shard_id, birth, after, ordinal, exact = position
    fields = _LAYOUT.pack(shard_id, birth, after, ordinal, exact, now_ms)
    mac = blake2b(arn.encode() + fields, digest_size=_MAC_BYTES, key=key).digest()
    return f"{arn}{_MIDDLE}{b2a_base64(fields + mac, newline=False).decode()}"


def decode(
    key: bytes, text: str, now_ms: int, floor_ms: int = 0, retired: bytes | None = None
) -> tuple[str, Position]:
    """(stream ARN, position) of an iterator.

    Raises ValidationFailed for whatever `encode` with this key has not made, and IteratorExpired
    for what it made more than 15 minutes ago, before `floor_ms`, or with the `retired` key: of the
    store from a copy of which this one was restored.
    """
    arn = text[: -_BLOB_CHARS - len(_MIDDLE)]
    if len(text) > limits.ITERATOR_CHARS_MAX or text[len(arn) : -_BLOB_CHARS] != _MIDDLE:
        raise _invalid()
    try:
        blob = a2b_base64(text[-_BLOB_CHARS:], strict_mode=True)
        fields = blob[: _LAYOUT.size]
        mac = blake2b(arn.encode() + fields, digest_size=_MAC_BYTES, key=key).digest()
    except (Base64Error, ValueError):
        # Not base64, or an ARN with lone surrogates in it.
        raise _invalid() from None
    given = blob[_LAYOUT.size :]
    shard_id, birth, after, ordinal, exact, issued_ms = _LAYOUT.unpack(fields)
    if not compare_digest(mac, given):
        if retired is not None:
            mac = blake2b(arn.encode() + fields, digest_size=_MAC_BYTES, key=retired).digest()
            if compare_digest(mac, given):
                raise IteratorExpired(issued_ms)
        raise _invalid()
    if now_ms - issued_ms > _LIFE_MS or issued_ms < floor_ms:
        raise IteratorExpired(issued_ms)
    return arn, Position(shard_id, birth, after, ordinal, exact)


def expire_issued(group: Group) -> int:
    """Have every iterator made so far expire, after a restart too; returns the floor in ms.

    The floor lies after the time that iterators made now carry, and later ones carry at least the
    floor: so it parts them even where the clock stands still.
    """
    engine = group.engine
    floor_ms = engine.issue_ms() + 1
    group.tx.run(statements.STATE_PUT, (FLOOR_STATE, floor_ms))
    group.catalogue_moved = True  # so that those who read beside the owner look

    def settle() -> None:
        engine.iterator_floor_ms = max(engine.iterator_floor_ms, floor_ms)

    group.after_commit(settle)
    return floor_ms


def _invalid() -> ValidationFailed:
    return ValidationFailed("Invalid ShardIterator")
