"""The fixtures, as a project that installs the package gets them: a test file of its own, run by a
pytest of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]

TESTS = """
import boto3

TABLE = dict(
    TableName="users",
    BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
)


def test_boto3_goes_to_the_store_by_itself(streamstore_endpoint, streamstore_store):
    client = boto3.client("dynamodb")
    client.create_table(**TABLE)
    client.put_item(TableName="users", Item={"id": {"S": "1"}})
    assert client.meta.endpoint_url == streamstore_endpoint
    assert streamstore_store.table("users").get_item(Key={"id": "1"})["Item"] == {"id": "1"}


def test_boto3_is_answered_without_a_server(streamstore_boto3, streamstore_store):
    resource = streamstore_boto3.resource("dynamodb")
    resource.create_table(**TABLE).put_item(Item={"id": "1"})
    assert boto3.client("dynamodb").list_tables()["TableNames"] == ["users"]
    assert streamstore_store.table("users").get_item(Key={"id": "1"})["Item"] == {"id": "1"}


def test_every_test_has_its_own_store(streamstore_client):
    assert streamstore_client.list_tables()["TableNames"] == []


def test_time_is_moved_by_hand(streamstore_store, streamstore_clock):
    streamstore_store.client.create_table(**TABLE)
    streamstore_store.client.put_item(TableName="users", Item={"id": {"S": "1"}})
    assert len(streamstore_store.follow("users", "trim-horizon").turn()) == 1
    streamstore_clock.advance(24 * 3600 + 1)
    assert streamstore_store.follow("users", "trim-horizon").turn() == []
"""


def test_a_project_gets_a_store_an_endpoint_and_a_clock(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(TESTS)
    entries = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    plugin = entries["pytest11"]["streamstore"]
    # The package may be installed or not where these tests run, so the entry point is named.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", plugin, "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": "/usr/bin:/bin",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
