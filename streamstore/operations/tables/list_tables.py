"""ListTables: names in ascending order, a page at a time."""

from __future__ import annotations

from typing import Any

from ... import limits
from ..plan import Ready, Reply, Scope


def prepare(params: dict[str, Any], scope: Scope) -> Ready:
    """The page after ExclusiveStartTableName, which need not exist. LastEvaluatedTableName only
    where more follow.
    """
    limit = params.get("Limit", limits.LIST_TABLES_MAX)
    after = params.get("ExclusiveStartTableName")
    names = scope.engine.catalog.names(after, limit + 1, scope.region, scope.account)
    reply: Reply = {"TableNames": names[:limit]}
    if len(names) > limit:
        reply["LastEvaluatedTableName"] = names[limit - 1]
    return Ready(reply)
