"""The checker passes a consumer that does all it should, and finds each thing that another one
leaves out.
"""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.client import ClientError
from streamstore.control.scenarios import SCENARIOS
from streamstore.testing import ConsumerChecker

AGAIN = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
}


class Careful:
    """Reads parents before children and keeps checkpoints by shard. What it may leave out are its
    attributes; `state` outlives its calls.
    """

    def __init__(self, **left_out: bool) -> None:
        self.left_out = left_out
        self.state: dict[str, Any] = {}
        self.applied: list[str] = []
        self.forget()

    def forget(self) -> None:
        self.state = {"checkpoints": {}, "done": set()}
        self.applied = []

    def __call__(self, client: Any, arn: str, deliver: Any) -> None:
        while True:
            shards = self.shards(client, arn)
            alive = {shard["ShardId"] for shard in shards} - self.state["done"]
            for shard in shards:
                name = shard["ShardId"]
                if name in self.state["done"]:
                    continue
                if shard.get("ParentShardId") in alive and not self.left_out.get("parents"):
                    continue
                self.read(client, arn, shard, deliver)

    def shards(self, client: Any, arn: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            page = self.tried(client.describe_stream, StreamArn=arn, **more)["StreamDescription"]
            found += page["Shards"]
            if "LastEvaluatedShardId" not in page or self.left_out.get("shard_pages"):
                break
            more = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}
        return found[::-1] if self.left_out.get("parents") else found

    def tried(self, call: Any, **params: Any) -> Any:
        while True:
            try:
                return call(**params)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code not in AGAIN or self.left_out.get("throttles"):
                    raise

    def read(self, client: Any, arn: str, shard: dict[str, Any], deliver: Any) -> None:
        name = shard["ShardId"]
        where = {"StreamArn": arn, "ShardId": name}
        after = self.state["checkpoints"].get(name)
        start = {"ShardIteratorType": "TRIM_HORIZON"}
        if after is not None:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": after}
        elif self.left_out.get("horizon"):
            start = {"ShardIteratorType": "LATEST"}
        try:
            got = self.tried(client.get_shard_iterator, **where, **start)
            iterator = got["ShardIterator"]
            for _ in range(2):
                page = self.tried(client.get_records, ShardIterator=iterator, Limit=7)
                for record in page["Records"]:
                    self.apply(record, deliver)
                    number = record["dynamodb"]["SequenceNumber"]
                    self.state["checkpoints"][name] = number
                iterator = page.get("NextShardIterator")
                if iterator is None or (not page["Records"] and self.left_out.get("empty")):
                    self.state["done"].add(name)
                    return
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "TrimmedDataAccessException":
                self.state["checkpoints"].pop(name, None)
            elif code == "ResourceNotFoundException":
                self.state["done"].add(name)
            elif code != "ExpiredIteratorException":
                raise

    def apply(self, record: dict[str, Any], deliver: Any) -> None:
        if record["eventID"] not in self.applied or self.left_out.get("dedupe"):
            self.applied.append(record["eventID"])
        deliver(record)


def checker(consumer: Careful, calls_max: int = 6000, **more: Any) -> ConsumerChecker:
    return ConsumerChecker(consumer, begin=consumer.forget, calls_max=calls_max, **more)


def test_a_careful_consumer_keeps_its_promise_in_every_scenario_and_through_restarts() -> None:
    found = checker(Careful(), restarts=3).prove()
    assert [each.scenario for each in found] == list(SCENARIOS)
    assert all(each.records >= 80 for each in found)
    assert all(each.duplicates for each in found if each.scenario == "duplicate-delivery")


def test_effects_that_are_deduplicated_are_exactly_once() -> None:
    consumer = Careful()
    promise = "exactly-once"
    some = ("duplicate-delivery", "parent-and-child-at-once", "throttled")
    checker(consumer, promise=promise, effects=lambda: consumer.applied, restarts=3).prove(some)
    sloppy = Careful(dedupe=True)
    with pytest.raises(AssertionError, match="duplicates"):
        checker(sloppy, promise=promise, effects=lambda: sloppy.applied, restarts=3).prove(some)


@pytest.mark.parametrize(
    ("left_out", "scenario", "finding"),
    [
        ("parents", "parent-and-child-at-once", "disorders"),
        ("shard_pages", "500-closed-shards", "gaps"),
        ("throttles", "throttled", "error"),
        ("horizon", "parent-and-child-at-once", "gaps"),
        ("empty", "empty-pages-before-data", "gaps"),
    ],
)
def test_what_a_consumer_leaves_out_is_found(left_out: str, scenario: str, finding: str) -> None:
    findings = checker(Careful(**{left_out: True}), calls_max=600).check(scenario)
    assert not findings.kept
    assert getattr(findings, finding)
    assert scenario in str(findings)


def test_a_record_that_was_never_in_the_stream_is_invented() -> None:
    class Inventive(Careful):
        def apply(self, record: dict[str, Any], deliver: Any) -> None:
            super().apply(record, deliver)
            deliver({"eventID": "mine"})

    assert checker(Inventive()).check("duplicate-delivery").invented == ["mine"]


def test_a_consumer_that_does_nothing_is_ended_and_has_gaps() -> None:
    findings = ConsumerChecker(lambda client, arn, deliver: None, calls_max=50).check("throttled")
    assert findings.calls >= 50
    assert findings.gaps


def test_there_is_no_scenario_of_any_other_name() -> None:
    with pytest.raises(KeyError):
        ConsumerChecker(Careful()).check("rain")
