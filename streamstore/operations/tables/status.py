"""What state a table or stream is in, as a function of when it last changed and of the time.

Nothing is stored: CreateTable, UpdateTable and DeleteTable show CREATING, UPDATING and DELETING in
their own replies, and the next request sees the final state. The setting `transition_seconds`
prolongs the first two, and ENABLING and DISABLING of a stream and of time to live, for programs
that want to be tested against waiting. A deleted table is gone at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal

from ...engine.model import StreamInfo, TableInfo, TimeToLive
from ...errors import ResourceInUse, ResourceNotFound

if TYPE_CHECKING:
    from ...engine.engine import Engine
    from ...engine.writes.group import Group
    from ..plan import Scope

TableStatus = Literal["CREATING", "UPDATING", "DELETING", "ACTIVE"]
StreamStatus = Literal["ENABLING", "ENABLED", "DISABLING", "DISABLED"]
TtlStatus = Literal["ENABLING", "ENABLED", "DISABLING", "DISABLED"]

_IN_USE: Final = {"CREATING": "created-table", "UPDATING": "updated-table"}


def only_table(tables: Iterable[TableInfo]) -> str:
    """The name of the one table that a request is about, "" where it is about several."""
    names = {table.name for table in tables}
    return names.pop() if len(names) == 1 else ""


def transition_ms(engine: Engine) -> int:
    """How long a transition is shown, in milliseconds; 0 normally."""
    return round(engine.settings.transition_seconds * 1000)


def table_status(table: TableInfo, now_ms: int, transition: int) -> TableStatus:
    """The status at `now_ms` of a table that exists; `transition` in milliseconds."""
    if transition <= 0 or now_ms >= table.updated_ms + transition:
        return "ACTIVE"
    return "CREATING" if now_ms < table.created_ms + transition else "UPDATING"


def stream_status(stream: StreamInfo, now_ms: int, transition: int) -> StreamStatus:
    """The status at `now_ms` of a stream; `transition` in milliseconds."""
    if stream.disabled_ms is not None:
        return "DISABLING" if now_ms < stream.disabled_ms + transition else "DISABLED"
    return "ENABLING" if now_ms < stream.created_ms + transition else "ENABLED"


def ttl_status(ttl: TimeToLive | None, now_ms: int, transition: int) -> TtlStatus:
    """The status at `now_ms` of a table's time to live; `transition` in milliseconds."""
    if ttl is None:
        return "DISABLED"
    changing = now_ms < ttl.changed_ms + transition
    if ttl.enabled:
        return "ENABLING" if changing else "ENABLED"
    return "DISABLING" if changing else "DISABLED"


def data_plane_table(scope: Scope, name: str) -> TableInfo:
    """The table of that name or ARN for reading and writing items.

    ResourceNotFound("table", name) when there is none, or when it is still being created.
    """
    engine = scope.engine
    table = engine.catalog.table(name, scope.region, scope.account)
    if engine.settings.transition_seconds:
        status = table_status(table, engine.clock.now_ms(), transition_ms(engine))
        if status == "CREATING":
            raise ResourceNotFound("table", name)
    return table


def described_table(scope: Scope, name: str) -> TableInfo:
    """The table of that name or ARN for the control plane; ResourceNotFound("described-table",
    name).
    """
    table = scope.engine.catalog.find(name, scope.region, scope.account)
    if table is None:
        raise ResourceNotFound("described-table", bare_name(name))
    return table


def live_table(group: Group, scope: Scope, name: str) -> TableInfo:
    """The table of that name or ARN as this group has left it;
    ResourceNotFound("described-table").
    """
    table = group.find_table(name, scope.region, scope.account)
    if table is None:
        raise ResourceNotFound("described-table", bare_name(name))
    return table


def changeable_table(group: Group, scope: Scope, name: str) -> TableInfo:
    """`live_table` for UpdateTable and DeleteTable: ResourceInUse while it is being created or
    updated.
    """
    table = live_table(group, scope, name)
    status = table_status(table, group.now_ms, transition_ms(group.engine))
    if status != "ACTIVE":
        raise ResourceInUse(_IN_USE[status], table.name)
    return table


def bare_name(name_or_arn: str) -> str:
    """The table's name out of a name or a table ARN."""
    return name_or_arn.rpartition("/")[2] if name_or_arn.startswith("arn:") else name_or_arn
