"""Attribute values as sent -> canonical values, their size and the first fault, in one pass.

Every request that carries values comes through here, so this is the hottest code of the product.
The fast pass below knows only the ordinary case: one known type a value, no nulls, nothing at
fault. At the first thing it does not expect it gives up, and `refusals` reads the whole again
from the start, by the rules in full: it alone words errors and knows the rare spellings (null
members, unknown members beside a valid type, booleans as text). A test holds the two equal
wherever the fast pass answers at all.

Two kinds of error come out (spec B.1). A wrong JSON type (spec A.2) is raised at once as
SerializationFailed. A value that breaks a rule of spec D is only remembered in `Reading.fault`,
since checks of other parameters go before it.

What is read is never shared with the result, except strings and bytes: callers may go on using
what they passed. Nesting is bounded by the rule itself (31 levels in a value), so hostile input
never reaches Python's recursion limit.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Any, Final

from .. import limits
from ..errors import ValidationFailed
from . import refusals
from .numbers import ascending, read
from .refusals import ATTRIBUTE_VALUE_CLASS
from .sizes import Item as Item
from .sizes import Value as Value

_LEVELS_MAX: Final = limits.NESTING_LEVELS_MAX - 1
_NAME_BYTES_MAX: Final = limits.ATTRIBUTE_NAME_BYTES_MAX


class Reading:
    """A map of attribute values as read.

    `values`: the canonical item, with every name that was present, in the order given; a value at
    fault is replaced by {"NULL": True}. `size`: bytes by spec E.1 over names and values;
    meaningless when there is a fault. `fault`: the first fault of spec D in the order given, or
    None; `fault_at`: the top-level name it lies at or below.
    """

    __slots__ = ("fault", "fault_at", "size", "values")

    def __init__(
        self,
        values: Item,
        size: int,
        fault: ValidationFailed | None = None,
        fault_at: str | None = None,
    ) -> None:
        self.values = values
        self.size = size
        self.fault = fault
        self.fault_at = fault_at

    def __repr__(self) -> str:
        return f"Reading({self.values!r}, {self.size}, {self.fault!r}, {self.fault_at!r})"


class ValueReading:
    """One attribute value as read: `value` (canonical), `size` in bytes, `fault` as in Reading."""

    __slots__ = ("fault", "size", "value")

    def __init__(self, value: Value, size: int, fault: ValidationFailed | None = None) -> None:
        self.value = value
        self.size = size
        self.fault = fault

    def __repr__(self) -> str:
        return f"ValueReading({self.value!r}, {self.size}, {self.fault!r})"


def read_attributes(
    raw: object, *, base64_binary: bool, value_class: str = ATTRIBUTE_VALUE_CLASS
) -> Reading:
    """Reads a map from names to attribute values (an Item, a Key, ExpressionAttributeValues).

    `base64_binary`: binary values are base64 text (off the wire), else bytes, bytearray or
    memoryview (embedded callers, who may also give tuples and sets for lists). `value_class` is
    the Java class in the text that refuses an array in place of the map. Raises
    SerializationFailed (spec A.2); faults of spec D are left in the Reading.
    """
    if type(raw) is dict:
        try:
            values, size = _read_map(raw, _LEVELS_MAX, base64_binary)
            return Reading(values, size)
        except _GIVE_UP:
            pass
    return Reading(*refusals.read_attributes(raw, base64_binary, value_class))


def read_value(raw: object, *, base64_binary: bool, as_element: bool = False) -> ValueReading:
    """Reads one attribute value: a member of its own, or (`as_element`) an element of a list of
    values.

    The two differ only in the text that refuses a scalar. Raises and remembers as
    `read_attributes` does.
    """
    if type(raw) is dict:
        try:
            (kind,) = raw
            value, size = _READERS[kind](raw[kind], _LEVELS_MAX, base64_binary)
            return ValueReading(value, size)
        except _GIVE_UP:
            pass
    return ValueReading(*refusals.read_value(raw, base64_binary, as_element))


class _UnexpectedError(Exception):
    """The fast pass met something it does not know. Never leaves this module."""


# AttributeError, TypeError and LookupError are how a value of the wrong shape shows;
# UnicodeEncodeError and binascii.Error are ValueErrors.
_GIVE_UP: Final = (
    _UnexpectedError,
    ValidationFailed,
    ValueError,
    AttributeError,
    TypeError,
    LookupError,
)


def _read_map(raw: dict[str, Any], levels: int, base64_binary: bool) -> tuple[Item, int]:
    """The members of a map and the bytes of their names and values; `levels` may nest in them.

    The commonest types are read in line, here and in `_read_list`: a call costs as much as the
    reading.
    """
    if "__type" in raw:
        raise _UnexpectedError
    values: Item = {}
    total = 0
    for name, typed in raw.items():
        if type(name) is not str:
            raise _UnexpectedError
        size = len(name) if name.isascii() else len(name.encode())
        if not 0 < size <= _NAME_BYTES_MAX:
            raise _UnexpectedError
        (kind,) = typed
        payload = typed[kind]
        if kind == "S":
            if type(payload) is not str:
                raise _UnexpectedError
            total += size + (len(payload) if payload.isascii() else len(payload.encode()))
            values[name] = {"S": payload}
        elif kind == "N":
            number, cost = read(payload)
            total += size + cost
            values[name] = {"N": number}
        elif kind == "M":
            if type(payload) is not dict or not levels:
                raise _UnexpectedError
            inner, cost = _read_map(payload, levels - 1, base64_binary)
            total += size + cost + 3 + len(payload)
            values[name] = {"M": inner}
        else:
            values[name], cost = _READERS[kind](payload, levels, base64_binary)
            total += size + cost
    return values, total


def _read_list(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    if type(payload) is not list or not levels:
        raise _UnexpectedError
    total = 3 + len(payload)
    values: list[Value] = []
    for typed in payload:
        (kind,) = typed
        member = typed[kind]
        if kind == "S":
            if type(member) is not str:
                raise _UnexpectedError
            total += len(member) if member.isascii() else len(member.encode())
            values.append({"S": member})
        elif kind == "M":
            if type(member) is not dict or levels == 1:
                raise _UnexpectedError
            inner, cost = _read_map(member, levels - 2, base64_binary)
            total += cost + 3 + len(member)
            values.append({"M": inner})
        else:
            value, cost = _READERS[kind](member, levels - 1, base64_binary)
            total += cost
            values.append(value)
    return {"L": values}, total


def _read_nested_map(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    if type(payload) is not dict or levels == 0:
        raise _UnexpectedError
    values, size = _read_map(payload, levels - 1, base64_binary)
    return {"M": values}, size + 3 + len(payload)


def _read_string(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    if type(payload) is not str:
        raise _UnexpectedError
    return {"S": payload}, len(payload) if payload.isascii() else len(payload.encode())


def _read_number(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    number, size = read(payload)
    return {"N": number}, size


def _read_binary(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    data = _bytes_of(payload, base64_binary)
    return {"B": data}, len(data)


def _read_boolean(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    if payload is not True and payload is not False:
        raise _UnexpectedError
    return {"BOOL": payload}, 1


def _read_null(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    if payload is not True:
        raise _UnexpectedError
    return {"NULL": True}, 1


def _read_string_set(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    if set(map(type, _members(payload))) != _ONLY_STR:
        raise _UnexpectedError
    together = "".join(payload)
    size = len(together) if together.isascii() else len(together.encode())
    # Strings compare by code points, which is the order of their UTF-8 bytes.
    return {"SS": _distinct(sorted(payload))}, size


def _read_number_set(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    pairs = [read(member) for member in _members(payload)]
    numbers = _distinct(ascending([number for number, _ in pairs]))
    return {"NS": numbers}, sum([size for _, size in pairs])


def _read_binary_set(payload: Any, levels: int, base64_binary: bool) -> tuple[Value, int]:
    data = sorted(_bytes_of(member, base64_binary) for member in _members(payload))
    return {"BS": _distinct(data)}, sum(map(len, data))


_ONLY_STR: Final = {str}
_READERS: Final = {
    "S": _read_string,
    "N": _read_number,
    "B": _read_binary,
    "BOOL": _read_boolean,
    "NULL": _read_null,
    "SS": _read_string_set,
    "NS": _read_number_set,
    "BS": _read_binary_set,
    "L": _read_list,
    "M": _read_nested_map,
}


def _members(payload: Any) -> list[Any]:
    if type(payload) is not list or not payload:
        raise _UnexpectedError
    return payload


def _distinct(members: list[Any]) -> list[Any]:
    if len(set(members)) != len(members):
        raise _UnexpectedError
    return members


def _bytes_of(payload: Any, base64_binary: bool) -> bytes:
    kind = type(payload)
    if base64_binary:
        if kind is not str:
            raise _UnexpectedError
        return decode_base64(payload)
    if kind is bytes:
        return payload  # type: ignore[no-any-return]  # mypy doesn't narrow by `kind is bytes`
    if kind is bytearray or kind is memoryview:
        return bytes(payload)
    raise _UnexpectedError


def decode_base64(text: str) -> bytes:
    """The bytes of base64 text in its only exact spelling.

    ValueError for any other: stray bits, blanks, padding missing or too much. Python's own strict
    mode takes stray bits and "AAAA=", so the bytes are spelt again and compared.
    """
    data = a2b_base64(text)
    if b2a_base64(data, newline=False) != text.encode():
        raise ValueError("not the exact base64 spelling of any bytes")
    return data
