"""DescribeTable: the table as it is committed, with exact counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..plan import ReadPlan, Reply, Scope
from .description import counts_in_snapshot, describe
from .status import described_table, table_status, transition_ms

if TYPE_CHECKING:
    from ...storage.transaction import ReadTransaction


def prepare(params: dict[str, Any], scope: Scope) -> ReadPlan:
    """The plan of a checked request; ResourceNotFound when there is no such table."""
    table = described_table(scope, params["TableName"])

    def read(rx: ReadTransaction) -> Reply:
        now_ms = scope.engine.clock.now_ms()
        status = table_status(table, now_ms, transition_ms(scope.engine))
        return {"Table": describe(table, status, counts_in_snapshot(rx, table), now_ms)}

    return ReadPlan(read, table=table.name)
