"""Results of asynchronous invocations as destinations are sent them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest

import streamstore
from streamstore import limits
from streamstore.consumers.destinations import Destinations, Result

REGION = "eu-west-1"


def a_result(event: Any = None) -> Result:
    record = {
        "version": "1.0",
        "requestContext": {"condition": "RetriesExhausted"},
        "requestPayload": event,
        "responsePayload": {"errorType": "E"},
    }
    return Result(record, "orders", "request-1", 1_700_000_000_007)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, closed_clients: None) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_a_bucket_gets_the_record_under_the_services_key(
    store: streamstore.Store, moto_url: str
) -> None:
    s3 = boto3.client("s3", region_name=REGION, endpoint_url=moto_url)
    s3.create_bucket(Bucket="results", CreateBucketConfiguration={"LocationConstraint": REGION})
    Destinations(store, endpoints={"s3": moto_url}).deliver("arn:aws:s3:::results", a_result(1))
    (found,) = s3.list_objects_v2(Bucket="results")["Contents"]
    pattern = r"aws/lambda/async/orders/2023/11/14/2023-11-14T22\.13\.20-[0-9a-f-]{36}"
    assert re.fullmatch(pattern, found["Key"])
    body = s3.get_object(Bucket="results", Key=found["Key"])["Body"].read()
    assert json.loads(body) == a_result(1).record


def test_a_message_that_would_be_too_large_goes_without_the_payloads(
    store: streamstore.Store, moto_url: str
) -> None:
    sqs = boto3.client("sqs", region_name=REGION, endpoint_url=moto_url)
    url = sqs.create_queue(QueueName="results")["QueueUrl"]
    destinations = Destinations(store, endpoints={"sqs": moto_url})
    small, large = a_result("x"), a_result("x" * limits.DELIVERY_MESSAGE_BYTES_MAX)
    for result, wanted in (
        (small, small.record),
        (large, {"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}}),
    ):
        destinations.deliver(f"arn:aws:sqs:{REGION}:123456789012:results", result)
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        assert json.loads(message["Body"]) == wanted
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_a_file_gets_a_line_with_the_record_alone(store: streamstore.Store, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    Destinations(store).deliver(path.as_uri(), a_result())
    assert [json.loads(each) for each in path.read_text().splitlines()] == [
        {"record": a_result().record}
    ]
