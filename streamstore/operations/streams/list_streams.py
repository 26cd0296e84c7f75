"""ListStreams: streams by table name and label, dead ones within their time included (streams page
A.5).

The order is stable: what is made or removed between two pages neither hides nor repeats others.
"""

from __future__ import annotations

from typing import Any

from ... import limits
from ..plan import Ready, Reply, Scope
from .arns import check_form


def prepare(params: dict[str, Any], scope: Scope) -> Ready:
    """The page after ExclusiveStartStreamArn, which need not exist any more. An unknown table has
    no streams.
    """
    if scope.engine.pacing is not None:
        scope.engine.pacing.call("ListStreams")
    limit = params.get("Limit", limits.LIST_STREAMS_MAX)
    after = params.get("ExclusiveStartStreamArn")
    if after is not None:
        check_form(after)
    page = scope.engine.catalog.streams_page(
        params.get("TableName"), after, limit + 1, scope.region, scope.account
    )
    reply: Reply = {
        "Streams": [
            {
                "StreamArn": stream.arn,
                "TableName": stream.table_name,
                "StreamLabel": stream.label,
            }
            for stream in page[:limit]
        ]
    }
    if len(page) > limit:
        reply["LastEvaluatedStreamArn"] = page[limit - 1].arn
    return Ready(reply)
