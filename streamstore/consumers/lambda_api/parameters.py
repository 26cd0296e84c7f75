"""What a request says of a mapping, checked in the service's order and with its texts (spec B.2,
B.4).

Declared bounds come first (shapes). Then: the source's kind, parameters of other sources, the
function, the stream, the starting position, and what is left of single parameters, filters last.
Whether the pair of stream and function has a mapping already is seen under the lock, by `mappings`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Parameters
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...errors import LambdaFault, MappingInvalid, PatternInvalid
from ..destinations.naming import check_destination
from ..mapping import UNBOUNDED, Mapping
from . import shapes
from .naming import Named, read_name

if TYPE_CHECKING:
    from ...engine.catalog import Catalog
    from ..functions import Functions

FILTERS_MAX: Final = 5
_AGE_SECONDS_MIN: Final = 60
_UNSUPPORTED: Final = "Unsupported {} parameter for given event source mapping type."
_STREAM: Final = re.compile(r"arn:aws[a-zA-Z0-9-]*:dynamodb:[^:]*:[^:]*:table/[^/]+/stream/.+")
_TAG_KEY_CHARS_MAX: Final = 128
_TAG_VALUE_CHARS_MAX: Final = 256


def invalid(message: str) -> LambdaFault:
    """The service's usual refusal of a parameter."""
    return LambdaFault("InvalidParameterValueException", message)


def read_create(request: Any, functions: Functions, catalog: Catalog, *, files: bool) -> Mapping:
    """The mapping that a CreateEventSourceMapping asks for, without uuid and id. LambdaFault."""
    found = shapes.read(request, shapes.CREATE, shapes.CREATE_REQUIRED, files=files)
    source = found.get("EventSourceArn")
    if source is None:
        raise invalid("Unrecognized event source.")
    if _STREAM.fullmatch(source) is None:
        raise invalid(
            f"Unrecognized event source, must be dynamodb stream. Unsupported source arn : {source}"
        )
    _refuse_other_sources(request, found)
    named = existing_function(found["FunctionName"], functions)
    stream = catalog.stream_by_arn(source)
    if stream is None:
        raise invalid(f"Stream not found: {source}")
    position = found.get("StartingPosition")
    if position is None:
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null."
        )
    if position == "AT_TIMESTAMP":
        raise invalid(f"Unsupported starting position for arn type: {source}")
    if "StartingPositionTimestamp" in found:
        raise invalid(_UNSUPPORTED.format("StartingPositionTimestamp"))
    return Mapping(
        mapping_id=0,
        uuid="",
        stream_arn=stream.arn,
        function_name=named.name,
        qualifier=named.qualifier,
        starting_position=position,
        state="Enabled" if found.get("Enabled", True) else "Disabled",
        tags=_tags(found.get("Tags", {})),
        **_changes(found),
    )


def read_update(request: Any, functions: Functions, *, files: bool) -> dict[str, Any]:
    """The fields of a Mapping that an UpdateEventSourceMapping changes, `state` as "Enabled" or
    "Disabled" among them if it does. LambdaFault.
    """
    found = shapes.read(request, shapes.UPDATE, files=files)
    _refuse_other_sources(request, found)
    changes: dict[str, Any] = {}
    if "FunctionName" in found:
        named = existing_function(found["FunctionName"], functions)
        changes |= {"function_name": named.name, "qualifier": named.qualifier}
    if "Enabled" in found:
        changes["state"] = "Enabled" if found["Enabled"] else "Disabled"
    return {**changes, **_changes(found)}


def existing_function(text: str, functions: Functions) -> Named:
    """The parts of a registered function's name. LambdaFault where there is none."""
    named = read_name(text)
    if functions.get(named.name, named.qualifier) is None:
        raise invalid("Function does not exist")
    return named


def _refuse_other_sources(request: Parameters[str, Any], found: dict[str, Any]) -> None:
    if "OnSuccess" in found.get("DestinationConfig", {}):
        raise invalid(_UNSUPPORTED.format("DestinationConfig"))
    for name in shapes.OTHER_SOURCES:
        if request.get(name):
            raise invalid(_UNSUPPORTED.format(name))
    for metric in found.get("MetricsConfig", {}).get("Metrics", ()):
        if metric != "EventCount":
            raise invalid(_UNSUPPORTED.format("MetricsConfig"))


# Members whose value is a Mapping's field as it stands.
_PLAIN: Final = {
    "BatchSize": "batch_size",
    "MaximumBatchingWindowInSeconds": "window_seconds",
    "ParallelizationFactor": "parallelization_factor",
    "BisectBatchOnFunctionError": "bisect",
    "MaximumRetryAttempts": "retry_attempts_max",
    "MaximumRecordAgeInSeconds": "record_age_seconds_max",
    "TumblingWindowInSeconds": "tumbling_window_seconds",
    "KMSKeyArn": "kms_key",
}


def _changes(found: dict[str, Any]) -> dict[str, Any]:
    """The fields that members given set; a member that is there but empty takes its value away."""
    changes = {field: found[name] for name, field in _PLAIN.items() if name in found}
    age = changes.get("record_age_seconds_max", UNBOUNDED)
    if age != UNBOUNDED and age < _AGE_SECONDS_MIN:
        raise invalid("MaximumRecordAgeInSeconds must be -1 or lie between 60 and 604800 seconds.")
    if "MetricsConfig" in found:
        changes["event_count_metrics"] = bool(found["MetricsConfig"].get("Metrics"))
    if "FunctionResponseTypes" in found:
        changes["report_item_failures"] = bool(found["FunctionResponseTypes"])
    if "DestinationConfig" in found:
        destination = found["DestinationConfig"].get("OnFailure", {}).get("Destination", "")
        try:
            check_destination(destination)
        except MappingInvalid as refusal:
            raise invalid(str(refusal)) from refusal
        changes["destination"] = destination
    if "FilterCriteria" in found:
        changes["filters"] = _filters(found["FilterCriteria"].get("Filters", ()))
    return changes


def _filters(filters: Any) -> tuple[str, ...]:
    if len(filters) > FILTERS_MAX:
        raise invalid(f"FilterCriteria may have at most {FILTERS_MAX} filters.")
    if not filters:
        return ()
    from ..filters import compile_pattern  # a server without filters never needs the compiler

    patterns = tuple(each.get("Pattern", "") for each in filters)
    for pattern in patterns:
        try:
            compile_pattern(pattern)
        except PatternInvalid as refusal:
            raise invalid("Invalid filter pattern definition.") from refusal
    return patterns


def _tags(tags: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Tags as pairs, ascending by key; a value that is null is empty."""
    check_tags(tags)
    return tuple(sorted((key, value or "") for key, value in tags.items()))


def check_tags(tags: dict[str, Any]) -> None:
    """Refuse tags beyond the service's bounds."""
    if len(tags) > limits.TAGS_MAX:
        raise invalid(f"The number of tags exceeds the limit of {limits.TAGS_MAX}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= _TAG_KEY_CHARS_MAX or len(value or "") > _TAG_VALUE_CHARS_MAX:
            raise invalid(
                f"A tag's key has 1 to {_TAG_KEY_CHARS_MAX} characters and its value at most "
                f"{_TAG_VALUE_CHARS_MAX}."
            )
        if key.lower().startswith("aws:"):
            raise invalid("aws: prefixed tag key names are not allowed for external use.")
