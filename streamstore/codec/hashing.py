"""The 128-bit space that a table's partitions divide: a key blob's place in it, and arithmetic on
ranges.

A hash is 16 bytes, big-endian, so byte order is numeric order and a range of hashes is a range of
rows. Ranges include both ends. MD5 serves as a spreading function only, nothing secret hangs on
it. The hash is part of every primary key on disk: changing it would move every row, so golden
vectors in the tests pin it.
"""

from __future__ import annotations

from hashlib import md5
from itertools import pairwise
from typing import Final

from .. import limits

HASH_MIN: Final = bytes(limits.HASH_BYTES)
HASH_MAX: Final = b"\xff" * limits.HASH_BYTES
_SPACE: Final = 1 << (8 * limits.HASH_BYTES)


def partition_hash(encoded_pk: bytes) -> bytes:
    """The 16-byte hash of a partition key's blob (`keys.encode`, or `keys.encode_many` of several
    parts)."""
    return md5(encoded_pk, usedforsecurity=False).digest()


def midpoint(low: bytes, high: bytes) -> bytes:
    """The last hash of the lower half of low..high; the upper half starts at its `successor`.
    Needs low < high."""
    assert low < high, "a range of one hash has no halves"
    return _to_hash((int.from_bytes(low) + int.from_bytes(high)) // 2)


def successor(hash_value: bytes) -> bytes:
    """The next hash. Needs a hash below HASH_MAX."""
    assert hash_value < HASH_MAX, "nothing follows the greatest hash"
    return _to_hash(int.from_bytes(hash_value) + 1)


def even_ranges(count: int) -> list[tuple[bytes, bytes]]:
    """The whole space as `count` ranges (first, last), ascending, whose lengths differ by at most
    one."""
    assert count >= 1, "the space is at least one range"
    starts = [_SPACE * part // count for part in range(count + 1)]
    return [(_to_hash(first), _to_hash(beyond - 1)) for first, beyond in pairwise(starts)]


def _to_hash(number: int) -> bytes:
    return number.to_bytes(limits.HASH_BYTES)
