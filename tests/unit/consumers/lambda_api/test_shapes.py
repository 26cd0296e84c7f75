"""The table of members against the service's own model, and every declared bound at its edges."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from streamstore.consumers.lambda_api import shapes
from streamstore.errors import LambdaFault

MODEL = botocore.session.get_session().get_service_model("lambda")


def members_of(operation: str) -> dict[str, Any]:
    return dict(MODEL.operation_model(operation).input_shape.members)


def facts(shape: Any) -> dict[str, Any]:
    """A botocore shape as the table would hold it."""
    found: dict[str, Any] = {"kind": shape.type_name}
    if shape.type_name in ("integer", "string", "list"):
        found["low"] = shape.metadata.get("min")
        found["high"] = shape.metadata.get("max")
    if shape.type_name == "string":
        found["enum"] = set(shape.enum)
    if shape.type_name == "structure":
        found["members"] = {name: facts(each) for name, each in shape.members.items()}
    if shape.type_name == "list":
        found["element"] = facts(shape.member)
    return found


def ours(shape: shapes.Shape) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": shape.kind}
    if shape.kind in ("integer", "string", "list"):
        found["low"], found["high"] = shape.low, shape.high
    if shape.kind == "string":
        found["enum"] = set(shape.enum)
    if shape.kind == "structure":
        assert shape.members is not None
        found["members"] = {name: ours(each) for name, each in shape.members.items()}
    if shape.kind == "list":
        assert shape.element is not None
        found["element"] = ours(shape.element)
    return found


TABLES = [
    ("CreateEventSourceMapping", shapes.CREATE),
    ("UpdateEventSourceMapping", shapes.UPDATE),
    ("ListEventSourceMappings", shapes.LIST),
    ("PutFunctionEventInvokeConfig", {**shapes.NAMED, **shapes.EVENT_CONFIG}),
    ("UpdateFunctionEventInvokeConfig", {**shapes.NAMED, **shapes.EVENT_CONFIG}),
    ("ListFunctionEventInvokeConfigs", shapes.EVENT_CONFIGS),
]


@pytest.mark.parametrize(("operation", "table"), TABLES)
def test_the_table_says_what_the_service_model_says(
    operation: str, table: dict[str, shapes.Shape]
) -> None:
    model = members_of(operation)
    model.pop("UUID", None)  # of the path
    known = set(table) | set(shapes.OTHER_SOURCES)
    assert set(table) <= set(model)
    assert not set(model) - known, "the model has a member that the table doesn't know"
    for name, shape in table.items():
        assert ours(shape) == facts(model[name]), name


PATTERNS = [
    (shapes.ARN, "EventSourceArn"),
    (shapes.FUNCTION_NAME, "FunctionName"),
    (shapes.KMS_KEY, "KMSKeyArn"),
]


@pytest.mark.parametrize(("pattern", "member"), PATTERNS)
def test_patterns_are_the_models(pattern: str, member: str) -> None:
    assert members_of("CreateEventSourceMapping")[member].metadata["pattern"] == pattern


def test_the_pattern_of_destinations_is_the_models() -> None:
    config = members_of("CreateEventSourceMapping")["DestinationConfig"]
    destination = config.members["OnFailure"].members["Destination"]
    assert destination.metadata["pattern"] == shapes.DESTINATION


def edges() -> list[tuple[str, Any, str | None]]:
    """(member, value, what is wrong or None) at n-1, n, n+1 of every bound of the table."""
    found: list[tuple[str, Any, str | None]] = []
    for name, shape in shapes.CREATE.items():
        if shape.kind == "integer":
            assert shape.low is not None
            assert shape.high is not None
            found += [
                (name, shape.low - 1, f"greater than or equal to {shape.low}"),
                (name, shape.low, None),
                (name, shape.high, None),
                (name, shape.high + 1, f"less than or equal to {shape.high}"),
            ]
        if shape.enum:
            found += [(name, value, None) for value in shape.enum]
            found += [(name, shape.enum[0].lower(), "enum value set")]
    arn = "arn:aws:sqs:us-east-1:000000000000:"
    return [
        *found,
        ("FunctionName", "f" * 256, None),
        ("FunctionName", "f" * 257, "less than or equal to 256"),
        ("FunctionName", "a b", "regular expression"),
        ("EventSourceArn", "arn:aws:dynamodb", "regular expression"),
        ("FunctionResponseTypes", ["ReportBatchItemFailures"] * 2, "less than or equal to 1"),
        ("FunctionResponseTypes", ["X"], "enum value set: [ReportBatchItemFailures]"),
        ("MetricsConfig", {"Metrics": ["EventCount"] * 4}, "less than or equal to 3"),
        ("MetricsConfig", {"Metrics": ["X"]}, "enum value set"),
        ("FilterCriteria", {"Filters": [{"Pattern": "x" * 4096}]}, None),
        ("FilterCriteria", {"Filters": [{"Pattern": "x" * 4097}]}, "less than or equal to 4096"),
        (
            "DestinationConfig",
            {"OnFailure": {"Destination": arn.ljust(350, "q")}},
            None,
        ),
        (
            "DestinationConfig",
            {"OnFailure": {"Destination": arn.ljust(351, "q")}},
            "less than or equal to 350",
        ),
        ("DestinationConfig", {"OnFailure": {"Destination": ""}}, None),
        ("DestinationConfig", {"OnFailure": {"Destination": "queue"}}, "regular expression"),
        ("DestinationConfig", {"OnFailure": {"Destination": "file:///x"}}, "regular expression"),
        ("KMSKeyArn", "", None),
        ("KMSKeyArn", "key", "regular expression"),
    ]


@pytest.mark.parametrize(("member", "value", "wrong"), edges())
def test_every_bound_holds_at_its_edge(member: str, value: Any, wrong: str | None) -> None:
    if wrong is None:
        assert shapes.read({member: value}, shapes.CREATE) == {member: value}
        return
    with pytest.raises(LambdaFault) as caught:
        shapes.read({member: value}, shapes.CREATE)
    assert (caught.value.code, caught.value.status) == ("ValidationException", 400)
    assert caught.value.message.startswith("1 validation error detected: Value '")
    assert f"at '{member[0].lower()}{member[1:]}" in caught.value.message
    assert wrong in caught.value.message


def test_all_violations_come_in_one_message_and_missing_members_are_named() -> None:
    with pytest.raises(LambdaFault) as caught:
        shapes.read(
            {"BatchSize": 0, "StartingPosition": "invalid"}, shapes.CREATE, shapes.CREATE_REQUIRED
        )
    assert caught.value.message == (
        "3 validation errors detected: Value null at 'functionName' failed to satisfy constraint: "
        "Member must not be null; Value '0' at 'batchSize' failed to satisfy constraint: Member "
        "must have value greater than or equal to 1; Value 'invalid' at 'startingPosition' failed "
        "to satisfy constraint: Member must satisfy enum value set: "
        "[LATEST, AT_TIMESTAMP, TRIM_HORIZON]"
    )


WRONG_TYPES = {
    "integer": ["1", 1.0, 1.5, True, [], {}],
    "boolean": [0, "true", [], {}],
    "string": [1, True, 1.5, [], {}],
    "list": ["x", 1, {}, True],
    "structure": ["x", 1, [], True],
    "map": ["x", 1, [], True],
    "timestamp": ["2026-01-01", True, [], {}],
}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        (name, value)
        for name, shape in {**shapes.CREATE, **shapes.LIST}.items()
        for value in WRONG_TYPES[shape.kind]
    ],
)
def test_a_wrong_type_is_a_serialization_exception(member: str, value: Any) -> None:
    with pytest.raises(LambdaFault) as caught:
        shapes.read({member: value}, {**shapes.CREATE, **shapes.LIST})
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)


@pytest.mark.parametrize("request_", [None, [], "x", 1, True])
def test_a_request_that_is_no_object_is_refused(request_: Any) -> None:
    with pytest.raises(LambdaFault, match="Unexpected field type"):
        shapes.read(request_, shapes.CREATE)


def test_null_is_absent_unknown_is_passed_over_and_null_in_a_list_is_not() -> None:
    given = {
        "BatchSize": None,
        "Unheard": {"of": 1},
        "DestinationConfig": {"OnFailure": {"Destination": None, "More": 1}, "OnSuccess": None},
    }
    assert shapes.read(given, shapes.CREATE) == {"DestinationConfig": {"OnFailure": {}}}
    with pytest.raises(LambdaFault, match=r"Value null at 'filterCriteria.filters.1.member'"):
        shapes.read({"FilterCriteria": {"Filters": [None]}}, shapes.CREATE)


def test_a_file_is_a_destination_for_this_machine_only() -> None:
    given = {"DestinationConfig": {"OnFailure": {"Destination": "file:///tmp/x.jsonl"}}}
    assert shapes.read(given, shapes.CREATE, files=True) == given
    with pytest.raises(LambdaFault):
        shapes.read(given, shapes.CREATE)
    assert shapes.CREATE["KMSKeyArn"].pattern != shapes.DESTINATION
    with pytest.raises(LambdaFault):
        shapes.read({"KMSKeyArn": "file:///tmp/x.jsonl"}, shapes.CREATE, files=True)
