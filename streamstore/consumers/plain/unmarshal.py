"""Records with Python values in place of attribute values, as dynamodb-streams-processor makes
them for JavaScript.

    for record in unmarshal(event):
        record["dynamodb"]["NewImage"]["total"]      # Decimal("12.50")

The types are those of `Table`: str, Decimal, bool, None, bytes, list, dict, set. Numbers are what
`numbers` makes of their text: Decimal, which is exact, `int_or_float`, or any function of a str.

Must not know: what a change means (difference).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, overload

from ...table.values import reading

Record = dict[str, Any]

IMAGES: Final = ("Keys", "NewImage", "OldImage")


@overload
def unmarshal(found: Sequence[Record], *, numbers: Callable[[str], Any] = ...) -> list[Record]: ...
@overload
def unmarshal(found: Record, *, numbers: Callable[[str], Any] = ...) -> Any: ...
def unmarshal(found: Record | Sequence[Record], *, numbers: Callable[[str], Any] = Decimal) -> Any:
    """A record, with its Keys, NewImage and OldImage as Python values; the rest as it was.

    Of an event ({"Records": […]}, or a list of records) the list of its records. The argument is
    left as it is. Raises ValueError for what is no attribute value.
    """
    read = reading(numbers, _binary)
    if isinstance(found, dict):
        if "Records" in found:
            return [_unmarshalled(record, read) for record in found["Records"]]
        return _unmarshalled(found, read)
    return [_unmarshalled(record, read) for record in found]


def int_or_float(text: str) -> int | float:
    """A number as an int if it is whole, else as the nearest float."""
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


def _unmarshalled(record: Record, read: Callable[[Any], Any]) -> Record:
    change = dict(record["dynamodb"])
    for image in IMAGES:
        if change.get(image) is not None:
            change[image] = {
                name: _value(value, read, f"{image}.{name}")
                for name, value in change[image].items()
            }
    return {**record, "dynamodb": change}


def _value(value: Any, read: Callable[[Any], Any], path: str) -> Any:
    try:
        return read(value)
    except (KeyError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"{path} holds no attribute value: {value!r:.80}") from error


def _binary(payload: Any) -> bytes:
    """Bytes out of base64 text, bytes, or boto3's Binary."""
    if isinstance(payload, str):
        try:
            return base64.b64decode(payload, validate=True)
        except binascii.Error as error:
            raise ValueError(f"{payload!r:.80} is not base64") from error
    return bytes(getattr(payload, "value", payload))
