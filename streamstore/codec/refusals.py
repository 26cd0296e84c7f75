"""The slow twin of `attributes`: reads by the rules in full and finds the exact error.

It runs only where the fast pass gave up, so it is written for exactness, not speed. It owns the
texts of spec A.2 (wrong JSON types, raised at once as SerializationFailed, depth first in the
order given) and of spec D.1 (values that break a rule, of which the first is remembered). Faults
of the families of spec B.3 (empty and duplicate sets, NULL false) are marked as prefixed. Below
the deepest level allowed it does not look further, whatever is there.
"""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Callable, Mapping, Sequence, Set
from decimal import Decimal
from typing import Any, Final, TypeVar

from .. import limits
from ..errors import SerializationFailed, ValidationFailed
from . import numbers
from .sizes import Item, Value

Member = TypeVar("Member", str, bytes)

ATTRIBUTE_VALUE_CLASS: Final = "com.amazonaws.dynamodb.v20120810.AttributeValue"

UNEXPECTED_FIELD: Final = "Unexpected field type"
UNEXPECTED_VALUE: Final = "Unexpected value type in payload"
STRUCTURE: Final = "Start of structure or map found where not expected"
NOT_A_BOOLEAN: Final = "Unexpected token received from parser"
NOT_BASE64_TEXT: Final = "only base-64-encoded strings are convertible to bytes"
NOT_BYTES: Final = "only bytes, bytearray and memoryview are convertible to bytes"
BASE64_LENGTH: Final = "Base64 encoded length is expected a multiple of 4 bytes but found: {}"
BASE64_TAIL: Final = "Invalid last non-pad Base64 character dectected"
RESERVED_NAME: Final = "No assembly name on stack!"
NOT_UTF8: Final = "A string holds a lone surrogate, which UTF-8 has no bytes for"

_INVALID: Final = "One or more parameter values were invalid: "
EMPTY_VALUE: Final = (
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
)
SEVERAL_TYPES: Final = (
    "Supplied AttributeValue has more than one datatypes set, "
    "must contain exactly one of the supported datatypes"
)
NULL_FALSE: Final = _INVALID + "Null attribute value types must have the value of true"
NESTING: Final = (
    "Nesting Levels have exceeded supported limits: "
    "Attributes in the item have nested levels beyond supported limit"
)
EMPTY_SET: Final = {
    "SS": _INVALID + "An string set  may not be empty",
    "NS": _INVALID + "An number set  may not be empty",
    "BS": _INVALID + "Binary sets should not be empty",
}
NULL_IN_SET: Final = {
    "SS": _INVALID + "An string set may not have a null string as a member",
    "NS": _INVALID + "An number set may not have a null number as a member",
    "BS": _INVALID + "Binary sets may not contain null values",
}
EMPTY_NAME: Final = "Empty attribute name"
LONG_NAME: Final = "Attribute name is too large, must be less than 65536 bytes"

_TRUE_TEXTS: Final = frozenset({"true", "1", "yes"})
_FALSE_TEXTS: Final = frozenset({"false", "0", "no"})


def read_attributes(
    raw: object, base64_binary: bool, value_class: str
) -> tuple[Item, int, ValidationFailed | None, str | None]:
    """(values, size, first fault, top-level name it lies at) of a map of attribute values."""
    reader = _Reader(base64_binary)
    if not isinstance(raw, Mapping):
        raise SerializationFailed(_not_a_map(raw, value_class))
    values, size = reader.members(raw, limits.NESTING_LEVELS_MAX - 1, is_top=True)
    return values, size, reader.fault, reader.fault_at


def read_value(
    raw: object, base64_binary: bool, as_element: bool
) -> tuple[Value, int, ValidationFailed | None]:
    """(value, size, first fault) of one attribute value."""
    reader = _Reader(base64_binary)
    if not as_element and not isinstance(raw, Mapping | list):
        raise SerializationFailed(UNEXPECTED_FIELD)
    value, size = reader.value(raw, limits.NESTING_LEVELS_MAX - 1)
    return value, size, reader.fault


