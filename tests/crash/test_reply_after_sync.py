"""A real server under strace: before each acknowledgement the kernel has synced the WAL's last
write.

A kill can't show this (what was written survives it), so the system calls are watched: engine.md
2.4.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

PUTS = 40
CALLS = "pwrite64,pwritev,fdatasync,fsync,write,writev,sendto,sendmsg"
HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20261124T030000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=abc",
}


def can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0


def call(connection: http.client.HTTPConnection, operation: str, body: object) -> int:
    headers = {**HEADERS, "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
    connection.request("POST", "/", json.dumps(body), headers)
    reply = connection.getresponse()
    reply.read()
    return reply.status


def write_through_a_traced_server(folder: Path) -> list[str]:
    """The system calls of a server that creates a table and takes puts one after the other."""
    trace = folder / "trace"
    server = subprocess.Popen(
        [
            *("strace", "-f", "-y", "-s", "32", "-o", str(trace), "-e", f"trace={CALLS}"),
            *(sys.executable, "-m", "streamstore", "serve"),
            *("--db", str(folder / "store.db"), "--port", "0"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    url = ""
    for line in server.stderr:
        if "ready at " in line:
            url = line.split("ready at ", 1)[1].split()[0]
            pid = int(re.findall(r"pid (\d+)", line)[0])
            break
    rest = threading.Thread(target=server.stderr.read, daemon=True)
    rest.start()
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    table = {
        "TableName": "table",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }
    assert call(connection, "CreateTable", table) == 200
    for n in range(PUTS):
        item = {"id": {"S": f"{n:032}"}}
        assert call(connection, "PutItem", {"TableName": "table", "Item": item}) == 200
    connection.close()
    # The server itself, not strace: its end ends both.
    os.kill(pid, signal.SIGTERM)
    server.wait(timeout=60)
    rest.join(timeout=10)
    server.stderr.close()
    return trace.read_text(errors="replace").splitlines()


def test_each_acknowledgement_leaves_after_a_sync_of_the_wal(tmp_path: Path) -> None:
    if not can_trace():
        pytest.skip("strace is missing or not permitted here")
    unsynced = written = synced = acknowledged = 0
    for line in write_through_a_traced_server(tmp_path):
        wal = "store.db-wal>" in line
        if wal and re.search(r"pwrite(64|v)\(", line):
            unsynced += 1
            written += 1
        elif wal and re.search(r"f(data)?sync\(", line):
            assert "= -1" not in line
            unsynced = 0
            synced += 1
        elif '"HTTP/1.1 200' in line:
            assert unsynced == 0, f"acknowledged with {unsynced} writes of the WAL unsynced: {line}"
            acknowledged += 1
    assert acknowledged == PUTS + 1
    assert written > PUTS
    assert synced >= PUTS + 1
