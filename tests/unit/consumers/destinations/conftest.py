"""A store to fail in, a failure as delivery makes one, and AWS as moto plays it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.consumers.destinations import Failure

UUID = "11111111-2222-4333-8444-555555555555"
SHARD = "shardId-00000001700000000000-abcdef01"

MOTO = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
sys.stdin.readline()
server.stop()
"""


def a_failure(number: int = 1, payload: bytes = b'{"Records":[{"eventID":"1"}]}') -> Failure:
    record: dict[str, Any] = {
        "requestContext": {
            "requestId": f"request-{number}",
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:work",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": None,
        },
        "version": "1.0",
        "timestamp": "2023-11-14T22:13:20.007Z",
        "DDBStreamBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": f"{number:021d}",
            "endSequenceNumber": f"{number + 1:021d}",
            "approximateArrivalOfFirstRecord": "2023-11-14T22:13:20Z",
            "approximateArrivalOfLastRecord": "2023-11-14T22:13:20Z",
            "batchSize": 2,
            "streamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/x",
        },
    }
    return Failure("RetryAttemptsExhausted", record, payload, 2, UUID, SHARD, 1_700_000_000_007)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> Iterator[streamstore.Store]:
    with streamstore.open(":memory:", clock=clock, background=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        pytest.skip("moto's server is not installed: pip install 'moto[server]'")
    process = subprocess.Popen(
        [sys.executable, "-c", MOTO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        host, port = process.stdout.readline().split()
        yield f"http://{host}:{port}"
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()
