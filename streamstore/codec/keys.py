"""Key values as blobs whose byte order is the order of the values.

A blob is one tag byte ("B", "N" or "S") and a payload:

    S   the UTF-8 bytes, which sort as the service sorts strings
    B   the bytes, which sort unsigned
    N   0x80 for zero; 0xC0, exponent, digits, 0x00 for positive numbers; 0x40 and the same
        complemented, ending in 0xFF, for negative ones. The exponent is that of the first digit
        plus 130, which is one byte over the whole range 1E-130 .. 9.99E125; digits go two to a
        byte (decimal 00..99 as 0x11..0xAA), so that 0x00 and 0xFF are free to end them.

Keys of several attributes join the blobs. All but the last are made self-delimiting: within S and
B a zero byte becomes 00 FF and 00 01 ends the payload; numbers end themselves anyway. The last
one stays bare, so a key of one attribute is exactly `encode` of it. `encode_prefix` closes every
part: it is what all joined keys that go on after these values start with.

These bytes are primary keys on disk and are hashed: they never change. Blobs are not limited in
length here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..errors import Corrupted
from .sizes import Value

_ZERO: Final = b"N\x80"
_EXPONENT_BIAS: Final = 130
_POSITIVE_HEADS: Final = tuple(b"N\xc0" + bytes((byte,)) for byte in range(256))
_NEGATIVE_HEADS: Final = tuple(b"N\x40" + bytes((255 - byte,)) for byte in range(256))

# `bytes.fromhex` reads two decimal digits as one byte 0x00..0x99; adding 0x11 keeps the order and
# frees 0x00 and 0xFF.
_SHIFT: Final = 0x11
_UP: Final = bytes((byte + _SHIFT) & 0xFF for byte in range(256))
_UP_COMPLEMENTED: Final = bytes(0xFF - ((byte + _SHIFT) & 0xFF) for byte in range(256))
_DOWN: Final = bytes((byte - _SHIFT) & 0xFF for byte in range(256))
_DOWN_COMPLEMENTED: Final = bytes((0xFF - byte - _SHIFT) & 0xFF for byte in range(256))

_ESCAPED_ZERO: Final = b"\x00\xff"
_END: Final = b"\x00\x01"


def encode(value: Value) -> bytes:
    """The blob of one canonical S, N or B value."""
    if "S" in value:
        text: str = value["S"]
        return b"S" + text.encode()
    if "N" in value:
        return _encode_number(value["N"])
    assert "B" in value, "only S, N and B values are keys"
    return b"B" + bytes(value["B"])


def encode_many(values: Sequence[Value]) -> bytes:
    """The blob of a key of several attributes; b"" for none. Order-preserving among keys of the
    same length."""
    if not values:
        return b""
    if len(values) == 1:
        return encode(values[0])
    return encode_prefix(values[:-1]) + encode(values[-1])


def encode_prefix(values: Sequence[Value]) -> bytes:
    """What the blob of every longer key that begins with these values begins with; b"" for none."""
    return b"".join([_delimited(encode(value)) for value in values])


def encode_begins_with(values: Sequence[Value], beginning: Value, is_last: bool) -> bytes:
    """What blobs start with whose first parts equal `values` and whose next S or B part starts
    with `beginning`.

    `is_last`: that part is the last of the key, where payloads stand bare.
    """
    blob = encode(beginning)
    assert blob[0] != _NUMBER, "numbers have no beginning"
    return encode_prefix(values) + (blob if is_last else blob.replace(b"\x00", _ESCAPED_ZERO))


def decode(blob: bytes) -> Value:
    """The canonical value of a blob made by `encode`. Raises Corrupted."""
    return decode_many(blob, 1)[0]


def decode_many(blob: bytes, count: int) -> list[Value]:
    """The canonical values of a blob made by `encode_many` of that many. Raises Corrupted."""
    values: list[Value] = []
    position = 0
    try:
        for remaining in range(count - 1, -1, -1):
            end = _end_of_part(blob, position) if remaining else len(blob)
            values.append(_decode_part(blob[position:end], bare=not remaining))
            position = end
    except (ValueError, IndexError) as error:
        raise Corrupted(f"key bytes {blob.hex()} can't be read ({error})") from error
    if position != len(blob):
        raise Corrupted(f"key bytes {blob.hex()} hold more than {count} values")
    return values


def prefix_end(blob: bytes) -> bytes | None:
    """The smallest blob above every blob that starts with this one; None if there is none."""
    stripped = blob.rstrip(b"\xff")
    if not stripped:
        return None
    return stripped[:-1] + bytes((stripped[-1] + 1,))


_NUMBER: Final = ord("N")


def _encode_number(text: str) -> bytes:
    if text == "0":
        return _ZERO
    negative = text[0] == "-"
    whole, _, fraction = (text[1:] if negative else text).partition(".")
    if not fraction:
        digits = whole.rstrip("0")
        biased = len(whole) + (_EXPONENT_BIAS - 1)
    elif whole == "0":
        digits = fraction.lstrip("0")
        biased = len(digits) - len(fraction) + (_EXPONENT_BIAS - 1)
    else:
        digits = whole + fraction
        biased = len(whole) + (_EXPONENT_BIAS - 1)
    packed = bytes.fromhex(digits + "0" if len(digits) & 1 else digits)
    if negative:
        return _NEGATIVE_HEADS[biased] + packed.translate(_UP_COMPLEMENTED) + b"\xff"
    return _POSITIVE_HEADS[biased] + packed.translate(_UP) + b"\x00"


def _delimited(blob: bytes) -> bytes:
    if blob[0] == _NUMBER:
        return blob
    return blob.replace(b"\x00", _ESCAPED_ZERO) + _END


def _end_of_part(blob: bytes, start: int) -> int:
    """Where the delimited part that starts there ends. Raises ValueError or IndexError if it does
    not."""
    if blob[start] == _NUMBER:
        sign = blob[start + 1]
        if sign == _ZERO[1]:
            return start + 2
        return blob.index(b"\x00" if sign > _ZERO[1] else b"\xff", start + 3) + 1
    return blob.index(_END, start + 1) + len(_END)


def _decode_part(part: bytes, *, bare: bool) -> Value:
    tag = part[0]
    if tag == _NUMBER:
        return {"N": _decode_number(part)}
    payload = part[1:]
    if not bare:
        payload = payload[: -len(_END)].replace(_ESCAPED_ZERO, b"\x00")
    if tag == ord("S"):
        return {"S": payload.decode()}
    if tag == ord("B"):
        return {"B": payload}
    raise ValueError(f"unknown tag {tag:#x}")


def _decode_number(part: bytes) -> str:
    sign = part[1]
    if sign == _ZERO[1]:
        return "0"
    negative = sign < _ZERO[1]
    exponent = (255 - part[2] if negative else part[2]) - _EXPONENT_BIAS
    table = _DOWN_COMPLEMENTED if negative else _DOWN
    digits = part[3:-1].translate(table).hex().rstrip("0")
    if not digits.isdigit():
        raise ValueError("not decimal digits")
    whole = exponent + 1
    if whole <= 0:
        plain = "0." + "0" * -whole + digits
    elif whole >= len(digits):
        plain = digits + "0" * (whole - len(digits))
    else:
        plain = digits[:whole] + "." + digits[whole:]
    return "-" + plain if negative else plain