class _Reader:
    """One reading: remembers the first fault and the top-level name under which reading is."""

    __slots__ = ("_base64_binary", "_top_name", "fault", "fault_at")

    def __init__(self, base64_binary: bool) -> None:
        self._base64_binary = base64_binary
        self._top_name: str | None = None
        self.fault: ValidationFailed | None = None
        self.fault_at: str | None = None

    def members(
        self, raw: Mapping[Any, Any], levels: int, is_top: bool = False
    ) -> tuple[Item, int]:
        """The members of a map and the bytes of their names and values."""
        values: Item = {}
        total = 0
        for key, typed in raw.items():
            name = _text(key)
            if name == "__type":
                raise SerializationFailed(RESERVED_NAME)
            if typed is None:
                continue
            if is_top:
                self._top_name = name
            name_bytes = len(name.encode())
            if not name_bytes:
                self._note(EMPTY_NAME)
            elif name_bytes > limits.ATTRIBUTE_NAME_BYTES_MAX:
                self._note(LONG_NAME)
            values[name], size = self.value(typed, levels)
            total += name_bytes + size
        return values, total

    def value(self, typed: object, levels: int) -> tuple[Value, int]:
        """One attribute value; {"NULL": True} in place of one at fault."""
        if not isinstance(typed, Mapping):
            if isinstance(typed, list | tuple):
                raise SerializationFailed(_collection(ATTRIBUTE_VALUE_CLASS))
            raise SerializationFailed(UNEXPECTED_VALUE)
        found: list[tuple[Value, int]] = []
        for kind, payload in typed.items():
            read = _READERS.get(kind)
            if read is not None and payload is not None:
                found.append(read(self, payload, levels))
        if len(found) == 1:
            return found[0]
        return self._refuse(SEVERAL_TYPES if found else EMPTY_VALUE)

    def string(self, payload: object, levels: int) -> tuple[Value, int]:
        text = _text(payload)
        return {"S": text}, len(text.encode())

    def number(self, payload: object, levels: int) -> tuple[Value, int]:
        try:
            number, size = numbers.read(_text(payload))
        except ValidationFailed as fault:
            return self._refuse(fault.message)
        return {"N": number}, size

    def binary(self, payload: object, levels: int) -> tuple[Value, int]:
        data = self._bytes(payload)
        return {"B": data}, len(data)

    def boolean(self, payload: object, levels: int) -> tuple[Value, int]:
        return {"BOOL": _truth(payload)}, 1

    def null(self, payload: object, levels: int) -> tuple[Value, int]:
        if not _truth(payload):
            return self._refuse(NULL_FALSE, prefixed=True)
        return {"NULL": True}, 1

    def string_set(self, payload: object, levels: int) -> tuple[Value, int]:
        members = self._set_members("SS", payload, _text)
        if members is None:
            return {"NULL": True}, 1
        if len(set(members)) < len(members):
            text = f"{_INVALID}Input collection [{', '.join(members)}] contains duplicates."
            return self._refuse(text, prefixed=True)
        return {"SS": sorted(members)}, sum(len(member.encode()) for member in members)

    def number_set(self, payload: object, levels: int) -> tuple[Value, int]:
        members = self._set_members("NS", payload, _text)
        if members is None:
            return {"NULL": True}, 1
        try:
            pairs = [numbers.read(member) for member in members]
        except ValidationFailed as fault:
            return self._refuse(fault.message)
        distinct = {number for number, _ in pairs}
        if len(distinct) < len(pairs):
            return self._refuse("Input collection contains duplicates", prefixed=True)
        return {"NS": numbers.ascending(distinct)}, sum(size for _, size in pairs)

    def binary_set(self, payload: object, levels: int) -> tuple[Value, int]:
        members = self._set_members("BS", payload, self._bytes)
        if members is None:
            return {"NULL": True}, 1
        if len(set(members)) < len(members):
            shown = ", ".join(b64encode(member).decode() for member in members)
            text = f"{_INVALID}Input collection [{shown}]of type BS contains duplicates."
            return self._refuse(text, prefixed=True)
        return {"BS": sorted(members)}, sum(map(len, members))

    def nested_list(self, payload: object, levels: int) -> tuple[Value, int]:
        elements = self._elements(payload)
        if levels == 0:
            return self._refuse(NESTING)
        values: list[Value] = []
        total = 3 + len(elements)
        for typed in elements:
            if typed is None:
                value, size = self._refuse(EMPTY_VALUE)
            else:
                value, size = self.value(typed, levels - 1)
            values.append(value)
            total += size
        return {"L": values}, total

    def nested_map(self, payload: object, levels: int) -> tuple[Value, int]:
        if not isinstance(payload, Mapping):
            raise SerializationFailed(_not_a_map(payload, ATTRIBUTE_VALUE_CLASS))
        if levels == 0:
            return self._refuse(NESTING)
        values, size = self.members(payload, levels - 1)
        return {"M": values}, size + 3 + len(values)

    def _set_members(
        self, kind: str, payload: object, read: Callable[[object], Member]
    ) -> list[Member] | None:
        """The members of a set as given; None, with the fault noted, if there are none or one is
        null."""
        elements = self._elements(payload)
        members = [read(element) for element in elements if element is not None]
        if not elements:
            self._note(EMPTY_SET[kind], prefixed=True)
            return None
        if len(members) < len(elements):
            self._note(NULL_IN_SET[kind], prefixed=True)
            return None
        return members

    def _elements(self, payload: object) -> Sequence[Any]:
        if isinstance(payload, list):
            return payload
        if not self._base64_binary and isinstance(payload, tuple | Set):
            return tuple(payload)
        raise SerializationFailed(STRUCTURE if isinstance(payload, Mapping) else UNEXPECTED_FIELD)

    def _bytes(self, payload: object) -> bytes:
        _refuse_container(payload, "java.nio.ByteBuffer")
        if self._base64_binary:
            if not isinstance(payload, str):
                raise SerializationFailed(NOT_BASE64_TEXT)
            return _exact_base64(payload)
        if not isinstance(payload, bytes | bytearray | memoryview):
            raise SerializationFailed(NOT_BYTES)
        try:
            return bytes(payload)
        except ValueError as error:  # a memoryview that was released
            raise SerializationFailed(NOT_BYTES) from error

    def _refuse(self, text: str, prefixed: bool = False) -> tuple[Value, int]:
        self._note(text, prefixed)
        return {"NULL": True}, 1

    def _note(self, text: str, prefixed: bool = False) -> None:
        if self.fault is None:
            self.fault = ValidationFailed(text, prefixed=prefixed)
            self.fault_at = self._top_name


