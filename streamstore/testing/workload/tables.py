"""Steps that change what there is: tables, indexes, streams and their shards."""

from __future__ import annotations

from typing import Any

from ..model import Model, TableModel
from .life import Life
from .step import Drawn, Step, nothing


class Tables(Drawn):
    """The table "north" keeps its index and changes its stream; "south" comes, goes and splits."""

    def create(self, name: str) -> Step:
        """A table with an index and a stream."""

        def act(life: Life) -> None:
            life.call("CreateTable", **_definition(name))

        def learn(model: Model, _: int) -> None:
            model.tables[name] = TableModel(indexed=name == "north")

        return Step("create", act, learn)

    def drop(self) -> Step:
        """A table dropped; its rows go in ticks."""

        def act(life: Life) -> None:
            life.call("DeleteTable", TableName="south")

        def learn(model: Model, _: int) -> None:
            del model.tables["south"]

        return Step("drop", act, learn)

    def recreate(self) -> Step:
        """The same name once more, while rows of its predecessor may be there."""
        self.keys["south"].clear()
        return self.create("south")

    def index_add(self) -> Step:
        """An index on a table with items, filled in ticks."""

        def act(life: Life) -> None:
            _update_index(life, {"Create": _index()})
            life.clock.advance(2)
            life.tick()

        def learn(model: Model, _: int) -> None:
            model.tables["south"].indexed = True

        return Step("index-add", act, learn)

    def index_drop(self) -> Step:
        """The same index gone."""

        def act(life: Life) -> None:
            _update_index(life, {"Delete": {"IndexName": "by_kind"}})
            life.clock.advance(2)
            life.tick()

        def learn(model: Model, _: int) -> None:
            model.tables["south"].indexed = False

        return Step("index-drop", act, learn)

    def stream_off(self) -> Step:
        """The stream ends; its records stay."""

        def learn(model: Model, _: int) -> None:
            model.tables["north"].streaming = False

        return Step("stream-off", lambda life: _stream(life, False), learn)

    def stream_on(self) -> Step:
        """A new stream of the same table."""

        def learn(model: Model, _: int) -> None:
            model.tables["north"].streaming = True
            model.tables["north"].changes = []

        return Step("stream-on", lambda life: _stream(life, True), learn)

    def split(self) -> Step:
        """A shard in two."""
        return Step("split", lambda life: life.store.split_shard("south"), nothing)

    def roll(self) -> Step:
        """A shard and its successor."""

        def act(life: Life) -> None:
            first = life.store.engine.catalog.table("south").open_shards[0]
            life.store.roll_shard("south", first.name)

        return Step("roll", act, nothing)


def _index() -> dict[str, Any]:
    return {
        "IndexName": "by_kind",
        "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }


def _definition(name: str) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "TableName": name,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }
    if name == "north":
        definition["AttributeDefinitions"].append({"AttributeName": "kind", "AttributeType": "S"})
        definition["GlobalSecondaryIndexes"] = [_index()]
    return definition


def _update_index(life: Life, change: dict[str, Any]) -> None:
    life.call(
        "UpdateTable",
        TableName="south",
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "kind", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexUpdates=[change],
    )


def _stream(life: Life, enabled: bool) -> None:
    specification: dict[str, Any] = {"StreamEnabled": enabled}
    if enabled:
        specification["StreamViewType"] = "NEW_AND_OLD_IMAGES"
    life.call("UpdateTable", TableName="north", StreamSpecification=specification)
