"""Event source mappings through the AWS CLI and boto3, `streamstore serve` with functions."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

AWS = Path(sys.executable).with_name("aws")
SECONDS_MAX = 30
LISTED = "EventSourceMappings"
NOWHERE = "00000000-0000-4000-8000-000000000000"

# Each function appends a line for each record to a file of its name, beside the module.
MODULE = """
import json
from pathlib import Path

def handler(event, context):
    lines = [
        json.dumps({"name": r["eventName"], "id": r["dynamodb"]["Keys"]["id"]["S"]})
        for r in event["Records"]
    ]
    with Path(__file__).with_name(context.function_name).open("a") as out:
        out.write("".join(line + "\\n" for line in lines))

def fail(event, context):
    raise ValueError("of the test")

def echo(event, context):
    return event

def fail_and_tell(event, context):
    with Path(__file__).with_name(context.function_name).open("a") as out:
        out.write(json.dumps({"name": context.aws_request_id, "id": "1"}) + "\\n")
    raise ValueError("of the test")

def say(event, context):
    print("said", event)
    return event
"""


class Folder:
    """Where the functions of a test live and write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "functions_of_acceptance.py").write_text(MODULE)

    def flags(self, *names: str, kind: str = "handler") -> tuple[str, ...]:
        registered = [f"--function={name}=functions_of_acceptance:{kind}" for name in names]
        return ("--function-path", str(self.path), *registered)

    def lines(self, name: str) -> list[dict[str, str]]:
        """What a function has written."""
        file = self.path / name
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def wait(self, name: str, *wanted: tuple[str, str]) -> None:
        """Until a function has written exactly these (event name, id), in any order."""
        for _ in range(SECONDS_MAX * 50):
            found = [(line["name"], line["id"]) for line in self.lines(name)]
            if len(found) >= len(wanted):
                break
            threading.Event().wait(0.02)
        assert sorted(found) == sorted(wanted)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def make_stream(client: Any, name: str = "tab") -> str:
    made = client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def put(client: Any, key: str, **more: Any) -> None:
    client.put_item(TableName="tab", Item={"id": {"S": key}, **more})


def refusal(call: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call()
    reply = caught.value.response
    status = reply["ResponseMetadata"]["HTTPStatusCode"]
    return reply["Error"]["Code"], status, reply["Error"]["Message"]


def test_the_aws_cli_makes_updates_pauses_and_deletes_a_mapping(
    start_server: Callable[..., Any], folder: Folder, aws_environment: dict[str, str]
) -> None:
    server = start_server(*folder.flags("f", "control"))

    def aws(*arguments: str) -> Any:
        run = subprocess.run(
            [str(AWS), "--endpoint-url", server.url, "--output", "json", *arguments],
            env=aws_environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(run.stdout) if run.stdout.strip() else None

    client = server.client()
    arn = make_stream(client)
    server.client("lambda").create_event_source_mapping(
        FunctionName="control", EventSourceArn=arn, StartingPosition="TRIM_HORIZON"
    )
    inserts = {"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]}
    made = aws(
        *("lambda", "create-event-source-mapping", "--function-name", "f"),
        *("--event-source-arn", arn, "--starting-position", "TRIM_HORIZON"),
        *("--filter-criteria", json.dumps(inserts), "--batch-size", "10"),
    )
    uuid = ("--uuid", made["UUID"])
    assert (made["State"], made["BatchSize"]) == ("Creating", 10)
    assert made["FilterCriteria"] == inserts
    put(client, "1")
    put(client, "1", n={"N": "2"})
    put(client, "2")
    folder.wait("control", ("INSERT", "1"), ("MODIFY", "1"), ("INSERT", "2"))
    folder.wait("f", ("INSERT", "1"), ("INSERT", "2"))
    # What is deleted passes too from here on.
    more = {"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT", "REMOVE"]})}]}
    updated = aws(
        "lambda", "update-event-source-mapping", *uuid, "--filter-criteria", json.dumps(more)
    )
    assert (updated["FilterCriteria"], updated["State"]) == (more, "Updating")
    client.delete_item(TableName="tab", Key={"id": {"S": "2"}})
    folder.wait("f", ("INSERT", "1"), ("INSERT", "2"), ("REMOVE", "2"))
    # Paused, it keeps its place.
    paused = aws("lambda", "update-event-source-mapping", *uuid, "--no-enabled")
    assert paused["State"] == "Disabling"
    assert aws("lambda", "get-event-source-mapping", *uuid)["State"] == "Disabled"
    put(client, "3")
    so_far = [("INSERT", "1"), ("MODIFY", "1"), ("INSERT", "2"), ("REMOVE", "2"), ("INSERT", "3")]
    folder.wait("control", *so_far)
    assert len(folder.lines("f")) == 3
    assert aws("lambda", "update-event-source-mapping", *uuid, "--enabled")["State"] == "Enabling"
    wanted = [("INSERT", "1"), ("INSERT", "2"), ("REMOVE", "2"), ("INSERT", "3")]
    folder.wait("f", *wanted)
    (listed,) = aws("lambda", "list-event-source-mappings", "--function-name", "f")[LISTED]
    assert (listed["UUID"], listed["LastProcessingResult"]) == (made["UUID"], "OK")
    # Deleted, it is called no more.
    assert aws("lambda", "delete-event-source-mapping", *uuid)["State"] == "Deleting"
    put(client, "4")
    folder.wait("control", *so_far, ("INSERT", "4"))
    folder.wait("f", *wanted)
    assert len(aws("lambda", "list-event-source-mappings")[LISTED]) == 1


