"""The server as a process: readiness, signals, what a raw socket meets, what is left afterwards."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20261124T030000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=123456789012/20261124/us-east-1/dynamodb/"
    "aws4_request, SignedHeaders=host;x-amz-date, Signature=abc",
}
IDLE_BYTES_MAX = 60 * 1024 * 1024


def call(connection: Any, operation: str, **params: Any) -> tuple[int, Any]:
    target = {"X-Amz-Target": f"DynamoDB_20120810.{operation}"}
    connection.request("POST", "/", json.dumps(params), {**HEADERS, **target})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def make_table(connection: Any, name: str) -> Any:
    return call(
        connection,
        "CreateTable",
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


def get(connection: Any, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def test_a_fresh_server_is_healthy_ready_and_small(start_server: Any) -> None:
    server = start_server()
    connection = server.connection()
    assert get(connection, "/") == (200, b"healthy: dynamodb.us-east-1.amazonaws.com ")
    assert get(connection, "/healthz")[0] == 200
    assert get(connection, "/readyz") == (200, b"ready\n")
    assert call(connection, "ListTables") == (200, {"TableNames": []})
    status = Path(f"/proc/{server.process.pid}/status")
    if status.exists():
        resident = next(li for li in status.read_text().splitlines() if li.startswith("VmRSS"))
        assert int(resident.split()[1]) * 1024 < IDLE_BYTES_MAX
    assert "durability full" in "".join(server.errors)
    connection.close()


def test_the_account_of_the_credential_stands_in_the_arn(server: Any) -> None:
    connection = server.connection()
    _, made = make_table(connection, "mine")
    arn = made["TableDescription"]["TableArn"]
    assert arn == "arn:aws:dynamodb:us-east-1:123456789012:table/mine"
    connection.close()


def test_sigterm_answers_what_was_sent_and_every_acknowledged_write_is_there_after(
    start_server: Any,
) -> None:
    server = start_server()
    setup = server.connection()
    assert make_table(setup, "kept")[0] == 200
    acknowledged: list[int] = []
    surprises: list[Any] = []
    going = threading.Event()

    def write(lane: int) -> None:
        connection = server.connection()
        try:
            for number in range(lane, 100_000, 8):
                status, reply = call(
                    connection, "PutItem", TableName="kept", Item={"pk": {"S": str(number)}}
                )
                if status != 200:
                    surprises.append(reply)
                acknowledged.append(number)
                if len(acknowledged) > 200:
                    going.set()
        except OSError:
            pass  # closed between two requests: the server is draining
        except Exception as error:
            surprises.append(error)
        finally:
            connection.close()

    lanes = [threading.Thread(target=write, args=(lane,)) for lane in range(8)]
    for lane in lanes:
        lane.start()
    assert going.wait(30)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    for lane in lanes:
        lane.join(30)
    # http.client says RemoteDisconnected, an OSError, where a connection closed before any reply.
    assert surprises == []
    again = start_server()
    connection = again.connection()
    for number in acknowledged:
        key = {"pk": {"S": str(number)}}
        assert "Item" in call(connection, "GetItem", TableName="kept", Key=key)[1]
    connection.close()
    setup.close()


def exchange(server: Any, data: bytes) -> bytes:
    """Send bytes, half-close, read to the end."""
    with socket.create_connection((server.host, server.port), timeout=20) as raw:
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        found = b""
        while True:
            part = raw.recv(65536)
            if not part:
                return found
            found += part


def raw_call(operation: str, body: bytes, **more: str) -> bytes:
    headers = {
        "Host": "localhost",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        "Content-Length": str(len(body)),
        **HEADERS,
        **more,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body


def test_pipelined_requests_are_answered_in_order(server: Any) -> None:
    connection = server.connection()
    make_table(connection, "piped")
    connection.close()
    stream = b""
    for number in range(50):
        item = {"pk": {"S": "same"}, "n": {"N": str(number)}}
        stream += raw_call("PutItem", json.dumps({"TableName": "piped", "Item": item}).encode())
        key = {"TableName": "piped", "Key": {"pk": {"S": "same"}}}
        stream += raw_call("GetItem", json.dumps(key).encode())
    with socket.create_connection((server.host, server.port), timeout=20) as raw:
        raw.sendall(stream)
        found = b""
        while found.count(b"HTTP/1.1 200 OK") < 100 or not found.endswith(b"}"):
            part = raw.recv(65536)
            assert part, found[-500:]
            found += part
    numbers = [part.split(b'"', 1)[0] for part in found.split(b'"n":{"N":"')[1:]]
    assert numbers == [str(number).encode() for number in range(50)]


def test_a_foreign_page_a_foreign_name_and_too_much_are_refused(server: Any) -> None:
    for data, status in (
        (raw_call("ListTables", b"{}", Host="evil.example"), b"403"),
        (raw_call("ListTables", b"{}", Origin="http://evil.example"), b"403"),
        (raw_call("ListTables", b"", **{"Content-Length": "16777217"}), b"413"),
        (raw_call("ListTables", b"{}", Pad="p" * 20_000), b"431"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", b"400"),
        (raw_call("ListTables", b"[" * 100_000), b"400"),
    ):
        reply = exchange(server, data)
        assert reply.split(b" ", 2)[1] == status, reply[:200]
    connection = server.connection()
    assert get(connection, "/healthz")[0] == 200
    connection.close()


def test_a_client_in_the_middle_of_sending_sees_why_it_is_refused(server: Any) -> None:
    connection = server.connection()
    body = b"x" * (17 * 1024 * 1024)
    target = {"X-Amz-Target": "DynamoDB_20120810.PutItem"}
    connection.request("POST", "/", body, {**HEADERS, **target})
    response = connection.getresponse()
    assert (response.status, response.read()) == (413, b"")
    connection.close()


def test_a_chunked_call_and_one_that_expects_to_continue_are_served(server: Any) -> None:
    connection = server.connection()
    headers = {**HEADERS, "X-Amz-Target": "DynamoDB_20120810.ListTables"}
    parts = iter([b'{"Li', b'mit":', b"1}"])
    connection.request("POST", "/", parts, headers, encode_chunked=True)
    response = connection.getresponse()
    assert response.status == 200
    assert set(json.loads(response.read())) >= {"TableNames"}
    connection.close()
    with socket.create_connection((server.host, server.port), timeout=20) as raw:
        whole = raw_call("ListTables", b"{}", Expect="100-continue")
        raw.sendall(whole[:-2])
        assert raw.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(whole[-2:])
        assert raw.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_the_admin_door_splits_compacts_and_moves_the_clock(start_server: Any) -> None:
    server = start_server()
    connection = server.connection()
    make_table(connection, "sharded")

    def admin(name: str, **body: Any) -> tuple[int, Any]:
        kind = {"Content-Type": "application/json"}
        connection.request("POST", f"/_streamstore/{name}", json.dumps(body), kind)
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    call(connection, "PutItem", TableName="sharded", Item={"pk": {"S": "a"}})
    status, split = admin("split", table="sharded")
    assert status == 200
    assert len(split["children"]) == 2
    assert admin("split", table="missing")[0] == 400
    status, before = admin("clock", advance_seconds=0)
    status, after = admin("clock", advance_seconds=25 * 3600)
    assert after["now_ms"] - before["now_ms"] >= 25 * 3_600_000
    status, compacted = admin("compact")
    assert (status, compacted["records_removed"] >= 0) == (200, True)
    connection.close()


def test_an_address_for_strangers_needs_keys(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", "serve", "--host", "0.0.0.0", "--port", "0",
         "--db", str(tmp_path / "never.db")],
        capture_output=True,
        text=True,
        timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "configure keys" in done.stderr
    assert not (tmp_path / "never.db").exists()
