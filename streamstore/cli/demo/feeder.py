"""The process that writes the feed: each commit a transaction, each transaction with the feeder's
own position.

The position is an item of another table, written by the same TransactWriteItems, so a feeder that
was killed goes on exactly behind what was committed: no change is lost, none applied twice. Over
HTTP it is the server that is killed; then the transaction is sent again with its
ClientRequestToken, and the position shows whether it had been applied.

It says what it did as JSON lines on stdout (`acked`, `split`, `paused`, `compacted`, `done`) and
obeys lines on stdin.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

from . import feed
from .door import Door, Refused, open_door

TABLE = "demo"
POSITIONS = "demo-position"
SPLIT_AT = (0.15, 0.35)  # parts of the feed; the second one splits a child of the first
PAUSE_AT = 0.70
CLOCK_JUMP_SECONDS = 25 * 3600
RECONNECT_TRIES = 400
RECONNECT_SECONDS = 0.05

Action = dict[str, Any]


def say(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def action_of(change: feed.Change, number: int) -> Action:
    """The transaction's action for one change. Every change of a feed is effective: the commit's
    number is new.
    """
    key = {"path": {"S": change.path}}
    if change.op == "delete":
        return {"Delete": {"TableName": TABLE, "Key": key}}
    facts = {
        "blob": {"S": change.blob},
        "mode": {"S": change.mode},
        "commit_number": {"N": str(number)},
    }
    if change.op == "put":
        return {"Put": {"TableName": TABLE, "Item": {**key, **facts}}}
    return {
        "Update": {
            "TableName": TABLE,
            "Key": key,
            "UpdateExpression": "SET #b = :blob, #m = :mode, commit_number = :commit_number",
            "ExpressionAttributeNames": {"#b": "blob", "#m": "mode"},
            "ExpressionAttributeValues": {f":{name}": value for name, value in facts.items()},
        }
    }


def position_action(done: int, compacted: bool = False) -> Action:
    item = {"id": {"S": "feeder"}, "done": {"N": str(done)}, "compacted": {"BOOL": compacted}}
    return {"Put": {"TableName": POSITIONS, "Item": item}}


class Feeder:
    """Writes the pieces of a feed through a door, from the position that the store holds."""

    def __init__(self, door: Door, commits: list[feed.Commit]) -> None:
        self.door = door
        self.pieces = [(commit, piece) for commit in commits for piece in commit.transactions()]
        self._pause = threading.Event()
        self.compacted = False

    def patiently(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """A call that is sent again while the endpoint is away; each of ours may be sent twice
        without harm.
        """
        for _ in range(RECONNECT_TRIES):
            try:
                return self.door.call(operation, params)
            except OSError:
                self._pause.wait(RECONNECT_SECONDS)
        raise SystemExit("the endpoint did not come back")

    def make_tables(self) -> None:
        for name, key, view in ((TABLE, "path", "NEW_AND_OLD_IMAGES"), (POSITIONS, "id", None)):
            params: dict[str, Any] = {
                "TableName": name,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            }
            if view:
                params["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
            try:
                self.patiently("CreateTable", params)
            except Refused as refused:
                if refused.code != "ResourceInUseException":
                    raise

    def position(self) -> int:
        reply = self.patiently(
            "GetItem",
            {"TableName": POSITIONS, "Key": {"id": {"S": "feeder"}}, "ConsistentRead": True},
        )
        if "Item" not in reply:
            return 0
        self.compacted = reply["Item"]["compacted"]["BOOL"]
        return int(reply["Item"]["done"]["N"])

    def run(self) -> None:
        total = len(self.pieces)
        splits = {round(total * part): part for part in SPLIT_AT}
        pause = round(total * PAUSE_AT)
        done = self.position()
        say(start=done, total=total)
        while done < total:
            if done >= pause and not self.compacted:
                self.compact()
            if done in splits:
                self.split(child=splits[done] != SPLIT_AT[0])
            commit, piece = self.pieces[done]
            actions = [action_of(change, commit.number) for change in piece]
            actions.append(position_action(done + 1, self.compacted))
            self.patiently(
                "TransactWriteItems",
                {"TransactItems": actions, "ClientRequestToken": f"piece-{done + 1}"},
            )
            done += 1
            say(acked=done)
        say(done=done)

    def split(self, *, child: bool) -> None:
        """Split the first open shard, or the first open one that has a parent."""
        shards = self.shards()
        open_ones = [s for s in shards if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
        with_parent = [s for s in open_ones if "ParentShardId" in s]
        if (child and len(with_parent) >= 4) or (not child and with_parent):
            return  # This split was made before the feeder was killed.
        shard = (with_parent if child else open_ones)[0]["ShardId"]
        self.door.split(TABLE, shard)
        say(split=shard, child=child)

    def shards(self) -> list[dict[str, Any]]:
        arn = self.patiently("DescribeTable", {"TableName": TABLE})["Table"]["LatestStreamArn"]
        shards: list[dict[str, Any]] = []
        params = {"StreamArn": arn}
        while True:
            page = self.patiently("DescribeStream", params)["StreamDescription"]
            shards += page["Shards"]
            if "LastEvaluatedShardId" not in page:
                return shards
            params = {"StreamArn": arn, "ExclusiveStartShardId": page["LastEvaluatedShardId"]}

    def compact(self) -> None:
        """Wait for the word that followers have read all, then let a day and an hour pass and
        compact.
        """
        say(paused=True)
        sys.stdin.readline()
        self.door.advance(CLOCK_JUMP_SECONDS)
        say(compacted=self.door.compact())
        self.compacted = True


def main(place: str, feed_path: str) -> None:
    door = open_door(place)
    feeder = Feeder(door, feed.read(Path(feed_path)))
    feeder.make_tables()
    feeder.run()
    sys.stdin.readline()  # the parent says when the store may be closed
    door.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