_READERS: Final[dict[object, Callable[[_Reader, object, int], tuple[Value, int]]]] = {
    "S": _Reader.string,
    "N": _Reader.number,
    "B": _Reader.binary,
    "BOOL": _Reader.boolean,
    "NULL": _Reader.null,
    "SS": _Reader.string_set,
    "NS": _Reader.number_set,
    "BS": _Reader.binary_set,
    "L": _Reader.nested_list,
    "M": _Reader.nested_map,
}


def _text(payload: object) -> str:
    """A string that UTF-8 can hold, as exactly a str."""
    if not isinstance(payload, str):
        _refuse_container(payload, "java.lang.String")
        raise SerializationFailed(f"{_scalar_kind(payload)} cannot be converted to String")
    text = str.__str__(payload)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise SerializationFailed(NOT_UTF8) from error
    return text


def _truth(payload: object) -> bool:
    """A boolean, or one of the texts that stand for it."""
    if isinstance(payload, bool):
        return payload
    _refuse_container(payload, "java.lang.Boolean")
    if not isinstance(payload, str):
        raise SerializationFailed(f"{_scalar_kind(payload)} cannot be converted to Boolean")
    word = payload.lower()
    if word in _TRUE_TEXTS:
        return True
    if word in _FALSE_TEXTS:
        return False
    raise SerializationFailed(NOT_A_BOOLEAN)


def _exact_base64(text: str) -> bytes:
    if len(text) % 4:
        raise SerializationFailed(BASE64_LENGTH.format(len(text)))
    try:
        data = a2b_base64(text)
    except ValueError as error:
        raise SerializationFailed(BASE64_TAIL) from error
    if b64encode(data).decode() != text:
        raise SerializationFailed(BASE64_TAIL)
    return data


def _refuse_container(payload: object, java_class: str) -> None:
    """Refuses an object or an array where a scalar of that Java class belongs."""
    if isinstance(payload, Mapping):
        raise SerializationFailed(STRUCTURE)
    if isinstance(payload, list | tuple | Set):
        raise SerializationFailed(_collection(java_class))


def _not_a_map(payload: object, value_class: str) -> str:
    if isinstance(payload, list | tuple):
        return f"Unrecognized collection type java.util.Map<java.lang.String, {value_class}>"
    return UNEXPECTED_FIELD


def _collection(java_class: str) -> str:
    return f"Unrecognized collection type class {java_class}"


def _scalar_kind(payload: object) -> str:
    """The service's name for a JSON scalar; the Python type's name for what JSON doesn't have."""
    if isinstance(payload, bool):
        return "TRUE_VALUE" if payload else "FALSE_VALUE"
    if isinstance(payload, int):
        return "NUMBER_VALUE"
    if isinstance(payload, float | Decimal):
        return "DECIMAL_VALUE"
    return type(payload).__name__
