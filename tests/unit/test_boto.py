"""boto3 answered in process: as a server answers it, by nobody else, and for as long as it says."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

import streamstore
from streamstore.boto import NotInProcess, in_process, session
from streamstore.clock import ManualClock
from streamstore.server.gate import ServerSettings
from streamstore.server.serve import Running

TABLE: dict[str, Any] = {
    "TableName": "users",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "n", "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "id", "KeyType": "HASH"},
        {"AttributeName": "n", "KeyType": "RANGE"},
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
RANDOM = {"TableId", "eventID", "ShardIterator", "NextShardIterator"}
ONCE = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
KEY = {"id": {"S": "a"}, "n": {"N": "1"}}


def opened() -> Any:
    return streamstore.open(":memory:", clock=ManualClock(), background=False)


@pytest.fixture
def store() -> Iterator[streamstore.Store]:
    with opened() as store:
        yield store


def repeatable(reply: Any) -> Any:
    """A reply without what is drawn at random."""
    if isinstance(reply, list):
        return [repeatable(each) for each in reply]
    if not isinstance(reply, dict):
        return reply
    return {name: repeatable(each) for name, each in reply.items() if name not in RANDOM}


def transcript(client: Any, streams: Any) -> list[Any]:
    """What becomes of calls of every kind, good and bad."""
    heard: list[Any] = []

    def ask(who: Any, name: str, **params: Any) -> Any:
        try:
            reply = getattr(who, name)(**params)
        except ClientError as error:
            reply = error.response
        meta = reply.pop("ResponseMetadata")
        heard.append((name, meta["HTTPStatusCode"], repeatable(reply)))
        return reply

    ask(client, "create_table", **TABLE)
    ask(client, "create_table", **TABLE)
    item = {**KEY, "b": {"B": b"\x00\xff"}, "bs": {"BS": [b"x", b"y"]}, "l": {"L": [{"B": b"z"}]}}
    ask(client, "put_item", TableName="users", Item=item)
    ask(client, "put_item", TableName="users", Item={"id": {"S": "a"}})
    ask(client, "put_item", TableName="users", Item={"id": {"S": 7}})
    ask(client, "get_item", TableName="users", Key=KEY, ReturnConsumedCapacity="TOTAL")
    ask(client, "get_item", TableName="nowhere", Key=KEY)
    failing = {"ConditionExpression": "attribute_not_exists(id)"}
    shown = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    ask(client, "put_item", TableName="users", Item=item, **failing, **shown)
    ask(
        client,
        "transact_write_items",
        TransactItems=[{"Put": {"TableName": "users", "Item": item, **failing}}],
    )
    ask(client, "query", TableName="users", KeyConditionExpression="id =")
    ask(client, "list_backups")
    arn = ask(client, "describe_table", TableName="users")["Table"]["LatestStreamArn"]
    for shard in ask(streams, "describe_stream", StreamArn=arn)["StreamDescription"]["Shards"]:
        where = {"StreamArn": arn, "ShardId": shard["ShardId"]}
        found = ask(streams, "get_shard_iterator", **where, ShardIteratorType="TRIM_HORIZON")
        ask(streams, "get_records", ShardIterator=found["ShardIterator"])
    ask(streams, "get_records", ShardIterator="nonsense")
    return heard


def test_answers_are_those_of_a_server_to_the_letter(store: streamstore.Store) -> None:
    mine = session(store, "eu-west-1")
    in_here = transcript(
        mine.client("dynamodb", config=ONCE), mine.client("dynamodbstreams", config=ONCE)
    )
    with opened() as other, Running(other, ServerSettings(port=0)) as running:
        given = {
            "endpoint_url": running.url,
            "region_name": "eu-west-1",
            "aws_access_key_id": "000000000000",
            "aws_secret_access_key": "streamstore",
            "config": ONCE,
        }
        clients = [boto3.client(name, **given) for name in ("dynamodb", "dynamodbstreams")]
        served = transcript(*clients)
        for client in clients:
            client.close()
    assert len(in_here) > 20
    assert {status for _, status, _ in in_here} == {200, 400}
    assert any(reply.get("Records") for _, _, reply in in_here)
    assert in_here == served
    assert ":eu-west-1:000000000000:" in str(in_here)


def test_resources_waiters_and_paginators_are_botocores_own(store: streamstore.Store) -> None:
    resource = session(store).resource("dynamodb")
    table = resource.create_table(**TABLE)
    table.wait_until_exists()
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"id": "a", "n": number, "odd": bool(number % 2)})
    table.put_item(Item={"id": "b", "n": Decimal("1.5"), "tags": {"x", "y"}})
    found = table.query(
        KeyConditionExpression=Key("id").eq("a"), FilterExpression=Attr("odd").eq(True)
    )
    assert [int(item["n"]) for item in found["Items"]] == list(range(1, 60, 2))
    with pytest.raises(resource.meta.client.exceptions.ConditionalCheckFailedException):
        table.delete_item(Key={"id": "b", "n": 2}, ConditionExpression=Attr("id").exists())
    pages = resource.meta.client.get_paginator("scan").paginate(
        TableName="users", PaginationConfig={"PageSize": 7}
    )
    items = [item for page in pages for item in page["Items"]]
    assert len(items) == 61
    assert store.table("users").get_item(Key={"id": "b", "n": Decimal("1.5")})["Item"]["tags"] == {
        "x",
        "y",
    }


def test_what_no_store_answers_never_leaves_the_machine(store: streamstore.Store) -> None:
    mine = session(store)
    with pytest.raises(NotInProcess, match="only DynamoDB and DynamoDB Streams"):
        mine.client("s3").list_buckets()
    with pytest.raises(NotInProcess, match="endpoint_url"):
        mine.client("sqs", region_name="cn-north-1").list_queues()
    elsewhere = mine.client("sqs", endpoint_url="http://127.0.0.1:9", config=ONCE)
    with pytest.raises(EndpointConnectionError):
        elsewhere.list_queues()


def test_inside_of_the_block_everybodys_clients_ask_the_store_and_afterwards_nobodys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.delenv("AWS_REGION", raising=False)
    default = boto3.DEFAULT_SESSION
    with in_process() as store:
        assert "AWS_PROFILE" not in os.environ
        client = boto3.client("dynamodb")
        client.create_table(**TABLE)
        assert store.client.list_tables()["TableNames"] == ["users"]
        other = boto3.Session(region_name="eu-west-1").resource("dynamodb")
        assert [table.name for table in other.tables.all()] == ["users"]
    assert os.environ["AWS_PROFILE"] == "production"
    assert "AWS_REGION" not in os.environ
    assert boto3.DEFAULT_SESSION is default
    with pytest.raises(NotInProcess, match="is over"):
        client.list_tables()
    with pytest.raises(streamstore.StorageError, match="closed"):
        store.call("PutItem", {"TableName": "users", "Item": KEY})


def test_as_a_decorator_it_gives_every_call_a_store_of_its_own() -> None:
    @in_process()
    def tables() -> list[str]:
        client = boto3.client("dynamodb")
        before: list[str] = client.list_tables()["TableNames"]
        client.create_table(**TABLE)
        return before

    assert tables() == tables() == []


def test_an_exception_ends_the_block_as_its_end_does(store: streamstore.Store) -> None:
    with pytest.raises(KeyError), in_process(store):
        raise KeyError
    assert store.client.list_tables()["TableNames"] == [], "a store of the caller's stays open"
    assert os.environ.get("AWS_SECRET_ACCESS_KEY") != "streamstore"


def test_threads_share_a_client(store: streamstore.Store) -> None:
    client = session(store).client("dynamodb")
    client.create_table(**TABLE)

    def count(writer: int) -> None:
        for _ in range(20):
            client.update_item(
                TableName="users",
                Key=KEY,
                UpdateExpression="ADD hits :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=count, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get_item(TableName="users", Key=KEY)["Item"]["hits"] == {"N": "80"}
