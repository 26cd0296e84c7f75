"""DescribeTimeToLive: the status of a table's time to live, and the attribute unless it is disabled
(streams page F.3).
"""

from __future__ import annotations

from typing import Any

from ..plan import Ready, Reply, Scope
from ..tables.status import described_table, transition_ms, ttl_status


def prepare(params: dict[str, Any], scope: Scope) -> Ready:
    """The reply, from the catalogue. ResourceNotFound when there is no such table."""
    table = described_table(scope, params["TableName"])
    engine = scope.engine
    status = ttl_status(table.ttl, engine.clock.now_ms(), transition_ms(engine))
    description: Reply = {"TimeToLiveStatus": status}
    if table.ttl is not None and status != "DISABLED":
        description["AttributeName"] = table.ttl.attribute
    return Ready({"TimeToLiveDescription": description})
