"""Members of the requests about event source mappings: their JSON types and declared bounds.

A small table by hand of what the service's model says of them (botocore's; a test compares the
two), and the one function that holds a request against it. Wrong types are refused first, then
every broken bound in one message, as the service's front does before it looks at anything else.
Members that the model doesn't have are passed over; null means absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ... import limits
from ...errors import LambdaFault
from ...operations.shapes import texts

ARN: Final = (
    r"arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?"
    r":(\d{12})?:(.*)"
)
FUNCTION_NAME: Final = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?"
    r"(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
DESTINATION: Final = r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|" + ARN
KMS_KEY: Final = r"(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()"
QUALIFIER: Final = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
POSITIONS: Final = ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON")
FILE_SCHEME: Final = "file:"

_BOUNDED = ("string", "list", "map")


class Shape(NamedTuple):
    """A member's shape. `low` and `high` bound a number's value or another value's length."""

    kind: str
    low: int | None = None
    high: int | None = None
    pattern: str = ""
    enum: tuple[str, ...] = ()
    members: dict[str, Shape] | None = None  # of a structure; None takes any
    element: Shape | None = None  # of a list or map


BOOLEAN: Final = Shape("boolean")
_ON: Final = Shape(
    "structure", members={"Destination": Shape("string", 0, 350, pattern=DESTINATION)}
)
_METRIC: Final = Shape("string", enum=("EventCount", "ErrorCount", "KafkaMetrics"))
_RESPONSE: Final = Shape("string", enum=("ReportBatchItemFailures",))
_FILTER: Final = Shape("structure", members={"Pattern": Shape("string", 0, 4096)})

FUNCTION: Final = Shape("string", 1, 256, pattern=FUNCTION_NAME)

# What a mapping of a DynamoDB stream may have, in the model's order.
CHANGEABLE: Final = {
    "FunctionName": FUNCTION,
    "Enabled": BOOLEAN,
    "BatchSize": Shape("integer", 1, 10_000),
    "FilterCriteria": Shape("structure", members={"Filters": Shape("list", element=_FILTER)}),
    "KMSKeyArn": Shape("string", 0, 10_000, pattern=KMS_KEY),
    "MetricsConfig": Shape("structure", members={"Metrics": Shape("list", 0, 3, element=_METRIC)}),
    "MaximumBatchingWindowInSeconds": Shape("integer", 0, 300),
    "ParallelizationFactor": Shape("integer", 1, 10),
    "StartingPosition": Shape("string", enum=POSITIONS),
    "StartingPositionTimestamp": Shape("timestamp"),
    "DestinationConfig": Shape("structure", members={"OnSuccess": _ON, "OnFailure": _ON}),
    "MaximumRecordAgeInSeconds": Shape("integer", -1, 604_800),
    "BisectBatchOnFunctionError": BOOLEAN,
    "MaximumRetryAttempts": Shape("integer", -1, 10_000),
    "Tags": Shape("map", element=Shape("string")),
    "TumblingWindowInSeconds": Shape("integer", 0, 900),
    "FunctionResponseTypes": Shape("list", 0, 1, element=_RESPONSE),
}
CREATE: Final = {"EventSourceArn": Shape("string", 0, 10_000, pattern=ARN), **CHANGEABLE}
CREATE_REQUIRED: Final = ("FunctionName",)
_CREATED_ONCE: Final = ("StartingPosition", "StartingPositionTimestamp", "Tags")
UPDATE: Final = {n: shape for n, shape in CHANGEABLE.items() if n not in _CREATED_ONCE}
LIST: Final = {
    "EventSourceArn": CREATE["EventSourceArn"],
    "FunctionName": FUNCTION,
    "Marker": Shape("string"),
    "MaxItems": Shape("integer", 1, 10_000),
}
UUID: Final = {"UUID": Shape("string", 36, 36)}

# What may be said of a function's asynchronous invocations.
EVENT_CONFIG: Final = {
    "MaximumRetryAttempts": Shape("integer", 0, limits.EVENT_RETRIES_MAX),
    "MaximumEventAgeInSeconds": Shape(
        "integer", limits.EVENT_AGE_SECONDS_MIN, limits.EVENT_AGE_SECONDS_MAX
    ),
    "DestinationConfig": CHANGEABLE["DestinationConfig"],
}
EVENT_CONFIGS: Final = {
    "FunctionName": FUNCTION,
    "Marker": Shape("string"),
    "MaxItems": Shape("integer", 1, limits.EVENT_CONFIGS_LISTED_MAX),
}
NAMED: Final = {
    "FunctionName": FUNCTION,
    "Qualifier": Shape("string", 1, 128, pattern=QUALIFIER),
}

