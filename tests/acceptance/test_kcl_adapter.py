"""The awslabs adapter and the Kinesis client library follow a table through a split and a rollover.

`kcl/Follower.java` is the smallest application one can write with them; it makes its lease table,
the index of that table and its other tables in the same server. What it needs is fetched by Maven
and compiled once into a cache folder outside of the repository. Skipped where Java, Maven or the
artifacts are missing. The library waits for a random time of up to 30 seconds at its first start,
and most of this test's time is that.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SOURCES = Path(__file__).parent / "kcl"
START_SECONDS_MAX = 75
STEP_SECONDS_MAX = 20

KEYS = [f"key-{number}" for number in range(20)]


@pytest.fixture(scope="module")
def classes(java_classes: Callable[[Path], Path]) -> Path:
    return java_classes(SOURCES)


class Follower:
    """The Java process, and what it said: lines split at spaces, in order."""

    def __init__(self, classes: Path, folder: Path, *arguments: str) -> None:
        self.said: list[list[str]] = []
        self.log = folder / "follower.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                ["java", "-Xmx256m", "-cp", f"{classes}:{classes}/*", "Follower", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
            )
        self._more = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self.said.append(line.split())
                self._more.notify_all()

    def wait(self, done: Callable[[], bool], seconds: float) -> None:
        with self._more:
            came = self._more.wait_for(done, seconds)
        assert came, f"said {self.said[-5:]} and\n{self.log.read_text()[-4000:]}"

    def facts(self, verb: str) -> list[list[str]]:
        return [words[1:] for words in self.said if words[0] == verb]

    def finish(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(30)
        self._listener.join(10)
        return code

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def follow(classes: Path, tmp_path: Path) -> Iterator[Callable[..., Follower]]:
    started: list[Follower] = []

    def start(*arguments: str) -> Follower:
        started.append(Follower(classes, tmp_path, *arguments))
        return started[-1]

    yield start
    for follower in started:
        follower.end()


def test_the_adapter_follows_a_table_through_a_split_and_a_rollover(
    own_desk: Any, follow: Callable[..., Follower]
) -> None:
    began = time.monotonic()
    arn = own_desk.make("orders")
    written: list[str] = []

    def write(rounds: int) -> None:
        for _ in range(rounds):
            for key in KEYS:
                own_desk.put("orders", key, at={"N": str(len(written))})
                written.append(key)

    follower = follow(own_desk.server.url, arn, "follower")

    def has_all() -> bool:
        return len(follower.facts("record")) >= len(written)

    write(3)
    follower.wait(has_all, START_SECONDS_MAX)
    children = own_desk.admin("split", table="orders")["children"]
    write(3)
    follower.wait(has_all, STEP_SECONDS_MAX)
    successor = own_desk.admin("roll", table="orders", shard=children[0])["successor"]
    write(3)
    follower.wait(has_all, STEP_SECONDS_MAX)
    assert follower.finish() == 0
    assert not follower.facts("failed")

    shards = {each["ShardId"]: each for each in own_desk.shards(arn)}
    assert set(shards) == {*children, successor, *(s for s in shards if "ParentShardId" not in s)}
    check_records(follower, written)
    check_lineage(follower, shards)
    check_leases(own_desk.tables, follower, shards)
    assert time.monotonic() - began < 120


def check_records(follower: Follower, written: list[str]) -> None:
    """Every write once, in order for each key, the first of a key as INSERT."""
    records = follower.facts("record")
    numbers = [int(number) for _, number, _, _ in records]
    assert len(set(numbers)) == len(numbers) == len(written)
    for key in KEYS:
        of_key = [(int(number), event) for _, number, event, name in records if name == key]
        assert of_key == sorted(of_key, key=lambda fact: fact[0])
        assert [event for _, event in of_key] == ["INSERT"] + ["MODIFY"] * 8


def check_lineage(follower: Follower, shards: dict[str, Any]) -> None:
    """All shards were begun at their horizon, and a child only after its parent had ended."""
    assert {shard for shard, _ in follower.facts("start")} == set(shards)
    for shard, facts in shards.items():
        start = follower.said.index(["start", shard, "TRIM_HORIZON"])
        if "ParentShardId" in facts:
            assert follower.said.index(["end", facts["ParentShardId"]]) < start
        closed = "EndingSequenceNumber" in facts["SequenceNumberRange"]
        assert (["end", shard] in follower.said) == closed


def check_leases(client: Any, follower: Follower, shards: dict[str, Any]) -> None:
    """The library's own tables are here: its index is active, its checkpoints are the last
    records.
    """
    described = client.describe_table(TableName="follower")["Table"]
    [index] = described["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["IndexStatus"]) == ("LeaseOwnerToLeaseKeyIndex", "ACTIVE")
    leases = {
        item["leaseKey"]["S"]: item["checkpoint"]["S"]
        for item in client.scan(TableName="follower")["Items"]
    }
    last = {shard: number for shard, number, _, _ in follower.facts("record")}
    for shard, facts in shards.items():
        if "EndingSequenceNumber" in facts["SequenceNumberRange"]:
            # The lease of a shard that ended may have been removed already.
            assert leases.get(shard, "SHARD_END") == "SHARD_END"
        else:
            assert leases[shard] == last[shard]
