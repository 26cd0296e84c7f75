"""A table with a mapping, and a bounded wait for something that a process of the test's does."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from streamstore.consumers.functions import Functions
from streamstore.consumers.mappings import Mappings
from streamstore.store import Store


@pytest.fixture
def make_mapping() -> Callable[[Store, Functions], str]:
    """Makes the table "tab" with a stream, and a mapping of it to the function "f": its UUID."""

    def make(store: Store, functions: Functions) -> str:
        made = store.client.create_table(
            TableName="tab",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        asked = {
            "FunctionName": "f",
            "EventSourceArn": made["TableDescription"]["LatestStreamArn"],
            "StartingPosition": "TRIM_HORIZON",
        }
        return str(Mappings(store, functions).create(asked)["UUID"])

    return make


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Looks every few milliseconds, for half a minute at most."""

    def wait(done: Callable[[], bool]) -> None:
        for _ in range(3000):
            if done():
                return
            threading.Event().wait(0.01)
        pytest.fail("it did not happen")

    return wait
