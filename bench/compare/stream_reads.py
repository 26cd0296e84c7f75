#!/usr/bin/env python3
"""GetRecords and how soon a put is seen over HTTP, with a client that adds as little as it can.

    python bench/compare/stream_reads.py [--peers FOLDER] [--records 20000] [--rounds 5]

`side_by_side.py` reads with Python's http.client and parses every page, so most of what it measures
is the client. Here one socket sends what is ready made, reads the reply to its end and, of the
reply, looks for nothing but the next iterator; the same pages are parsed beside it. Servers take
turns, round by round, and the best round of each counts. A put's delay runs from the put's reply
to the reply that holds its record, for a reader who polls every shard in turn.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from run import commands, running

HEAD = (
    "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\n"
    "X-Amz-Date: 20261124T030000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/20261124/"
    "us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc\r\n"
    "X-Amz-Target: {}\r\nContent-Length: {}\r\n\r\n"
)
TABLE, STREAM = "DynamoDB_20120810.", "DynamoDBStreams_20120810."
NEXT = b'"NextShardIterator":"'
POLLS_MAX = 2000


class Raw:
    """One kept-alive connection. `send` gives the reply's body as bytes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.space = bytearray(4 << 20)

    def send(self, target: str, body: bytes) -> bytes:
        self.socket.sendall(HEAD.format(target, len(body)).encode() + body)
        got, end, view = 0, 0, memoryview(self.space)
        while not end or got < end:
            read = self.socket.recv_into(view[got:])
            if not read:
                raise SystemExit(f"{target}: the server closed the connection")
            got += read
            if not end:
                head = self.space.find(b"\r\n\r\n", 0, got)
                if head < 0:
                    continue
                lines = bytes(view[:head]).decode().lower().split("\r\n")
                length = next(line for line in lines if line.startswith("content-length:"))
                start, end = head + 4, head + 4 + int(length.split(":")[1])
                if " 200" not in lines[0]:
                    raise SystemExit(f"{target}: {bytes(view[:got])!r}")
        return bytes(view[start:end])

    def call(self, target: str, **members: Any) -> Any:
        return json.loads(self.send(target, json.dumps(members).encode()))


def prepare(raw: Raw, records: int) -> str:
    """The table, as many records in its stream, and the stream's ARN."""
    raw.call(
        TABLE + "CreateTable",
        TableName="feed",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    for start in range(0, records, 25):
        puts = [
            {"PutRequest": {"Item": {"pk": {"S": f"k{n}"}, "body": {"S": "x" * 200}}}}
            for n in range(start, start + 25)
        ]
        raw.call(TABLE + "BatchWriteItem", RequestItems={"feed": puts})
    described = raw.call(TABLE + "DescribeTable", TableName="feed")
    return str(described["Table"]["LatestStreamArn"])


def iterators(raw: Raw, arn: str, kind: str) -> list[bytes]:
    """One of each shard; closed ones too, since some servers give an open shard an end."""
    described = raw.call(STREAM + "DescribeStream", StreamArn=arn)
    found = []
    for shard in described["StreamDescription"]["Shards"]:
        names = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": kind}
        got = raw.call(STREAM + "GetShardIterator", **names)
        found.append(got["ShardIterator"].encode())
    return found


def page(raw: Raw, iterator: bytes) -> tuple[bytes, bytes | None]:
    """A page as it came, and the next iterator, found without parsing."""
    body = raw.send(STREAM + "GetRecords", b'{"ShardIterator":"' + iterator + b'","Limit":1000}')
    at = body.rfind(NEXT)
    if at < 0:
        return body, None
    return body, body[at + len(NEXT) : body.index(b'"', at + len(NEXT))]


def has_records(body: bytes) -> bool:
    return b'"eventID"' in body


def read_rate(raw: Raw, arn: str, records: int, parses: bool) -> float:
    """Records a second, of all shards one after another."""
    count = 0
    began = time.perf_counter()
    for first in iterators(raw, arn, "TRIM_HORIZON"):
        iterator: bytes | None = first
        while iterator is not None:
            body, iterator = page(raw, iterator)
            count += len(json.loads(body)["Records"]) if parses else body.count(b'"eventID"')
            if not has_records(body):
                break
    seconds = time.perf_counter() - began
    if count < records:
        raise SystemExit(f"read {count} of {records} records")
    return count / seconds


def delay(raw: Raw, arn: str, puts: int) -> float:
    """The median in ms, for a reader that polls every shard in turn until it has the record."""
    latest = iterators(raw, arn, "LATEST")
    seen = []
    for number in range(puts):
        item = {"pk": {"S": f"late{number}"}, "body": {"S": "y"}}
        raw.call(TABLE + "PutItem", TableName="feed", Item=item)
        began = time.perf_counter()
        for poll in range(POLLS_MAX):
            place = poll % len(latest)
            body, following = page(raw, latest[place])
            latest[place] = following or latest[place]
            if has_records(body):
                break
        else:
            raise SystemExit("a put was never seen")
        seen.append(time.perf_counter() - began)
    return statistics.median(seen) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peers", type=Path, default=Path.home() / ".cache/streamstore-peers")
    parser.add_argument("--port", type=int, default=18150)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="names of servers to measure")
    arguments = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="stream-reads-") as folder, ExitStack() as stack:
        servers: dict[str, tuple[Raw, str]] = {}
        for name, command in commands(arguments.peers, Path(folder), arguments.port).items():
            if arguments.only and name not in arguments.only:
                continue
            port = int(command[command.index("--port" if "--port" in command else "-port") + 1])
            stack.enter_context(running(command, port))
            raw = Raw(port)
            servers[name] = raw, prepare(raw, arguments.records)
        for _ in range(arguments.rounds):
            for name, (raw, arn) in servers.items():
                of = figures.setdefault(name, {})
                for title, parses in (("read, not parsed", False), ("read and parsed", True)):
                    rate = read_rate(raw, arn, arguments.records, parses)
                    of[f"GetRecords, {title}, records/s"] = max(
                        of.get(f"GetRecords, {title}, records/s", 0.0), rate
                    )
        for name, (raw, arn) in servers.items():
            figures[name]["a put's record seen by polling, ms"] = delay(raw, arn, 100)
    print("| figure | " + " | ".join(figures) + " |")
    print("|---|" + "---|" * len(figures))
    for title in next(iter(figures.values())):
        digits = 2 if title.endswith("ms") else 0
        row = (f"{of[title]:,.{digits}f}" for of in figures.values())
        print(f"| {title} | " + " | ".join(row) + " |")
    missing = {"dynoxide", "ddblocal"} - set(figures) - set(arguments.only or ())
    if missing:
        print(f"not measured: {', '.join(sorted(missing))}", file=sys.stderr)


if __name__ == "__main__":
    main()
