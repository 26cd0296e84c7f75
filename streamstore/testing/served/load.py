"""The process that loads a server, run as `python -m streamstore.testing.served.load`.

It outlives the server that it loads, so what it remembers is the log outside. A line on stdin,
{"port": …}, begins a life: connections write as fast as they are answered, a few requests ahead
each, and one reader follows the stream; "running" is printed at the first acknowledgement. When the
server is gone, one line of JSON says what was sent, acknowledged and served. The end of stdin ends
the process.

It knows nothing of the store, and speaks to it by plain HTTP.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from . import ledger
from .door import head

CONNECTIONS: Final = 12
AHEAD: Final = 3
EMPTY_PAGE_SECONDS: Final = 0.005


class Remembered:
    """What the process knows of all connections; `sent` goes on over the lives."""

    def __init__(self) -> None:
        self.first = [0] * CONNECTIONS
        self.sent = [0] * CONNECTIONS
        self.acked = [0] * CONNECTIONS
        self.begin()

    def begin(self) -> None:
        """A new life."""
        self.first = [ledger.next_round(sent) for sent in self.sent]
        self.sent = [first - 1 for first in self.first]
        self.acked = list(self.sent)
        self.served: list[int] = []
        self.refused: list[str] = []
        self.running = False

    def told(self) -> dict[str, Any]:
        """The life that is over."""
        rows = zip(range(CONNECTIONS), self.first, self.sent, self.acked, strict=True)
        return {"told": list(rows), "served": self.served, "refused": self.refused}


def request_of(port: int, connection: int, number: int) -> bytes:
    """The bytes of one write."""
    asked = ledger.write(connection, number)
    body: dict[str, Any]
    key, value = asked.changes[0]
    if asked.operation == "TransactWriteItems":
        puts = [
            {"Put": {"TableName": ledger.TABLE, "Item": ledger.item(key, number)}}
            for key, _ in asked.changes
        ]
        body = {"TransactItems": puts}
    elif value is None:
        body = {"TableName": ledger.TABLE, "Key": {"id": {"S": key}}}
    else:
        body = {"TableName": ledger.TABLE, "Item": ledger.item(key, value)}
    data = json.dumps(body).encode()
    return head(port, f"DynamoDB_20120810.{asked.operation}", len(data)) + data


async def reply_of(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of one reply. IncompleteReadError where the server is gone."""
    lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    length = 0
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(lines[0].split(b" ", 2)[1]), await reader.readexactly(length)


async def writing(port: int, connection: int, memory: Remembered) -> None:
    """One connection's writes, until the server is gone or refuses one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            while memory.sent[connection] - memory.acked[connection] < AHEAD:
                number = memory.sent[connection] + 1
                memory.sent[connection] = number
                writer.write(request_of(port, connection, number))
            status, body = await reply_of(reader)
            if status != 200:
                memory.refused.append(f"{status} {body[:200]!r}")
                return
            memory.acked[connection] += 1
            if not memory.running:
                memory.running = True
                print("running", flush=True)
    finally:
        writer.close()


async def reading(port: int, memory: Remembered) -> None:
    """Follow the newest open shard from its end, and remember every counter that is served."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask(target: str, **body: Any) -> dict[str, Any]:
        data = json.dumps(body).encode()
        writer.write(head(port, target, len(data)) + data)
        status, reply = await reply_of(reader)
        if status != 200:
            memory.refused.append(f"{target}: {status} {reply[:200]!r}")
            raise ConnectionError
        answer: dict[str, Any] = json.loads(reply)
        return answer

    streams = "DynamoDBStreams_20120810."
    try:
        table = await ask("DynamoDB_20120810.DescribeTable", TableName=ledger.TABLE)
        arn = table["Table"]["LatestStreamArn"]
        iterator = None
        while True:
            if iterator is None:
                described = await ask(f"{streams}DescribeStream", StreamArn=arn)
                shard = described["StreamDescription"]["Shards"][-1]["ShardId"]
                start = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "LATEST"}
                iterator = (await ask(f"{streams}GetShardIterator", **start))["ShardIterator"]
            page = await ask(f"{streams}GetRecords", ShardIterator=iterator)
            numbers = (int(it["dynamodb"]["SequenceNumber"]) for it in page["Records"])
            memory.served += [number % ledger.COUNTER for number in numbers]
            iterator = page.get("NextShardIterator")
            await asyncio.sleep(EMPTY_PAGE_SECONDS)
    finally:
        writer.close()


async def life(port: int, memory: Remembered) -> None:
    """Everything at once, until the last connection is gone."""
    memory.begin()
    work = [writing(port, connection, memory) for connection in range(CONNECTIONS)]
    ends = await asyncio.gather(*work, reading(port, memory), return_exceptions=True)
    for end in ends:
        if not isinstance(end, OSError | EOFError | None):
            raise end


def main() -> None:
    """Lives, one a line of stdin."""
    memory = Remembered()
    for line in sys.stdin:
        asyncio.run(life(json.loads(line)["port"], memory))
        print(json.dumps(memory.told()), flush=True)


if __name__ == "__main__":
    main()
