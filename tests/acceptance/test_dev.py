"""`streamstore dev` as a process: a template is run, a write calls its handler, an edit is called
next, failures are shown; and what can't be run ends with 2 and the reason.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from click.testing import CliRunner

from streamstore.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30

SAM = """
Parameters: {Stage: {Type: String, Default: dev}}
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub orders-${Stage}
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Dlq: {Type: AWS::SQS::Queue}
  OnOrder:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: src
      Environment: {Variables: {TABLE: !Ref Orders}}
      Events:
        Stream:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Orders.StreamArn
            StartingPosition: TRIM_HORIZON
            MaximumRetryAttempts: 1
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dlq.Arn}}
            FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}
"""
SERVERLESS = """
service: shop
provider: {name: aws, runtime: python3.12, environment: {TABLE: "${self:custom.table}"}}
custom: {table: "orders-${sls:stage}"}
functions:
  on-order:
    handler: src/app.handler
    events:
      - stream:
          type: dynamodb
          arn: !GetAtt Orders.StreamArn
          maximumRetryAttempts: 1
          destinations: {onFailure: !GetAtt Dlq.Arn}
          filterPatterns: [{eventName: [INSERT]}]
resources:
  Resources:
    Orders:
      Type: AWS::DynamoDB::Table
      Properties:
        TableName: ${self:custom.table}
        AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
        KeySchema: [{AttributeName: id, KeyType: HASH}]
        BillingMode: PAY_PER_REQUEST
        StreamSpecification: {StreamViewType: NEW_IMAGE}
    Dlq: {Type: AWS::SQS::Queue}
