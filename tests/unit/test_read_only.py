"""A store that reads beside its owner: it sees what the owner changed, and writes nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.errors import FileUnusable, ReadOnlyStore


def create(store: streamstore.Store, name: str) -> None:
    store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )


def records(store: streamstore.Store, table: str) -> list[dict[str, Any]]:
    arn = store.call("DescribeTable", {"TableName": table})["Table"]["LatestStreamArn"]
    found: list[dict[str, Any]] = []
    for shard in store.call("DescribeStream", {"StreamArn": arn})["StreamDescription"]["Shards"]:
        start = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = store.call("GetShardIterator", start)["ShardIterator"]
        found += store.call("GetRecords", {"ShardIterator": iterator})["Records"]
    return found


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[streamstore.Store]:
    with streamstore.open(tmp_path / "owned.db", background=False) as store:
        create(store, "first")
        yield store


def test_a_reader_follows_tables_items_streams_and_splits_of_its_owner(
    owner: streamstore.Store,
) -> None:
    with streamstore.open(owner.path, read_only=True) as reader:
        assert reader.call("ListTables", {})["TableNames"] == ["first"]
        create(owner, "second")
        assert reader.call("ListTables", {})["TableNames"] == ["first", "second"]
        owner.client.put_item(TableName="second", Item={"id": {"S": "a"}})
        key = {"TableName": "second", "Key": {"id": {"S": "a"}}}
        assert reader.call("GetItem", key)["Item"] == {"id": {"S": "a"}}
        owner.split_shard("second")
        owner.client.put_item(TableName="second", Item={"id": {"S": "b"}})
        assert len(reader.shards("second")) == 6
        assert len(records(reader, "second")) == 2
        owner.client.delete_table(TableName="first")
        assert reader.call("ListTables", {})["TableNames"] == ["second"]


def test_a_reader_reloads_the_catalogue_only_when_that_has_moved(owner: streamstore.Store) -> None:
    with streamstore.open(owner.path, read_only=True) as reader:
        reader.call("ListTables", {})
        picture = reader.engine.catalog
        owner.client.put_item(TableName="first", Item={"id": {"S": "a"}})
        assert reader.call("Scan", {"TableName": "first"})["Count"] == 1
        assert reader.engine.catalog is picture
        create(owner, "second")
        reader.call("ListTables", {})
        assert reader.engine.catalog is not picture


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("PutItem", {"TableName": "first", "Item": {"id": {"S": "a"}}}),
        ("DeleteTable", {"TableName": "first"}),
    ],
)
def test_writes_are_refused_by_name(
    owner: streamstore.Store, operation: str, params: dict[str, Any]
) -> None:
    with (
        streamstore.open(owner.path, read_only=True) as reader,
        pytest.raises(ReadOnlyStore, match="read_only=True"),
    ):
        reader.call(operation, params)


def test_a_reader_leaves_no_lock_behind_and_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileUnusable):
        streamstore.open(tmp_path / "none.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_survives_its_owners_death(tmp_path: Path) -> None:
    path = tmp_path / "owned.db"
    script = (
        "import sys, streamstore\n"
        "store = streamstore.open(sys.argv[1], background=False)\n"
        "store.client.create_table(TableName='table', BillingMode='PAY_PER_REQUEST',"
        " AttributeDefinitions=[{'AttributeName': 'id', 'AttributeType': 'S'}],"
        " KeySchema=[{'AttributeName': 'id', 'KeyType': 'HASH'}])\n"
        "store.client.put_item(TableName='table', Item={'id': {'S': 'a'}})\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.readline() == "ready\n"
    with streamstore.open(path, read_only=True) as reader:
        assert reader.call("Scan", {"TableName": "table"})["Count"] == 1
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        child.stdin.close()
        assert reader.call("Scan", {"TableName": "table"})["Count"] == 1
        with streamstore.open(path, background=False) as heir:
            heir.client.put_item(TableName="table", Item={"id": {"S": "b"}})
            assert reader.call("Scan", {"TableName": "table"})["Count"] == 2