def test_boto3_sees_the_services_errors_pages_tags_and_functions(
    start_server: Callable[..., Any], folder: Folder
) -> None:
    server = start_server(*folder.flags("f", "g", "h", kind="echo"))
    arn = make_stream(server.client())
    client = server.client("lambda")
    asked = {"FunctionName": "f", "EventSourceArn": arn, "StartingPosition": "LATEST"}
    made = client.create_event_source_mapping(**asked, Enabled=False, Tags={"a": "1"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    errors = [
        (lambda: client.create_event_source_mapping(**asked), "ResourceConflictException", 409),
        (
            lambda: client.create_event_source_mapping(**{**asked, "FunctionName": "none"}),
            "InvalidParameterValueException",
            400,
        ),
        (lambda: client.get_event_source_mapping(UUID=NOWHERE), "ResourceNotFoundException", 404),
        (lambda: client.get_function(FunctionName="none"), "ResourceNotFoundException", 404),
        (
            lambda: client.create_event_source_mapping(
                **{**asked, "FunctionName": "g"}, MaximumRecordAgeInSeconds=59
            ),
            "InvalidParameterValueException",
            400,
        ),
    ]
    for call, code, status in errors:
        found, http, text = refusal(call)
        assert (found, http) == (code, status)
        assert text
    with pytest.raises(client.exceptions.ResourceConflictException):
        client.create_event_source_mapping(**asked)
    for name in ("g", "arn:aws:lambda:eu-west-1:123456789012:function:h:live"):
        client.create_event_source_mapping(**{**asked, "FunctionName": name}, Enabled=False)
    pages = client.get_paginator("list_event_source_mappings").paginate(
        PaginationConfig={"PageSize": 2}
    )
    found = [each["FunctionArn"].rpartition("function:")[2] for p in pages for each in p[LISTED]]
    assert found == ["f", "g", "h:live"]
    resource = made["EventSourceMappingArn"]
    client.tag_resource(Resource=resource, Tags={"b": "2", "c": "3"})
    client.untag_resource(Resource=resource, TagKeys=["a", "c"])
    assert client.list_tags(Resource=resource)["Tags"] == {"b": "2"}
    names = [each["FunctionName"] for each in client.list_functions()["Functions"]]
    assert names == ["f", "g", "h"]
    arn_of_f = client.get_function_configuration(FunctionName="f")["FunctionArn"]
    assert client.get_function(FunctionName=arn_of_f)["Configuration"]["FunctionArn"] == arn_of_f


def test_boto3_invokes_functions_in_three_ways(
    start_server: Callable[..., Any], folder: Folder
) -> None:
    server = start_server(
        *folder.flags("echo", kind="echo"),
        *folder.flags("fail", kind="fail")[2:],
        *folder.flags("out")[2:],
        "--function=cmd=cmd:" + sys.executable + " -c 'print(input())'",
    )
    client = server.client("lambda")
    event = json.dumps({"n": [1, "ü"]}).encode()
    for name in ("echo", "cmd"):
        reply = client.invoke(FunctionName=name, Payload=event)
        assert (reply["StatusCode"], reply["ExecutedVersion"]) == (200, "$LATEST")
        assert "FunctionError" not in reply
        assert json.loads(reply["Payload"].read()) == {"n": [1, "ü"]}
    reply = client.invoke(FunctionName="fail", Payload=b"{}")
    assert (reply["StatusCode"], reply["FunctionError"]) == (200, "Unhandled")
    told = json.loads(reply["Payload"].read())
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "of the test")
    assert "in fail" in told["stackTrace"][-1]
    dry = client.invoke(FunctionName="fail", InvocationType="DryRun", Payload=b"{}")
    assert dry["StatusCode"] == 204
    record = {"eventName": "INSERT", "dynamodb": {"Keys": {"id": {"S": "7"}}}}
    sent = client.invoke(
        FunctionName="out",
        InvocationType="Event",
        Payload=json.dumps({"Records": [record]}).encode(),
    )
    assert sent["StatusCode"] == 202
    folder.wait("out", ("INSERT", "7"))
    code, status, _ = refusal(lambda: client.invoke(FunctionName="echo", Payload=b"{"))
    assert (code, status) == ("InvalidRequestContentException", 400)


def test_boto3_is_told_the_end_of_a_functions_log_where_it_asks_for_it(
    start_server: Callable[..., Any], folder: Folder
) -> None:
    server = start_server(*folder.flags("echo", kind="echo"), *folder.flags("say", kind="say")[2:])
    client = server.client("lambda")
    for more in ({}, {"InvocationType": "RequestResponse"}):
        reply = client.invoke(FunctionName="say", LogType="Tail", Payload=b'"word"', **more)
        log = base64.b64decode(reply["LogResult"]).decode()
        assert json.loads(reply["Payload"].read()) == "word"
        assert log.splitlines()[1] == "said word"
        assert log.startswith("START RequestId: ")
        assert "\nREPORT RequestId: " in log
    for more in ({}, {"LogType": "None"}):
        assert "LogResult" not in client.invoke(FunctionName="echo", Payload=b"1", **more)
    sent = client.invoke(FunctionName="echo", InvocationType="Event", LogType="Tail", Payload=b"1")
    assert (sent["StatusCode"], "LogResult" in sent) == (202, False)


def test_boto3_says_how_events_are_tried_and_where_their_results_go(
    start_server: Callable[..., Any], folder: Folder
) -> None:
    server = start_server(*folder.flags("echo", kind="echo"), *folder.flags("f", kind="fail")[2:])
    client, items = server.client("lambda"), server.client()
    make_stream(items, "results")
    table = "arn:aws:dynamodb:us-east-1:000000000000:table/results"
    to_table = {"OnSuccess": {"Destination": table}, "OnFailure": {"Destination": table}}
    for name in ("echo", "f"):
        made = client.put_function_event_invoke_config(
            FunctionName=name, MaximumRetryAttempts=0, DestinationConfig=to_table
        )
        assert (made["MaximumRetryAttempts"], made["DestinationConfig"]) == (0, to_table)
        client.update_function_event_invoke_config(
            FunctionName=name, Qualifier="$LATEST", MaximumEventAgeInSeconds=60
        )
        found = client.get_function_event_invoke_config(FunctionName=name)
        assert found["MaximumEventAgeInSeconds"] == 60
        assert found["FunctionArn"].endswith(f":{name}:$LATEST")
        assert found["LastModified"].year >= 2023
        (listed,) = client.list_function_event_invoke_configs(FunctionName=name)[
            "FunctionEventInvokeConfigs"
        ]
        assert listed["DestinationConfig"] == to_table
        client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": 1}')
    for _ in range(SECONDS_MAX * 50):
        results = items.scan(TableName="results")["Items"]
        if len(results) == 2:
            break
        threading.Event().wait(0.02)
    told = {each["function"]["S"]: each["record"]["M"] for each in results}
    assert told["echo"]["requestContext"]["M"]["condition"] == {"S": "Success"}
    assert told["echo"]["responsePayload"] == {"M": {"n": {"N": "1"}}}
    assert told["f"]["requestContext"]["M"]["condition"] == {"S": "RetriesExhausted"}
    assert told["f"]["responsePayload"]["M"]["errorMessage"] == {"S": "of the test"}
    client.delete_function_event_invoke_config(FunctionName="f")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_event_invoke_config(FunctionName="f")
    with pytest.raises(client.exceptions.InvalidParameterValueException):
        client.put_function_event_invoke_config(FunctionName="f")


def test_a_failed_event_is_tried_again_by_the_stores_clock(
    start_server: Callable[..., Any], folder: Folder
) -> None:
    server = start_server(*folder.flags("f", kind="fail_and_tell"))
    server.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b"{}")
    for runs, wait in ((1, "60s"), (2, "120s"), (3, "1h")):
        for _ in range(SECONDS_MAX * 50):
            if len(folder.lines("f")) == runs:
                break
            threading.Event().wait(0.02)
        assert len(folder.lines("f")) == runs
        ahead = ["control", "clock", wait, "--url", server.url]
        subprocess.run(
            [sys.executable, "-m", "streamstore", *ahead], check=True, capture_output=True
        )
    assert len({line["name"] for line in folder.lines("f")}) == 1
    server.end()
    assert server.process.returncode == 0
    assert len(folder.lines("f")) == 3


