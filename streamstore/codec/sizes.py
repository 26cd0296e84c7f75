"""How many bytes a value or an item counts for (spec E.1 as refined by D.3), and capacity units
(spec E.2).

Canonical values only. `attributes` measures what callers send in the same pass that reads it;
this module measures what is already canonical: the result of an update, a projected index entry,
a change record. A test holds both equal.
"""

from __future__ import annotations

from typing import Any

from .. import limits
from .numbers import read

Value = dict[str, Any]
Item = dict[str, Value]


def item_size(item: Item) -> int:
    """Bytes of an item: UTF-8 of every name plus every value, without the 100 bytes that storage
    billing adds."""
    total = 0
    for name, value in item.items():
        total += len(name) if name.isascii() else len(name.encode())
        total += value_size(value)
    return total


def value_size(value: Value) -> int:
    """Bytes of one canonical value."""
    for kind, payload in value.items():
        if kind == "S":
            return len(payload) if payload.isascii() else len(payload.encode())
        if kind == "N":
            return read(payload)[1]
        if kind == "B":
            return len(payload)
        if kind == "M":
            return 3 + len(payload) + item_size(payload)
        if kind == "L":
            return 3 + len(payload) + sum(map(value_size, payload))
        if kind == "SS":
            return sum(len(member.encode()) for member in payload)
        if kind == "NS":
            return sum(read(member)[1] for member in payload)
        if kind == "BS":
            return sum(map(len, payload))
        return 1
    raise AssertionError("a canonical value has exactly one type key")


def write_units(size_bytes: int) -> int:
    """Write units of a write of that many bytes: one a KiB begun, at least one."""
    return -(-size_bytes // limits.WRITE_UNIT_BYTES) or 1


def read_units(size_bytes: int, consistent: bool) -> float:
    """Read units of a read of that many bytes: one for each 4 KiB begun, at least one, half if
    not consistent."""
    units = -(-size_bytes // limits.READ_UNIT_BYTES) or 1
    return float(units) if consistent else units / 2