"""
# Answers what it was called with, in the environment it was called in; asks the endpoint by boto3's
# own settings when it is imported.
HANDLER = """
import json, os
import boto3
COUNT = boto3.client("dynamodb").scan(TableName=os.environ["TABLE"])["Count"]
def handler(event, context):
    ids = [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
    print("printed by the handler")
    if "bad" in ids:
        raise ValueError("a bad one")
    with open(os.environ["OUT"], "a") as out:
        out.write(json.dumps(["VERSION", context.function_name, ids]) + "\\n")
"""


class Dev:
    """A `streamstore dev` under way."""

    def __init__(self, template: Path, out: Path, *words: str) -> None:
        self.out = out
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamstore", "dev", str(template), "--port", "0", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OUT": str(out)},
        )
        self.lines: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.errors = b""
        self._readers = [threading.Thread(target=each) for each in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                self.lines.put(json.loads(line))

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            self.errors = stderr.read()

    def until(self, fits: Callable[[Any], bool]) -> Any:
        """The next event that fits."""
        while True:
            event = self.lines.get(timeout=SECONDS)
            if fits(event):
                return event

    def invoked(self, outcome: str) -> Any:
        return self.until(lambda e: e["event"] == "invocation" and e["outcome"] == outcome)

    def end(self) -> int:
        """The exit code, after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(SECONDS)
        for reader in self._readers:
            reader.join()
        return code


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    started: list[Dev] = []

    def start(*words: str, file: str = "template.yaml") -> Dev:
        started.append(Dev(tmp_path / file, tmp_path / "out.jsonl", *words))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def client_of(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


def put(url: str, table: str, *ids: str) -> None:
    client = client_of("dynamodb", url)
    for name in ids:
        client.put_item(TableName=table, Item={"id": {"S": name}})
    client.close()


def write_handler(folder: Path, version: str) -> None:
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "app.py").write_text(HANDLER.replace("VERSION", version))


@pytest.mark.parametrize(
    ("file", "text", "function"),
    [
        ("template.yaml", SAM, "OnOrder"),
        ("serverless.yml", SERVERLESS, "shop-dev-on-order"),
    ],
)
def test_a_write_calls_the_handler_and_after_an_edit_the_new_one(
    tmp_path: Path, dev: Callable[..., Dev], file: str, text: str, function: str
) -> None:
    (tmp_path / file).write_text(text)
    write_handler(tmp_path, "one")
    running = dev(file=file)
    ready = running.until(lambda event: event["event"] == "ready")
    assert ready["tables"] == ["orders-dev"]
    assert [each["function"] for each in ready["mappings"]] == [function]
    put(ready["url"], "orders-dev", "a", "a")  # the second one is no INSERT
    first = running.invoked("ok")
    assert (first["function"], first["records"], first["kinds"]) == (function, 1, {"INSERT": 1})

    write_handler(tmp_path, "two")
    assert "error" not in running.until(lambda event: event["event"] == "reloaded")
    put(ready["url"], "orders-dev", "b")
    running.invoked("ok")
    called = [json.loads(line) for line in running.out.read_text().splitlines()]
    assert called == [["one", function, ["a"]], ["two", function, ["b"]]]

    put(ready["url"], "orders-dev", "bad")
    error = {"type": "ValueError", "message": "a bad one"}
    tries = [running.invoked("failed") for _ in range(2)]
    assert [(each["attempt"], each["error"]) for each in tries] == [(1, error), (2, error)]
    failure = running.until(lambda event: event["event"] == "failure")
    assert (failure["function"], failure["condition"]) == (function, "RetryAttemptsExhausted")
    (dead,) = (tmp_path / ".streamstore" / "Dlq.jsonl").read_text().splitlines()
    assert '"bad"' in json.dumps(json.loads(dead)["payload"]).replace("\\", "")
    assert running.end() == 0
    assert b"printed by the handler" in running.errors


INLINE = """
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: shared}
  Inline:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Layers: [!Ref Shared]
      EventInvokeConfig: {MaximumRetryAttempts: 1}
      InlineCode: |
        import os
        from installed import NAME
        from words import say
        def handler(event, context):
            with open(os.environ["OUT"], "a") as out:
                out.write(say(NAME, len(event["Records"])))
      Events:
        Stream:
          Type: DynamoDB
          Properties: {Stream: !GetAtt Orders.StreamArn, StartingPosition: TRIM_HORIZON}
"""


def test_inline_code_runs_with_its_layers_and_with_what_changes_in_them(
    tmp_path: Path, dev: Callable[..., Dev]
) -> None:
    (tmp_path / "template.yaml").write_text(INLINE)
    libraries = tmp_path / "shared/python/lib/python3.12/site-packages"
    libraries.mkdir(parents=True)
    (libraries / "installed.py").write_text("NAME = 'library'")
    words = tmp_path / "shared/python/words.py"
    words.write_text("def say(name, count): return f'{name} {count}\\n'")
    running = dev()
    ready = running.until(lambda event: event["event"] == "ready")
    put(ready["url"], "Orders", "a")
    running.invoked("ok")
    functions = client_of("lambda", ready["url"])
    said = functions.get_function_event_invoke_config(FunctionName="Inline")
    assert said["MaximumRetryAttempts"] == 1
    functions.close()
    words.write_text("def say(name, count): return f'changed {name} {count}\\n'")
    assert "error" not in running.until(lambda event: event["event"] == "reloaded")
    put(ready["url"], "Orders", "b")
    running.invoked("ok")
    assert running.out.read_text().splitlines() == ["library 1", "changed library 1"]
    assert running.end() == 0


def test_a_file_keeps_items_and_the_mappings_place_between_runs(
    tmp_path: Path, dev: Callable[..., Dev]
) -> None:
    (tmp_path / "template.yaml").write_text(SAM)
    write_handler(tmp_path, "one")
    for run, name in enumerate(("a", "b"), 1):
        running = dev("--db", str(tmp_path / "dev.db"), "--parameter", "Stage=x")
        ready = running.until(lambda event: event["event"] == "ready")
        put(ready["url"], "orders-x", name)
        running.invoked("ok")
        assert running.end() == 0
        called = [json.loads(line)[2] for line in running.out.read_text().splitlines()]
        assert called == [["a"], ["b"]][:run]
    (tmp_path / "template.yaml").write_text(SAM.replace("OnOrder", "Renamed"))
    running = dev("--db", str(tmp_path / "dev.db"), "--parameter", "Stage=x")
    told = running.until(lambda event: "mapping of OnOrder that is not" in event.get("text", ""))
    assert told["event"] == "notice"
    assert running.end() == 0


def test_what_is_not_python_runs_behind_a_lambda_endpoint(
    tmp_path: Path, dev: Callable[..., Dev]
) -> None:
    """The function is called under its logical id, as sam local knows it."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    asked: queue.SimpleQueue[Any] = queue.SimpleQueue()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.put((self.path, json.loads(body)["Records"][0]["eventName"]))
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"null")

        def log_message(self, *_: Any) -> None: ...

    (tmp_path / "template.yaml").write_text(SAM.replace("python3.12", "nodejs22.x"))
    with HTTPServer(("127.0.0.1", 0), Endpoint) as endpoint:
        thread = threading.Thread(target=endpoint.serve_forever)
        thread.start()
        running = dev("--lambda-endpoint", f"http://127.0.0.1:{endpoint.server_port}")
        ready = running.until(lambda event: event["event"] == "ready")
        put(ready["url"], "orders-dev", "a")
        assert running.invoked("ok")["function"] == "OnOrder"
        assert asked.get(timeout=SECONDS) == (
            "/2015-03-31/functions/OnOrder/invocations",
            "INSERT",
        )
        assert running.end() == 0
        endpoint.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "can't read"),
        ("Resources: [", "template.yaml:1:13: "),
        ("a: !Nope 1", "the tag !Nope is not known"),
        ("just text", "holds no map"),
        (SAM.replace("python3.12", "nodejs22.x"), "OnOrder runs on nodejs22.x"),
        (SAM.replace("python3.12", "nodejs22.x"), "sam local start-lambda"),
        (SAM.replace("app.handler", "nothing.handler"), "there is no file"),
        (SAM.replace("!GetAtt Orders.", "!GetAtt Order."), "Order.StreamArn can't be known"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_run_ends_with_2_and_the_reason(
    tmp_path: Path, text: str | None, said: str
) -> None:
    write_handler(tmp_path, "one")
    if text is not None:
        (tmp_path / "template.yaml").write_text(text)
    result = CliRunner().invoke(main, ["dev", str(tmp_path / "template.yaml")])
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('["INSERT"]', '"INSERT"'), 'OnOrder.Stream: filter 1: "eventName" must be an object or'),
        (("MaximumRetryAttempts: 1", "MaximumRetryAttempts: -7"), "OnOrder.Stream: "),
        (("PAY_PER_REQUEST", "FREE"), "orders-dev: "),
        (
            ("Runtime:", "FunctionName: no name\n      Runtime:"),
            "no name: 'no name' is no function",
        ),
    ],
)
def test_what_the_store_refuses_ends_with_2_and_the_name(
    tmp_path: Path, dev: Callable[..., Dev], change: tuple[str, str], said: str
) -> None:
    (tmp_path / "template.yaml").write_text(SAM.replace(*change))
    write_handler(tmp_path, "one")
    running = dev()
    assert running.process.wait(SECONDS) == 2
    running.end()
    assert said in running.errors.decode()
    assert b"Traceback" not in running.errors
