"""What must hold when the feed has gone through; each claim is checked and can fail.

The truth is the feed's tree, or a dict filled from its lines. What the followers collected is read
from their files; what the stream still holds and what the table holds is read through the door.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from . import feed
from .door import Door, Refused
from .feeder import TABLE
from .follower import CONSUMERS, Record, collected

EVENT_OF = {"put": "INSERT", "update": "MODIFY", "delete": "REMOVE"}


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that was checked: what is claimed, whether it holds, and what was seen."""

    text: str
    holds: bool
    seen: str


def number_of(record: Record) -> int:
    return int(record["dynamodb"]["SequenceNumber"])


def path_of(record: Record) -> str:
    return str(record["dynamodb"]["Keys"]["path"]["S"])


def table_now(door: Door) -> dict[str, dict[str, str]]:
    """The whole table by Scan, page after page."""
    found: dict[str, dict[str, str]] = {}
    params: dict[str, Any] = {"TableName": TABLE, "ConsistentRead": True, "Limit": 100}
    while True:
        page = door.call("Scan", params)
        for item in page["Items"]:
            found[item["path"]["S"]] = {"mode": item["mode"]["S"], "blob": item["blob"]["S"]}
        if "LastEvaluatedKey" not in page:
            return found
        params["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def replayed(records: list[Record]) -> dict[str, dict[str, str]]:
    """The table that the records make, applied in the order of each key."""
    tree: dict[str, dict[str, str]] = {}
    for record in sorted(records, key=number_of):
        if record["eventName"] == "REMOVE":
            del tree[path_of(record)]
        else:
            image = record["dynamodb"]["NewImage"]
            tree[path_of(record)] = {"mode": image["mode"]["S"], "blob": image["blob"]["S"]}
    return tree


def stream_left(door: Door) -> tuple[str, list[dict[str, Any]], list[Record]]:
    """(stream ARN, its shards, every record that can be read from the trim horizons)."""
    arn = door.call("DescribeTable", {"TableName": TABLE})["Table"]["LatestStreamArn"]
    shards = door.call("DescribeStream", {"StreamArn": arn})["StreamDescription"]["Shards"]
    records: list[Record] = []
    for shard in shards:
        start = {
            "StreamArn": arn,
            "ShardId": shard["ShardId"],
            "ShardIteratorType": "TRIM_HORIZON",
        }
        iterator = door.call("GetShardIterator", start)["ShardIterator"]
        while iterator:
            page = door.call("GetRecords", {"ShardIterator": iterator})
            records += page["Records"]
            iterator = page.get("NextShardIterator") if page["Records"] else None
    return arn, shards, records


def older_position_answer(
    door: Door, arn: str, shards: list[dict[str, Any]], old: list[tuple[str, Record]]
) -> str:
    """What a position before the horizon answers, in a shard that is still there."""
    there = {shard["ShardId"] for shard in shards}
    for shard, record in old:
        if shard in there:
            params = {
                "StreamArn": arn,
                "ShardId": shard,
                "ShardIteratorType": "AT_SEQUENCE_NUMBER",
                "SequenceNumber": record["dynamodb"]["SequenceNumber"],
            }
            try:
                door.call("GetRecords", door.call("GetShardIterator", params))
            except Refused as refused:
                return refused.code
            return "records"
    return "no shard that had old records is left"


def claims(door: Door, feed_path: Path, folder: Path, before_compaction: int) -> Iterator[Claim]:
    """Every claim about the end. `before_compaction`: how many had been collected by then."""
    changes = [c for commit in feed.read(feed_path) for c in commit.changes]
    truth, source = feed.final_tree(feed_path)
    table = table_now(door)
    yield Claim(f"the table is the feed's tree ({source})", table == truth, f"{len(table)} paths")

    copies = [collected(folder / f"consumer-{n}.jsonl") for n in range(CONSUMERS)]
    everything = [pair for copy in copies for pair in copy]
    records = [record for _, record in everything]
    once = len({number_of(r) for r in records}) == len(records) == len(changes)
    yield Claim("every change was collected once", once, f"{len(records)} of {len(changes)}")

    wanted: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        wanted[change.path].append(EVENT_OF[change.op])
    seen: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for copy in copies:  # a key's lineage stays with one consumer, so its file has the key's order
        for _, record in copy:
            seen[path_of(record)].append((record["eventName"], number_of(record)))
    in_order = {path: [event for event, _ in events] for path, events in seen.items()} == wanted
    rising = all(a < b for e in seen.values() for (_, a), (_, b) in pairwise(e))
    yield Claim("in the order of each key", in_order and rising, f"{len(seen)} keys")

    yield Claim("replayed, they make the table", replayed(records) == table, f"{len(table)} paths")

    arn, shards, left = stream_left(door)
    young = sorted(number_of(r) for _, r in sorted_by_number(everything)[before_compaction:])
    yield Claim(
        "the stream holds what is younger than the horizon, and no more",
        sorted(number_of(r) for r in left) == young and 0 < len(young) < len(records),
        f"{len(left)} records in {len(shards)} shards",
    )
    answer = older_position_answer(
        door, arn, shards, sorted_by_number(everything)[:before_compaction]
    )
    yield Claim("older positions say so", answer == "TrimmedDataAccessException", answer)


def sorted_by_number(pairs: list[tuple[str, Record]]) -> list[tuple[str, Record]]:
    return sorted(pairs, key=lambda pair: int(pair[1]["dynamodb"]["SequenceNumber"][-20:]))
