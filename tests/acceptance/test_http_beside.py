"""A server in this process beside its embedded store: both doors at once, and a latched store."""

from __future__ import annotations

import http.client
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamstore
from streamstore.clock import SystemClock
from streamstore.server.serve import Running

HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20261124T030000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=a/20261124/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=abc",
}
TABLE = {
    "TableName": "both",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
}
REOPENED_SECONDS_MAX = 30


def connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)


def post(connection: http.client.HTTPConnection, operation: str, **params: Any) -> tuple[int, Any]:
    target = {"X-Amz-Target": f"DynamoDB_20120810.{operation}"}
    connection.request("POST", "/", json.dumps(params), {**HEADERS, **target})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def get(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def count_up(do: Any, lane: int, failures: list[Any]) -> None:
    """A hundred conditional steps on one item of its own: none may be lost or done twice."""
    for number in range(100):
        update = {
            "TableName": "both",
            "Key": {"pk": {"S": f"lane{lane}"}},
            "UpdateExpression": "SET n = :next",
            "ConditionExpression": "attribute_not_exists(n) OR n = :last",
            "ExpressionAttributeValues": {
                ":next": {"N": str(number)},
                ":last": {"N": str(number - 1)},
            },
        }
        try:
            do(update)
        except Exception as error:
            failures.append(error)
            return


def test_threads_of_the_program_and_clients_write_at_once(tmp_path: Path) -> None:
    failures: list[Any] = []
    with streamstore.open(tmp_path / "s.db") as store, Running(store) as server:
        store.call("CreateTable", TABLE)

        def over_http(lane: int) -> None:
            connection = connect(server.url)

            def do(update: dict[str, Any]) -> None:
                status, reply = post(connection, "UpdateItem", **update)
                assert status == 200, reply

            count_up(do, lane, failures)
            connection.close()

        def embedded(lane: int) -> None:
            count_up(lambda update: store.call("UpdateItem", update), lane, failures)

        lanes = [
            threading.Thread(target=over_http if lane % 2 else embedded, args=(lane,))
            for lane in range(8)
        ]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join(60)
        assert failures == []
        found = store.call("Scan", {"TableName": "both"})
        assert [item["n"]["N"] for item in found["Items"]] == ["99"] * 8


def test_a_latched_store_refuses_writes_by_name_reads_on_and_is_reopened(tmp_path: Path) -> None:
    with streamstore.open(tmp_path / "s.db") as store, Running(store) as server:
        connection = connect(server.url)
        item = {"pk": {"S": "a"}}
        assert post(connection, "CreateTable", **TABLE)[0] == 200
        assert post(connection, "PutItem", TableName="both", Item=item)[0] == 200
        store.writer.latch(OSError("the disk is gone"))
        status, reply = post(connection, "PutItem", TableName="both", Item=item)
        assert status == 500
        assert "the disk is gone" in reply["message"]
        status, text = get(connection, "/readyz")
        assert status == 503
        assert b"the disk is gone" in text
        assert post(connection, "GetItem", TableName="both", Key=item) == (200, {"Item": item})
        monotonic = SystemClock().monotonic
        deadline = monotonic() + REOPENED_SECONDS_MAX
        while get(connection, "/readyz")[0] != 200 and monotonic() < deadline:
            threading.Event().wait(0.05)
        assert get(connection, "/readyz")[0] == 200
        assert post(connection, "PutItem", TableName="both", Item=item)[0] == 200
        assert post(connection, "GetItem", TableName="both", Key=item) == (200, {"Item": item})
        connection.close()
