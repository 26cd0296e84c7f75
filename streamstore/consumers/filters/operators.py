"""One condition on one value: every operator of the grammar, refusals in the service's words.

`condition({"operator": argument})` gives what judges a scalar, in time linear in its length
whatever the pattern. Strings compare by code points, numbers as IEEE doubles.

Must not know: where in a record a value was.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from ...errors import PatternInvalid
from . import letters
from .tree import Condition
from .wildcards import wildcard

_ANYTHING_BUT_VALUE: Final = "Value of anything-but must be an array or single string/number value."
_MIXED: Final = (
    "Inside anything but list, either all values are number or string, mixed type is not supported"
)
_ONE_KEY: Final = "Only one key allowed in match expression"
_TOO_MANY: Final = "Too many elements in numeric expression"
_NUMERIC_HINT: Final = "an item's numbers are strings in a record, which numeric never matches"
_EXISTS_HINT: Final = "exists looks at values only, not at objects"


def condition(expression: dict[str, Any]) -> Condition:
    """{"operator": argument} as a condition. Raises PatternInvalid."""
    operator, argument = _only(expression, "Match expression name not found")
    reader = _READERS.get(operator)
    if reader is None:
        _refuse(f"Unrecognized match type {operator}")
    return reader(argument)


def double(value: float) -> float:
    """A JSON number as an IEEE double; infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def is_number(value: object) -> bool:
    """Whether a JSON value is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def shown(value: object) -> str:
    """A scalar as JSON writes it."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _CONSTANTS.get(repr(value), repr(value))


_CONSTANTS: Final = {"None": "null", "True": "true", "False": "false"}


def _refuse(reason: str) -> NoReturn:
    raise PatternInvalid(reason)


def _only(expression: dict[str, Any], empty: str) -> tuple[str, Any]:
    if not expression:
        _refuse(empty)
    if len(expression) > 1:
        _refuse(_ONE_KEY)
    return next(iter(expression.items()))


def _strings(judge: Callable[[str], bool], wanted: str) -> Condition:
    return Condition(wanted, lambda value: type(value) is str and judge(value))


def _text(argument: Any, operator: str) -> str:
    if not isinstance(argument, str):
        _refuse(f"{operator} match pattern must be a string")
    return argument


def _exactly(argument: Any) -> Condition:
    text = _text(argument, "exact")
    return Condition(shown(text), literal=True, exact=text)


def _exists(argument: Any) -> Condition:
    if not isinstance(argument, bool):
        _refuse("exists match pattern must be either true or false.")
    if argument:
        return Condition("any value", lambda value: True, hint=_EXISTS_HINT)
    return Condition("no value", absent=True)


def _prefix(argument: Any) -> Condition:
    if isinstance(argument, dict):
        text = _ignoring_case(argument, "Prefix")
        return _strings(letters.starting(text), f"a string starting with {shown(text)} in any case")
    text = _text(argument, "prefix")
    return _strings(lambda value: value.startswith(text), f"a string starting with {shown(text)}")


def _suffix(argument: Any) -> Condition:
    if isinstance(argument, dict):
        text = _ignoring_case(argument, "Suffix")
        return _strings(letters.ending(text), f"a string ending with {shown(text)} in any case")
    text = _text(argument, "suffix")
    return _strings(lambda value: value.endswith(text), f"a string ending with {shown(text)}")


def _ignoring_case(argument: dict[str, Any], outer: str) -> str:
    operator, text = _only(argument, f"{outer} expression name not found")
    if operator != "equals-ignore-case":
        _refuse(f"Unsupported {outer.lower()} pattern: {operator}")
    return _text(text, operator)


def _equals_ignore_case(argument: Any) -> Condition:
    text = _text(argument, "equals-ignore-case")
    return _strings(letters.equal(text), f"{shown(text)} in any case")


def _wildcard(argument: Any) -> Condition:
    text = _text(argument, "wildcard")
    return _strings(wildcard(text), f"a string like {shown(text)}")


# Numbers.


def _numeric(argument: Any) -> Condition:
    if not isinstance(argument, list):
        _refuse("Value of numeric must be an array.")
    if not argument or not isinstance(argument[0], str):
        found = "]" if not argument else shown(argument[0])
        _refuse(f"Invalid member in numeric match: {found}")
    operator = argument[0]
    if operator not in _COMPARED:
        _refuse(f"Unrecognized numeric range operator: {operator}")
    first = _bound(argument, 0, "equals" if operator == "=" else operator)
    wanted = f"a number {operator} {shown(argument[1])}"
    compared = _COMPARED[operator]
    if len(argument) == 2:
        return Condition(
            wanted, lambda value: _is_double(value) and compared(value, first), hint=_NUMERIC_HINT
        )
    if operator not in (">", ">="):
        _refuse(_TOO_MANY)
    upper = argument[2]
    if not isinstance(upper, str):
        _refuse(f"Bad value in numeric range: {shown(upper)}")
    if upper not in ("<", "<="):
        _refuse(f"Bad numeric range operator: {upper}")
    last = _bound(argument, 2, upper)
    if len(argument) > 4:
        _refuse("Too many terms in numeric range expression")
    if not first < last:
        _refuse("Bottom must be less than top")
    below = _COMPARED[upper]
    return Condition(
        f"{wanted} and {upper} {shown(argument[3])}",
        lambda value: _is_double(value) and compared(value, first) and below(value, last),
        hint=_NUMERIC_HINT,
    )


