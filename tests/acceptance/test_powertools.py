"""Powertools for AWS Lambda on the events that functions get here: its data class, and its batch
processor's answer, which the mapping acts by.
"""

from __future__ import annotations

from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import (
    DynamoDBRecord,
    DynamoDBRecordEventName,
    StreamViewType,
)

import streamstore
from streamstore.clock import ManualClock
from streamstore.consumers.runtime import Consumers


@pytest.fixture
def store() -> Any:
    with streamstore.open(":memory:", clock=ManualClock(), background=False) as opened:
        opened.client.create_table(
            TableName="tab",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        yield opened


def test_the_data_class_reads_every_part_of_an_event(store: Any) -> None:
    seen: list[DynamoDBRecord] = []
    consumers = Consumers(store, inline=True)

    @consumers.on("tab")
    def handle(event: Any, context: Any) -> None:
        seen.extend(DynamoDBStreamEvent(event).records)

    item = {
        "id": {"S": "1"},
        "n": {"N": "1.50"},
        "b": {"B": b"\x00\xff"},
        "l": {"L": [{"BOOL": True}, {"NULL": True}]},
        "m": {"M": {"x": {"SS": ["a", "b"]}}},
        "bs": {"BS": [b"\x01"]},
    }
    with consumers:
        store.client.put_item(TableName="tab", Item=item)
        store.client.delete_item(TableName="tab", Key={"id": {"S": "1"}})
        consumers.drain()
    inserted, removed = seen
    assert inserted.event_name == DynamoDBRecordEventName.INSERT
    assert removed.event_name == DynamoDBRecordEventName.REMOVE
    assert inserted.event_source == "aws:dynamodb"
    assert inserted.aws_region == "us-east-1"
    assert str(inserted.event_source_arn).startswith("arn:aws:dynamodb:us-east-1:")
    change = inserted.dynamodb
    assert change is not None
    assert change.keys == {"id": "1"}
    # Powertools leaves binary values as the base64 text of the event.
    new = change.new_image
    assert {name: new[name] for name in ("id", "l", "m")} == {
        "id": "1",
        "l": [True, None],
        "m": {"x": {"a", "b"}},
    }
    assert str(new["n"]) == "1.5"
    assert change.old_image == {}
    assert change.stream_view_type == StreamViewType.NEW_AND_OLD_IMAGES
    assert str(change.sequence_number).isdecimal()
    assert change.approximate_creation_date_time == 1_700_000_000
    assert (change.size_bytes or 0) > 0
    assert removed.dynamodb is not None
    assert removed.dynamodb.old_image["id"] == "1"
    assert removed.user_identity == {}


def test_the_batch_processors_failures_are_retried_and_nothing_else_is(store: Any) -> None:
    processor = BatchProcessor(event_type=EventType.DynamoDBStreams)
    tries: list[str] = []
    broken = {"3"}

    def each(record: DynamoDBRecord) -> None:
        assert record.dynamodb is not None
        key = record.dynamodb.keys["id"]
        tries.append(key)
        if key in broken:
            broken.discard(key)
            raise ValueError("once")

    consumers = Consumers(store, inline=True)

    @consumers.on("tab", report_item_failures=True, batch_size=10)
    def handle(event: Any, context: Any) -> Any:
        return process_partial_response(
            event=event, record_handler=each, processor=processor, context=context
        )

    for number in range(1, 6):
        store.client.put_item(TableName="tab", Item={"id": {"S": str(number)}})
    with consumers:
        consumers.drain(advance=True)
    assert sorted(set(tries)) == ["1", "2", "3", "4", "5"]
    assert tries.count("3") == 2
