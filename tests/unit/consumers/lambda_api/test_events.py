"""What is said of asynchronous invocations, by the five calls."""

from __future__ import annotations

from typing import Any

import pytest

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
TOPIC = "arn:aws:sns:us-east-1:000000000000:t"


def destinations(**on: str) -> dict[str, Any]:
    return {"DestinationConfig": {name: {"Destination": arn} for name, arn in on.items()}}


def test_put_says_everything_anew_update_what_it_names_and_delete_nothing(doorway: Any) -> None:
    asked = {"MaximumRetryAttempts": 0, **destinations(OnFailure=QUEUE)}
    status, _, made = doorway.ask("put_event_config", asked, name="f")
    assert (status, made) == (
        200,
        {
            "LastModified": 1_700_000_000.0,
            "FunctionArn": ARN + ":$LATEST",
            "MaximumRetryAttempts": 0,
            "DestinationConfig": {"OnSuccess": {}, "OnFailure": {"Destination": QUEUE}},
        },
    )
    assert doorway.ask("event_config", name=ARN)[2] == made
    doorway.clock.advance(1.5)
    more = {"MaximumEventAgeInSeconds": 60, **destinations(OnSuccess=TOPIC)}
    updated = doorway.ask("update_event_config", more, name="f")[2]
    assert updated == {
        **made,
        "LastModified": 1_700_000_001.5,
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": {
            "OnSuccess": {"Destination": TOPIC},
            "OnFailure": {"Destination": QUEUE},
        },
    }
    # A destination that is empty is none.
    updated = doorway.ask("update_event_config", destinations(OnFailure=""), name="f")[2]
    assert updated["DestinationConfig"] == {"OnSuccess": {"Destination": TOPIC}, "OnFailure": {}}
    anew = doorway.ask("put_event_config", {"MaximumRetryAttempts": 2}, name="f:$LATEST")[2]
    assert set(anew) == {"LastModified", "FunctionArn", "DestinationConfig", "MaximumRetryAttempts"}
    assert doorway.ask("delete_event_config", name="f")[::2] == (204, None)
    for call in ("event_config", "delete_event_config", "update_event_config"):
        status, headers, body = doorway.ask(call, {"MaximumRetryAttempts": 1}, name="f")
        assert (status, headers["x-amzn-ErrorType"]) == (404, "ResourceNotFoundException")
        assert body["Message"] == f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig"


def test_what_is_said_of_a_function_is_listed_in_pages_by_version(doorway: Any) -> None:
    doorway.functions.register("g", lambda event, context: None)
    for name in ("f:b", "f:a", "f", "g"):
        doorway.ask("put_event_config", {"MaximumRetryAttempts": 1}, name=name)
    found, query = [], {"MaxItems": "2"}
    while True:
        page = doorway.ask("event_configs", query=query, name="f")[2]
        found += [each["FunctionArn"] for each in page["FunctionEventInvokeConfigs"]]
        if "NextMarker" not in page:
            break
        query["Marker"] = page["NextMarker"]
    assert found == [f"{ARN}:{each}" for each in ("$LATEST", "a", "b")]
    assert doorway.ask("event_configs", query={"MaxItems": "51"}, name="f")[0] == 400
    assert doorway.ask("event_configs", name="none")[0] == 404


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "InvalidParameterValueException"),
        ({"MaximumRetryAttempts": 3}, "ValidationException"),
        ({"MaximumRetryAttempts": -1}, "ValidationException"),
        ({"MaximumRetryAttempts": "1"}, "SerializationException"),
        ({"MaximumEventAgeInSeconds": 59}, "ValidationException"),
        ({"MaximumEventAgeInSeconds": 21_601}, "ValidationException"),
        (destinations(OnFailure="file:///tmp/x.jsonl"), "ValidationException"),
        (destinations(OnFailure="queue"), "ValidationException"),
        (destinations(OnFailure="arn:aws:events:us-east-1:000000000000:event-bus/b"),
         "InvalidParameterValueException"),
        (destinations(OnSuccess="arn:aws:s3:::bucket"), "InvalidParameterValueException"),
        (destinations(OnSuccess=QUEUE + ".fifo"), "InvalidParameterValueException"),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused_and_says_nothing(
    doorway: Any, asked: Any, code: str
) -> None:
    for call in ("put_event_config", "update_event_config"):
        status, headers, _ = doorway.ask(call, asked, name="f")
        assert (status, headers["x-amzn-ErrorType"]) == (400, code)
    assert doorway.ask("event_config", name="f")[0] == 404
    assert doorway.ask("put_event_config", {"MaximumRetryAttempts": 1}, name="none")[0] == 404


def test_every_kind_of_destination_that_there_is_may_be_named(doorway: Any) -> None:
    for arn in (QUEUE, TOPIC, ARN, ARN + ":live", "arn:aws:s3:::bucket",
                "arn:aws:dynamodb:us-east-1:000000000000:table/results"):  # fmt: skip
        status, _, body = doorway.ask("put_event_config", destinations(OnFailure=arn), name="f")
        assert status == 200, body


def test_an_events_retries_are_those_that_were_said(doorway: Any) -> None:
    runs: list[int] = []

    def fail(event: Any, context: Any) -> None:
        runs.append(doorway.clock.now_ms())
        raise ValueError("of the test")

    doorway.functions.register("f", fail)
    doorway.ask("put_event_config", {"MaximumRetryAttempts": 1}, name="f")
    doorway.ask("send", {}, name="f")
    for _ in range(300):
        doorway.events.run_due()
        doorway.clock.advance(1)
    assert [at - runs[0] for at in runs] == [0, 60_000]
