"""A plan made real in a store: its tables and streams, its mappings, and what it says of
asynchronous invocations.

What is there already is kept: a table of the same key keeps its items, a mapping of the same stream
and function keeps its checkpoint and takes the template's parameters. What can't be made so is told
by its name in the template.

Must not know: how functions run; they are registered before mappings are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import LambdaFault, PatternInvalid, ResourceNotFound, StoreError, TemplateInvalid
from ...operations.faults import fault_of
from ..asynchronous.configs import EventConfig
from ..filters import compile_pattern
from ..functions import LATEST, Functions
from ..lambda_api.events import read_changes
from .plan import MappingWanted, Plan, TableWanted, settled

if TYPE_CHECKING:
    from ...store import Store
    from ..mappings import Mappings


def make_tables(store: Store, plan: Plan) -> list[str]:
    """Make the tables that are not there, and their streams. Returns notices. TemplateInvalid."""
    problems: list[str] = []
    notices: list[str] = []
    for table in plan.tables:
        try:
            notices += _make_table(store, table)
        except StoreError as error:
            problems.append(f"{table.name}: {fault_of(error).message or error}")
    if problems:
        raise TemplateInvalid(problems)
    return notices


def stream_arn(store: Store, table: str) -> str:
    """The ARN of a table's enabled stream. Raises ResourceNotFound."""
    stream = store.engine.catalog.table(table).stream
    if stream is None:
        raise ResourceNotFound("stream", table)
    return stream.arn


def make_mappings(store: Store, mappings: Mappings, plan: Plan) -> list[dict[str, Any]]:
    """Make or change the mappings; their descriptions. TemplateInvalid with all that are wrong."""
    problems: list[str] = []
    made = []
    for wanted in plan.mappings:
        params = settled(wanted.params, lambda table: stream_arn(store, table))
        found = _bad_patterns(wanted)
        problems += found
        if found:
            continue
        on_failure = params.get("DestinationConfig", {}).get("OnFailure", {})
        _make_folder_of(on_failure.get("Destination", ""))
        try:
            made.append(_make_mapping(mappings, wanted.function, params))
        except LambdaFault as fault:
            problems.append(f"{wanted.label}: {fault}")
    if problems:
        raise TemplateInvalid(problems)
    return made


def say_events(functions: Functions, plan: Plan) -> None:
    """Say of the functions' asynchronous invocations what the plan does. TemplateInvalid."""
    problems: list[str] = []
    for wanted in plan.events:
        try:
            config = EventConfig(**read_changes(wanted.members, files=True))
        except LambdaFault as fault:
            problems.append(f"{wanted.label}: {fault}")
            continue
        for destination in (config.on_success, config.on_failure):
            _make_folder_of(destination)
        functions.event_configs.put(wanted.function, wanted.qualifier or LATEST, config)
    if problems:
        raise TemplateInvalid(problems)


def _make_table(store: Store, wanted: TableWanted) -> list[str]:
    try:
        found = store.call("DescribeTable", {"TableName": wanted.name})["Table"]
    except ResourceNotFound:
        store.call("CreateTable", wanted.request)
        found, notices = wanted.request, []
    else:
        notices = _differences(store, wanted, found)
    if wanted.expires_by:
        _expire(store, wanted)
    return notices


def _differences(store: Store, wanted: TableWanted, found: dict[str, Any]) -> list[str]:
    """Give a table that is there its stream; tell what else is otherwise."""
    notices = []
    if found["KeySchema"] != wanted.request.get("KeySchema"):
        notices.append(f"the table {wanted.name} is there already, with another key; it is kept")
    view = found.get("StreamSpecification", {}).get("StreamViewType", "")
    if wanted.view_type and not view:
        spec = wanted.request["StreamSpecification"]
        store.call("UpdateTable", {"TableName": wanted.name, "StreamSpecification": spec})
    elif view != wanted.view_type:
        notices.append(
            f"the stream of {wanted.name} is there already, with {view}; it is kept as it is"
        )
    return notices


def _expire(store: Store, wanted: TableWanted) -> None:
    asked = {"TableName": wanted.name}
    found = store.call("DescribeTimeToLive", asked)["TimeToLiveDescription"]
    if found.get("AttributeName") != wanted.expires_by:
        spec = {"AttributeName": wanted.expires_by, "Enabled": True}
        store.call("UpdateTimeToLive", {**asked, "TimeToLiveSpecification": spec})


def _make_mapping(mappings: Mappings, function: str, params: dict[str, Any]) -> dict[str, Any]:
    asked = {"EventSourceArn": params["EventSourceArn"], "FunctionName": function}
    there = mappings.list(asked)["EventSourceMappings"]
    if not there:
        return mappings.create({**params, "FunctionName": function})
    kept = ("EventSourceArn", "StartingPosition")
    changes = {name: value for name, value in params.items() if name not in kept}
    # What the template no longer names goes back to its default.
    changes = {**_DEFAULTS, **changes}
    return mappings.update(there[0]["UUID"], changes)


_DEFAULTS: dict[str, Any] = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "MaximumRecordAgeInSeconds": -1,
    "TumblingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "DestinationConfig": {"OnFailure": {}},
    "FilterCriteria": {},
    "Enabled": True,
}


def _bad_patterns(wanted: MappingWanted) -> list[str]:
    """The reasons that the Lambda API would hide."""
    problems = []
    criteria = wanted.params.get("FilterCriteria")
    filters = criteria.get("Filters") if isinstance(criteria, dict) else None
    for number, found in enumerate(filters if isinstance(filters, list) else (), 1):
        pattern = found.get("Pattern") if isinstance(found, dict) else None
        if not isinstance(pattern, str):
            problems.append(f"{wanted.label}: filter {number} needs a Pattern, a JSON text")
            continue
        try:
            compile_pattern(pattern)
        except PatternInvalid as invalid:
            problems.append(f"{wanted.label}: filter {number}: {invalid.reason}")
    return problems


def _make_folder_of(destination: str) -> None:
    """Make the folder that a file of failures or results will be in."""
    from ..destinations.naming import read_destination

    if destination.startswith("file:"):
        from pathlib import Path

        Path(read_destination(destination).name).parent.mkdir(mode=0o700, exist_ok=True)
