"""The errors of creating a mapping (spec B.4), their texts and their order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import streamstore
from streamstore.consumers.functions import Functions
from streamstore.consumers.lambda_api.parameters import read_create, read_update
from streamstore.consumers.mapping import Mapping
from streamstore.errors import LambdaFault
from streamstore.store import Store

GONE = "arn:aws:dynamodb:us-east-1:000000000000:table/tab/stream/2020-01-01T00:00:00.000"
INVALID = "InvalidParameterValueException"
UNSUPPORTED = "Unsupported {} parameter for given event source mapping type."
BAD_PATTERN = "Invalid filter pattern definition."
OK: dict[str, Any] = {"FunctionName": "f", "EventSourceArn": "ARN", "StartingPosition": "LATEST"}
SQS = "arn:aws:sqs:us-east-1:000000000000:q"


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with streamstore.open(":memory:", background=False) as opened:
        opened.client.create_table(
            TableName="tab",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        yield opened


@pytest.fixture(scope="module")
def functions() -> Functions:
    registered = Functions()
    registered.register("f", lambda event, context: None)
    registered.register("g:live", lambda event, context: None)
    return registered


def arn_of(store: Store) -> str:
    return store.engine.catalog.streams()[0].arn


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {k: v for k, v in {**OK, **more}.items() if k not in names}


def filters(*patterns: Any) -> dict[str, Any]:
    return {"FilterCriteria": {"Filters": [{"Pattern": pattern} for pattern in patterns]}}


def destination(text: str) -> dict[str, Any]:
    return {"DestinationConfig": {"OnFailure": {"Destination": text}}}


STARTING = "1 validation error detected:"
BROKEN = "failed to satisfy constraint:"
POSITIONS = "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]"
VALID = json.dumps({"eventName": ["INSERT"]})

# Rows of B.4 and of B.2's prose: request, code, text. "ARN" stands for the stream's.
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("no source", without("EventSourceArn"), INVALID, "Unrecognized event source."),
    (
        "no source before the function",
        without("EventSourceArn", FunctionName="none"),
        INVALID,
        "Unrecognized event source.",
    ),
    (
        "another kind of source",
        without(EventSourceArn=SQS),
        INVALID,
        "Unrecognized event source, must be dynamodb stream. Unsupported source arn : " + SQS,
    ),
    (
        "OnSuccess before the function",
        without(FunctionName="none", DestinationConfig={"OnSuccess": {"Destination": SQS}}),
        INVALID,
        UNSUPPORTED.format("DestinationConfig"),
    ),
    ("function missing", without(FunctionName="none"), INVALID, "Function does not exist"),
    (
        "function missing before the stream",
        without(FunctionName="none", EventSourceArn=GONE),
        INVALID,
        "Function does not exist",
    ),
    ("no such alias", without(FunctionName="g"), INVALID, "Function does not exist"),
    ("stream missing", without(EventSourceArn=GONE), INVALID, f"Stream not found: {GONE}"),
    (
        "stream missing before the position",
        without("StartingPosition", EventSourceArn=GONE),
        INVALID,
        f"Stream not found: {GONE}",
    ),
    (
        "no position",
        without("StartingPosition"),
        INVALID,
        f"{STARTING} Value null at 'startingPosition' {BROKEN} Member must not be null.",
    ),
    (
        "bad position before everything",
        without("EventSourceArn", StartingPosition="invalid"),
        "ValidationException",
        f"{STARTING} Value 'invalid' at 'startingPosition' {BROKEN} {POSITIONS}",
    ),
    (
        "a position by time",
        without(StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=1),
        INVALID,
        "Unsupported starting position for arn type: ARN",
    ),
    (
        "a time without such a position",
        without(StartingPositionTimestamp=1),
        INVALID,
        UNSUPPORTED.format("StartingPositionTimestamp"),
    ),
    *(
        (
            f"an age of {age}",
            without(MaximumRecordAgeInSeconds=age),
            INVALID,
            "MaximumRecordAgeInSeconds must be -1 or lie between 60 and 604800 seconds.",
        )
        for age in (0, 1, 59)
    ),
    *(
        (f"{name} of another source", without(**{name: value}), INVALID, UNSUPPORTED.format(name))
        for name, value in (
            ("ScalingConfig", {"MaximumConcurrency": 2}),
            ("Queues", ["q"]),
            ("Topics", ["t"]),
            ("ProvisionedPollerConfig", {"MinimumPollers": 1}),
            ("SelfManagedEventSource", {"Endpoints": {}}),
        )
    ),
    (
        "a metric of Kafka's",
        without(MetricsConfig={"Metrics": ["EventCount", "KafkaMetrics"]}),
        INVALID,
        UNSUPPORTED.format("MetricsConfig"),
    ),
    *(
        (f"the pattern {pattern!r}", without(**filters(pattern)), INVALID, BAD_PATTERN)
        for pattern in (
            "",
            "text",
            "null",
            '"x"',
            "{",
            '{"eventSource":"aws:sqs"}',
            '{"eventSource":[]}',
            "[]",
        )
    ),
    ("a filter of nothing", without(FilterCriteria={"Filters": [{}]}), INVALID, BAD_PATTERN),
    ("a bad pattern after a good one", without(**filters(VALID, "{")), INVALID, BAD_PATTERN),
    (
        "six filters",
        without(**filters(*[VALID] * 6)),
        INVALID,
        "FilterCriteria may have at most 5 filters.",
    ),
]


@pytest.mark.parametrize(
    ("request_", "code", "text"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED]
)
def test_what_is_refused_has_the_services_code_and_text(
    store: Store, functions: Functions, request_: dict[str, Any], code: str, text: str
) -> None:
    arn = arn_of(store)
    if request_.get("EventSourceArn") == "ARN":
        request_ = {**request_, "EventSourceArn": arn}
    with pytest.raises(LambdaFault) as caught:
        read_create(request_, functions, store.engine.catalog, files=False)
    assert (caught.value.code, caught.value.status) == (code, 400)
    assert caught.value.message == text.replace("ARN", arn)


@pytest.mark.parametrize(
    "name",
    [
        SQS + ".fifo",
        "arn:aws:sns:us-east-1:000000000000:t.fifo",
        "arn:aws:kinesis:us-east-1:000000000000:stream/x",
        "kafka://topic",
    ],
)
def test_destinations_are_standard_queues_topics_buckets_and_tables(
    store: Store, functions: Functions, name: str
) -> None:
    with pytest.raises(LambdaFault) as caught:
        read_create(
            {**OK, "EventSourceArn": arn_of(store), **destination(name)},
            functions,
            store.engine.catalog,
            files=True,
        )
    assert caught.value.code == INVALID


ACCEPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    (filters(), {"filters": ()}),
    ({"FilterCriteria": {}}, {"filters": ()}),
    (filters(*[VALID] * 5), {"filters": (VALID,) * 5}),
    (destination(""), {"destination": ""}),
    ({"DestinationConfig": {}}, {"destination": ""}),
    (destination(SQS), {"destination": SQS}),
    (destination("arn:aws:s3:::bucket"), {"destination": "arn:aws:s3:::bucket"}),
    ({"MaximumRecordAgeInSeconds": -1}, {"record_age_seconds_max": -1}),
    ({"MaximumRecordAgeInSeconds": 60}, {"record_age_seconds_max": 60}),
    ({"BatchSize": 100, "MaximumBatchingWindowInSeconds": 0}, {"window_seconds": 0}),
    ({"Queues": [], "Topics": None, "ScalingConfig": {}}, {}),
    ({"FunctionName": "f:3"}, {"function_name": "f", "qualifier": "3"}),
    ({"FunctionName": "g:live"}, {"function_name": "g", "qualifier": "live"}),
    ({"Enabled": False}, {"state": "Disabled"}),
    ({"Tags": {"b": "x", "a": None}}, {"tags": (("a", ""), ("b", "x"))}),
    ({"StartingPosition": "TRIM_HORIZON"}, {"starting_position": "TRIM_HORIZON"}),
]


@pytest.mark.parametrize(("more", "fields"), ACCEPTED)
def test_what_is_accepted_sets_its_fields(
    store: Store, functions: Functions, more: dict[str, Any], fields: dict[str, Any]
) -> None:
    arn = arn_of(store)
    request = {**OK, "EventSourceArn": arn, **more}
    made = read_create(request, functions, store.engine.catalog, files=False)
    default = Mapping(0, "", arn, "f", starting_position="LATEST")
    assert made == default.changed(**fields)


def test_another_region_in_a_streams_arn_is_passed_over(store: Store, functions: Functions) -> None:
    arn = arn_of(store)
    elsewhere = arn.replace("us-east-1:000000000000", "eu-west-1:123456789012")
    request = {**OK, "EventSourceArn": elsewhere}
    assert read_create(request, functions, store.engine.catalog, files=False).stream_arn == arn


def test_an_update_has_no_source_and_no_position_and_sets_nothing_else(
    functions: Functions,
) -> None:
    fixed = {"EventSourceArn": "x", "StartingPosition": "x", "Tags": 3}
    assert read_update(fixed, functions, files=False) == {}
    assert read_update({"FunctionName": "f:1"}, functions, files=False) == {
        "function_name": "f",
        "qualifier": "1",
    }
    with pytest.raises(LambdaFault, match="Function does not exist"):
        read_update({"FunctionName": "none"}, functions, files=False)
    with pytest.raises(LambdaFault, match=BAD_PATTERN):
        read_update(filters("{"), functions, files=False)
    with pytest.raises(LambdaFault, match="DestinationConfig"):
        read_update({"DestinationConfig": {"OnSuccess": {}}}, functions, files=False)