def _bound(argument: list[Any], at: int, name: str) -> float:
    value: Any = argument[at + 1] if len(argument) > at + 1 else None
    if not is_number(value):
        _refuse(f"Value of {name} must be numeric")
    return double(value)


def _is_double(value: Any) -> bool:
    return type(value) is float or type(value) is int


_COMPARED: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": lambda value, bound: double(value) == bound,
    ">": lambda value, bound: double(value) > bound,
    ">=": lambda value, bound: double(value) >= bound,
    "<": lambda value, bound: double(value) < bound,
    "<=": lambda value, bound: double(value) <= bound,
}


# Addresses.

_V4: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")
_V6: Final = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")
_BITS: Final = re.compile(r"[+-]?[0-9]{1,9}")
_V4_BITS: Final = 32
_V6_BITS: Final = 128


def _address(text: str) -> tuple[int, int] | None:
    """The number of an address literal and how many bits it has; None if it is none.

    The parts of an IPv4 address are decimal, with leading zeros too.
    """
    found = _V4.fullmatch(text)
    if found is not None:
        number = 0
        for part in found.groups():
            byte = int(part)
            if byte > 255:
                return None
            number = number << 8 | byte
        return number, _V4_BITS
    if len(text) > _V6_BITS or not _V6.fullmatch(text):
        return None
    try:
        return int(ipaddress.IPv6Address(text)), _V6_BITS
    except ValueError:
        return None


def _cidr(argument: Any) -> Condition:
    # The service's own slip: it names another operator.
    text = _text(argument, "prefix")
    parts = text.rstrip("/").split("/")
    if len(parts) != 2:
        _refuse("Malformed CIDR, one '/' required")
    if not _BITS.fullmatch(parts[1]):
        _refuse("Malformed CIDR, mask bits must be an integer")
    mask_bits = int(parts[1])
    if mask_bits < 0:
        _refuse("Malformed CIDR, mask bits must not be negative")
    base = _address(parts[0])
    if base is None:
        _refuse(f"Nonstandard IP address: {parts[0]}")
    number, bits = base
    if mask_bits >= bits:
        _refuse(f"IPv{4 if bits == _V4_BITS else 6} mask bits must be < {bits}")
    shift = bits - mask_bits
    network = number >> shift

    def judge(value: str) -> bool:
        address = _address(value)
        return address is not None and address[1] == bits and address[0] >> shift == network

    return _strings(judge, f"an address in {text}")


# Anything but.


def _anything_but(argument: Any) -> Condition:
    if isinstance(argument, dict):
        operator, inner = _only(argument, "Anything-But expression name not found")
        if operator not in _NEGATED:
            _refuse(f"Unsupported anything-but pattern: {operator}")
        return _anything_but_all_of(operator, inner)
    if not isinstance(argument, list | str) and not is_number(argument):
        _refuse(_ANYTHING_BUT_VALUE)
    values = argument if isinstance(argument, list) else [argument]
    for value in values:
        if not isinstance(value, str) and not is_number(value):
            _refuse("Inside anything but list, start|null|boolean is not supported.")
    wanted = "anything but " + " or ".join(shown(value) for value in values)
    if values and all(isinstance(value, str) for value in values):
        strings = frozenset(values)
        return Condition(wanted, lambda value: type(value) is not str or value not in strings)
    if values and all(is_number(value) for value in values):
        numbers = frozenset(double(value) for value in values)
        return Condition(wanted, lambda v: not _is_double(v) or double(v) not in numbers)
    _refuse(_MIXED)


def _anything_but_all_of(operator: str, argument: Any) -> Condition:
    if not isinstance(argument, list | str) and not is_number(argument):
        _refuse(_ANYTHING_BUT_VALUE)
    values = argument if isinstance(argument, list) else [argument]
    if not values:
        _refuse("Empty arrays are not allowed")
    reader, not_a_string = _NEGATED[operator]
    refused: list[Condition] = []
    for value in values:
        if not isinstance(value, str):
            _refuse(not_a_string)
        if not value and operator in ("prefix", "suffix"):
            _refuse("Null prefix/suffix not allowed")
        refused.append(reader(value))
    judges = tuple(each.accepts for each in refused if each.accepts is not None)
    return Condition(
        "anything but " + " or ".join(each.wanted for each in refused),
        lambda value: not any(judge(value) for judge in judges),
    )


_PREFIX_OR_SUFFIX: Final = "prefix/suffix match pattern must be a string"

_NEGATED: Final[dict[str, tuple[Callable[[Any], Condition], str]]] = {
    "prefix": (_prefix, _PREFIX_OR_SUFFIX),
    "suffix": (_suffix, _PREFIX_OR_SUFFIX),
    "wildcard": (_wildcard, "wildcard match pattern must be a string"),
    "equals-ignore-case": (
        _equals_ignore_case,
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    ),
}

_READERS: Final[dict[str, Callable[[Any], Condition]]] = {
    "exactly": _exactly,
    "exists": _exists,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
