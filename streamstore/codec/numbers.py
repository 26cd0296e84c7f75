"""Decimal numbers as text: the normal form, exact arithmetic, order and size.

The normal form of spec D.2 is a plain decimal: no exponent, no plus sign, no leading or trailing
zeros, "0" for every zero. Two numbers are equal exactly when their normal forms are. Nothing here
makes a float. Numbers hold up to 38 significant digits and lie in 1E-130 .. 9.99..E+125; what
does not is refused with the texts of spec D.1, overflow and underflow before precision.

`read` takes any text a caller may send. All other functions take normal forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Final

from .. import limits
from ..errors import ValidationFailed

NOT_NUMERIC: Final = "The parameter cannot be converted to a numeric value"
OVERFLOW: Final = (
    "Number overflow. Attempting to store a number with magnitude larger than supported range"
)
UNDERFLOW: Final = (
    "Number underflow. Attempting to store a number with magnitude smaller than supported range"
)
TOO_PRECISE: Final = "Attempting to store more than 38 significant digits in a Number"

_DIGITS_MAX: Final = limits.NUMBER_DIGITS_MAX
_EXPONENT_MAX: Final = limits.NUMBER_EXPONENT_MAX
_EXPONENT_MIN: Final = limits.NUMBER_EXPONENT_MIN

# An exponent of more digits than this can't be brought back into range by any mantissa a request
# can hold.
_EXPONENT_CHARS_MAX: Final = 18

_GRAMMAR: Final = re.compile(
    r"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?)([0-9]+))?"
)

# A sum has its highest digit at most at 1E126 and its lowest at least at 1E-167: 300 digits hold
# it exactly.
_EXACT: Final = Context(prec=300)


def read(text: str) -> tuple[str, int]:
    """The normal form of a number's text and the bytes it counts for. Raises ValidationFailed."""
    if text.isdigit() and text[0] != "0" and text.isascii() and len(text) <= _DIGITS_MAX:
        return text, 1 + ((len(text.rstrip("0")) + 1) >> 1)
    return _read_plain(text)


def normalise(text: str) -> str:
    """The normal form of a number's text. Raises ValidationFailed with a text of spec D.1."""
    return read(text)[0]


def size(text: str) -> int:
    """Bytes a number counts for: 1, one more for two digits on either side of the point, 1 if
    negative (spec D.3)."""
    return read(text)[1]


def add(left: str, right: str) -> str:
    """The exact sum in normal form. Raises ValidationFailed when it is out of range or has over
    38 digits."""
    if len(left) <= _DIGITS_MAX >= len(right) and "." not in left and "." not in right:
        total = str(int(left) + int(right))
        return total if len(total) <= _DIGITS_MAX else normalise(total)
    return normalise(format(_EXACT.add(Decimal(left), Decimal(right)), "f"))


def subtract(left: str, right: str) -> str:
    """The exact difference in normal form. Raises ValidationFailed as `add` does."""
    return add(left, right[1:] if right[0] == "-" else "-" + right)


def compare(left: str, right: str) -> int:
    """-1, 0 or 1 as left is less than, equal to or greater than right, at full precision."""
    if left == right:
        return 0
    if "." in left or "." in right:
        return -1 if Decimal(left) < Decimal(right) else 1
    return -1 if int(left) < int(right) else 1


def ascending(numbers: Iterable[str]) -> list[str]:
    """Normal forms in numeric order."""
    given = list(numbers)
    return sorted(given, key=Decimal if "." in "".join(given) else int)


def _read_plain(text: str) -> tuple[str, int]:
    """Texts that are in normal form already, without regular expressions; all others go on to
    `_read_any`."""
    whole, point, fraction = text.partition(".")
    negative = whole[:1] == "-"
    digits = whole[1:] if negative else whole
    if digits.isdigit() and text.isascii() and len(text) <= _DIGITS_MAX:
        if point:
            if fraction.isdigit() and fraction[-1] != "0":
                halves = (len(fraction) + 1) >> 1
                if digits[0] != "0":
                    return text, 1 + ((len(digits) + 1) >> 1) + halves + negative
                if digits == "0":
                    return text, 1 + ((len(fraction.lstrip("0")) + 1) >> 1) + negative
        elif digits[0] != "0":
            return text, 1 + ((len(digits.rstrip("0")) + 1) >> 1) + negative
        elif text == "0":
            return text, 1
    return _read_any(text)


def _read_any(text: str) -> tuple[str, int]:
    negative, digits, exponent = _significant(text)
    if not digits:
        return "0", 1
    count = len(digits)
    whole = min(count, max(0, count + exponent))
    cost = 1 + ((whole + 1) >> 1) + ((count - whole + 1) >> 1) + negative
    if exponent >= 0:
        plain = digits + "0" * exponent
    elif whole:
        plain = digits[:whole] + "." + digits[whole:]
    else:
        plain = "0." + "0" * (-count - exponent) + digits
    return ("-" + plain if negative else plain), cost


def _significant(text: str) -> tuple[bool, str, int]:
    """Sign, significant digits ("" for zero) and the power of ten of the last of them; or the
    refusal."""
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise ValidationFailed(f"{NOT_NUMERIC}: {text}" if text else NOT_NUMERIC)
    sign, whole, fraction, bare_fraction, exponent_sign, exponent_text = match.groups()
    fraction = fraction or bare_fraction or ""
    unpadded = ((whole or "") + fraction).lstrip("0")
    digits = unpadded.rstrip("0")
    if not digits:
        return False, "", 0
    power = (exponent_text or "").lstrip("0")
    exponent = int(power or "0") if len(power) <= _EXPONENT_CHARS_MAX else 10**_EXPONENT_CHARS_MAX
    if exponent_sign == "-":
        exponent = -exponent
    exponent += len(unpadded) - len(digits) - len(fraction)
    adjusted = exponent + len(digits) - 1
    if adjusted > _EXPONENT_MAX:
        raise ValidationFailed(OVERFLOW)
    if adjusted < _EXPONENT_MIN:
        raise ValidationFailed(UNDERFLOW)
    if len(digits) > _DIGITS_MAX:
        raise ValidationFailed(TOO_PRECISE)
    return sign == "-", digits, exponent