def test_a_mapping_and_its_place_survive_a_restart(
    start_server: Callable[..., Any], folder: Folder
) -> None:
    first = start_server(*folder.flags("f"))
    client = first.client()
    arn = make_stream(client)
    made = first.client("lambda").create_event_source_mapping(
        FunctionName="f", EventSourceArn=arn, StartingPosition="TRIM_HORIZON"
    )
    put(client, "1")
    folder.wait("f", ("INSERT", "1"))
    first.end()
    assert first.process.returncode == 0
    # Without its function the mapping waits, and the server is there for it.
    without = start_server()
    put(without.client(), "2")
    assert without.client("lambda").get_event_source_mapping(UUID=made["UUID"])["State"] == (
        "Enabled"
    )
    without.end()
    assert len(folder.lines("f")) == 1
    last = start_server(*folder.flags("f"))
    folder.wait("f", ("INSERT", "1"), ("INSERT", "2"))
    put(last.client(), "3")
    folder.wait("f", ("INSERT", "1"), ("INSERT", "2"), ("INSERT", "3"))


def test_with_keys_every_call_of_the_lambda_api_is_verified(
    start_server: Callable[..., Any], folder: Folder
) -> None:
    server = start_server("--key", "AKID:s3cret", *folder.flags("f", kind="echo"))
    arn = make_stream(server.client())
    signed = server.client("lambda")
    made = signed.create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=arn,
        StartingPosition="LATEST",
    )
    # Names with characters that paths and queries spell otherwise.
    full = made["FunctionArn"]
    assert signed.get_function(FunctionName=full)["Configuration"]["FunctionArn"] == full
    (found,) = signed.list_event_source_mappings(FunctionName=full, EventSourceArn=arn)[LISTED]
    assert found["UUID"] == made["UUID"]
    assert signed.list_tags(Resource=made["EventSourceMappingArn"])["Tags"] == {}
    assert json.loads(signed.invoke(FunctionName=full, Payload=b"[1]")["Payload"].read()) == [1]
    wrong = server.client("lambda", aws_secret_access_key="wrong")
    stranger = server.client("lambda", aws_access_key_id="OTHER")
    for client, code in (
        (wrong, "InvalidSignatureException"),
        (stranger, "UnrecognizedClientException"),
    ):
        for call in (
            lambda client=client: client.list_event_source_mappings(),
            lambda client=client: client.invoke(FunctionName="f", Payload=b"{}"),
            lambda client=client: client.delete_event_source_mapping(UUID=made["UUID"]),
        ):
            assert refusal(call)[:2] == (code, 403)
    connection = server.connection()
    connection.request("GET", "/2015-03-31/event-source-mappings/")
    assert connection.getresponse().status == 403
    connection.close()


