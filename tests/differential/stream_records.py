"""Random writes to our server and to DynamoDB Local, and whether their streams tell the same.

Not collected by pytest. By hand:

    python tests/differential/stream_records.py [SEED] [COUNT] [VIEW_TYPE] [--peers /opt/peers]

Both servers run in memory on free ports, ours with one shard a table. In rounds of 60 writes on
tables made anew, every write goes to both; a round in which one takes what the other refuses is
left out. Then the streams are read from TRIM_HORIZON and compared item by item: event name, keys,
images and SizeBytes of every record, in order.

Left out, since Local is known to be otherwise (spec L): it puts numbers into images as they were
sent, so numbers are compared by value; and it makes items by updates that only remove, so there
are none. Exits 1 if a record differs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import against_dynamodb_local as harness

sys.path.insert(0, str(Path(__file__).parent / "sweep"))
import servers

ONE_SHARD = ["--split-policy", "single", "--first-partitions", "1"]
EMPTY_PAGES = 2
ROUND_WRITES = 60
_MAKES = re.compile(r"\b(SET|ADD) ")
Record = tuple[str, str]


def writes(seed: int, count: int) -> list[tuple[str, Any]]:
    """Random writes, none of which would make an item by removing alone."""
    requests = harness.Requests(seed)
    makers = (
        requests.put, requests.update, requests.delete, requests.batch_write,
        requests.transact_write,
    )  # fmt: skip
    made: list[tuple[str, Any]] = []
    while len(made) < count:
        operation, params = requests.random.choice(makers)()
        texts = re.findall(r'"UpdateExpression": "([^"]*)"', json.dumps(params))
        if operation == "UpdateItem" and not texts:
            continue
        if all(_MAKES.search(text) for text in texts):
            made.append((operation, params))
    return made


def fresh(door: servers.Door, table: str, view: str) -> str:
    """A table made anew with a stream; the stream's ARN."""
    door.ask("DeleteTable", {"TableName": table})
    status, reply = door.ask(
        "CreateTable",
        {
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": view},
            **harness.TABLES[table],
        },
    )
    assert status == 200, reply
    return str(reply["TableDescription"]["LatestStreamArn"])


def agreed(doors: tuple[servers.Door, ...], requests: list[tuple[str, Any]]) -> bool:
    """Send writes to both; False as soon as one takes what the other refuses."""
    for operation, params in requests:
        if len({door.ask(operation, params)[0] == 200 for door in doors}) > 1:
            return False
    return True


def told(part: Any) -> Any:
    """Numbers by value, sets in order."""
    if isinstance(part, dict):
        made = {}
        for name, value in part.items():
            if name == "N" and isinstance(value, str):
                made[name] = plain(value)
            elif name in ("SS", "NS", "BS") and isinstance(value, list):
                made[name] = sorted(map(plain, value) if name == "NS" else value)
            else:
                made[name] = told(value)
        return made
    return [told(each) for each in part] if isinstance(part, list) else part


def plain(number: str) -> str:
    """A number without exponent and needless zeros."""
    return format(Decimal(number).normalize() + 0, "f")


def records(door: servers.Door, arn: str) -> dict[str, list[Record]]:
    """What the stream tells of each item, by its keys."""
    found: dict[str, list[Record]] = defaultdict(list)
    shards = door.ask("DescribeStream", {"StreamArn": arn})[1]["StreamDescription"]["Shards"]
    for shard in shards:
        place = {"StreamArn": arn, "ShardId": shard["ShardId"]}
        asked = {**place, "ShardIteratorType": "TRIM_HORIZON"}
        iterator = door.ask("GetShardIterator", asked)[1]["ShardIterator"]
        empty = 0
        while iterator and empty < EMPTY_PAGES:
            page = door.ask("GetRecords", {"ShardIterator": iterator})[1]
            for record in page["Records"]:
                change = told(record["dynamodb"])
                key = json.dumps(change["Keys"], sort_keys=True)
                kept = {n: change.get(n) for n in ("NewImage", "OldImage", "SizeBytes")}
                found[key].append((record["eventName"], json.dumps(kept, sort_keys=True)))
            empty = 0 if page["Records"] else empty + 1
            iterator = page.get("NextShardIterator")
    return found


def compare(ours: dict[str, list[Record]], theirs: dict[str, list[Record]]) -> int:
    """Print the first difference of each item; how many items differ."""
    differing = 0
    for key in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(key, []), theirs.get(key, [])
        if mine == other:
            continue
        differing += 1
        for one, two in zip([*mine, None], [*other, None], strict=False):
            if one != two:
                print(f"{key}\n  ours  {one}\n  local {two}")
                break
    return differing


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("count", type=int, nargs="?", default=2000)
    parser.add_argument("view", nargs="?", default="NEW_AND_OLD_IMAGES")
    parser.add_argument("--peers", type=Path, default=Path("/opt/peers"))
    given = parser.parse_args()
    total = differing = left_out = 0
    running = servers.running
    with running("ours", given.peers, ONE_SHARD) as ours, running("local", given.peers) as local:
        doors = (ours, local)
        for number in range(given.count // ROUND_WRITES):
            streams = [[fresh(door, name, given.view) for door in doors] for name in harness.TABLES]
            if not agreed(doors, writes(given.seed * 1_000_000 + number, ROUND_WRITES)):
                left_out += 1
                continue
            for pair in streams:
                mine, other = (records(d, arn) for d, arn in zip(doors, pair, strict=True))
                total += sum(map(len, mine.values()))
                differing += compare(mine, other)
    print(f"{total} records compared, {differing} items differ, {left_out} rounds left out")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
