"""DescribeEndpoints: where a client that discovers endpoints shall send its next requests.

Clients go where this says. Only a door knows an address of its own that its caller has just
reached, so it comes with the scope; an embedded store has none, and there the operation is unknown.
"""

from __future__ import annotations

from typing import Any, Final

from ...errors import UnknownOperation
from ..plan import Ready, Scope

# What the service tells: a day.
_CACHE_MINUTES: Final = 1440


def prepare(params: dict[str, Any], scope: Scope) -> Ready:
    """The address by which the caller came, host[:port]. UnknownOperation where there is none."""
    if not scope.address:
        raise UnknownOperation("DescribeEndpoints")
    return Ready(
        {"Endpoints": [{"Address": scope.address, "CachePeriodInMinutes": _CACHE_MINUTES}]}
    )
