"""Failures sent to a queue, a topic and a bucket, at moto's server and at one that is not there."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import boto3
import pytest

import streamstore
from streamstore import limits
from streamstore.consumers.destinations import Destinations
from streamstore.errors import DeliveryFailed

from .conftest import SHARD, UUID, a_failure

REGION = "eu-west-1"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, closed_clients: None) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def client_of(service: str, url: str) -> Any:
    return boto3.client(service, region_name=REGION, endpoint_url=url)


def received(sqs: Any, url: str) -> list[Any]:
    reply = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in reply.get("Messages", [])]


def test_a_queue_gets_the_record_alone(
    store: streamstore.Store, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The way that users give an endpoint: boto3 honours it by itself.
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", moto_url)
    sqs = client_of("sqs", moto_url)
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    failure = a_failure()
    destinations = Destinations(store)
    destinations.deliver(f"arn:aws:sqs:{REGION}:123456789012:dead", failure)
    assert received(sqs, url) == [failure.record]
    # A queue made anew is found anew.
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(DeliveryFailed, match="NonExistentQueue"):
        destinations.deliver(f"arn:aws:sqs:{REGION}:123456789012:dead", failure)
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    destinations.deliver(f"arn:aws:sqs:{REGION}:123456789012:dead", failure)
    assert received(sqs, url) == [failure.record]


def test_closing_lets_go_of_the_connections_and_a_later_delivery_makes_new_ones(
    store: streamstore.Store, moto_url: str
) -> None:
    sqs = client_of("sqs", moto_url)
    url = sqs.create_queue(QueueName="reopened")["QueueUrl"]
    destinations = Destinations(store, endpoints={"sqs": moto_url})
    arn = f"arn:aws:sqs:{REGION}:123456789012:reopened"
    destinations.deliver(arn, a_failure())
    clients = destinations._clients
    assert clients is not None
    destinations.close()
    assert clients._clients == {}
    destinations.deliver(arn, a_failure())
    assert len(received(sqs, url)) == 2


def test_a_topic_publishes_the_record(store: streamstore.Store, moto_url: str) -> None:
    sns, sqs = client_of("sns", moto_url), client_of("sqs", moto_url)
    topic = sns.create_topic(Name="dead")["TopicArn"]
    url = sqs.create_queue(QueueName="listening")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue["QueueArn"],
        Attributes={"RawMessageDelivery": "true"},
    )  # fmt: skip
    failure = a_failure()
    Destinations(store, endpoints={"sns": moto_url}).deliver(topic, failure)
    assert received(sqs, url) == [failure.record]


def test_a_bucket_gets_the_payload_too_as_escaped_text_under_the_services_key(
    store: streamstore.Store, moto_url: str
) -> None:
    s3 = client_of("s3", moto_url)
    s3.create_bucket(Bucket="letters", CreateBucketConfiguration={"LocationConstraint": REGION})
    failure = a_failure(payload='{"Records":["ä\\"\\n"]}'.encode())
    destinations = Destinations(store, endpoints={"s3": moto_url})
    for _ in range(2):
        destinations.deliver("arn:aws:s3:::letters", failure)
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="letters")["Contents"]]
    assert len(keys) == 2
    form = rf"aws/lambda/{UUID}/{SHARD}/2023/11/14/2023-11-14T22\.13\.20-[0-9a-f-]{{36}}"
    assert all(re.fullmatch(form, key) for key in keys)
    body = json.loads(s3.get_object(Bucket="letters", Key=keys[0])["Body"].read())
    assert isinstance(body["payload"], str)
    assert json.loads(body.pop("payload")) == {"Records": ['ä"\n']}
    assert body == failure.record


@pytest.mark.parametrize(
    ("destination", "code"),
    [
        (f"arn:aws:sqs:{REGION}:123456789012:nobody", "NonExistentQueue"),
        (f"arn:aws:sns:{REGION}:123456789012:nobody", "NotFound"),
        ("arn:aws:s3:::nobody", "NoSuchBucket"),
    ],
)
def test_a_refusal_is_told_with_the_services_code_and_what_to_do(
    store: streamstore.Store, moto_url: str, destination: str, code: str
) -> None:
    endpoints = dict.fromkeys(("sqs", "sns", "s3"), moto_url)
    with pytest.raises(DeliveryFailed, match=rf"{code}.*Make the destination"):
        Destinations(store, endpoints=endpoints).deliver(destination, a_failure())


def test_an_endpoint_that_is_not_there_is_given_up_on_and_named(
    store: streamstore.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DELIVERY_ATTEMPTS_MAX", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    destinations = Destinations(store, endpoints={"sqs": f"http://127.0.0.1:{port}"})
    with pytest.raises(DeliveryFailed, match="AWS_ENDPOINT_URL_SQS"):
        destinations.deliver(f"arn:aws:sqs:{REGION}:123456789012:dead", a_failure())


def test_without_credentials_it_says_which_to_set(
    store: streamstore.Store, monkeypatch: pytest.MonkeyPatch, moto_url: str
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    destinations = Destinations(store, endpoints={"sns": moto_url})
    with pytest.raises(DeliveryFailed, match="AWS_ACCESS_KEY_ID"):
        destinations.deliver(f"arn:aws:sns:{REGION}:123456789012:dead", a_failure())
