"""Python's values as the service's, and back. The types are boto3's:

    str S    int, Decimal N    bool BOOL    None NULL    bytes, bytearray B    list, tuple L
    dict M   set, frozenset of one of str, numbers, bytes: SS, NS, BS

A float is refused as boto3 refuses it, since most decimals don't fit one. What comes back is str,
Decimal, bool, None, bytes, list, dict and set; boto3 wraps bytes in Binary, here they are plain.
Whether a value is legal (an empty set, a long number) the operation says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any

NativeItem = dict[str, Any]
Value = dict[str, Any]

# boto3's own bounds: what doesn't fit a number of the service raises one of decimal's exceptions.
NUMBER_CONTEXT = Context(
    Emin=-128, Emax=126, prec=38, traps=[Clamped, Overflow, Inexact, Rounded, Underflow]
)

_PLAIN_INT_MAX = 10**18  # below it an int needs no context to be known as fitting


def to_value(native: Any) -> Value:
    """A Python value as an attribute value. TypeError for what has no counterpart."""
    convert = _TO.get(type(native))
    if convert is None:
        # A subclass goes the way of its parent, IntEnum that of int.
        for kind, candidate in _TO.items():
            if isinstance(native, kind):
                convert = candidate
                break
        else:
            if isinstance(native, Mapping):
                convert = _map
            elif isinstance(native, float):
                raise TypeError("Float types are not supported. Use Decimal types instead.")
            elif hasattr(native, "value") and isinstance(native.value, bytes | bytearray):
                return {"B": bytes(native.value)}  # boto3's Binary
            else:
                raise TypeError(f'Unsupported type "{type(native)}" for value "{native}"')
    return convert(native)


def to_item(native: Mapping[str, Any]) -> dict[str, Value]:
    """A dict of Python values as an item."""
    return {name: to_value(value) for name, value in native.items()}


def _number(native: int | Decimal) -> str:
    if type(native) is int and -_PLAIN_INT_MAX < native < _PLAIN_INT_MAX:
        return str(native)
    text = str(NUMBER_CONTEXT.create_decimal(native))
    if text.lstrip("-") in ("Infinity", "NaN"):
        raise TypeError("Infinity and NaN not supported")
    return text


def _set(native: Any) -> Value:
    if all(isinstance(each, int | Decimal) and not isinstance(each, bool) for each in native):
        return {"NS": [_number(each) for each in native]}
    if all(isinstance(each, str) for each in native):
        return {"SS": list(native)}
    members = [each.value if hasattr(each, "value") else each for each in native]
    if all(isinstance(each, bytes | bytearray) for each in members):
        return {"BS": [bytes(each) for each in members]}
    raise TypeError(f'Unsupported type "{type(native)}" for value "{native}"')


def _map(native: Mapping[str, Any]) -> Value:
    return {"M": to_item(native)}


_TO: dict[type, Callable[[Any], Value]] = {
    str: lambda native: {"S": native},
    bool: lambda native: {"BOOL": native},
    int: lambda native: {"N": _number(native)},
    Decimal: lambda native: {"N": _number(native)},
    type(None): lambda native: {"NULL": True},
    bytes: lambda native: {"B": native},
    bytearray: lambda native: {"B": bytes(native)},
    dict: _map,
    list: lambda native: {"L": [to_value(each) for each in native]},
    tuple: lambda native: {"L": [to_value(each) for each in native]},
    set: _set,
    frozenset: _set,
}


def reading(
    number: Callable[[str], Any] = Decimal,
    binary: Callable[[Any], bytes] = lambda payload: payload,
) -> Callable[[Value], Any]:
    """What turns an attribute value into a Python value.

    `number` makes one of a number's text, `binary` makes bytes of what B holds.
    """

    def from_value(value: Value) -> Any:
        ((kind, payload),) = value.items()
        return known[kind](payload)

    known: dict[str, Callable[[Any], Any]] = {
        "S": lambda payload: payload,
        "N": number,
        "B": binary,
        "BOOL": lambda payload: payload,
        "NULL": lambda payload: None,
        "SS": set,
        "NS": lambda payload: {number(each) for each in payload},
        "BS": lambda payload: {binary(each) for each in payload},
        "L": lambda payload: [from_value(each) for each in payload],
        "M": lambda payload: {name: from_value(value) for name, value in payload.items()},
    }
    return from_value


from_value = reading()


def from_item(item: Mapping[str, Value]) -> NativeItem:
    """An item as a dict of Python values."""
    return {name: from_value(value) for name, value in item.items()}
