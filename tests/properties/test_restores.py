"""A state machine over backups and restores: what one life of a store said, no other life says of
something else.

Stores are written to, backed up, opened again, restored from any backup there has been, and files
are put back by hand and adopted; the clock moves by a second with each restore. Outside of all
lives a log is kept of every record, number and ARN that was ever served.

By the numbers of the reliability page: I-12 (a number never comes twice, and rises in its shard),
I-20 (the newest number is at least the last one served), I-25 (a token applies once; an ARN never
serves the records of another stream).
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import streamstore
from streamstore import restoring
from streamstore.errors import IteratorExpired, ValidationFailed

NAMES = st.sampled_from(["left", "right"])
KEYS = st.sampled_from(["a", "b", "c", "d"])
PICK = st.integers(0, 2**16)
Items = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Backup:
    """A copy, and what was true when it was made."""

    path: Path
    raw: bool
    life: int
    items: Items
    tokens: dict[str, int]


@dataclass
class Life:
    path: Path
    store: streamstore.Store
    number: int = 0
    items: Items = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)


class Restores(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="restores-"))
        self.clock = streamstore.ManualClock()
        self.paths = self.lives = 0
        self.values = 0
        self.backups: list[Backup] = []
        self.served: dict[int, dict[str, Any]] = {}  # by number, over all lives
        self.arns: set[str] = set()
        self.newest = 0
        self.iterators: list[str] = []

    def path(self) -> Path:
        self.paths += 1
        return self.folder / f"store-{self.paths}.db"

    def open(self, path: Path) -> streamstore.Store:
        return streamstore.open(path, clock=self.clock, background=False)

    @initialize()
    def begin(self) -> None:
        path = self.path()
        self.life = Life(path, self.open(path))

    def teardown(self) -> None:
        self.life.store.close()
        shutil.rmtree(self.folder)

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return dict(self.life.store.call(operation, params))

    # Writing.

    def new_arn(self, name: str) -> None:
        arn = self.call("DescribeTable", TableName=name)["Table"]["LatestStreamArn"]
        assert arn not in self.arns, "an ARN came twice"
        self.arns.add(arn)

    @rule(name=NAMES)
    def create(self, name: str) -> None:
        if name in self.life.items:
            return
        self.call(
            "CreateTable",
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.life.items[name] = {}
        self.new_arn(name)

    @rule(name=NAMES, really=st.integers(0, 3))
    def drop(self, name: str, really: int) -> None:
        if name in self.life.items and really == 3:
            self.call("DeleteTable", TableName=name)
            del self.life.items[name]

    @rule(name=NAMES, key=KEYS)
    def put(self, name: str, key: str) -> None:
        if name not in self.life.items:
            return
        self.values += 1
        item = {"id": {"S": key}, "v": {"N": str(self.values)}}
        self.call("PutItem", TableName=name, Item=item)
        self.life.items[name][key] = item

    @rule(name=NAMES)
    def split(self, name: str) -> None:
        if name in self.life.items and len(self.life.store.shards(name)) < 8:
            self.life.store.split_shard(name)

    @rule(token=st.sampled_from(["first-token", "other-token"]))
    def add_once(self, token: str) -> None:
        """The same request with the same token counts once in ten minutes."""
        if "left" not in self.life.items:
            return
        key, now_ms = f"count-{token}", self.clock.now_ms()
        update = {
            "TableName": "left",
            "Key": {"id": {"S": key}},
            "UpdateExpression": "ADD v :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        self.call(
            "TransactWriteItems", TransactItems=[{"Update": update}], ClientRequestToken=token
        )
        applied_ms = self.life.tokens.get(token)
        if applied_ms is None or now_ms - applied_ms > 600_000:
            self.life.tokens[token] = now_ms
            before = self.life.items["left"].get(key, {"v": {"N": "0"}})
            after = {"id": {"S": key}, "v": {"N": str(int(before["v"]["N"]) + 1)}}
            self.life.items["left"][key] = after

    @rule(seconds=st.sampled_from([0.001, 5, 700]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    # Lives.

    def copied(self, items: Items) -> Items:
        return {name: dict(table) for name, table in items.items()}

    @rule()
    def reopen(self) -> None:
        self.life.store.close()
        self.life.store = self.open(self.life.path)

    @rule()
    def back_up(self) -> None:
        path = self.path()
        self.life.store.backup(path)
        self.keep(path, raw=False)

    @rule()
    def copy_by_hand(self) -> None:
        """As another tool does: the file's own bytes, while nobody has it open."""
        path = self.path()
        self.life.store.close()
        shutil.copyfile(self.life.path, path)
        self.life.store = self.open(self.life.path)
        self.keep(path, raw=True)

    def keep(self, path: Path, *, raw: bool) -> None:
        items = self.copied(self.life.items)
        self.backups.append(Backup(path, raw, self.life.number, items, dict(self.life.tokens)))

    @precondition(lambda self: self.backups)
    @rule(pick=PICK, in_place=st.booleans())
    def restore(self, pick: int, in_place: bool) -> None:
        backup = self.backups[pick % len(self.backups)]
        self.remember_iterators()
        self.life.store.close()
        # Labels made in one millisecond run ahead of the clock by as many; a restore takes longer.
        self.clock.advance(1)
        if in_place and backup.raw:
            shutil.copyfile(backup.path, self.life.path)
            path = self.life.path
            restored = restoring.adopt(path, clock=self.clock)
        else:
            path = self.path()
            restored = restoring.restore(backup.path, path, clock=self.clock)
        # A store knows the key of the life that its backup was made of, and no other's.
        refusal = IteratorExpired if backup.life == self.life.number else ValidationFailed
        store = self.open(path)
        items, tokens = self.copied(backup.items), dict(backup.tokens)
        self.lives += 1
        self.life = Life(path, store, self.lives, items, tokens)
        assert {stream.table for stream in restored.streams} == set(self.life.items)
        for stream in restored.streams:
            assert stream.ended_arn in self.arns
            self.new_arn(stream.table)
        for iterator in self.iterators:
            with pytest.raises(refusal):
                self.call("GetRecords", ShardIterator=iterator)

    def remember_iterators(self) -> None:
        self.iterators = []
        for name in self.life.items:
            arn = self.call("DescribeTable", TableName=name)["Table"]["LatestStreamArn"]
            shards = self.call("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
            self.iterators += [self.iterator(arn, shard["ShardId"]) for shard in shards]

    # Reading.

    def iterator(self, arn: str, shard_id: str) -> str:
        start = {"StreamArn": arn, "ShardId": shard_id, "ShardIteratorType": "TRIM_HORIZON"}
        return str(self.call("GetShardIterator", **start)["ShardIterator"])

    def records(self, arn: str, shard_id: str) -> list[dict[str, Any]]:
        page = self.call("GetRecords", ShardIterator=self.iterator(arn, shard_id))
        return list(page["Records"])

    @invariant()
    def items_are_those_of_this_life(self) -> None:
        for name, items in self.life.items.items():
            found = self.call("Scan", TableName=name)["Items"]
            assert {item["id"]["S"]: item for item in found} == items

    @invariant()
    def what_was_served_is_never_said_of_something_else(self) -> None:
        newest = 0
        for stream in self.call("ListStreams")["Streams"]:
            arn = stream["StreamArn"]
            assert arn in self.arns
            shards = self.call("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
            for shard in shards:
                records = self.records(arn, shard["ShardId"])
                numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
                assert all(a < b for a, b in pairwise(numbers))
                for number, record in zip(numbers, records, strict=True):
                    told = {"arn": arn, "record": record}
                    counter = number % 10**20
                    assert self.served.setdefault(counter, told) == told, "a number came twice"
                starting = int(shard["SequenceNumberRange"]["StartingSequenceNumber"])
                newest = max(newest, starting % 10**20, *(n % 10**20 for n in numbers), 0)
        with self.life.store.readers.transaction() as rx:
            committed = rx.one("SELECT value FROM store_state WHERE name = 'sequence'")
        assert committed is not None
        assert committed[0] >= max(newest, self.newest)
        self.newest = committed[0]


Restores.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestRestores = Restores.TestCase
