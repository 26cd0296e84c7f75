"""Thirty simulated days on one store: hourly writes, splits, rollovers, trims, restarts.

The clock is moved by hand, an hour at a time; every hour writes, does the background work that is
due, and lets a consumer of each stream read on from its checkpoints, since iterators do not live an
hour. A table of the usual retention stays for the month and is split by load; another keeps its
records for six hours, is split by hand, and is deleted and made again every week. The invariants
I-12 to I-24 of the reliability page are checked every day; those about crashes have tests of their
own, and the file's size from 64 MiB on is measured by bench/bench_retention.py.

Durability is off here: no disk is waited for, and nothing is pulled from under the store.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.codec import hashing
from streamstore.codec.keys import encode
from streamstore.config import Settings, TableSettings
from streamstore.engine.streams.descriptions import ShardState
from streamstore.errors import RecordsTrimmed, StoreError
from streamstore.storage.maintenance import vacuum_into

DAYS = 30
HOUR = 3600
SECONDS_MAX = 60
WRITES_AN_HOUR = 30
KEYS = [f"key-{number}" for number in range(40)]
OPEN_SHARDS_MAX = 6
RETENTION_HOURS = {"steady": 24, "short": 6}

# (key, event, version of the new image, of the old one, created at): a change and its record.
Change = tuple[str, str, int | None, int | None, int]


@dataclass
class Stream:
    """What a stream must hold, and what its consumer has of it."""

    table: str
    arn: str
    written: list[Change] = field(default_factory=list)
    read: list[tuple[int, Change]] = field(default_factory=list)
    checkpoints: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    closed: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    last_ms: int = 0


class Month:
    """The store, its tables as plain dictionaries, and every stream there was."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.random = random.Random(seed)
        self.clock = ManualClock()
        self.tables: dict[str, dict[str, int]] = {}
        self.streams: dict[str, Stream] = {}
        self.dead: list[Stream] = []
        self.version = 0
        self.greatest = 0
        self.numbers: set[int] = set()
        self.splits = self.restarts = 0
        self.shards_seen: set[str] = set()
        self.open()
        for name in RETENTION_HOURS:
            self.make(name)

    def open(self) -> None:
        tables = {
            name: TableSettings(
                retention_seconds=hours * HOUR,
                split_policy="aws",
                first_partitions=2,
                open_shards_max=OPEN_SHARDS_MAX,
            )
            for name, hours in RETENTION_HOURS.items()
        }
        settings = Settings(background=False, durability="off", tables=tables)
        self.store = streamstore.open(self.path, settings=settings, clock=self.clock)

    def restart(self) -> None:
        self.store.close()
        self.open()
        self.restarts += 1

    # What is done.

    def make(self, name: str) -> None:
        made = self.store.call(
            "CreateTable",
            {
                "TableName": name,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "StreamSpecification": {
                    "StreamEnabled": True,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
            },
        )
        self.tables[name] = {}
        self.streams[name] = Stream(name, made["TableDescription"]["LatestStreamArn"])

    def remake(self, name: str) -> None:
        old = self.streams[name]
        self.store.call("DeleteTable", {"TableName": name})
        self.consume(old)
        assert self.is_drained(old)
        self.dead.append(old)
        self.make(name)
        assert self.streams[name].arn not in {stream.arn for stream in self.dead}

    def write(self, name: str) -> None:
        stream, items = self.streams[name], self.tables[name]
        calls: list[tuple[str, dict[str, Any]]] = []
        stream.last_ms = now = max(self.clock.now_ms(), stream.last_ms)
        for _ in range(WRITES_AN_HOUR):
            key = self.random.choice(KEYS)
            old = items.get(key)
            if old is not None and self.random.random() < 0.2:
                calls.append(("DeleteItem", {"TableName": name, "Key": {"id": {"S": key}}}))
                stream.written.append((key, "REMOVE", None, items.pop(key), now // 1000))
                continue
            self.version += 1
            item = {"id": {"S": key}, "v": {"N": str(self.version)}, "t": {"S": "x" * 100}}
            calls.append(("PutItem", {"TableName": name, "Item": item}))
            event = "INSERT" if old is None else "MODIFY"
            stream.written.append((key, event, self.version, old, now // 1000))
            items[key] = self.version
        for answer in self.store.call_many(calls):
            assert not isinstance(answer, StoreError)

    def split_by_load(self, name: str) -> None:
        """Five minutes of too much load on one partition, evenly over its range; the policy splits
        it.
        """
        self.clock.advance(300)  # A shard that has just opened is not split.
        table = self.store.engine.catalog.table(name)
        partition = self.random.choice(table.partitions)
        low, high = int.from_bytes(partition.range_start), int.from_bytes(partition.range_end)
        hashes = [(low + (high - low) * at // 9).to_bytes(16) for at in range(10)]
        now = self.clock.now_ms()
        for second in range(300):
            writes = [(partition.partition_id, value, 200) for value in hashes]
            self.store.engine.samples.observe(writes, now - 1000 * (299 - second))
        self.work()
        after = len(self.store.engine.catalog.table(name).partitions)
        room = len(table.partitions) < OPEN_SHARDS_MAX
        assert after == len(table.partitions) + room
        self.splits += room

    def split_by_hand(self, name: str) -> None:
        table = self.store.engine.catalog.table(name)
        if len(table.open_shards) < OPEN_SHARDS_MAX:
            shard = self.random.choice(table.open_shards)
            assert len(self.store.split_shard(name, shard.name)) == 2
            self.splits += 1

    def work(self) -> None:
        while self.store.tick():
            pass

    # The consumers.

    def describe(self, stream: Stream) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = []
        request: dict[str, Any] = {"StreamArn": stream.arn, "Limit": self.random.randint(3, 100)}
        while True:
            page = self.store.call("DescribeStream", request)["StreamDescription"]
            shards += page["Shards"]
            if "LastEvaluatedShardId" not in page:
                return shards
            request["ExclusiveStartShardId"] = page["LastEvaluatedShardId"]

    def consume(self, stream: Stream) -> None:
        """Read every shard on from its checkpoint, children after their parents."""
        shards = self.describe(stream)
        listed = {shard["ShardId"] for shard in shards}
        for shard in shards:
            name, parent = shard["ShardId"], shard.get("ParentShardId")
            if name not in stream.ended and (parent not in listed or parent in stream.ended):
                self.read(stream, name)
        self.shards_seen |= listed

    def read(self, stream: Stream, shard: str) -> None:
        start: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard in stream.checkpoints:
            start = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": stream.checkpoints[shard],
            }
        page = self.store.call(
            "GetShardIterator", {"StreamArn": stream.arn, "ShardId": shard, **start}
        )
        iterator = page["ShardIterator"]
        while True:
            limit = self.random.choice((5, 50, 1000))
            page = self.store.call("GetRecords", {"ShardIterator": iterator, "Limit": limit})
            for record in page["Records"]:
                stream.read.append(change_of(record))
                stream.checkpoints[shard] = record["dynamodb"]["SequenceNumber"]
            if "NextShardIterator" not in page:
                stream.ended.add(shard)
                return
            if not page["Records"]:
                return
            iterator = page["NextShardIterator"]

    def is_drained(self, stream: Stream) -> bool:
        """I-6 to I-9, I-13, I-19, I-21: every change of every key once and in order, and nothing
        else.
        """
        return by_key(change for _, change in stream.read) == by_key(stream.written)


def change_of(record: dict[str, Any]) -> tuple[int, Change]:
    """(sequence number, change) of a record as it was read."""
    change = record["dynamodb"]
    new, old = change.get("NewImage"), change.get("OldImage")
    return int(change["SequenceNumber"]), (
        change["Keys"]["id"]["S"],
        record["eventName"],
        None if new is None else int(new["v"]["N"]),
        None if old is None else int(old["v"]["N"]),
        change["ApproximateCreationDateTime"],
    )


def by_key(changes: Any) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change[0], []).append(change)
    return found


# What holds every day.


def check(month: Month) -> None:
    for name, stream in month.streams.items():
        assert month.is_drained(stream)
        shards = month.store.shards(name)
        check_shards(stream, shards)
        check_numbers(month, stream)
        check_retention(month, stream, shards)
        scanned = month.store.call("Scan", {"TableName": name})["Items"]
        assert {item["id"]["S"]: int(item["v"]["N"]) for item in scanned} == month.tables[name]
    check_compaction(month)


def check_shards(stream: Stream, shards: list[ShardState]) -> None:
    """I-15 to I-18: the open shards are the hash space, children are their parents' ranges, closed
    shards never change.
    """
    found = {shard.info.name: shard.info for shard in shards}
    opened = sorted((s for s in found.values() if s.closed_ms is None), key=lambda s: s.range_start)
    assert opened[0].range_start == hashing.HASH_MIN
    assert opened[-1].range_end == hashing.HASH_MAX
    for left, right in pairwise(opened):
        assert hashing.successor(left.range_end) == right.range_start
    children: dict[str, list[Any]] = {}
    for info in found.values():
        if info.parent_name is not None:
            children.setdefault(info.parent_name, []).append(info)
    for name, info in found.items():
        assert (info.closed_ms is None) == (info.end_sequence is None)
        if info.end_sequence is None:
            assert name not in children
            continue
        facts = (info.end_sequence, info.closed_ms, info.range_start, info.range_end)
        assert stream.closed.setdefault(name, facts) == facts
        own = sorted(children[name], key=lambda child: child.range_start)
        assert all(child.start_sequence > info.end_sequence for child in own)
        assert len(own) in (1, 2)
        assert (own[0].range_start, own[-1].range_end) == (info.range_start, info.range_end)
        if len(own) == 2:
            assert hashing.successor(own[0].range_end) == own[1].range_start


def check_numbers(month: Month, stream: Stream) -> None:
    """I-12, I-20: no number is given twice, ever, and new ones are above all that were seen."""
    for number, change in stream.read:
        counter = number % 10**20
        if counter not in month.numbers:
            month.numbers.add(counter)
            assert counter <= month.store.engine.sequence, change
    assert len({number for number, _ in stream.read}) == len(stream.read)
    assert month.store.engine.sequence >= month.greatest
    month.greatest = month.store.engine.sequence


def check_retention(month: Month, stream: Stream, shards: list[ShardState]) -> None:
    """I-14, I-22, I-23: what is younger than the retention is there, in the shard of its hash;
    what is older is neither readable nor on disk, and whoever asks for it is told.
    """
    cut_ms = month.clock.now_ms() - RETENTION_HOURS[stream.table] * HOUR * 1000
    readable: list[Change] = []
    for shard in shards:
        fresh = Stream(stream.table, stream.arn)
        month.read(fresh, shard.info.name)
        numbers = [number for number, _ in fresh.read]
        assert numbers == sorted(set(numbers))
        assert shard.record_count == len(fresh.read)
        for _, change in fresh.read:
            place = hashing.partition_hash(encode({"S": change[0]}))
            assert shard.info.range_start <= place <= shard.info.range_end
        readable += [change for _, change in fresh.read]
        if shard.horizon_sequence > shard.info.start_sequence:
            request = {
                "StreamArn": stream.arn,
                "ShardId": shard.info.name,
                "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                "SequenceNumber": f"{shard.info.depth}{shard.horizon_sequence:020d}",
            }
            with pytest.raises(RecordsTrimmed):
                month.store.call("GetShardIterator", request)
    young = [change for change in stream.written if change[4] * 1000 >= cut_ms]
    assert young
    assert sorted(readable) == sorted(young)
    assert len(young) < len(stream.written) or month.clock.now_ms() - cut_ms >= HOUR


def check_compaction(month: Month) -> None:
    """I-24: compacting what was compacted changes nothing, and the file is no larger than a copy
    of what lives.
    """
    month.store.compact()
    before = month.path.stat().st_size
    again = month.store.compact()
    assert again.records_removed == 0
    assert month.path.stat().st_size == before
    copy = month.path.with_suffix(".copy")
    vacuum_into(str(month.path), str(copy))
    assert before <= 1.2 * copy.stat().st_size
    copy.unlink()


def test_thirty_days_of_writes_splits_rollovers_and_trims_keep_the_invariants(
    tmp_path: Path,
) -> None:
    began = time.monotonic()
    month = Month(tmp_path / "month.db", seed=5)
    for day in range(DAYS):
        for hour in range(24):
            month.clock.advance(HOUR)
            if (day, hour) == (11, 5):
                month.clock.advance(-HOUR // 3)  # The clock is set back once.
            for name, stream in month.streams.items():
                month.write(name)
                month.work()
                month.consume(stream)
        month.split_by_load("steady")
        month.split_by_hand("short")
        if day % 7 == 6:
            month.remake("short")
            month.write("short")
            month.restart()
        for stream in month.streams.values():
            month.consume(stream)
        month.work()
        check(month)
    assert month.splits > 10
    assert month.restarts == 4
    assert len(month.shards_seen) > DAYS * 24 // 4 * 2  # They rolled over on their own, too.
    month.store.close()
    assert time.monotonic() - began < SECONDS_MAX
