"""Testers' control as people use it: the command line, a real server, boto3 that sees it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

import streamstore

KEY = "AKID:s3cret"


def run(*arguments: str, code: int = 0) -> Any:
    """`streamstore control ...`: what it printed, or the reason it gave on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", "control", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def create(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )


def put(client: Any, name: str, key: str) -> None:
    client.put_item(TableName=name, Item={"id": {"S": key}})


def test_boto3_sees_the_errors_of_rules_and_retries_them_as_it_does_the_services(
    server: Any,
) -> None:
    client = server.client()
    create(client, "ruled")
    where = ("--url", server.url)
    throttle = "ProvisionedThroughputExceededException"
    run("rules", "add", "--operation", "PutItem", "--table", "ruled", "--item", "a*",
        "--error", throttle, "--count", "2", *where)  # fmt: skip
    put(client, "ruled", "b")
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException) as failed:
        put(client, "ruled", "a1")
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    patient = server.client(config=Config(retries={"total_max_attempts": 3, "mode": "standard"}))
    put(patient, "ruled", "a2")
    (rule,) = run("rules", "list", *where)["rules"]
    assert (rule["error"], rule["hits"]) == (throttle, 2)

    run("rules", "add", "--operation", "GetItem", "--error", "InternalServerError",
        "--probability", "0.5", "--seed", "1", *where)  # fmt: skip
    seen = set()
    for _ in range(20):
        try:
            client.get_item(TableName="ruled", Key={"id": {"S": "b"}})
            seen.add(200)
        except client.exceptions.InternalServerError as error:
            seen.add(error.response["ResponseMetadata"]["HTTPStatusCode"])
    assert seen == {200, 500}
    assert run("rules", "clear", *where) == {"cleared": 2}
    client.get_item(TableName="ruled", Key={"id": {"S": "b"}})


def test_a_delay_is_felt_by_who_asked_and_by_nobody_else(server: Any) -> None:
    client = server.client()
    create(client, "slow")
    where = ("--url", server.url)
    run("rules", "add", "--table", "slow", "--operation", "PutItem", "--delay", "400ms", *where)
    started = time.monotonic()
    put(client, "slow", "a")
    assert time.monotonic() - started >= 0.4
    started = time.monotonic()
    client.get_item(TableName="slow", Key={"id": {"S": "a"}})
    assert time.monotonic() - started < 0.4
    run("rules", "clear", *where)


def test_boto3_meets_scenarios(server: Any) -> None:
    streams = server.client("dynamodbstreams")
    where = ("--url", server.url)
    facts = run("scenario", "trimmed-while-paused", "--table", "paused", *where)
    shard, number = next(iter(facts["checkpoints"].items()))
    resume = {
        "StreamArn": facts["stream_arn"],
        "ShardId": shard,
        "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
        "SequenceNumber": number,
    }
    with pytest.raises(streams.exceptions.TrimmedDataAccessException):
        streams.get_shard_iterator(**resume)

    facts = run("scenario", "expired-iterator", "--table", "expired", *where)
    described = streams.describe_stream(StreamArn=facts["stream_arn"])["StreamDescription"]
    start = {
        "StreamArn": facts["stream_arn"],
        "ShardId": described["Shards"][0]["ShardId"],
        "ShardIteratorType": "TRIM_HORIZON",
    }
    held = streams.get_shard_iterator(**start)["ShardIterator"]
    for _ in range(2):  # by the scenario's rule, then by hand
        with pytest.raises(streams.exceptions.ExpiredIteratorException):
            streams.get_records(ShardIterator=held)
        run("expire-iterators", *where)
    held = streams.get_shard_iterator(**start)["ShardIterator"]
    assert streams.get_records(ShardIterator=held)["Records"]
    assert "no scenario is called 'storm'" in run("scenario", "storm", *where, code=1)


def test_shards_are_moved_on_a_file_and_beside_the_server_that_owns_it(
    tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    db = tmp_path / "store.db"
    with streamstore.open(db, background=False, first_partitions=1) as store:
        create(store.client, "table")
        put(store.client, "table", "a")
        (shard,) = [state.info.name for state in store.shards("table")]
    at = ("--db", str(db))
    successor = run("roll", "table", shard, *at)["successor"]
    assert run("trim", "table", shard, "--forget", *at) == {"records": 1, "shards": [shard]}
    assert "no server owns" in run("rules", "add", "--error", "ThrottlingException", *at, code=1)
    assert "no server owns" in run("scenario", "throttled", *at, code=1)
    assert "enable_control" in run("reset", *at, code=1)
    run("expire-iterators", *at)
    server = start_server("--db", str(db))
    assert len(run("split", "table", successor, *at)["children"]) == 2
    before = run("clock", "0s", *at)["now_ms"]
    assert run("clock", "1h", *at)["now_ms"] - before >= 3_600_000
    assert "enable_control" in run("reset", *at, code=1)
    server.end()
    assert run("reset", "--enable-control", *at) == {"tables": 1, "streams": 1}
    assert "--db or its server by --url" in run("reset", code=2)


def test_on_an_open_address_control_is_off_or_asks_for_a_signature(
    start_server: Callable[..., Any],
) -> None:
    # 127.0.0.2 would be loopback too; 0.0.0.0 is every address, reached over loopback here.
    given = ("--in-memory", "--host", "0.0.0.0", "--key", KEY)
    off = start_server(*given)
    assert "--enable-control" in run("reset", "--url", off.url, "--key", KEY, code=1)
    assert "--enable-control" in run("rules", "list", "--url", off.url, code=1)
    on = start_server(*given, "--enable-control")
    create(on.client(), "table")
    assert "missing Authentication Token" in run("reset", "--url", on.url, code=1)
    assert "refused" in run("reset", "--url", on.url, "--key", "AKID:wrong", code=1)
    assert on.client().list_tables()["TableNames"] == ["table"]
    assert run("reset", "--url", on.url, "--key", KEY) == {"tables": 1, "streams": 1}
    assert on.client().list_tables()["TableNames"] == []


def test_the_scenarios_are_listed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", "control", "scenario"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert len(names) == 8
    assert "500-closed-shards" in names