def mappings(*arguments: str) -> tuple[int, Any, str]:
    """Exit code, JSON on stdout and stderr of `streamstore mappings`."""
    run = subprocess.run(
        [sys.executable, "-m", "streamstore", "mappings", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, json.loads(run.stdout) if run.stdout else None, run.stderr


def test_the_command_line_manages_mappings_beside_a_server_and_on_its_file(
    start_server: Callable[..., Any], folder: Folder, tmp_path: Path
) -> None:
    server = start_server(*folder.flags("f", "g"))
    client = server.client()
    arn = make_stream(client)
    uuids = [
        server.client("lambda").create_event_source_mapping(
            FunctionName=name, EventSourceArn=arn, StartingPosition="TRIM_HORIZON"
        )["UUID"]
        for name in ("f", "g")
    ]
    db = ("--db", str(tmp_path / "store.db"))
    url = ("--url", server.url)
    for where in (db, url):
        code, listed, _ = mappings("list", *where)
        assert code == 0
        assert [each["UUID"] for each in listed[LISTED]] == uuids
    assert mappings("pause", uuids[0], *db)[1]["State"] == "Disabling"
    put(client, "1")
    folder.wait("g", ("INSERT", "1"))
    assert folder.lines("f") == []
    assert mappings("resume", uuids[0], *url)[1]["State"] == "Enabling"
    folder.wait("f", ("INSERT", "1"))
    code, _, said = mappings("show", NOWHERE, *url)
    assert code == 1
    assert "The resource you requested does not exist." in said
    server.end()
    # Nobody owns the file now.
    assert mappings("pause", uuids[0], *db)[1]["State"] == "Disabling"
    assert mappings("show", uuids[0], *db)[1]["State"] == "Disabled"
    assert mappings("delete", uuids[1], *db)[1]["State"] == "Deleting"
    code, _, said = mappings("show", uuids[1], *db)
    assert code == 1
    assert "does not exist" in said
    for wrong in ((), (*db, *url)):
        assert mappings("list", *wrong)[0] == 2
    assert mappings("list", "--db", str(tmp_path / "none.db"))[0] == 1


def test_functions_come_from_the_configuration_too_and_what_is_wrong_stops_the_start(
    start_server: Callable[..., Any], folder: Folder, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[functions.f]\ntarget = "functions_of_acceptance:handler"\n'
        '[functions.slow]\ntarget = "cmd:sleep 60"\ntimeout_seconds = 0.2\nconcurrency = 1\n'
    )
    server = start_server("--function-path", str(tmp_path), "--config", str(config))
    client = server.client("lambda")
    functions = client.list_functions()["Functions"]
    assert [each["FunctionName"] for each in functions] == ["f", "slow"]
    reply = client.invoke(FunctionName="slow", Payload=b"{}")
    assert json.loads(reply["Payload"].read())["errorType"] == "Sandbox.Timedout"
    serve = [sys.executable, "-m", "streamstore", "serve", "--in-memory", "--port", "0"]
    for wrong, words in (
        (("--function", "f"), "NAME=TARGET"),
        (("--function", "f=nothing_of_acceptance:handler"), "can't be imported"),
        (("--function", "a b=os:getpid"), "no function name"),
        (("--function", "f=webhook:http://example.com/x"), "no allowed host"),
    ):
        run = subprocess.run(
            [*serve, *wrong], capture_output=True, text=True, check=False, timeout=60
        )
        assert run.returncode == 1
        assert words in run.stderr
