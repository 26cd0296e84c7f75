"""DescribeContinuousBackups and UpdateContinuousBackups: what infrastructure tools ask of a table.

The service keeps continuous backups of every table and can restore a moment of it where
point-in-time recovery was enabled. Nothing of the kind is kept here, so the answer is that of a
table on which it never was, and enabling it is refused: nobody shall rely on it.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from ...engine.model import TableInfo
from ...errors import ResourceNotFound, ValidationFailed
from ..plan import Ready, Scope
from .status import bare_name

_NEVER_ENABLED: Final = {
    "ContinuousBackupsStatus": "ENABLED",
    "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
}


def prepare_describe(params: dict[str, Any], scope: Scope) -> Ready:
    """The state of a table's backups; ResourceNotFound when there is no such table."""
    return _state(_table(params, scope))


def prepare_update(params: dict[str, Any], scope: Scope) -> Ready:
    """The same state: what is disabled may be disabled again. ValidationFailed for enabling."""
    wanted = params["PointInTimeRecoverySpecification"]
    table = _table(params, scope)
    if wanted["PointInTimeRecoveryEnabled"]:
        raise ValidationFailed(
            "PointInTimeRecoveryEnabled can't be true: point-in-time recovery is not kept by"
            f" streamstore, so table {table.name} could not be restored by it. Copy the store"
            " with `streamstore backup` instead."
        )
    if "RecoveryPeriodInDays" in wanted:
        raise ValidationFailed(
            "RecoveryPeriodInDays can only be specified when PointInTimeRecoveryEnabled is true"
        )
    return _state(table)


def _table(params: dict[str, Any], scope: Scope) -> TableInfo:
    name = params["TableName"]
    table = scope.engine.catalog.find(name, scope.region, scope.account)
    if table is None:
        raise ResourceNotFound("backed-up-table", bare_name(name))
    return table


def _state(table: TableInfo) -> Ready:
    return Ready({"ContinuousBackupsDescription": copy.deepcopy(_NEVER_ENABLED)}, table.name)
