"""What black_box asks of a server, over plain HTTP, so that no client's retry hides an answer."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20261124T030000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=abc",
}
WAIT_SECONDS = 20
EMPTY_PAGES = 3  # in a row, after which an open shard is taken to be read
Record = dict[str, Any]


class Refused(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text[:200]}")
        try:
            self.code = str(json.loads(text).get("__type", status)).rpartition("#")[2]
        except (ValueError, AttributeError):
            self.code = str(status)


class Door:
    """One connection to a server. OSError or EOFError where it is gone."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ask(self, target: str, body: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        headers = {**HEADERS, "X-Amz-Target": target}
        try:
            self._connection.request("POST", "/", json.dumps(body), headers)
            reply = self._connection.getresponse()
            text = reply.read().decode()
        except http.client.HTTPException as gone:
            raise EOFError from gone
        if reply.status != 200:
            raise Refused(reply.status, text)
        answer: dict[str, Any] = json.loads(text)
        return answer

    def data(self, operation: str, **body: Any) -> dict[str, Any]:
        """One request to tables."""
        return self.ask(f"DynamoDB_20120810.{operation}", body)

    def streams(self, operation: str, **body: Any) -> dict[str, Any]:
        """One request to streams."""
        return self.ask(f"DynamoDBStreams_20120810.{operation}", body)

    def scan(self, table: str) -> list[str]:
        """The keys of all items."""
        keys: list[str] = []
        start: dict[str, Any] = {}
        while True:
            page = self.data("Scan", TableName=table, ConsistentRead=True, **start)
            keys += [item["id"]["S"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return keys
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def wait_gone(self, table: str) -> None:
        """Until a deleted table is gone."""
        deadline = time.monotonic() + WAIT_SECONDS
        while table in self.data("ListTables")["TableNames"]:
            if time.monotonic() > deadline:
                raise Refused(0, f"{table} is still there")
            time.sleep(0.1)

    def shards(self, arn: str) -> list[str]:
        """The ids of all shards."""
        ids: list[str] = []
        start: dict[str, Any] = {}
        while True:
            page = self.streams("DescribeStream", StreamArn=arn, **start)["StreamDescription"]
            ids += [shard["ShardId"] for shard in page["Shards"]]
            if not page.get("LastEvaluatedShardId"):
                return ids
            start = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}

    def shard(
        self, arn: str, shard: str, *, after: str | None = None, limit: int = 1000
    ) -> list[Record]:
        """All records of one shard, or those after a sequence number, in pages of `limit`."""
        asked = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        if after is not None:
            asked |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        iterator = self.streams("GetShardIterator", **asked)["ShardIterator"]
        records: list[Record] = []
        empty = 0
        while iterator and empty < EMPTY_PAGES:
            page = self.streams("GetRecords", ShardIterator=iterator, Limit=limit)
            records += page["Records"]
            empty = 0 if page["Records"] else empty + 1
            iterator = page.get("NextShardIterator")
        return records

    def records(self, arn: str) -> list[Record]:
        """All records of a stream."""
        return [record for shard in self.shards(arn) for record in self.shard(arn, shard)]


def make_table(door: Door, name: str) -> None:
    """A table with the key `id` and a stream of both images, ready to be written to."""
    door.data(
        "CreateTable",
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    deadline = time.monotonic() + WAIT_SECONDS
    while door.data("DescribeTable", TableName=name)["Table"]["TableStatus"] != "ACTIVE":
        if time.monotonic() > deadline:
            raise Refused(0, f"{name} is not active")
        time.sleep(0.1)


def image(key: str, n: int = 0) -> dict[str, Any]:
    """An item of about 200 bytes."""
    return {"id": {"S": key}, "n": {"N": str(n)}, "body": {"S": "x" * 180}}


def stream_of(door: Door, table: str) -> str:
    """The ARN of a table's stream."""
    return str(door.data("DescribeTable", TableName=table)["Table"]["LatestStreamArn"])


def read_stream(door: Door, table: str) -> list[Record]:
    """All records of a table's stream."""
    return door.records(stream_of(door, table))
