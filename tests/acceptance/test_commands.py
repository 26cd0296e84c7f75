"""The command line: on a file nobody owns, beside a server, and beside an owner without a door."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import streamstore

DAY_MS = 86_400_000


def run(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def create(client: Any) -> None:
    client.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A store with a table, a stream and ten records, owned by nobody."""
    path = tmp_path / "store.db"
    with streamstore.open(path, background=False) as store:
        create(store.client)
        for n in range(10):
            store.client.put_item(TableName="table", Item={"id": {"S": str(n)}})
    return path


def test_shards_are_shown_and_split_on_a_file_that_nobody_owns(db: Path) -> None:
    shown = json.loads(run("shards", "show", "table", "--db", str(db)))
    assert len(shown) == 4
    assert sum(shard["Records"] for shard in shown) == 10
    children = json.loads(run("shards", "split", "table", shown[1]["ShardId"], "--db", str(db)))
    assert len(children["children"]) == 2
    after = json.loads(run("shards", "show", "table", "--db", str(db), "--output", "json"))
    assert {s["ShardId"] for s in after if s["ParentShardId"] == shown[1]["ShardId"]} == set(
        children["children"]
    )
    drawing = run("shards", "show", "table", "--db", str(db), "--output", "table")
    assert drawing.count("shardId-") == 6
    assert "├─ " + min(children["children"]) in drawing


def test_a_table_a_shard_or_a_file_that_is_not_there_is_named(db: Path, tmp_path: Path) -> None:
    assert "'other'" in run("shards", "show", "other", "--db", str(db), code=1)
    assert "'shardId-x'" in run("shards", "split", "table", "shardId-x", "--db", str(db), code=1)
    missing = tmp_path / "none.db"
    assert "none.db" in run("compact", "--db", str(missing), code=1)
    assert not missing.exists()


def test_compact_on_a_file_that_nobody_owns_removes_what_is_old(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    clock = streamstore.ManualClock(streamstore.SystemClock().now_ms() - 2 * DAY_MS)
    with streamstore.open(path, background=False, clock=clock) as store:
        create(store.client)
        for n in range(10):
            store.client.put_item(TableName="table", Item={"id": {"S": str(n)}})
    assert json.loads(run("compact", "--db", str(path))) == {"records_removed": 10}
    assert json.loads(run("compact", "--db", str(path))) == {"records_removed": 0}


def test_beside_a_running_server_commands_go_through_its_door(
    start_server: Callable[..., Any], client_of: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "served.db"
    server = start_server("--db", str(path))
    client, streams = client_of(server.url), client_of(server.url, "dynamodbstreams")
    create(client)
    client.get_waiter("table_exists").wait(TableName="table")
    for n in range(10):
        client.put_item(TableName="table", Item={"id": {"S": str(n)}})
    assert run("healthcheck", "--url", server.url).strip() == "ready"
    shown = json.loads(run("shards", "show", "table", "--db", str(path)))
    split = json.loads(run("shards", "split", "table", "--db", str(path)))
    arn = client.describe_table(TableName="table")["Table"]["LatestStreamArn"]
    described = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    assert len(described) == len(shown) + 2
    assert {s["ShardId"] for s in described} >= set(split["children"])
    # The server's clock moves, and with it the trim horizon.
    before = json.loads(run("clock", "advance", "25h", "--db", str(path)))["now_ms"]
    assert before > streamstore.SystemClock().now_ms() + DAY_MS
    run("compact", "--db", str(path))
    left = json.loads(run("shards", "show", "table", "--db", str(path)))
    assert sum(shard["Records"] for shard in left) == 0
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert "does not answer" in run("healthcheck", "--url", server.url, code=1)


def test_an_owner_without_a_door_is_named_and_not_disturbed(db: Path) -> None:
    with streamstore.open(db, background=False) as owner:
        for arguments in (("compact",), ("shards", "split", "table"), ("clock", "advance", "1h")):
            said = run(*arguments, "--db", str(db), code=1)
            assert "embeds the store" in said
        owner.client.put_item(TableName="table", Item={"id": {"S": "after"}})


def test_serve_refuses_what_would_open_the_store_to_strangers(tmp_path: Path) -> None:
    said = run("serve", "--db", str(tmp_path / "x.db"), "--host", "0.0.0.0", code=1)
    assert "loopback" in said
    assert not (tmp_path / "x.db").exists()


def test_serve_takes_settings_from_file_environment_and_flags_in_that_order(
    start_server: Callable[..., Any],
    client_of: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(
        'region = "eu-west-1"\nfirst_partitions = 3\nsplit_policy = "manual"\n'
        "[tables.other]\nfirst_partitions = 2\n"
    )
    monkeypatch.setenv("STREAMSTORE_FIRST_PARTITIONS", "5")
    monkeypatch.setenv("STREAMSTORE_RETENTION_SECONDS", "60")
    server = start_server("--config", str(config), "--split-policy", "aws")
    client = client_of(server.url)
    create(client)
    streams = client_of(server.url, "dynamodbstreams")
    arn = client.describe_table(TableName="table")["Table"]["LatestStreamArn"]
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    assert len(shards) == 5


def test_dynamodb_locals_flags_are_understood(
    start_server: Callable[..., Any], client_of: Callable[..., Any], tmp_path: Path
) -> None:
    server = start_server("--in-memory", "-sharedDb")
    assert client_of(server.url).list_tables()["TableNames"] == []
    folder = tmp_path / "folder"
    folder.mkdir()
    command = [sys.executable, "-m", "streamstore", "serve", "-dbPath", str(folder), "-port", "0"]
    local = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert local.stderr is not None
    assert "ready at" in local.stderr.readline()
    local.terminate()
    assert local.wait(timeout=30) == 0
    local.stderr.close()
    assert (folder / "streamstore.db").exists()


def test_a_misspelt_setting_is_refused_by_name(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("retention = 3\n")
    said = run("serve", "--db", str(tmp_path / "x.db"), "--config", str(config), code=1)
    assert "'retention'" in said
