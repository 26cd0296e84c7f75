"""Queues, topics and buckets, through boto3: at AWS or at any endpoint that speaks the same.

What is sent is the service's own (spec B.8): the record alone to a queue or topic, without the
payloads where it would be too large for one; to a bucket the record with the payload as an escaped
JSON string, under the service's key. A second delivery of a
failure is a second message, or a second object: their names and ids differ, their records' batches
are the same.

Connecting, waiting and trying again are bounded, so that an endpoint that is down holds a shard up
for a minute at most. boto3 finds credentials and endpoints by its own rules.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from ... import limits
from ...errors import DeliveryFailed

if TYPE_CHECKING:
    from .naming import Named
    from .parcel import Parcel


class Clients:
    """boto3 clients by service and region, made when first needed. Thread-safe."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self._endpoints = endpoints
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self._queue_urls: dict[str, str] = {}
        self._by_kind: dict[str, Callable[[Named, Parcel], None]] = {
            "sqs": self._to_queue,
            "sns": self._to_topic,
            "s3": self._to_bucket,
        }

    def deliver(self, named: Named, parcel: Parcel) -> None:
        """Send a failure or result to a queue, topic or bucket. Raises DeliveryFailed."""
        try:
            from boto3.exceptions import Boto3Error
            from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
        except ImportError as error:
            raise DeliveryFailed(
                f"Delivering to {named.text} needs boto3: install streamstore[boto]."
            ) from error
        try:
            self._by_kind[named.kind](named, parcel)
        except NoCredentialsError as error:
            raise DeliveryFailed(
                f"{named.text}: boto3 found no credentials; set AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY, or a profile."
            ) from error
        except ClientError as error:
            refusal = error.response.get("Error", {})
            raise DeliveryFailed(
                f"{named.text} refused the failure: {refusal.get('Code')}:"
                f" {refusal.get('Message')}. Make the destination, or allow sending to it."
            ) from error
        except (BotoCoreError, Boto3Error, OSError) as error:
            service = named.kind.upper()
            raise DeliveryFailed(
                f"{named.text} was not reached: {error} Check the network, or"
                f" AWS_ENDPOINT_URL_{service} for another endpoint."
            ) from error

    def close(self) -> None:
        """Close the clients' connections; the next delivery makes new ones."""
        with self._lock:
            while self._clients:
                self._clients.popitem()[1].close()

    def _client(self, named: Named) -> Any:
        import boto3
        from botocore.config import Config

        with self._lock:
            client = self._clients.get((named.kind, named.region))
            if client is None:
                config = Config(
                    connect_timeout=limits.DELIVERY_CONNECT_SECONDS,
                    read_timeout=limits.DELIVERY_READ_SECONDS,
                    retries={
                        "mode": "standard",
                        "total_max_attempts": limits.DELIVERY_ATTEMPTS_MAX,
                    },
                    # Buckets by path: a bucket's name in a host's name is nothing that the name
                    # of another endpoint could carry.
                    s3={"addressing_style": "path"} if self._endpoints.get("s3") else None,
                )
                # A session of its own: making clients of the default one is not thread-safe.
                session = boto3.session.Session()
                region = named.region or session.region_name or "us-east-1"
                client = session.client(
                    named.kind,
                    region_name=region,
                    endpoint_url=self._endpoints.get(named.kind),
                    config=config,
                )
                self._clients[named.kind, named.region] = client
            return client

    def _to_queue(self, named: Named, parcel: Parcel) -> None:
        client = self._client(named)
        url = self._queue_urls.get(named.text)
        if url is None:
            owner = {"QueueOwnerAWSAccountId": named.account} if named.account else {}
            url = client.get_queue_url(QueueName=named.name, **owner)["QueueUrl"]
            self._queue_urls[named.text] = url
        try:
            client.send_message(QueueUrl=url, MessageBody=_message(parcel))
        except Exception:
            # It may have been made anew at another URL.
            self._queue_urls.pop(named.text, None)
            raise

    def _to_topic(self, named: Named, parcel: Parcel) -> None:
        self._client(named).publish(TopicArn=named.text, Message=_message(parcel))

    def _to_bucket(self, named: Named, parcel: Parcel) -> None:
        body = orjson.dumps(parcel.whole)
        self._client(named).put_object(
            Bucket=named.name,
            Key=object_key(parcel),
            Body=body,
            ContentType="application/json",
        )


def object_key(parcel: Parcel) -> str:
    """<its folder>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<random>, in UTC."""
    moment = datetime.fromtimestamp(parcel.created_ms / 1000, UTC)
    return f"{parcel.folder}/{moment:%Y/%m/%d}/{moment:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"


def _message(parcel: Parcel) -> str:
    """The record; without what may be left out where it is too large for a topic."""
    message = orjson.dumps(parcel.record)
    if len(message) > limits.DELIVERY_MESSAGE_BYTES_MAX:
        message = orjson.dumps(parcel.in_short)
    return message.decode()
