"""A real server: `streamstore serve` in a process of its own, on a free port and a file on disk."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

READY_SECONDS_MAX = 30
FETCH_SECONDS_MAX = 300
COMPILE_SECONDS_MAX = 60


def client_at(url: str, service: str = "dynamodb", **kw: Any) -> Any:
    """A boto3 client of an endpoint. No retries, so that every answer is seen."""
    given = {
        "region_name": "eu-west-1",
        "aws_access_key_id": "AKID",
        "aws_secret_access_key": "s3cret",
        "config": Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
    }
    return boto3.client(service, endpoint_url=url, **(given | kw))


class ServerProcess:
    """One `streamstore serve`. `url` is where it answers."""

    def __init__(self, *flags: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamstore", "serve", "--port", "0", *flags],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.errors: list[str] = []
        self._ready = threading.Event()
        self.url = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.wait(READY_SECONDS_MAX)
        assert self.url, f"the server did not become ready: {''.join(self.errors)}"
        parts = urlsplit(self.url)
        self.host, self.port = parts.hostname or "", parts.port or 0

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line)
            found = re.search(r"ready at (http://\S+)", line)
            if found and not self.url:
                self.url = found[1]
                self._ready.set()
        self._ready.set()

    def client(self, service: str = "dynamodb", **kw: Any) -> Any:
        """A boto3 client of it."""
        return client_at(self.url, service, **kw)

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=20)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        return code

    def end(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


@pytest.fixture(autouse=True)
def all_clients_end(closed_clients: None) -> None:
    """Every test here may make boto3 clients."""


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts servers; on the file `store.db` of the test's folder if no other place is named."""
    started: list[ServerProcess] = []

    def start(*flags: str) -> ServerProcess:
        place = () if {"--db", "--in-memory"} & set(flags) else ("--db", str(tmp_path / "store.db"))
        started.append(ServerProcess(*place, *flags))
        return started[-1]

    yield start
    for server in started:
        server.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for a module's tests, which each use tables of their own."""
    running = ServerProcess("--db", str(tmp_path_factory.mktemp("served") / "store.db"))
    yield running
    running.end()


