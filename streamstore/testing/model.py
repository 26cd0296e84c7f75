"""What a store should hold, in plain Python, and whether it does.

The model is kept outside of the store and knows nothing of its engine: tables are dicts, a stream
is the list of changes since it began, an index is what of a table has its key. `differences` asks a
store through its public operations only, and says in words where it differs.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import ValidationFailed
from ..limits import RETENTION_SECONDS_DEFAULT
from ..storage import statements_consumers
from ..store import Store

Item = dict[str, Any]
Key = str
INDEX_KEY: Final = "kind"  # the hash key of every table's secondary index


@dataclass(slots=True)
class Change:
    """A record that a stream should have: when, which key, INSERT, MODIFY or REMOVE, new image."""

    at_ms: int
    key: Key
    event: str
    new: Item | None


@dataclass(slots=True)
class TableModel:
    """A table of string keys named "id", with a stream of both images or without one."""

    items: dict[Key, Item] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    streaming: bool = True
    indexed: bool = False

    def put(self, at_ms: int, item: Item) -> None:
        """An item as it is from now on."""
        key = item["id"]["S"]
        old = self.items.get(key)
        if old == item:
            return
        self.items[key] = item
        self._record(Change(at_ms, key, "INSERT" if old is None else "MODIFY", item))

    def delete(self, at_ms: int, key: Key) -> None:
        """No item of that key from now on."""
        if self.items.pop(key, None) is not None:
            self._record(Change(at_ms, key, "REMOVE", None))

    def _record(self, change: Change) -> None:
        if self.streaming:
            self.changes.append(change)


@dataclass(slots=True)
class Model:
    """All tables by name, the consumers' checkpoints by mapping and shard, and the client tokens of
    the transactions that were done.
    """

    tables: dict[str, TableModel] = field(default_factory=dict)
    checkpoints: dict[tuple[int, int], int] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def copy(self) -> Model:
        """One that may go another way. Items are never changed in place, so they are shared."""
        tables = {
            name: TableModel(dict(t.items), list(t.changes), t.streaming, t.indexed)
            for name, t in self.tables.items()
        }
        return Model(tables, copy.copy(self.checkpoints), set(self.tokens))


def differences(store: Store, model: Model) -> list[str]:
    """Where a store is not what the model says; [] where it is."""
    names = store.call("ListTables", {})["TableNames"]
    if sorted(names) != sorted(model.tables):
        return [f"the tables are {sorted(names)}, not {sorted(model.tables)}"]
    found: list[str] = []
    for name, table in model.tables.items():
        found += _items(store, name, table)
        found += _records(store, name, table)
    found += _checkpoints(store, model)
    return found


def _items(store: Store, name: str, table: TableModel) -> list[str]:
    items = {item["id"]["S"]: item for item in scan(store, name)}
    found = _differing(f"{name}: item", items, table.items)
    if table.indexed:
        try:
            entries = {item["id"]["S"]: item for item in scan(store, name, "by_kind")}
        except ValidationFailed as error:
            return [*found, f"{name}: {error}"]
        expected = {key: item for key, item in table.items.items() if INDEX_KEY in item}
        found += _differing(f"{name}: index entry", entries, expected)
    return found


def _differing(what: str, found: dict[Key, Item], expected: dict[Key, Item]) -> list[str]:
    if found == expected:
        return []
    return [
        f"{what} {key!r} is {found.get(key)}, not {expected.get(key)}"[:300]
        for key in sorted({*found, *expected})
        if found.get(key) != expected.get(key)
    ]


def scan(store: Store, name: str, index: str | None = None) -> list[Item]:
    """Every item of a table or an index."""
    request: dict[str, Any] = {"TableName": name}
    if index is not None:
        request["IndexName"] = index
    items: list[Item] = []
    while True:
        page = store.call("Scan", request)
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _records(store: Store, name: str, table: TableModel) -> list[str]:
    """Each key's records are the newest of its changes, with all that are young among them."""
    arn = store.call("DescribeTable", {"TableName": name})["Table"].get("LatestStreamArn")
    horizon_ms = store.clock.now_ms() - RETENTION_SECONDS_DEFAULT * 1000
    if arn is None:
        # A stream that ended is forgotten once its last record is.
        gone = not table.streaming and all(it.at_ms <= horizon_ms for it in table.changes)
        return [] if gone else [f"{name}: it has no stream"]
    seen: dict[Key, list[tuple[str, Item | None]]] = {}
    for record in records(store, arn):
        change = record["dynamodb"]
        key = change["Keys"]["id"]["S"]
        seen.setdefault(key, []).append((record["eventName"], change.get("NewImage")))
    expected: dict[Key, list[tuple[str, Item | None]]] = {}
    young: dict[Key, int] = {}
    for made in table.changes:
        expected.setdefault(made.key, []).append((made.event, made.new))
        young[made.key] = young.get(made.key, 0) + (made.at_ms > horizon_ms)
    found = []
    for key in {*seen, *expected}:
        got, want = seen.get(key, []), expected.get(key, [])
        if len(got) < young.get(key, 0) or got != want[len(want) - len(got) :]:
            found.append(f"{name}: the records of {key!r} are {got}, not {want}"[:400])
    return found


def records(store: Store, arn: str) -> list[dict[str, Any]]:
    """Every record of a stream, parents before children."""
    described = store.call("DescribeStream", {"StreamArn": arn})["StreamDescription"]
    found: list[dict[str, Any]] = []
    for shard in sorted(described["Shards"], key=lambda each: str(each["ShardId"])):
        start = {
            "StreamArn": arn,
            "ShardId": shard["ShardId"],
            "ShardIteratorType": "TRIM_HORIZON",
        }
        iterator = store.call("GetShardIterator", start)["ShardIterator"]
        while iterator is not None:
            page = store.call("GetRecords", {"ShardIterator": iterator})
            found += page["Records"]
            iterator = page.get("NextShardIterator") if page["Records"] else None
    return found


def _checkpoints(store: Store, model: Model) -> list[str]:
    found: list[str] = []
    for mapping, shard in model.checkpoints:
        with store.readers.transaction() as rx:
            row = rx.one(statements_consumers.CHECKPOINT, (mapping, shard))
        want = model.checkpoints[mapping, shard]
        if row is None or row[1] != want:
            found.append(f"the checkpoint of mapping {mapping} is {row}, not {want}")
    return found
