"""DescribeLimits: what an account may ask for."""

from __future__ import annotations

from typing import Any, Final

from ..plan import Ready, Scope

_ACCOUNT_UNITS_MAX: Final = 80_000
_TABLE_UNITS_MAX: Final = 40_000


def prepare(params: dict[str, Any], scope: Scope) -> Ready:
    """The service's default quotas, in capacity units a second. Nothing here enforces them."""
    return Ready(
        {
            "AccountMaxReadCapacityUnits": _ACCOUNT_UNITS_MAX,
            "AccountMaxWriteCapacityUnits": _ACCOUNT_UNITS_MAX,
            "TableMaxReadCapacityUnits": _TABLE_UNITS_MAX,
            "TableMaxWriteCapacityUnits": _TABLE_UNITS_MAX,
        }
    )
