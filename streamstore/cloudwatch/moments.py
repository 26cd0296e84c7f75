"""Moments: seconds since 1970, as the three protocols spell them.

CBOR has tag 1, JSON a number, the query protocol ISO 8601; each is read in every protocol.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any


class Moment(int):
    """Whole seconds since 1970, to be written as a time and not as a number."""

    @property
    def iso(self) -> str:
        """As 2026-11-24T15:18:00Z."""
        return datetime.fromtimestamp(int(self), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(given: Any) -> float:
    """Seconds since 1970 of a time as it came. ValueError for what is none."""
    if isinstance(given, str):
        try:
            return float(given)
        except ValueError:
            moment = datetime.fromisoformat(given)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise ValueError("no time")
    return float(given)
