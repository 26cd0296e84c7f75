"""boto3 and the AWS CLI, unchanged, against a real server process."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def make_table(client: Any, name: str, *keys: str, **more: Any) -> Any:
    made = client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in keys],
        KeySchema=[
            {"AttributeName": k, "KeyType": t}
            for k, t in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        **more,
    )
    client.get_waiter("table_exists").wait(TableName=name)
    return made["TableDescription"]


def records_of(streams: Any, arn: str) -> list[Any]:
    found: list[Any] = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        found += streams.get_records(ShardIterator=iterator)["Records"]
    return found


def test_boto3_writes_reads_and_follows_the_stream(server: Any) -> None:
    client, streams = server.client(), server.client("dynamodbstreams")
    table = make_table(client, "things", "pk", "sk", StreamSpecification=STREAM)
    assert table["TableArn"] == "arn:aws:dynamodb:eu-west-1:000000000000:table/things"
    item = {
        "pk": {"S": "a"},
        "sk": {"S": "\u00e9\u4e2d\U0001f600"},
        "n": {"N": "1.50"},
        "b": {"B": b"\x00\xff"},
        "bs": {"BS": [b"x", b"y"]},
        "deep": {"M": {"l": {"L": [{"NULL": True}, {"BOOL": False}, {"B": b""}]}}},
    }
    client.put_item(TableName="things", Item=item)
    key = {"pk": item["pk"], "sk": item["sk"]}
    stored = client.get_item(TableName="things", Key=key)["Item"]
    assert stored == item | {"n": {"N": "1.5"}}
    changed = client.update_item(
        TableName="things",
        Key=key,
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    assert changed["Attributes"] == {"n": {"N": "2.5"}}
    page = client.query(
        TableName="things",
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "a"}},
    )
    assert page["Count"] == 1
    client.delete_item(TableName="things", Key=key)
    assert client.scan(TableName="things")["Items"] == []
    names = [record["eventName"] for record in records_of(streams, table["LatestStreamArn"])]
    assert names == ["INSERT", "MODIFY", "REMOVE"]
    image = records_of(streams, table["LatestStreamArn"])[0]["dynamodb"]["NewImage"]
    assert image == stored


def test_boto3s_resource_and_batches_work(server: Any) -> None:
    client = server.client()
    make_table(client, "many", "pk")
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=server.url,
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    with resource.Table("many").batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"pk": str(number), "n": Decimal(number)})
    assert resource.Table("many").item_count >= 0
    assert client.scan(TableName="many", Select="COUNT")["Count"] == 60


def test_errors_arrive_as_the_exceptions_clients_catch(server: Any) -> None:
    client = server.client()
    make_table(client, "strict", "pk")
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="not found"):
        client.get_item(TableName="missing", Key={"pk": {"S": "a"}})
    with pytest.raises(client.exceptions.ResourceInUseException):
        make_table(client, "strict", "pk")
    client.put_item(TableName="strict", Item={"pk": {"S": "a"}, "b": {"B": b"\x01"}})
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as failed:
        client.put_item(
            TableName="strict",
            Item={"pk": {"S": "a"}},
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert failed.value.response["Item"] == {"pk": {"S": "a"}, "b": {"B": b"\x01"}}
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert len(failed.value.response["ResponseMetadata"]["RequestId"]) == 52
    with pytest.raises(ClientError, match="ValidationException"):
        client.put_item(TableName="strict", Item={"pk": {"N": "1"}})


def test_a_large_item_and_a_large_batch_arrive_whole(server: Any) -> None:
    client = server.client()
    make_table(client, "large", "pk")
    body = {"S": "x" * 390_000}
    requests = [{"PutRequest": {"Item": {"pk": {"S": str(n)}, "body": body}}} for n in range(25)]
    reply = client.batch_write_item(RequestItems={"large": requests})
    assert reply["UnprocessedItems"] == {}
    stored = client.get_item(TableName="large", Key={"pk": {"S": "24"}})["Item"]
    assert stored["body"] == body
    pages = client.get_paginator("scan").paginate(TableName="large")
    assert sum(page["Count"] for page in pages) == 25


def aws(server: Any, environment: dict[str, str], service: str, *arguments: str) -> Any:
    tool = Path(sys.executable).with_name("aws")
    done = subprocess.run(
        [str(tool), service, "--endpoint-url", server.url, "--output", "json", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_the_aws_cli_works(server: Any, aws_environment: dict[str, str]) -> None:
    def run(service: str, *arguments: str) -> Any:
        return aws(server, aws_environment, service, *arguments)

    made = run(
        "dynamodb", "create-table", "--table-name", "cli", "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", "AttributeName=pk,AttributeType=S",
        "--key-schema", "AttributeName=pk,KeyType=HASH",
        "--stream-specification", "StreamEnabled=true,StreamViewType=NEW_IMAGE",
    )  # fmt: skip
    assert made["TableDescription"]["TableName"] == "cli"
    item = '{"pk":{"S":"a"},"m":{"M":{"l":{"L":[{"N":"1"},{"BOOL":true}]}}}}'
    run("dynamodb", "put-item", "--table-name", "cli", "--item", item)
    found = run("dynamodb", "get-item", "--table-name", "cli", "--key", '{"pk":{"S":"a"}}')
    assert found["Item"] == json.loads(item)
    listed = run("dynamodbstreams", "list-streams", "--table-name", "cli")
    arn = listed["Streams"][0]["StreamArn"]
    assert arn == made["TableDescription"]["LatestStreamArn"]


def test_with_keys_signatures_are_verified(start_server: Any) -> None:
    server = start_server("--in-memory", "--key", "AKID:s3cret")
    client = server.client()
    make_table(client, "signed", "pk")
    client.put_item(TableName="signed", Item={"pk": {"S": "\u00e9"}})
    for given, code in (
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "nobody"}, "UnrecognizedClientException"),
    ):
        with pytest.raises(ClientError) as refused:
            server.client(**given).list_tables()
        assert refused.value.response["Error"]["Code"] == code
    streams = server.client("dynamodbstreams")
    assert streams.list_streams()["Streams"] == []


@pytest.mark.parametrize("flags", [(), ("--key", "AKID:s3cret")])
def test_bodies_travel_as_gzip_both_ways_where_a_client_wants_it(
    start_server: Any, flags: tuple[str, ...]
) -> None:
    """botocore packs a body before it signs the request, and leaves a packed reply to its caller:
    it reads one here as the Go SDK does, its checksum first.
    """
    client = start_server("--in-memory", *flags).client()
    make_table(client, "packed", "pk")
    raw: list[Any] = []

    def pack(request: Any, **_: Any) -> None:
        body = request.data if isinstance(request.data, bytes) else request.data.encode()
        request.data = gzip.compress(body)
        request.headers["Content-Encoding"] = "gzip"

    def ask_packed(request: Any, **_: Any) -> None:
        request.headers["Accept-Encoding"] = "gzip"

    def unpack(response_dict: dict[str, Any], **_: Any) -> None:
        headers = response_dict["headers"]
        raw.append(headers)
        assert int(headers["x-amz-crc32"]) == zlib.crc32(response_dict["body"])
        if headers.get("Content-Encoding") == "gzip":
            response_dict["body"] = gzip.decompress(response_dict["body"])

    client.meta.events.register("before-sign.dynamodb.PutItem", pack)
    client.meta.events.register("before-sign.dynamodb.Scan", ask_packed)
    client.meta.events.register("before-parse.dynamodb.Scan", unpack)
    items = [{"pk": {"S": str(n)}, "text": {"S": "x" * 1000}} for n in range(20)]
    for item in items:
        client.put_item(TableName="packed", Item=item)
    found = client.scan(TableName="packed")["Items"]
    assert sorted(found, key=lambda it: int(it["pk"]["S"])) == items
    assert raw[0]["Content-Encoding"] == "gzip"
    assert int(raw[0]["Content-Length"]) < 2000
