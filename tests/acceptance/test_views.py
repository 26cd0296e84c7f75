"""The views of a store's file, read by a stock sqlite3 shell beside the owner: they say what the
store says.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.checking import check
from streamstore.clock import ManualClock
from streamstore.consumers.destinations import Failure, keep
from streamstore.consumers.functions import Functions
from streamstore.consumers.mappings import Mappings
from streamstore.storage import copies
from streamstore.storage.schema import views

SHELL = shutil.which("sqlite3")
pytestmark = pytest.mark.skipif(SHELL is None, reason="no sqlite3 shell: apt-get install sqlite3")

LONG = "k" * 255
# Key values of every type and of every length that msgpack writes in another way.
KEYS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"S": "a"}, {"B": b"\x00"}),
    ({"S": 'it\'s "x" é 日'}, {"B": b"\xc4" * 32}),
    ({"S": "x" * 31}, {"B": b"\xff" * 255}),
    ({"S": "x" * 32}, {"B": b"\xda" * 256}),
    ({"S": "é" * 127 + "x"}, {"B": b"\x01"}),
    ({"S": "é" * 128}, {"B": bytes(range(256)) * 4}),
    ({"S": "x" * 2048}, {"B": b"\x00\xff" * 512}),
)
NUMBERS = ("0", "-1.5", "42", "0." + "0" * 20 + "7", "12345678901234567890123456789012345678")


def ask(path: str | Path, sql: str) -> list[dict[str, Any]]:
    """Rows of a statement, from the shell."""
    assert SHELL is not None
    done = subprocess.run(
        [SHELL, "-readonly", "-json", str(path), sql],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    rows: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return rows


def iso(ms: int) -> str:
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def create(store: streamstore.Store, name: str, *keys: tuple[str, str], view: str) -> None:
    kinds = ("HASH", "RANGE")
    store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in keys],
        KeySchema=[
            {"AttributeName": n, "KeyType": kind} for (n, _), kind in zip(keys, kinds, strict=False)
        ],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": view},
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[streamstore.Store]:
    """Two tables with streams, written to, split, trimmed, with an item that expired."""
    clock = ManualClock(1_700_000_000_123)
    with streamstore.open(tmp_path / "s.db", clock=clock, background=False) as store:
        create(store, "mixed", ("p", "S"), (LONG, "B"), view="NEW_AND_OLD_IMAGES")
        create(store, "numbers", ("n", "N"), view="KEYS_ONLY")
        client = store.client
        client.update_time_to_live(
            TableName="numbers",
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "e"},
        )
        for first, second in KEYS:
            clock.advance(0.777)
            key = {"p": first, LONG: second}
            client.put_item(TableName="mixed", Item={**key, "x": {"S": "y" * 70_000}})
            client.put_item(TableName="mixed", Item={**key, "x": {"S": "z"}})
            client.put_item(TableName="mixed", Item={**key, "x": {"S": "z" * 900}})
        client.delete_item(TableName="mixed", Key=key)
        store.split_shard("mixed")
        client.put_item(TableName="mixed", Item=key)
        for number in NUMBERS:
            item = {"n": {"N": number}, "e": {"N": str(clock.now_ms() // 1000 - 5)}}
            client.put_item(TableName="numbers", Item=item)
        while store.tick():
            pass
        yield store


def records(store: streamstore.Store, table: str) -> list[dict[str, Any]]:
    with store.follow(table, "trim-horizon") as follower:
        found = []
        while turn := follower.turn():
            found += turn
        return found


def shown(keys: dict[str, Any]) -> dict[str, Any]:
    """Keys as the view words them."""
    return {
        name: {"hex": value["B"].hex().upper()} if "B" in value else value
        for name, value in keys.items()
    }


@pytest.mark.parametrize("table", ["mixed", "numbers"])
def test_records_have_the_numbers_events_sizes_and_keys_that_the_stream_gives(
    store: streamstore.Store, table: str
) -> None:
    rows = ask(store.path, f"SELECT * FROM view_records WHERE table_name = '{table}'")
    rows.sort(key=lambda row: row["sequence"])
    given = records(store, table)
    assert len(rows) == len(given) >= 10
    for row, record in zip(rows, given, strict=True):
        change = record["dynamodb"]
        assert row["sequence_number"] == change["SequenceNumber"]
        assert row["event_name"] == record["eventName"]
        assert row["size_bytes"] == change["SizeBytes"]
        assert row["shard_name"] == record["ShardId"]
        assert json.loads(row["keys"]) == shown(change["Keys"])
        assert row["by_time_to_live"] == ("userIdentity" in record)
        second = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC)
        assert row["created"].startswith(f"{second:%Y-%m-%dT%H:%M:%S}.")
    assert len({(row["shard_name"], row["ordinal"]) for row in rows}) == len(rows)
    if table == "mixed":
        assert {row["size_bytes"] > 65_535 for row in rows} == {True, False}
    else:
        assert {row["by_time_to_live"] for row in rows} == {0, 1}
        assert max(row["size_bytes"] for row in rows) < 128


def test_items_have_their_keys_as_text_where_they_are_strings_and_their_sizes(
    store: streamstore.Store,
) -> None:
    rows = ask(store.path, "SELECT * FROM view_items")
    assert {row["table_name"] for row in rows} == {"mixed"}, "numbers have expired"
    keys = {(row["partition_key"], row["sort_key"]) for row in rows}
    assert keys == {(p["S"], b["B"].hex().upper()) for p, b in KEYS}
    assert {(row["partition_key_type"], row["sort_key_type"]) for row in rows} == {("S", "B")}
    (table,) = ask(store.path, "SELECT * FROM view_tables WHERE table_name = 'mixed'")
    assert sum(row["size_bytes"] for row in rows) == table["item_bytes"]
    assert table["items"] == len(KEYS)
    store.client.put_item(TableName="numbers", Item={"n": {"N": "7"}})
    store.client.put_item(
        TableName="mixed", Item={"p": {"S": "a\0b"}, LONG: {"B": b"1"}, "x": {"S": "y" * 5000}}
    )
    (number,) = ask(store.path, "SELECT * FROM view_items WHERE table_name = 'numbers'")
    assert (number["partition_key_type"], number["sort_key_type"]) == ("N", None)
    assert number["partition_key"] == "C08281" + "00"
    (odd,) = ask(store.path, "SELECT * FROM view_items WHERE partition_key = '610062'")
    assert odd["stored_bytes"] > 5000


def test_shards_and_streams_are_those_that_are_described(store: streamstore.Store) -> None:
    arn = store.client.describe_table(TableName="mixed")["Table"]["LatestStreamArn"]
    described = store.client.describe_stream(StreamArn=arn)["StreamDescription"]
    rows = ask(store.path, "SELECT * FROM view_shards WHERE table_name = 'mixed'")
    by_name = {row["shard_name"]: row for row in rows}
    assert set(by_name) == {shard["ShardId"] for shard in described["Shards"]}
    for shard in described["Shards"]:
        row, numbers = by_name[shard["ShardId"]], shard["SequenceNumberRange"]
        assert row["starting_sequence_number"] == numbers["StartingSequenceNumber"]
        assert row["ending_sequence_number"] == numbers.get("EndingSequenceNumber")
        assert row["parent_name"] == shard.get("ParentShardId")
        assert (row["closed"] is None) == ("EndingSequenceNumber" not in numbers)
    (stream,) = ask(store.path, "SELECT * FROM view_streams WHERE table_name = 'mixed'")
    assert (stream["stream_label"], stream["disabled"]) == (described["StreamLabel"], None)
    assert (stream["shards"], stream["view_type"]) == (len(rows), described["StreamViewType"])
    assert stream["records"] == sum(row["records"] for row in rows) == len(records(store, "mixed"))
    assert stream["created"] == iso(1_700_000_000_123)
    newest = records(store, "mixed")[-1]["dynamodb"]["SequenceNumber"]
    assert newest in {row["last_sequence_number"] for row in rows}
    assert {row["trimmed_to_sequence_number"] for row in rows} == {None}
    store.control.trim("mixed")
    rows = ask(store.path, "SELECT * FROM view_shards WHERE table_name = 'mixed'")
    assert newest in {row["trimmed_to_sequence_number"] for row in rows}


def test_mappings_their_checkpoints_and_failures_are_named(store: streamstore.Store) -> None:
    arn = store.client.describe_table(TableName="mixed")["Table"]["LatestStreamArn"]
    functions = Functions()
    functions.register("ship", lambda event, context: None)
    mappings = Mappings(store, functions)
    made = mappings.create(
        {"EventSourceArn": arn, "FunctionName": "ship", "StartingPosition": "TRIM_HORIZON"}
    )
    uuid, now_ms = made["UUID"], store.clock.now_ms()
    shard = store.shards("mixed")[0]
    number = shard.last_sequence
    store.writer.run(
        lambda group: group.tx.run(
            "INSERT INTO checkpoint VALUES ((SELECT mapping_id FROM mapping), ?, ?, ?, x'80')",
            (shard.info.shard_id, number, now_ms),
        )
    )
    failure = Failure("RetryAttemptsExhausted", {"why": "é"}, b"{}", 3, uuid, "s", now_ms + 1)
    store.writer.run(lambda group: keep(group, failure))
    (mapping,) = ask(store.path, "SELECT * FROM view_mappings")
    assert (mapping["uuid"], mapping["function_name"]) == (uuid, "ship")
    (done,) = ask(store.path, "SELECT * FROM view_checkpoints WHERE finished IS NOT NULL")
    assert done["uuid"] == uuid
    assert done["shard_name"] == shard.info.name
    assert done["done_to_sequence_number"] == f"{shard.info.depth}{number:020d}"
    assert done["finished"] == iso(now_ms)
    (given_up,) = ask(store.path, "SELECT * FROM view_failures")
    assert json.loads(given_up["failure_record"]) == {"why": "é"}
    assert (given_up["function_name"], given_up["records"]) == ("ship", 3)
    assert (given_up["created"], given_up["redriven"]) == (iso(now_ms + 1), None)


def test_every_view_can_be_read_in_a_store_in_a_backup_and_after_both_were_checked(
    store: streamstore.Store, tmp_path: Path
) -> None:
    backup = copies.back_up(store.path, tmp_path / "backup.db")
    counts = []
    for path in (store.path, backup.path):
        assert check(path).violations == []
        union = " UNION ALL ".join(
            f"SELECT '{v}' AS v, count(*) AS n FROM {v}" for v in views.tables
        )
        counts.append({row["v"]: row["n"] for row in ask(path, union)})
    assert counts[0] == counts[1]
    assert set(counts[0]) == set(views.tables)
    assert counts[0]["view_records"] > 20


def test_a_shard_is_found_without_reading_the_records_of_others(store: streamstore.Store) -> None:
    plan = ask_plan(store.path, "SELECT sequence_number FROM view_records WHERE shard_name = 'x'")
    assert "SEARCH record USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
    plan = ask_plan(store.path, "SELECT size_bytes FROM view_items WHERE table_name = 'mixed'")
    assert "SEARCH item USING PRIMARY KEY (table_id=?)" in plan


def ask_plan(path: str, sql: str) -> str:
    assert SHELL is not None
    words = [SHELL, "-readonly", path, f"EXPLAIN QUERY PLAN {sql}"]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