# What mappings of other sources have. Given for a stream of DynamoDB they are refused by name.
OTHER_SOURCES: Final = (
    "ScalingConfig",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "SelfManagedEventSource",
    "AmazonManagedKafkaEventSourceConfig",
    "SelfManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "ProvisionedPollerConfig",
    "LoggingConfig",
)


def read(
    request: Any, members: dict[str, Shape], required: tuple[str, ...] = (), *, files: bool = False
) -> dict[str, Any]:
    """The members that are known and not null, each of its type and within its bounds.

    `files` lets a destination be a file of this machine, which no request from afar may name.
    Raises LambdaFault: SerializationException for a type, else ValidationException with every
    violation.
    """
    if not isinstance(request, dict):
        raise LambdaFault("SerializationException", texts.UNEXPECTED_FIELD)
    found = {
        name: converted
        for name, shape in members.items()
        if (converted := _convert(shape, request.get(name))) is not None
    }
    violations = [
        texts.violation(f"Value null at '{texts.lower_first(name)}'", texts.NOT_NULL)
        for name in required
        if name not in found
    ]
    for name, value in found.items():
        violations += _violations(members[name], value, texts.lower_first(name), files)
    if violations:
        raise LambdaFault("ValidationException", texts.envelope(violations))
    return found


def _convert(shape: Shape, value: Any) -> Any:
    """The value with members that are null or unknown left out; None stays None."""
    if value is None:
        return None
    kind = shape.kind
    if kind == "structure":
        if not isinstance(value, dict):
            raise LambdaFault("SerializationException", texts.UNEXPECTED_FIELD)
        if shape.members is None:
            return value
        return {
            name: converted
            for name, member in shape.members.items()
            if (converted := _convert(member, value.get(name))) is not None
        }
    element = shape.element
    if kind == "list":
        assert element is not None
        if not isinstance(value, list | tuple):
            raise LambdaFault("SerializationException", texts.UNEXPECTED_FIELD)
        return [_convert(element, each) for each in value]
    if kind == "map":
        assert element is not None
        if not isinstance(value, dict):
            raise LambdaFault("SerializationException", texts.UNEXPECTED_FIELD)
        return {str(key): _convert(element, each) for key, each in value.items()}
    return _scalar(kind, value)


_SCALARS: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "timestamp": (int, float),
}
_NAMES: Final = {
    "string": "String",
    "integer": "Integer",
    "boolean": "Boolean",
    "timestamp": "milliseconds since epoch",
}


def _scalar(kind: str, value: Any) -> Any:
    if isinstance(value, dict):
        raise LambdaFault("SerializationException", texts.START_OF_STRUCTURE)
    if isinstance(value, list | tuple):
        raise LambdaFault("SerializationException", texts.UNEXPECTED_ELEMENT)
    if not isinstance(value, _SCALARS[kind]) or (kind != "boolean" and isinstance(value, bool)):
        raise LambdaFault("SerializationException", texts.not_convertible(value, _NAMES[kind]))
    return value


def _violations(shape: Shape, value: Any, at: str, files: bool) -> Iterator[str]:
    """The broken bounds of one present value, its own before those of what it holds."""
    label = f"Value '{texts.shown(value)}' at '{at}'"
    for constraint in _broken(shape, value, files):
        yield texts.violation(label, constraint)
    if shape.kind == "structure" and shape.members is not None:
        for name, each in value.items():
            inner = f"{at}.{texts.lower_first(name)}"
            yield from _violations(shape.members[name], each, inner, files)
    elif shape.kind == "list":
        assert shape.element is not None
        for position, each in enumerate(value, 1):
            inner = f"{at}.{position}.member"
            if each is None:
                yield texts.violation(f"Value null at '{inner}'", texts.NOT_NULL)
            else:
                yield from _violations(shape.element, each, inner, files)


def _broken(shape: Shape, value: Any, files: bool) -> Iterator[str]:
    if shape.kind == "integer":
        if shape.low is not None and value < shape.low:
            yield texts.at_least_value(shape.low)
        if shape.high is not None and value > shape.high:
            yield texts.at_most_value(shape.high)
    elif shape.kind in _BOUNDED:
        if shape.low is not None and len(value) < shape.low:
            yield texts.at_least_length(shape.low)
        if shape.high is not None and len(value) > shape.high:
            yield texts.at_most_length(shape.high)
    if shape.enum and value not in shape.enum:
        yield texts.one_of(shape.enum)
    if shape.pattern and re.fullmatch(shape.pattern, value) is None:
        if files and shape.pattern == DESTINATION and value.startswith(FILE_SCHEME):
            return
        yield texts.matches(shape.pattern)
