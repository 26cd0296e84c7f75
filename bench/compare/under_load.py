#!/usr/bin/env python3
"""GetItem's p50 and p99 while the same server is under full write load, and what it holds in
memory.

    python bench/compare/under_load.py [--seconds 5]

Needs wrk. One server on a file with default durability; 64 connections put, 4 get items written
before. Prints the
figures without the write load beside them, and the server's resident memory idle and after.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from run import HERE, running

AUTH = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20261124T030000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=abc",
}


def call(port: int, operation: str, body: dict[str, object]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {**AUTH, "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
    connection.request("POST", "/", json.dumps(body), headers)
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    if reply.status != 200:
        raise SystemExit(f"{operation}: {reply.status} {text!r}")


def prepare(port: int) -> None:
    """The table of the load scripts, with the 5,000 items that are read."""
    call(
        port,
        "CreateTable",
        {
            "TableName": "bench",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        },
    )
    for start in range(1, 5001, 25):
        puts = [
            {"PutRequest": {"Item": {"pk": {"S": f"user#{n}"}, "name": {"S": "x" * 100}}}}
            for n in range(start, start + 25)
        ]
        call(port, "BatchWriteItem", {"RequestItems": {"bench": puts}})


def wrk(port: int, script: str, connections: int, seconds: int) -> subprocess.Popen[str]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / script)]
    return subprocess.Popen(
        [*command, "--latency", f"http://127.0.0.1:{port}"], stdout=subprocess.PIPE, text=True
    )


def figures(output: str) -> str:
    """p50, p99 and rate out of wrk's report."""
    if "Non-2xx" in output:
        raise SystemExit(output)
    lines = [line.split() for line in output.splitlines() if line.strip()]
    found = {line[0]: line[1] for line in lines if len(line) >= 2}
    return f"p50 {found['50%']}, p99 {found['99%']}, {float(found['Requests/sec:']):,.0f}/s"


def resident_kib(port: int) -> int:
    """The server's resident memory, by its own word for its pid."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/_streamstore/info")
    pid = json.loads(connection.getresponse().read())["pid"]
    connection.close()
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--port", type=int, default=18140)
    arguments = parser.parse_args()
    port, seconds = arguments.port, arguments.seconds
    with tempfile.TemporaryDirectory(prefix="under-load-") as folder:
        command = [sys.executable, "-m", "streamstore", "serve", "--port", str(port)]
        with running([*command, "--db", f"{folder}/store.db"], port):
            idle = resident_kib(port)
            prepare(port)
            alone = wrk(port, "get.lua", 4, seconds).communicate()[0]
            writing = wrk(port, "put.lua", 64, seconds + 2)
            beside = wrk(port, "get.lua", 4, seconds).communicate()[0]
            written = writing.communicate()[0]
            loaded = resident_kib(port)
    print(f"GetItem alone, 4 connections: {figures(alone)}")
    print(f"GetItem beside full write load: {figures(beside)}")
    print(f"PutItem meanwhile, 64 connections: {figures(written)}")
    print(f"resident memory: {idle / 1024:.0f} MiB idle, {loaded / 1024:.0f} MiB after the load")


if __name__ == "__main__":
    main()
