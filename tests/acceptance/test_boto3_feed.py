"""A change feed goes through boto3 and a real server, and both the table and its stream end at the
truth.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamstore.cli.demo import feed


def write(client: Any, commits: list[feed.Commit]) -> int:
    """Every commit as transactions of up to a hundred actions; returns the number of changes."""
    changes = 0
    for commit in commits:
        actions: list[dict[str, Any]] = []
        for change in commit.changes:
            key = {"path": {"S": change.path}}
            if change.op == "delete":
                action = {"Delete": {"TableName": "tree", "Key": key}}
            else:
                item = {**key, "blob": {"S": change.blob}, "mode": {"S": change.mode}}
                item["at"] = {"N": str(commit.number)}
                action = {"Put": {"TableName": "tree", "Item": item}}
            actions.append(action)
        for start in range(0, len(actions), 100):
            client.transact_write_items(TransactItems=actions[start : start + 100])
        changes += len(actions)
    return changes


def read_table(client: Any) -> dict[str, dict[str, str]]:
    pages = client.get_paginator("scan").paginate(TableName="tree", ConsistentRead=True)
    return {
        item["path"]["S"]: {"mode": item["mode"]["S"], "blob": item["blob"]["S"]}
        for page in pages
        for item in page["Items"]
    }


def read_stream(streams: Any, arn: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            records += page["Records"]
            iterator = page.get("NextShardIterator") if page["Records"] else None
    return records


def run(server: Any, client_of: Callable[..., Any], path: Path) -> None:
    client, streams = client_of(server.url), client_of(server.url, "dynamodbstreams")
    client.create_table(
        TableName="tree",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "path", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "path", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    client.get_waiter("table_exists").wait(TableName="tree")
    changes = write(client, feed.read(path))
    truth, _ = feed.final_tree(path)
    assert read_table(client) == truth
    arn = client.describe_table(TableName="tree")["Table"]["LatestStreamArn"]
    records = read_stream(streams, arn)
    assert len(records) == changes
    replayed: dict[str, dict[str, str]] = {}
    for record in sorted(records, key=lambda r: int(r["dynamodb"]["SequenceNumber"])):
        key = record["dynamodb"]["Keys"]["path"]["S"]
        if record["eventName"] == "REMOVE":
            del replayed[key]
        else:
            assert (record["eventName"] == "INSERT") == (key not in replayed)
            image = record["dynamodb"]["NewImage"]
            replayed[key] = {"mode": image["mode"]["S"], "blob": image["blob"]["S"]}
    assert replayed == truth


def test_the_shipped_feed_through_boto3_ends_at_its_tree(
    start_server: Callable[..., Any], client_of: Callable[..., Any]
) -> None:
    run(start_server(), client_of, feed.shipped())


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["changes-sqlite-utils", "changes-procrastinate"])
def test_a_real_feed_through_boto3_ends_at_its_tree(
    name: str,
    start_server: Callable[..., Any],
    client_of: Callable[..., Any],
    real_data: Path,
) -> None:
    run(start_server(), client_of, real_data / f"{name}.jsonl.gz")


@pytest.mark.real_data
def test_every_movie_of_the_tutorials_reads_back_equal_by_value(
    start_server: Callable[..., Any], real_data: Path
) -> None:
    import gzip
    import json
    from decimal import Decimal

    import boto3

    server = start_server()
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    movies = json.loads(
        gzip.decompress((real_data / "movies.json.gz").read_bytes()), parse_float=Decimal
    )
    table = resource.create_table(
        TableName="Movies",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "year", "AttributeType": "N"},
            {"AttributeName": "title", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "year", "KeyType": "HASH"},
            {"AttributeName": "title", "KeyType": "RANGE"},
        ],
    )
    table.wait_until_exists()
    with table.batch_writer() as batch:
        for movie in movies:
            batch.put_item(Item=movie)
    for movie in movies:
        key = {"year": movie["year"], "title": movie["title"]}
        assert table.get_item(Key=key)["Item"] == movie