class StreamDesk:
    """Tables with streams on one server, through boto3, its own validation off: what is wrong
    reaches the server.
    """

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        unchecked = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        self.tables = server.client(config=unchecked)
        self.streams = server.client("dynamodbstreams", config=unchecked)

    def make(self, name: str, view: str | None = "NEW_AND_OLD_IMAGES") -> str:
        """A table with the key `id`; returns the ARN of its stream, "" for a view of None."""
        spec = {} if view is None else {"StreamSpecification": self.spec(view)}
        made = self.tables.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            **spec,
        )["TableDescription"]
        return str(made.get("LatestStreamArn", ""))

    @staticmethod
    def spec(view: str) -> dict[str, Any]:
        return {"StreamEnabled": True, "StreamViewType": view}

    def put(self, table: str, key: str, **attributes: Any) -> None:
        self.tables.put_item(TableName=table, Item={"id": {"S": key}, **attributes})

    def delete(self, table: str, key: str) -> None:
        self.tables.delete_item(TableName=table, Key={"id": {"S": key}})

    def update(self, table: str, key: str, expression: str | None = None, **values: Any) -> None:
        more: dict[str, Any] = {} if expression is None else {"UpdateExpression": expression}
        if values:
            more["ExpressionAttributeValues"] = {f":{k}": v for k, v in values.items()}
        self.tables.update_item(TableName=table, Key={"id": {"S": key}}, **more)

    def disable(self, table: str) -> dict[str, Any]:
        off = {"StreamEnabled": False}
        changed = self.tables.update_table(TableName=table, StreamSpecification=off)
        described: dict[str, Any] = changed["TableDescription"]
        return described

    def describe(self, arn: str, **more: Any) -> dict[str, Any]:
        reply = self.streams.describe_stream(StreamArn=arn, **more)
        described: dict[str, Any] = reply["StreamDescription"]
        return described

    def shards(self, arn: str, **more: Any) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = self.describe(arn, **more)["Shards"]
        return shards

    def iterator(self, arn: str, kind: str = "TRIM_HORIZON", shard: str = "", **more: Any) -> str:
        """An iterator in that shard, the stream's first one if none is named."""
        reply = self.streams.get_shard_iterator(
            StreamArn=arn,
            ShardId=shard or self.shards(arn)[0]["ShardId"],
            ShardIteratorType=kind,
            **more,
        )
        return str(reply["ShardIterator"])

    def page(self, iterator: str, **more: Any) -> dict[str, Any]:
        reply: dict[str, Any] = self.streams.get_records(ShardIterator=iterator, **more)
        return reply

    def records(self, arn: str) -> list[dict[str, Any]]:
        """The records of all shards, each read until a page is empty or the last, in order of
        their shards.
        """
        found: list[dict[str, Any]] = []
        for shard in self.shards(arn):
            iterator: str | None = self.iterator(arn, shard=shard["ShardId"])
            while iterator:
                page = self.page(iterator)
                found += page["Records"]
                iterator = page.get("NextShardIterator") if page["Records"] else None
        return found

    def wire_page(self, iterator: str, **more: Any) -> dict[str, Any]:
        """A page as it is on the wire: boto3 would leave out members that are null."""
        connection = self.server.connection()
        credential = "AKID/20261124/eu-west-1/dynamodb/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "DynamoDBStreams_20120810.GetRecords",
            "X-Amz-Date": "20261124T030000Z",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential},"
            " SignedHeaders=host;x-amz-date, Signature=abc",
        }
        request = json.dumps({"ShardIterator": iterator, **more})
        connection.request("POST", "/", request, headers)
        page: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return page

    def refusal(self, call: Callable[..., Any], **request: Any) -> tuple[str, int, str]:
        """(code, HTTP status, text) of the error that the call must answer with."""
        with pytest.raises(ClientError) as caught:
            call(**request)
        reply = caught.value.response
        status = reply["ResponseMetadata"]["HTTPStatusCode"]
        return reply["Error"]["Code"], status, reply["Error"]["Message"]

    def admin(self, verb: str, **request: Any) -> dict[str, Any]:
        """What the admin door answers."""
        connection = self.server.connection()
        headers = {"Content-Type": "application/json"}
        connection.request("POST", f"/_streamstore/{verb}", json.dumps(request), headers)
        reply = connection.getresponse()
        found: dict[str, Any] = json.loads(reply.read())
        connection.close()
        assert reply.status == 200, found
        return found


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamDesk]:
    """A server for a module's tests where every table begins with one shard, split by hand only."""
    place = tmp_path_factory.mktemp("desk") / "store.db"
    running = ServerProcess("--db", str(place), "--split-policy", "manual")
    yield StreamDesk(running)
    running.end()


@pytest.fixture
def own_desk(start_server: Callable[..., ServerProcess]) -> StreamDesk:
    """The same for one test, which may move its clock."""
    return StreamDesk(start_server("--split-policy", "manual"))


@pytest.fixture
def client_of() -> Callable[..., Any]:
    """`client_of(url, service)`: a boto3 client; "dynamodb" if no service is named."""

    def make(url: str, service: str = "dynamodb") -> Any:
        return client_at(url, service)

    return make


@pytest.fixture
def aws_environment() -> dict[str, str]:
    """What the AWS CLI needs to believe that it has an account."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_PAGER": "",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@pytest.fixture(scope="session")
def java_classes() -> Callable[[Path], Path]:
    """`java_classes(sources)`: the folder with the compiled sources and the jars their pom.xml
    names; made once for each version of the sources, outside of the repository. Skips where Java,
    Maven or the artifacts are missing.
    """
    return compiled


def compiled(sources: Path) -> Path:
    missing = [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    digest = hashlib.sha256()
    for source in sorted(sources.iterdir()):
        digest.update(source.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "streamstore-tests"
    ready = cache / f"{sources.name}-{digest.hexdigest()[:16]}"
    if not ready.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f"{sources.name}-", dir=cache))
        try:
            compile_into(made, sources)
            made.rename(ready)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return ready


def compile_into(folder: Path, sources: Path) -> None:
    pom = folder / "pom.xml"
    shutil.copy(sources / "pom.xml", pom)
    fetch = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    try:
        fetched = subprocess.run(
            [*fetch, f"-DoutputDirectory={folder}"],
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"Maven had not brought the jars after {FETCH_SECONDS_MAX} seconds")
    if fetched.returncode:
        pytest.skip(f"Maven can't bring the jars: {fetched.stdout.strip()[:500]}")
    javac = ["javac", "--release", "17", "-cp", f"{folder}/*", "-d", str(folder)]
    done = subprocess.run(
        [*javac, *(str(source) for source in sorted(sources.glob("*.java")))],
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stderr
