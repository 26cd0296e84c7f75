"""The REST calls as a client of the bytes sees them: statuses, bodies, errors; nothing is a 500."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamstore.consumers.lambda_api.calls import ADMIN, CALLS
from streamstore.consumers.lambda_api.door import Door

NOWHERE = "00000000-0000-4000-8000-000000000000"


def test_a_mapping_lives_through_every_call(doorway: Any) -> None:
    made = doorway.create()
    uuid = made["UUID"]
    assert doorway.ask("get", uuid=uuid)[::2] == (200, {**made, "State": "Enabled"})
    status, _, changed = doorway.ask("update", {"BatchSize": 3}, uuid=uuid)
    assert (status, changed["BatchSize"], changed["State"]) == (202, 3, "Updating")
    status, _, page = doorway.ask("list", query={"MaxItems": "1", "FunctionName": "f"})
    assert status == 200
    assert [each["UUID"] for each in page["EventSourceMappings"]] == [uuid]
    status, _, gone = doorway.ask("delete", uuid=uuid)
    assert (status, gone["UUID"], gone["State"]) == (202, uuid, "Deleting")
    assert doorway.ask("list")[2] == {"EventSourceMappings": []}


def test_errors_name_themselves_in_a_header_and_have_the_models_member(doorway: Any) -> None:
    doorway.create()
    again = {
        "FunctionName": "f",
        "StartingPosition": "LATEST",
        "EventSourceArn": doorway.stream_arn,
    }
    rows: list[tuple[Any, int, str, str]] = [
        (doorway.ask("create", again), 409, "ResourceConflictException", "message"),
        (doorway.ask("get", uuid=NOWHERE), 404, "ResourceNotFoundException", "Message"),
        (doorway.ask("create", {}), 400, "ValidationException", "message"),
        (
            doorway.ask("create", {"FunctionName": "f"}),
            400,
            "InvalidParameterValueException",
            "message",
        ),
    ]
    for (status, headers, body), wanted, code, member in rows:
        assert (status, headers) == (wanted, {"x-amzn-ErrorType": code})
        assert set(body) == {"Type", member}
        assert body["Type"] == "User"


BAD_BODIES = [
    b"{",
    b"\xff",
    b"[]",
    b"1",
    b'"x"',
    b"null",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"BatchSize": 1e999}',
    b'{"BatchSize": 123456789012345678901234567890}',
    b'{"FunctionName": "\\ud800"}',
    b'{"FunctionName": ["f"]}',
    b'{"FilterCriteria": {"Filters": {"Pattern": "x"}}}',
    b'{"Tags": {"a": 1}}',
]


@pytest.mark.parametrize("body", BAD_BODIES)
@pytest.mark.parametrize("call", ["create", "update", "tag", "asked"])
def test_a_bad_body_is_a_clear_refusal(doorway: Any, call: str, body: bytes) -> None:
    uuid = doorway.create()["UUID"]
    arn = f"arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{uuid}"
    status, headers, refusal = doorway.ask(call, body, uuid=uuid, arn=arn)
    assert (400 <= status < 500) or (call == "update" and status == 202)
    if status != 202:
        assert headers["x-amzn-ErrorType"]
        assert refusal.get("message") or refusal.get("Message")


def test_a_update_with_unknown_members_alone_changes_nothing(doorway: Any) -> None:
    made = doorway.create()
    status, _, after = doorway.ask("update", {"Unheard": [1]}, uuid=made["UUID"])
    assert status == 202
    assert after["BatchSize"] == made["BatchSize"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 20_000) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
MEMBERS = st.sampled_from(
    [
        "EventSourceArn",
        "FunctionName",
        "BatchSize",
        "FilterCriteria",
        "DestinationConfig",
        "MetricsConfig",
        "FunctionResponseTypes",
        "Tags",
        "StartingPosition",
        "StartingPositionTimestamp",
        "KMSKeyArn",
        "MaximumRecordAgeInSeconds",
        "Queues",
    ]
)


@given(request=st.dictionaries(MEMBERS, JSON_VALUES, max_size=4), with_ids=st.booleans())
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nothing_that_json_can_say_is_answered_with_our_own_error(
    doorway: Any, request: dict[str, Any], with_ids: bool
) -> None:
    if with_ids:
        ids = {"FunctionName": "f", "EventSourceArn": doorway.stream_arn}
        request = {**request, **ids, "StartingPosition": "LATEST"}
    status, _, made = doorway.ask("create", request)
    assert status == 202 or 400 <= status < 500
    if status == 202:
        assert doorway.ask("delete", uuid=made["UUID"])[0] == 202


@pytest.mark.parametrize("uuid", ["x", "", "../../etc", "0" * 37])
def test_a_uuid_of_another_length_is_a_validation_error(doorway: Any, uuid: str) -> None:
    for call in ("get", "update", "delete"):
        status, headers, body = doorway.ask(call, uuid=uuid)
        assert (status, headers["x-amzn-ErrorType"]) == (400, "ValidationException")
        assert "'uUID'" in body["message"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"MaxItems": "0"}, "ValidationException"),
        ({"MaxItems": "10001"}, "ValidationException"),
        ({"MaxItems": "-1"}, "ValidationException"),
        ({"MaxItems": "ten"}, "SerializationException"),
        ({"MaxItems": "٣"}, "SerializationException"),
        ({"MaxItems": "1" * 400}, "SerializationException"),
        ({"Marker": "%"}, "InvalidParameterValueException"),
        ({"FunctionName": "a b"}, "ValidationException"),
        ({"EventSourceArn": "tab"}, "ValidationException"),
    ],
)
def test_a_bad_query_is_refused(doorway: Any, query: dict[str, str], code: str) -> None:
    status, headers, _ = doorway.ask("list", query=query)
    assert (status, headers["x-amzn-ErrorType"]) == (400, code)


def test_tags_of_a_mapping_are_listed_put_and_taken_away(doorway: Any) -> None:
    made = doorway.create(Tags={"team": "a", "b": "c"})
    arn = made["EventSourceMappingArn"]
    assert doorway.ask("tag", {"Tags": {"x": "1", "y": "2"}}, arn=arn)[0] == 204
    assert doorway.ask("untag", query={"tagKeys": "x\nteam"}, arn=arn)[0] == 204
    assert doorway.ask("tags", arn=arn)[2] == {"Tags": {"b": "c", "y": "2"}}
    for wrong in (arn.replace("us-east-1", "eu-west-1"), arn[:-1] + "g", "x"):
        status, headers, _ = doorway.ask("tags", arn=wrong)
        assert (status, headers["x-amzn-ErrorType"]) == (404, "ResourceNotFoundException")


def test_no_request_from_afar_names_a_file_of_this_machine(doorway: Any) -> None:
    file = {"DestinationConfig": {"OnFailure": {"Destination": "file:///tmp/x.jsonl"}}}
    asked = {"FunctionName": "f", "StartingPosition": "LATEST"}
    whole = {**asked, "EventSourceArn": doorway.stream_arn, **file}
    assert doorway.ask("create", whole)[0] == 400
    uuid = doorway.create()["UUID"]
    assert doorway.ask("update", file, uuid=uuid)[0] == 400
    # This process may.
    changed = doorway.mappings.update(uuid, file)
    assert changed["DestinationConfig"] == file["DestinationConfig"]


def test_the_command_lines_verbs(doorway: Any) -> None:
    uuids = [doorway.create(FunctionName=f"f:{n}")["UUID"] for n in range(3)]
    uuid = uuids[1]

    def ask(verb: Any, *more: Any) -> tuple[int, Any]:
        status, _, body = doorway.ask("asked", {"verb": verb, **dict(more)})
        return status, body

    _, found = ask("list")
    assert [each["UUID"] for each in found["EventSourceMappings"]] == uuids
    for verb, state in (("pause", "Disabled"), ("resume", "Enabled")):
        assert ask(verb, ("uuid", uuid))[0] == 200
        assert ask("show", ("uuid", uuid))[1]["State"] == state
    assert ask("delete", ("uuid", uuid))[1]["State"] == "Deleting"
    assert ask("show", ("uuid", uuid))[0] == 404
    for bad in ("drop", None, 3, "create"):
        assert ask(bad, ("uuid", uuids[0]))[0] == 400
    assert ask("show")[0] == 400


def test_a_list_of_more_than_a_page_is_whole_at_the_command_line(
    doorway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamstore.limits.MAPPINGS_LISTED_MAX", 2)
    uuids = [doorway.create(FunctionName=f"f:{n}")["UUID"] for n in range(5)]
    found = doorway.ask("asked", {"verb": "list"})[2]["EventSourceMappings"]
    assert [each["UUID"] for each in found] == uuids


def test_every_call_is_a_method_of_the_door_with_and_without_a_slash() -> None:
    for call in (*CALLS, ADMIN):
        assert callable(getattr(Door, call.name))
    plain = {(c.method, c.path) for c in CALLS if not c.path.endswith(("/", "/invocations"))}
    slashed = {(c.method, c.path.removesuffix("/")) for c in CALLS if c.path.endswith("/")}
    assert plain == slashed


def test_a_closed_store_is_the_services_own_trouble(doorway: Any) -> None:
    doorway.mappings.store.close()
    status, headers, body = doorway.ask("delete", uuid=NOWHERE)
    assert (status, headers["x-amzn-ErrorType"]) == (500, "ServiceException")
    assert body == {"Type": "Service", "Message": json.loads(json.dumps(body["Message"]))}
