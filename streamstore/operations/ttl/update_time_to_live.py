"""UpdateTimeToLive: by which attribute the items of a table expire, or that they don't (streams
page F.3).

The service takes up to an hour to apply a change and refuses another one meanwhile. Here a change
is applied at once, so that refusal lasts as long as the setting `transition_seconds` prolongs the
status; its text is the service's as programs quote it, from memory and not from a capture.
"""

from __future__ import annotations

from typing import Any, Final

from ...engine.model import TableInfo
from ...engine.tables import ttl
from ...engine.writes.group import Group
from ...errors import ValidationFailed
from ..plan import Reply, Scope, WritePlan
from ..tables.status import changeable_table, transition_ms, ttl_status

_TOO_SOON: Final = "Time to live has been modified multiple times within a fixed interval"


def prepare(params: dict[str, Any], scope: Scope) -> WritePlan:
    """The plan of a checked request. Its reply is the specification as it was given."""
    name = params["TableName"]
    wanted = params["TimeToLiveSpecification"]

    def apply(group: Group) -> Reply:
        table = changeable_table(group, scope, name)
        _refuse(table, wanted, group)
        if wanted["Enabled"]:
            ttl.enable(group, table, wanted["AttributeName"])
        else:
            ttl.disable(group, table)
        return {"TimeToLiveSpecification": wanted}

    return WritePlan(apply)


def _refuse(table: TableInfo, wanted: dict[str, Any], group: Group) -> None:
    """ValidationFailed for a change to what is so already, and for one that comes too soon."""
    current = table.ttl
    if current is not None and current.enabled:
        if wanted["AttributeName"] != current.attribute:
            raise ValidationFailed(
                "TimeToLive is active on a different AttributeName: current AttributeName is"
                f" {current.attribute}"
            )
        if wanted["Enabled"]:
            raise ValidationFailed("TimeToLive is already enabled")
    elif not wanted["Enabled"]:
        raise ValidationFailed("TimeToLive is already disabled")
    status = ttl_status(current, group.now_ms, transition_ms(group.engine))
    if status in ("ENABLING", "DISABLING"):
        raise ValidationFailed(_TOO_SOON)
