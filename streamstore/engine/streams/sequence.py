"""Sequence numbers: one 64-bit counter a store on disk, a depth and twenty digits on the wire.

The counter moves in the transaction that uses it and is never derived from what survives, since
trimming removes the newest number too. At every open it becomes at least the microseconds since
1970, so that a restored backup can't give a number twice. On the wire a number is its shard's depth
followed by the counter in 20 digits: a child's numbers are then greater than its parent's as
integers, and lengths differ as the service's do. Numbers are compared as integers, never as texts.
What remains: a file copied back by hand together with a clock set back may repeat numbers.
"""

from __future__ import annotations

from typing import Final

from ...errors import ValidationFailed

COUNTER_DIGITS: Final = 20
COUNTER_MAX: Final = 2**63 - 1
SEQUENCE_CHARS_MIN: Final = COUNTER_DIGITS + 1
SEQUENCE_CHARS_MAX: Final = 40


def at_open(stored: int | None, now_ms: int) -> int:
    """The counter with which a store begins: what it had, or the microseconds since 1970 if
    those are more.
    """
    return max(stored or 0, now_ms * 1000)


def wire(depth: int, counter: int) -> str:
    """The number as callers see it: 21 digits or more."""
    return f"{depth}{counter:020d}"


def parse(text: str) -> tuple[int, int]:
    """(depth, counter) of a number off the wire. A counter beyond 64 bits becomes COUNTER_MAX.

    Raises ValidationFailed for what is not 21 to 40 decimal digits, and for a depth of 0.
    """
    if not (
        SEQUENCE_CHARS_MIN <= len(text) <= SEQUENCE_CHARS_MAX and text.isascii() and text.isdigit()
    ):
        raise ValidationFailed(f"Invalid SequenceNumber: {text}")
    depth = int(text[:-COUNTER_DIGITS])
    if depth == 0:
        raise ValidationFailed(f"Invalid SequenceNumber: {text}")
    return depth, min(int(text[-COUNTER_DIGITS:]), COUNTER_MAX)


def event_id(prefix: str, counter: int) -> str:
    """The eventID of a record: 32 lowercase hex digits, the store's prefix of 16 and the counter.

    It is the same whenever the record is read, and never another record's.
    """
    return f"{prefix}{counter:016x}"
