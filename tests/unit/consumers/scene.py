"""A store in memory on a clock moved by hand, one mapping in line, and a function by script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

import streamstore
from streamstore.clock import ManualClock
from streamstore.consumers.destinations import Failure
from streamstore.consumers.mapping import Mapping
from streamstore.consumers.runtime import Consumers
from streamstore.consumers.targets.target import Answered, FunctionError, Invocation, NotInvoked
from streamstore.errors import DeliveryFailed
from streamstore.storage import statements_consumers as sql

START_MS = 1_700_000_010_000

Script = Callable[[dict[str, Any], int], Any]


class Boxes:
    """Destinations that keep what they are given. Those named "broken" take nothing."""

    def __init__(self) -> None:
        self.taken: list[Failure] = []

    def deliver(self, destination: str, failure: Failure) -> None:
        if "broken" in destination:
            raise DeliveryFailed("It is broken: mend it.")
        self.taken.append(failure)

    def close(self) -> None: ...


class Scripted:
    """A target that answers as `script(event, n)` says for its n-th invocation, from 1."""

    in_process = True

    def __init__(self, scene: Scene, script: Script) -> None:
        self.script = script
        self.calls: list[tuple[float, list[str]]] = []
        self.events: list[dict[str, Any]] = []
        self._scene = scene

    def invoke(self, invocation: Invocation) -> Any:
        event = orjson.loads(invocation.payload)
        keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]
        self.calls.append((self._scene.seconds(), keys))
        self.events.append(event)
        answer = self.script(event, len(self.calls))
        if isinstance(answer, FunctionError | NotInvoked) or hasattr(answer, "unit"):
            return answer
        return Answered(answer)

    def close(self) -> None:
        pass

    @property
    def batches(self) -> list[list[str]]:
        return [keys for _, keys in self.calls]

    @property
    def words(self) -> list[str]:
        return [word for batch in self.batches for word in batch]

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.calls]


class Scene:
    """A store with the table "tab", whose stream has one shard."""

    def __init__(self, path: str = ":memory:", **more: Any) -> None:
        self.clock = ManualClock(START_MS)
        self.boxes = Boxes()
        self._path = path
        self._more: dict[str, Any] = {
            "background": False, "split_policy": "manual", "first_partitions": 1, **more,
        }  # fmt: skip
        self._targets: dict[str, Scripted] = {}
        self._open()
        if not self.store.client.list_tables()["TableNames"]:
            self.make_table("tab")

    def _open(self) -> None:
        self.store = streamstore.open(self._path, clock=self.clock, **self._more)
        self.consumers = Consumers(self.store, inline=True, destinations=self.boxes)  # type: ignore[arg-type]
        for name, target in self._targets.items():
            self.consumers.functions.register(name, target)

    def make_table(self, name: str) -> None:
        self.store.client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )

    def function(self, script: Script, name: str = "f", **parameters: Any) -> Scripted:
        """A function with that script, mapped to the table."""
        target = self._targets[name] = Scripted(self, script)
        self.consumers.functions.register(name, target)
        self.map(name, **parameters)
        return target

    def map(self, name: str, table: str = "tab", **parameters: Any) -> Mapping:
        from streamstore.consumers.runtime import _members

        arn = self.store.client.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        asked = {"EventSourceArn": arn, "FunctionName": name, **_members(parameters)}
        asked.setdefault("StartingPosition", "TRIM_HORIZON")
        uuid = self.consumers.mappings.create(asked)["UUID"]
        return self.consumers.mappings.find(uuid)

    def put(self, keys: str, **more: Any) -> None:
        """One write for each word; a word with digits behind a colon writes that item again."""
        for word in keys.split():
            item = {"pk": {"S": word.partition(":")[0]}, "n": {"S": word}, **more}
            self.store.call("PutItem", {"TableName": "tab", "Item": item})

    def seconds(self) -> float:
        return (self.clock.now_ms() - START_MS) / 1000

    def play(self, seconds: float = 0) -> None:
        """Let everything happen that is due until so many seconds from now, each at its time."""
        ends_ms = self.clock.now_ms() + round(seconds * 1000)
        while True:
            self.consumers.run_due()
            due_ms = self.consumers._schedule.next_due_ms()
            if due_ms is None or due_ms > ends_ms:
                break
            self.clock.set_ms(max(due_ms, self.clock.now_ms()))
        self.clock.set_ms(ends_ms)
        self.consumers.run_due()

    def reborn(self, *, tidy: bool = False) -> None:
        """The worker dies and another process takes the store over. Needs a file."""
        if tidy:
            self.consumers.stop()
        self.store.close()
        self._open()

    def failures(self) -> list[tuple[str, int, int, Any]]:
        """(condition, approximateInvokeCount, batchSize, functionError or "absent") of what the
        store lists.
        """
        with self.store.readers.transaction() as rx:
            bodies = [orjson.loads(row[5]) for row in rx.all(sql.FAILURES_PAGE, (0, 100))]
        return [
            (
                body["requestContext"]["condition"],
                body["requestContext"]["approximateInvokeCount"],
                body["DDBStreamBatchInfo"]["batchSize"],
                body.get("responseContext", {"functionError": "absent"})["functionError"],
            )
            for body in bodies
        ]

    def checkpoints(self) -> list[tuple[Any, ...]]:
        """(shard_id, sequence, finished_ms, progress) of every row of the first mapping."""
        with self.store.readers.transaction() as rx:
            return [row for row in rx.all(sql.CHECKPOINTS, (1,)) if row[0]]

    def metric(self, name: str, **dimensions: str) -> float:
        """The sum of a metric over all that its dimensions match."""
        self.store.metrics.fold()
        return sum(
            whole.total
            for found, of, whole in self.store.metrics.totals()
            if found == name and dimensions.items() <= dict(of).items()
        )

    def close(self) -> None:
        self.consumers.stop()
        self.store.close()


def ok(event: dict[str, Any], count: int) -> Any:
    return {}


def crash(event: dict[str, Any], count: int) -> Any:
    return FunctionError("Unhandled", "ValueError", "no")


def report(*words: str) -> Script:
    """Reports as failed each record whose item's `n` is one of the words."""

    def script(event: dict[str, Any], count: int) -> Any:
        return {
            "batchItemFailures": [
                {"itemIdentifier": record["dynamodb"]["SequenceNumber"]}
                for record in event["Records"]
                if record["dynamodb"]["NewImage"]["n"]["S"] in words
            ]
        }

    return script


def crash_on(*words: str) -> Script:
    """Fails a batch that holds one of the words."""

    def script(event: dict[str, Any], count: int) -> Any:
        held = {record["dynamodb"]["NewImage"]["n"]["S"] for record in event["Records"]}
        return crash(event, count) if held & set(words) else {}

    return script
