"""A store with a stream, functions that a mapping may name, and the door over both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.consumers.asynchronous.queue import Events
from streamstore.consumers.functions import Functions
from streamstore.consumers.lambda_api.door import Door
from streamstore.consumers.mappings import Mappings

Asked = Callable[..., tuple[int, dict[str, str], Any]]


class Doorway:
    """A door with what is behind it. Events run when `events.run_due` is called."""

    def __init__(
        self, store: streamstore.Store, clock: ManualClock, mappings: Mappings, stream_arn: str
    ) -> None:
        self.clock = clock
        self.mappings = mappings
        self.functions = mappings.functions
        self.stream_arn = stream_arn
        self.store = store
        self.events = Events(store, self.functions, inline=True)
        self.door = Door(store, mappings, self.events)

    def ask(
        self, call: str, body: Any = b"", query: dict[str, str] | None = None, **path: str
    ) -> tuple[int, dict[str, str], Any]:
        """(status, headers, body read out of JSON) of a call; bytes are sent as they are."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        status, kind, answer, headers = self.door.handle(call, path, query or {}, data)
        assert kind == ("application/json" if answer else "")
        return status, headers, json.loads(answer) if answer else None

    def create(self, **more: Any) -> dict[str, Any]:
        asked = {"FunctionName": "f", "StartingPosition": "LATEST"}
        status, _, made = self.ask("create", {**asked, "EventSourceArn": self.stream_arn, **more})
        assert status == 202
        found: dict[str, Any] = made
        return found


@pytest.fixture
def doorway() -> Iterator[Doorway]:
    functions = Functions()
    functions.register("f", lambda event, context: {"echo": event})
    clock = ManualClock()
    with streamstore.open(":memory:", background=False, clock=clock) as store:
        made = store.client.create_table(
            TableName="tab",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )["TableDescription"]
        doorway = Doorway(store, clock, Mappings(store, functions), made["LatestStreamArn"])
        yield doorway
        doorway.door.close()
