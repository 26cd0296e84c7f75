"""DeleteTable: the table is gone at once, its rows go in the background, its stream stays readable
for its time.
"""

from __future__ import annotations

from typing import Any

from ...engine.tables import tables
from ...engine.writes.group import Group
from ...errors import ValidationFailed
from ..plan import Reply, Scope, WritePlan
from .description import counts_in_group, describe
from .status import bare_name, changeable_table


def prepare(params: dict[str, Any], scope: Scope) -> WritePlan:
    """The plan of a checked request. Its reply shows DELETING; the next request finds no table."""
    name = params["TableName"]

    def apply(group: Group) -> Reply:
        table = changeable_table(group, scope, name)
        if table.deletion_protection:
            raise ValidationFailed(
                "Resource cannot be deleted as it is currently protected against deletion."
                " Disable deletion protection first."
            )
        counts = counts_in_group(group, table)
        tables.delete(group, table)
        return {"TableDescription": describe(table, "DELETING", counts, group.now_ms)}

    return WritePlan(apply, table=bare_name(name))
