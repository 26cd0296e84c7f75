"""The process of live consumers. Each follows whole lineages, parents before children, and writes
what it reads.

A consumer's copy and its position are one file: a line a record, so the last line of a shard *is*
the position in it. Appending a line moves both at once; a torn last line is dropped at the next
start, with the record it held.

Obeys lines on stdin: at `mark` it answers with a line once a full pass over its shards has found
nothing new.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

from .door import Door, Refused, open_door
from .feeder import TABLE, say

CONSUMERS = 3
POLL_SECONDS = 0.01
Record = dict[str, Any]


def collected(path: Path) -> list[tuple[str, Record]]:
    """(shard id, record) of every whole line of a consumer's file."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    return [(line["shard"], line["record"]) for line in map(json.loads, lines[:-1])]


class Consumer:
    """One consumer: its file, the positions in it, and the lineages that are its own."""

    def __init__(self, door: Door, path: Path, number: int) -> None:
        self.door = door
        self.number = number
        self.positions = {shard: r["dynamodb"]["SequenceNumber"] for shard, r in collected(path)}
        self.drained: set[str] = set()
        self.iterators: dict[str, str] = {}
        self.read = 0  # records of this process's life
        self.owners: dict[str, int] = {}  # a lineage stays with the consumer of its first shard
        whole = path.read_bytes().rfind(b"\n") + 1 if path.exists() else 0
        self.file = open(path, "ab")  # noqa: SIM115 - it stays open as long as its consumer
        os.ftruncate(self.file.fileno(), whole)

    def shards(self) -> list[dict[str, Any]]:
        """This consumer's shards, parents before children."""
        try:
            arn = self.door.call("DescribeTable", {"TableName": TABLE})["Table"]["LatestStreamArn"]
        except Refused:
            return []  # The feeder has not made the table yet.
        self.arn = arn
        shards = self.door.call("DescribeStream", {"StreamArn": arn})["StreamDescription"]["Shards"]
        for shard in shards:
            name, parent = shard["ShardId"], shard.get("ParentShardId", "")
            if name not in self.owners:
                self.owners[name] = self.owners.get(parent, zlib.crc32(name.encode()) % CONSUMERS)
        return [shard for shard in shards if self.owners[shard["ShardId"]] == self.number]

    def one_pass(self) -> int:
        """Read every shard that may be read now to its end as of now; returns the records found."""
        found = 0
        shards = self.shards()
        there = {shard["ShardId"] for shard in shards}
        for shard in shards:
            name = shard["ShardId"]
            parent = shard.get("ParentShardId")
            if name in self.drained or (parent in there and parent not in self.drained):
                continue
            try:
                found += self.follow(name)
            except Refused as refused:
                self.recover(name, refused)
                found += 1  # A pass that met this was not empty: look again.
        return found

    def recover(self, shard: str, refused: Refused) -> None:
        """What a consumer does about its iterator: ask again from its position, or go on from the
        horizon.
        """
        self.iterators.pop(shard, None)
        if refused.code == "ResourceNotFoundException":
            self.drained.add(shard)  # It was read to its end before retention took it.
        elif refused.code == "TrimmedDataAccessException":
            # All up to here was read and then trimmed; what is younger starts at the horizon. The
            # proof would
            # show a gap.
            self.positions.pop(shard, None)
        elif refused.code != "ExpiredIteratorException":
            raise refused

    def follow(self, shard: str) -> int:
        iterator = self.iterators.get(shard) or self.iterator(shard)
        found = 0
        while True:
            page = self.door.call("GetRecords", {"ShardIterator": iterator})
            for record in page["Records"]:
                line = {"shard": shard, "record": record}
                self.file.write(json.dumps(line).encode() + b"\n")
                self.positions[shard] = record["dynamodb"]["SequenceNumber"]
            self.file.flush()
            found += len(page["Records"])
            self.read += len(page["Records"])
            if "NextShardIterator" not in page:
                self.drained.add(shard)
                return found
            self.iterators[shard] = iterator = page["NextShardIterator"]
            if not page["Records"]:
                return found

    def iterator(self, shard: str) -> str:
        start = {"StreamArn": self.arn, "ShardId": shard}
        if shard in self.positions:
            start |= {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "SequenceNumber": self.positions[shard],
            }
        else:
            start |= {"ShardIteratorType": "TRIM_HORIZON"}
        return str(self.door.call("GetShardIterator", start)["ShardIterator"])


class Followers:
    """All consumers of the process, each in a thread of its own."""

    def __init__(self, place: str, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self.stop = threading.Event()
        self.quiet = threading.Condition()
        self.passes = [0] * CONSUMERS  # empty passes that each consumer has finished
        self.records = [0] * CONSUMERS

    def follow(self, number: int) -> None:
        door = open_door(self.place, read_only=True)
        consumer = Consumer(door, self.folder / f"consumer-{number}.jsonl", number)
        while not self.stop.is_set():
            try:
                found = consumer.one_pass()
            except OSError:
                found = -1  # The endpoint is away; its restart is part of the show.
            with self.quiet:
                self.records[number] = consumer.read
                if found == 0:
                    self.passes[number] += 1
                    self.quiet.notify_all()
            if found <= 0:
                self.stop.wait(POLL_SECONDS)
        door.close()

    def mark(self) -> None:
        """Wait until every consumer has begun and finished an empty pass from now on."""
        with self.quiet:
            goals = [n + 2 for n in self.passes]  # the pass under way may have begun before
            self.quiet.wait_for(
                lambda: all(p >= g for p, g in zip(self.passes, goals, strict=True))
            )
            say(caught_up=sum(self.records))


def main(place: str, folder: str) -> None:
    followers = Followers(place, Path(folder))
    threads = [
        threading.Thread(target=followers.follow, args=(n,), daemon=True) for n in range(CONSUMERS)
    ]
    for thread in threads:
        thread.start()
    say(following=CONSUMERS)
    for line in sys.stdin:
        if line.strip() == "mark":
            followers.mark()
        else:
            break
    followers.stop.set()
    for thread in threads:
        thread.join(timeout=10)


if __name__ == "__main__":
    main(*sys.argv[1:])
