"""Stream, encryption, class, ceilings and tags of CreateTable and UpdateTable: checked, and kept as
facts.

A fact is a setting that is stored and shown but changes nothing here (spec C.4): TableInfo.facts
holds them under the names below, as msgpack keeps them. What we neither do nor can honestly echo is
refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ... import limits
from ...engine.model import TableInfo
from ...engine.streams.change import ViewType
from ...errors import LimitExceeded, ValidationFailed

Request = dict[str, Any]

# Names in TableInfo.facts.
TABLE_CLASS: Final = (
    "table_class"  # {"TableClass", "ms"}: `ms` is when it was last changed, None at first
)
ENCRYPTION: Final = "encryption"  # an SSEDescription
CEILINGS: Final = "on_demand_throughput"  # an OnDemandThroughput
WARM: Final = "warm_throughput"  # {"ReadUnitsPerSecond", "WriteUnitsPerSecond"} as asked for
TAGS: Final = "tags"  # {key: value}
ON_DEMAND_MS: Final = "on_demand_ms"  # when the table last became PAY_PER_REQUEST
SWITCHED: Final = "switched"  # True once the billing mode was changed, or PAY_PER_REQUEST
INCREASED_MS: Final = "increased_ms"
DECREASED_MS: Final = "decreased_ms"
DECREASES: Final = "decreases"  # decreases on the UTC day of DECREASED_MS

_DAY_MS: Final = 86_400_000
_PARAMETERS: Final = "One or more parameter values were invalid: "
_NOT_SERVED: Final = (
    "GlobalTableSourceArn", "GlobalTableSettingsReplicationMode", "GlobalTableWitnessUpdates",
    "MultiRegionConsistency", "ReplicaUpdates", "ResourcePolicy", "VectorIndexes",
    "VectorIndexUpdates",
)  # fmt: skip


def refuse_unserved(params: Request) -> None:
    """ValidationFailed for a member that asks for something this store does not do."""
    for name in _NOT_SERVED:
        if params.get(name):
            raise ValidationFailed(f"{name} is not supported by streamstore")


def created_view_type(params: Request) -> ViewType | None:
    """The view type of the stream that a CreateTable request asks for, or None (streams page
    A.4).
    """
    wanted = params.get("StreamSpecification")
    if wanted is None:
        return None
    view_type: ViewType | None = wanted.get("StreamViewType")
    if wanted["StreamEnabled"] and view_type is None:
        raise ValidationFailed(
            _PARAMETERS + "Table is being created with a stream enabled, UpdateViewType is required"
        )
    if not wanted["StreamEnabled"] and view_type is not None:
        raise ValidationFailed(
            _PARAMETERS + "Table is being created with a stream disabled, UpdateViewType should not"
            " be specified"
        )
    return view_type


def stream_changes(table: TableInfo, params: Request) -> dict[str, Any]:
    """What an UpdateTable request does to the stream, as the engine's `update` takes it."""
    wanted = params.get("StreamSpecification")
    if wanted is None:
        return {}
    view_type: str | None = wanted.get("StreamViewType")
    if not wanted["StreamEnabled"]:
        if view_type is not None:
            raise ValidationFailed(
                _PARAMETERS
                + "If stream is being disabled, then UpdateViewType must not be specified"
            )
        if table.stream is None:
            raise ValidationFailed(f"Table has no stream to disable: TableName: {table.name}")
        return {"disable_stream": True}
    if view_type is None:
        raise ValidationFailed(
            _PARAMETERS + "If stream is being enabled then UpdateViewType is required"
        )
    if table.stream is not None:
        raise ValidationFailed(f"Table already has an enabled stream: TableName: {table.name}")
    return {"view_type": view_type}


def created_facts(params: Request, region: str, account: str) -> dict[str, Any]:
    """The facts of a new table."""
    facts: dict[str, Any] = {}
    if params.get("TableClass"):
        facts[TABLE_CLASS] = {"TableClass": params["TableClass"], "ms": None}
    _keep_encryption(facts, params, region, account)
    _keep_throughput(facts, params)
    tags = params.get("Tags")
    if tags:
        facts[TAGS] = tags_with({}, tags)
    return facts


def updated_facts(table: TableInfo, params: Request, now_ms: int) -> dict[str, Any]:
    """What an UpdateTable request changes in the facts, as the engine merges it: None removes
    one.
    """
    facts = dict(table.facts)
    if params.get("TableClass"):
        facts[TABLE_CLASS] = {"TableClass": params["TableClass"], "ms": now_ms}
    _keep_encryption(facts, params, table.region, table.account)
    _keep_throughput(facts, params)
    return {**dict.fromkeys(table.facts), **facts}


def decreases_today(facts: Mapping[str, Any], now_ms: int) -> int:
    """How often the table's units went down on the current UTC day."""
    decreased_ms: int | None = facts.get(DECREASED_MS)
    if decreased_ms is None or decreased_ms // _DAY_MS != now_ms // _DAY_MS:
        return 0
    count: int = facts[DECREASES]
    return count


def count_decrease(facts: dict[str, Any], now_ms: int) -> None:
    """Note that the table's units went down now."""
    facts[DECREASES] = decreases_today(facts, now_ms) + 1
    facts[DECREASED_MS] = now_ms


def _keep_throughput(facts: dict[str, Any], params: Request) -> None:
    ceilings = {**facts.get(CEILINGS, {}), **params.get("OnDemandThroughput", {})}
    facts.pop(CEILINGS, None)
    kept = {name: units for name, units in ceilings.items() if units != -1}
    if kept:
        facts[CEILINGS] = kept
    if params.get("WarmThroughput"):
        facts[WARM] = {**facts.get(WARM, {}), **params["WarmThroughput"]}


def _keep_encryption(facts: dict[str, Any], params: Request, region: str, account: str) -> None:
    wanted = params.get("SSESpecification")
    if wanted is None:
        return
    facts.pop(ENCRYPTION, None)
    if not wanted.get("Enabled"):
        return
    key = wanted.get("KMSMasterKeyId") or "alias/aws/dynamodb"
    if not key.startswith("arn:"):
        resource = key if "/" in key else f"key/{key}"
        key = f"arn:aws:kms:{region}:{account}:{resource}"
    facts[ENCRYPTION] = {
        "Status": "ENABLED", "SSEType": wanted.get("SSEType", "KMS"), "KMSMasterKeyArn": key,
    }  # fmt: skip


def tags_with(tags: dict[str, str], added: list[Request]) -> dict[str, str]:
    """Tags with others added or replaced; LimitExceeded past the limit of a table."""
    after = {**tags, **{tag["Key"]: tag["Value"] for tag in added}}
    if len(after) > limits.TAGS_MAX:
        raise LimitExceeded(
            f"Subscriber limit exceeded: a resource can have at most {limits.TAGS_MAX} tags",
            limits.TAGS_MAX,
        )
    return after
