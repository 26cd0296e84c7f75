"""A restored store begins a new life: numbers, ARNs and iterators of the old one stay its own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import apsw
import pytest

import streamstore
from streamstore import restoring
from streamstore.errors import (
    Corrupted,
    FileForeign,
    FileLocked,
    FileUnusable,
    IteratorExpired,
    ValidationFailed,
)

INDEX = "FROM sqlite_schema WHERE name = 'stream_label'"


def create(store: streamstore.Store, name: str = "table") -> None:
    store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )


def put(store: streamstore.Store, key: str) -> None:
    store.client.put_item(TableName="table", Item={"id": {"S": key}})


def arn_of(store: streamstore.Store) -> str:
    return str(store.client.describe_table(TableName="table")["Table"]["LatestStreamArn"])


def read(store: streamstore.Store, arn: str) -> list[dict[str, Any]]:
    records = []
    shards = store.call("DescribeStream", {"StreamArn": arn})["StreamDescription"]["Shards"]
    for shard in shards:
        iterator = iterator_of(store, arn, shard["ShardId"])
        records += store.call("GetRecords", {"ShardIterator": iterator})["Records"]
    return sorted(records, key=lambda record: int(record["dynamodb"]["SequenceNumber"]))


def iterator_of(store: streamstore.Store, arn: str, shard: str, **start: str) -> str:
    asked = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON", **start}
    return str(store.call("GetShardIterator", asked)["ShardIterator"])


@pytest.fixture
def clock() -> streamstore.ManualClock:
    return streamstore.ManualClock()


@pytest.fixture
def old(tmp_path: Path, clock: streamstore.ManualClock) -> Path:
    """A store with one shard, three records, and a backup of it beside."""
    path = tmp_path / "old.db"
    with streamstore.open(path, clock=clock, background=False, first_partitions=1) as store:
        create(store)
        for key in "abc":
            put(store, key)
        store.backup(tmp_path / "backup.db")
    return path


def test_the_ended_stream_keeps_its_records_and_the_new_one_goes_on_above_all_numbers(
    old: Path, tmp_path: Path, clock: streamstore.ManualClock
) -> None:
    with streamstore.open(old, clock=clock, background=False) as store:
        for key in "defghij":  # what the backup does not know
            put(store, key)
        before = read(store, arn_of(store))
    clock.advance(0.001)
    restored = restoring.restore(tmp_path / "backup.db", tmp_path / "new.db", clock=clock)
    with streamstore.open(restored.path, clock=clock, background=False) as store:
        (stream,) = restored.streams
        assert arn_of(store) == stream.arn != stream.ended_arn
        assert read(store, stream.ended_arn) == before[:3], "eventIDs and numbers stay"
        described = store.call("DescribeStream", {"StreamArn": stream.ended_arn})
        assert described["StreamDescription"]["StreamStatus"] == "DISABLED"
        put(store, "x")
        (record,) = read(store, stream.arn)
        number = int(record["dynamodb"]["SequenceNumber"])
        assert number > max(int(it["dynamodb"]["SequenceNumber"]) for it in before)
        assert number % 10**20 > restored.sequence
        assert record["eventID"] not in {it["eventID"] for it in before}
        assert store.client.scan(TableName="table")["Count"] == 4


def test_iterators_of_the_old_life_have_expired_and_forged_ones_are_still_refused(
    old: Path, tmp_path: Path, clock: streamstore.ManualClock
) -> None:
    with streamstore.open(old, clock=clock, background=False) as store:
        shard = store.shards("table")[0].info.name
        iterator = iterator_of(store, arn_of(store), shard)
    restored = restoring.restore(tmp_path / "backup.db", tmp_path / "new.db", clock=clock)
    again = restoring.restore(restored.path, tmp_path / "newer.db", clock=clock)
    with streamstore.open(restored.path, clock=clock, background=False) as store:
        with pytest.raises(IteratorExpired):
            store.call("GetRecords", {"ShardIterator": iterator})
        forged = iterator[:-1] + ("A" if iterator[-1] != "A" else "B")
        with pytest.raises(ValidationFailed):
            store.call("GetRecords", {"ShardIterator": forged})
        fresh = iterator_of(store, restored.streams[0].ended_arn, shard)
        assert len(store.call("GetRecords", {"ShardIterator": fresh})["Records"]) == 3
    with (
        streamstore.open(again.path, clock=clock, background=False) as store,
        pytest.raises(ValidationFailed),
    ):
        store.call("GetRecords", {"ShardIterator": iterator})  # two lives ago


def test_a_checkpoint_beyond_the_backup_is_refused_and_not_taken_for_the_end(
    old: Path, tmp_path: Path, clock: streamstore.ManualClock
) -> None:
    with streamstore.open(old, clock=clock, background=False) as store:
        put(store, "d")
        shard = store.shards("table")[0].info.name
        lost = read(store, arn_of(store))[-1]["dynamodb"]["SequenceNumber"]
    clock.advance(0.001)
    restored = restoring.restore(tmp_path / "backup.db", tmp_path / "new.db", clock=clock)
    with (
        streamstore.open(restored.path, clock=clock, background=False) as store,
        pytest.raises(ValidationFailed, match="Invalid SequenceNumber"),
    ):
        iterator_of(
            store,
            restored.streams[0].ended_arn,
            shard,
            ShardIteratorType="AFTER_SEQUENCE_NUMBER",
            SequenceNumber=lost,
        )


def test_a_client_token_in_the_backup_still_counts_once(
    tmp_path: Path, clock: streamstore.ManualClock
) -> None:
    add = {
        "TableName": "table",
        "Key": {"id": {"S": "a"}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    request = {"TransactItems": [{"Update": add}], "ClientRequestToken": "token"}
    with streamstore.open(clock=clock, background=False) as store:
        create(store)
        store.call("TransactWriteItems", request)
        store.backup(tmp_path / "backup.db")
    clock.advance(1)
    restored = restoring.restore(tmp_path / "backup.db", tmp_path / "new.db", clock=clock)
    with streamstore.open(restored.path, clock=clock, background=False) as store:
        store.call("TransactWriteItems", request)
        item = store.client.get_item(TableName="table", Key={"id": {"S": "a"}})["Item"]
        assert item["n"] == {"N": "1"}


def test_mappings_of_ended_streams_are_named_and_stay_where_they_were(
    old: Path, tmp_path: Path, clock: streamstore.ManualClock
) -> None:
    row = "INSERT INTO mapping (uuid, stream_arn, function_name, state, modified_ms, definition)"
    with streamstore.open(old, clock=clock, background=False) as store:
        rows = [("one", arn_of(store)), ("two", "arn:of:another")]
        for uuid, arn in rows:
            values = (uuid, arn, f"function-{uuid}", "Enabled", 0, b"")
            store.writer.run(
                lambda group, v=values: group.tx.run(f"{row} VALUES (?, ?, ?, ?, ?, ?)", v)  # type: ignore[misc]
            )
    restored = restoring.adopt(old, clock=clock)
    (stream,) = restored.streams
    assert restored.orphans == (("one", "function-one", stream.ended_arn),)
    with streamstore.open(old, clock=clock) as store, store.readers.transaction() as rx:
        assert rx.all("SELECT uuid, stream_arn FROM mapping ORDER BY 1") == rows


def test_what_is_there_is_not_restored_over(old: Path, tmp_path: Path) -> None:
    before = old.read_bytes()
    with pytest.raises(FileUnusable, match="--adopt"):
        restoring.restore(tmp_path / "backup.db", old)
    assert old.read_bytes() == before


def test_an_owned_file_is_neither_target_nor_adopted(
    old: Path, tmp_path: Path, clock: streamstore.ManualClock
) -> None:
    with streamstore.open(old, clock=clock, background=False):
        with pytest.raises(FileLocked):
            restoring.adopt(old, clock=clock)
        os.rename(old, tmp_path / "moved.db")  # its lock holds the place all the same
        with pytest.raises(FileLocked):
            restoring.restore(tmp_path / "backup.db", old, clock=clock)
        assert not old.exists()
        os.rename(tmp_path / "moved.db", old)


@pytest.mark.parametrize("damage", ["foreign", "cut", "bent", "index"])
def test_a_backup_that_is_not_whole_makes_no_store(old: Path, tmp_path: Path, damage: str) -> None:
    backup = tmp_path / "backup.db"
    whole = backup.read_bytes()
    if damage == "foreign":
        backup.write_bytes(b"x" * 5000)
    elif damage == "cut":
        backup.write_bytes(whole[: len(whole) // 2])
    elif damage == "bent":
        backup.write_bytes(whole[:8192] + b"\xff" * 4096 + whole[12288:])
    else:  # rows that their index doesn't know
        connection = apsw.Connection(str(backup))
        connection.execute("PRAGMA writable_schema = ON")
        root, made = connection.execute(f"SELECT rootpage, sql {INDEX}").fetchall()[0]
        connection.execute(f"DELETE {INDEX}")
        connection.execute("PRAGMA writable_schema = RESET")
        connection.execute("UPDATE stream SET label = 'x'")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_schema VALUES ('index', 'stream_label', 'stream', ?, ?)",
            (root, made),
        )
        connection.close()
    error = FileForeign if damage == "foreign" else Corrupted
    for act in (
        lambda: restoring.restore(backup, tmp_path / "new.db"),
        lambda: restoring.adopt(backup),
    ):
        with pytest.raises(error):
            act()
    assert not (tmp_path / "new.db").exists()
    assert not list(tmp_path.glob("new.db.streamstore-new*"))


def test_a_file_put_back_with_its_log_is_adopted_with_what_is_in_the_log(
    old: Path, tmp_path: Path, clock: streamstore.ManualClock
) -> None:
    store = streamstore.open(old, clock=clock, background=False)
    put(store, "in the log")
    copied = tmp_path / "copied.db"
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{old}{suffix}", f"{copied}{suffix}")
    assert os.stat(f"{copied}-wal").st_size > 0
    store.close()
    restored = restoring.adopt(copied, clock=clock)
    with streamstore.open(copied, clock=clock) as adopted:
        assert adopted.client.scan(TableName="table")["Count"] == 4
        assert len(read(adopted, restored.streams[0].ended_arn)) == 4


@pytest.mark.parametrize("how", ["adopt", "restore"])
def test_a_clock_set_back_gives_no_number_twice_where_the_old_store_lay(
    old: Path, tmp_path: Path, clock: streamstore.ManualClock, how: str
) -> None:
    """The lock file's mark says how far the store had come in whose place the file is put."""
    kept = tmp_path / "kept.db"
    shutil.copyfile(old, kept)
    with streamstore.open(old, clock=clock, background=False) as store:
        for number in range(50):
            put(store, str(number))
        last = int(read(store, arn_of(store))[-1]["dynamodb"]["SequenceNumber"]) % 10**20
    clock.advance(-3600)
    if how == "adopt":
        shutil.copyfile(kept, old)
        restored = restoring.adopt(old, clock=clock)
    else:
        os.unlink(old)
        restored = restoring.restore(tmp_path / "backup.db", old, clock=clock)
    assert restored.sequence > last
    with streamstore.open(old, clock=clock, background=False) as store:
        assert store.latched is None
        put(store, "x")
