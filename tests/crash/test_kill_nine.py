"""SIGKILL in the middle of the demo's load, a few dozen times: nothing acknowledged is lost,
nothing half is there.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import streamstore
from streamstore.cli.demo import feed, feeder

KILLS = 36
CHILD = Path(__file__).with_name("kill_writer.py")


def records_of(store: streamstore.Store) -> list[dict[str, Any]]:
    """Every record of the demo table's stream."""
    table = store.call("DescribeTable", {"TableName": feeder.TABLE})["Table"]
    arn = table["LatestStreamArn"]
    records: list[dict[str, Any]] = []
    for shard in store.call("DescribeStream", {"StreamArn": arn})["StreamDescription"]["Shards"]:
        start = {
            "StreamArn": arn,
            "ShardId": shard["ShardId"],
            "ShardIteratorType": "TRIM_HORIZON",
        }
        iterator = store.call("GetShardIterator", start)["ShardIterator"]
        while True:
            page = store.call("GetRecords", {"ShardIterator": iterator})
            records += page["Records"]
            if not page["Records"]:
                break
            iterator = page["NextShardIterator"]
    return records


def table_of(store: streamstore.Store) -> dict[str, dict[str, Any]]:
    items = store.call("Scan", {"TableName": feeder.TABLE})["Items"]
    return {item["path"]["S"]: item for item in items}


def expected(commits: list[feed.Commit], pieces: int) -> dict[str, tuple[str, str]]:
    """The tree after that many transactions, from a plain dict."""
    tree: dict[str, tuple[str, str]] = {}
    done = 0
    for commit in commits:
        for piece in commit.transactions():
            if done == pieces:
                return tree
            for change in piece:
                if change.op == "delete":
                    del tree[change.path]
                else:
                    tree[change.path] = (str(change.blob), str(change.mode))
            done += 1
    return tree


def check(path: Path, commits: list[feed.Commit], acked: int, allowed: int) -> int:
    """Open the store after a kill and hold it against the truth; returns the transactions that are
    there.
    """
    with streamstore.open(path, background=False) as store:
        reading = feeder.Feeder(store, commits)  # type: ignore[arg-type]
        try:
            there = reading.position()
        except streamstore.RequestError:
            assert acked == 0, "the tables are gone, and with them what was acknowledged"
            return 0
        assert acked <= there <= allowed, f"{acked} acknowledged, {there} found"
        table = table_of(store)
        seen = {path: (item["blob"]["S"], item["mode"]["S"]) for path, item in table.items()}
        assert seen == expected(commits, there)
        records = records_of(store)
        pieces = [piece for commit in commits for piece in commit.transactions()]
        changes = sum(len(piece) for piece in pieces[:there])
        assert len(records) == changes, "a record is missing, or one is there twice"
        images: dict[str, Any] = {}
        by_key: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in records:
            by_key[record["dynamodb"]["Keys"]["path"]["S"]].append(record["dynamodb"])
        for key, changes_of_key in by_key.items():
            changes_of_key.sort(key=lambda r: int(r["SequenceNumber"]))
            before = None
            for change in changes_of_key:
                assert change.get("OldImage") == before, (
                    "a record's old image is not the one before"
                )
                before = change.get("NewImage")
            if before is not None:
                images[key] = before
        assert images == table
    return there


def test_kill_nine_in_the_middle_of_the_demo_loses_nothing_acknowledged(tmp_path: Path) -> None:
    commits = feed.read(feed.shipped())
    total = sum(1 for commit in commits for _ in commit.transactions())
    rnd = random.Random(9)
    there = 0
    path = tmp_path / "killed.db"
    kills = 0
    while kills < KILLS:
        if there > total * 0.9:
            path = tmp_path / f"killed-{kills}.db"
            there = 0
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(path), str(feed.shipped())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdin is not None
        acked = there
        # Stop listening at a random word, and kill at once: the writer is somewhere in its next
        # commits.
        for _ in range(rnd.randrange(1, 30)):
            line = child.stdout.readline().strip()
            if line in ("", "end"):
                break
            acked = int(line)
        child.kill()
        for line in child.stdout.read().splitlines():  # said before it died, heard after
            if line.strip().isdigit():
                acked = int(line)
        child.wait()
        child.stdout.close()
        child.stdin.close()
        kills += 1
        there = check(path, commits, acked, allowed=acked + 1)
