"""`streamstore backup` and `restore` as a person runs them: beside a server, beside an embedding
process, and on a file that nobody owns.
"""

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

TABLE: dict[str, Any] = {
    "TableName": "table",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
}


def run(*arguments: object, code: int = 0) -> tuple[Any, str]:
    """The JSON on stdout (None if it fails) and what is said on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return (json.loads(done.stdout) if code == 0 else None), done.stderr


def test_a_backup_beside_a_running_server_becomes_a_store_that_serves(
    start_server: Callable[..., Any], tmp_path: Path
) -> None:
    server = start_server("--db", str(tmp_path / "store.db"))
    client = server.client()
    client.create_table(**TABLE)
    for number in range(10):
        client.put_item(TableName="table", Item={"id": {"S": str(number)}})
    made, _ = run("backup", tmp_path / "store.db", tmp_path / "backup.db")
    client.put_item(TableName="table", Item={"id": {"S": "later"}})
    server.signal(signal.SIGKILL)
    server.wait()
    restored, said = run("restore", made["path"], tmp_path / "new.db")
    assert said == ""
    (stream,) = restored["streams"]
    again = start_server("--db", str(tmp_path / "new.db"))
    assert again.client().scan(TableName="table")["Count"] == 10
    arns = [s["StreamArn"] for s in again.client("dynamodbstreams").list_streams()["Streams"]]
    assert [arn.rpartition("/")[2] for arn in arns] == [
        stream[which].rpartition("/")[2] for which in ("ended_arn", "arn")
    ]


def test_an_embedding_owner_is_backed_up_beside_and_not_restored_over(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with streamstore.open(path, background=False) as owner:
        owner.client.create_table(**TABLE)
        run("backup", path, tmp_path / "backup.db")
        _, said = run("backup", path, tmp_path / "backup.db", code=1)
        assert "exists already" in said
        run("backup", path, tmp_path / "backup.db", "--force")
        _, said = run("restore", "--adopt", path, code=1)
        assert "is owned by process" in said
        owner.client.put_item(TableName="table", Item={"id": {"S": "after"}})
    _, said = run("restore", tmp_path / "backup.db", path, code=1)
    assert "exists already" in said


def test_an_adopted_file_and_its_orphaned_mappings_are_told(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with streamstore.open(path, background=False) as store:
        arn = store.client.create_table(**TABLE)["TableDescription"]["LatestStreamArn"]
        insert = (
            "INSERT INTO mapping (uuid, stream_arn, function_name, state, modified_ms, definition)"
            " VALUES ('u-1', ?, 'mail', 'Enabled', 0, x'80')"
        )
        store.writer.run(lambda group: group.tx.run(insert, (arn,)))
    adopted, said = run("restore", "--adopt", path)
    assert adopted["orphans"] == [{"uuid": "u-1", "function_name": "mail", "stream_arn": arn}]
    assert "mapping u-1 (mail) reads an ended stream" in said


@pytest.mark.parametrize("arguments", [("only.db",), ("a.db", "b.db", "--adopt"), ()])
def test_a_misused_restore_says_how_it_is_used(arguments: tuple[str, ...]) -> None:
    _, said = run("restore", *arguments, code=2)
    assert "Usage" in said
