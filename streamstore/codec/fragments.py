"""Stored items as ready JSON, for replies that show them whole.

Unpacking an item and writing it as JSON again is most of what a page of a Query costs, and hot
items are asked for again and again. So the JSON of a stored body is remembered by the body's own
bytes: what is stored under a key may change, the meaning of its bytes can't, hence nothing here is
ever stale and nothing needs to be told of writes.

The memory is bounded: two generations of bodies, the older dropped when the newer is full. Bodies
of more than FRAGMENT_BODY_BYTES_MAX are not kept.
"""

from __future__ import annotations

from binascii import b2a_base64
from typing import Any

import orjson

from ..limits import FRAGMENT_BODY_BYTES_MAX, FRAGMENT_GENERATION_BYTES
from .items import unpack


def encode_binary(value: Any) -> str:
    """What orjson does not know is bytes, and becomes base64 text: the `default` of every JSON."""
    if isinstance(value, bytes | bytearray | memoryview):
        return b2a_base64(value, newline=False).decode("ascii")
    raise TypeError(f"no JSON for {type(value).__name__}")


class Fragments:
    """The memory of one store. Any thread may use it: a race costs a body its place, no more."""

    __slots__ = ("_bytes", "_new", "_old")

    def __init__(self) -> None:
        self._new: dict[bytes, orjson.Fragment] = {}
        self._old: dict[bytes, orjson.Fragment] = {}
        self._bytes = 0

    def json_of(self, body: bytes) -> orjson.Fragment:
        """The stored item as JSON that orjson puts into a reply as it is."""
        found = self._new.get(body)
        if found is None:
            found = self._old.get(body)
            if found is None:
                found = orjson.Fragment(orjson.dumps(unpack(body), default=encode_binary))
            if len(body) <= FRAGMENT_BODY_BYTES_MAX:
                self._keep(body, found)
        return found

    def _keep(self, body: bytes, fragment: orjson.Fragment) -> None:
        # The JSON of a body is seldom more than twice its bytes; both are counted.
        self._bytes += 3 * len(body)
        if self._bytes > FRAGMENT_GENERATION_BYTES:
            self._old, self._new = self._new, {}
            self._bytes = 3 * len(body)
        self._new[body] = fragment
