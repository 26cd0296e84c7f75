"""CBOR as smithy's rpc-v2-cbor needs it (RFC 8949): no more types than its requests can hold.

Reading takes definite and indefinite lengths, all widths of numbers, and tag 1 (seconds since 1970)
as a plain number; other tags are read over. Writing is definite, with floats in eight bytes.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from .moments import Moment

_DEPTH_MAX: Final = 32
_BREAK: Final = object()
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}
_FLOATS: Final = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}
_INDEFINITE: Final = -1


def loads(data: bytes) -> Any:
    """The one value in `data`. ValueError for anything else."""
    reader = _Reader(data)
    value = reader.value(0)
    if value is _BREAK or reader.at != len(data):
        raise ValueError("not one CBOR value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def _take(self, size: int) -> bytes:
        start = self.at
        if size > len(self._data) - start:
            raise ValueError("CBOR that ends too early")
        self.at = start + size
        return self._data[start : self.at]

    def _argument(self, low: int) -> int:
        if low < 24:
            return low
        if low <= 27:
            return int.from_bytes(self._take(1 << (low - 24)), "big")
        if low == 31:
            return _INDEFINITE
        raise ValueError("CBOR with a reserved length")

    def value(self, depth: int) -> Any:
        if depth > _DEPTH_MAX:
            raise ValueError("CBOR nested too deeply")
        first = self._take(1)[0]
        major, low = first >> 5, first & 31
        if major == 7:
            return self._simple(low)
        size = self._argument(low)
        if size == _INDEFINITE and major in (0, 1, 6):
            raise ValueError("CBOR number or tag without a length")
        if major == 0:
            return size
        if major == 1:
            return -1 - size
        if major in (2, 3):
            raw = self._take(size) if size >= 0 else self._chunks(major)
            return raw if major == 2 else raw.decode()
        if major == 4:
            return list(self._elements(size, depth))
        if major == 5:
            return self._map(size, depth)
        return self.value(depth + 1)  # a tag: what it says of the value is known by the member

    def _simple(self, low: int) -> Any:
        if low in _SIMPLE:
            return _SIMPLE[low]
        if low == 31:
            return _BREAK
        if low not in _FLOATS:
            raise ValueError("CBOR with a simple value of no use")
        layout, size = _FLOATS[low]
        return struct.unpack(layout, self._take(size))[0]

    def _chunks(self, major: int) -> bytes:
        parts: list[bytes] = []
        while True:
            first = self._take(1)[0]
            if first == 0xFF:
                return b"".join(parts)
            size = self._argument(first & 31)
            if first >> 5 != major or size < 0:
                raise ValueError("CBOR with a piece of another kind")
            parts.append(self._take(size))

    def _elements(self, size: int, depth: int) -> list[Any]:
        found: list[Any] = []
        while len(found) != size:
            value = self.value(depth + 1)
            if value is _BREAK:
                if size >= 0:
                    raise ValueError("CBOR with a stray break")
                return found
            found.append(value)
        return found

    def _map(self, size: int, depth: int) -> dict[str, Any]:
        flat = self._elements(size if size < 0 else 2 * size, depth)
        if len(flat) % 2 or not all(isinstance(key, str) for key in flat[::2]):
            raise ValueError("CBOR map without texts as keys")
        return dict(zip(flat[::2], flat[1::2], strict=True))


def dumps(value: Any) -> bytes:
    """The CBOR of texts, numbers, moments, booleans, None, lists and dicts by text."""
    out = bytearray()
    _write(value, out)
    return bytes(out)


def _write(value: Any, out: bytearray) -> None:
    if value is None:
        out.append(0xF6)
    elif isinstance(value, bool):
        out.append(0xF5 if value else 0xF4)
    elif isinstance(value, Moment):
        out.append(0xC1)
        _head(0, int(value), out)
    elif isinstance(value, int):
        _head(0 if value >= 0 else 1, value if value >= 0 else -1 - value, out)
    elif isinstance(value, float):
        out += b"\xfb" + struct.pack(">d", value)
    elif isinstance(value, str):
        raw = value.encode()
        _head(3, len(raw), out)
        out += raw
    elif isinstance(value, list):
        _head(4, len(value), out)
        for each in value:
            _write(each, out)
    else:
        assert isinstance(value, dict), f"no reply holds {type(value)}"
        _head(5, len(value), out)
        for key, each in value.items():
            _write(key, out)
            _write(each, out)


def _head(major: int, argument: int, out: bytearray) -> None:
    if argument < 24:
        out.append(major << 5 | argument)
        return
    width = next(width for width in range(4) if argument < 1 << (8 << width))
    out.append(major << 5 | 24 + width)
    out += argument.to_bytes(1 << width, "big")
