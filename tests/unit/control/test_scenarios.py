"""Each scenario breaks the naive consumer that it is for, and spares a careful one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamstore.client import ClientError
from streamstore.control import scenarios
from streamstore.control.scenarios import SCENARIOS
from streamstore.errors import ControlRefused
from streamstore.store import Store

RETRIED = {
    "LimitExceededException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
}


def code_of(failed: pytest.ExceptionInfo[ClientError]) -> str:
    return str(failed.value.response["Error"]["Code"])


def careful(consumer: Any, retries: int = 40) -> list[tuple[str, str]]:
    """Every (shard, number) once: parents first, through refusals, old iterators, empty pages."""

    def tried(ask: Any, *given: Any, **named: Any) -> Any:
        for _ in range(retries):
            try:
                return ask(*given, **named)
            except ClientError as error:
                if error.response["Error"]["Code"] not in RETRIED:
                    raise
        raise AssertionError("refused for ever")

    shards = tried(consumer.shards)
    seen: list[tuple[str, str]] = []
    for shard in sorted(shards, key=lambda each: each["ShardId"]):
        name = shard["ShardId"]
        iterator: str | None = tried(consumer.iterator, name)
        idle = 0
        while iterator is not None and idle <= scenarios._EMPTY_PAGES:
            try:
                numbers, iterator = tried(consumer.page, iterator)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ExpiredIteratorException":
                    raise
                iterator = tried(consumer.iterator, name)
                continue
            idle = 0 if numbers else idle + 1
            seen += [(name, number) for number in numbers if (name, number) not in seen]
    return seen


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_makes_its_table_says_what_it_did_and_spares_a_careful_reader(
    store: Store, reader: Any, name: str
) -> None:
    facts = SCENARIOS[name](store.control, None)
    assert facts["scenario"] == facts["table"] == name
    consumer = reader(name)
    assert facts["stream_arn"] == consumer.arn
    armed = {rule["id"] for rule in store.control.list_rules()}
    assert armed == set(facts["rules"])
    assert bool(facts["rules"]) is (name in scenarios.RULED)
    seen = careful(consumer)
    numbers = [int(number) for _, number in seen]
    expected = {"500-closed-shards": 30, "parent-and-child-at-once": 20}.get(name, 10)
    assert len(numbers) == expected
    assert len(set(numbers)) == expected


def test_every_scenario_has_its_one_line() -> None:
    assert list(scenarios.described()) == list(SCENARIOS)
    for line in scenarios.described().values():
        assert 30 < len(line) < 100
        assert line.endswith(".")


def test_the_readme_shows_every_scenario_with_its_line() -> None:
    text = (Path(__file__).parents[3] / "README.md").read_text()
    for name, line in scenarios.described().items():
        assert f"| `{name}` | {line} |" in text


def test_a_scenario_plays_on_a_table_that_is_there_whatever_its_keys(
    store: Store, put: Any, reader: Any
) -> None:
    put(1)
    facts = SCENARIOS["parent-and-child-at-once"](store.control, "orders")
    assert facts["table"] == "orders"
    assert len(careful(reader())) == 21


def test_a_table_whose_stream_is_off_is_refused(store: Store) -> None:
    store.client.update_table(TableName="orders", StreamSpecification={"StreamEnabled": False})
    with pytest.raises(ControlRefused, match="not enabled"):
        SCENARIOS["shard-gone"](store.control, "orders")


def test_expired_iterator_hits_one_held_now_and_the_next_one_used(
    store: Store, put: Any, reader: Any
) -> None:
    put(1)
    consumer = reader()
    shard = consumer.shards()[0]["ShardId"]
    held = consumer.iterator(shard)
    SCENARIOS["expired-iterator"](store.control, "orders")
    for iterator in (held, consumer.iterator(shard)):
        with pytest.raises(ClientError) as failed:
            consumer.page(iterator)
        assert code_of(failed) == "ExpiredIteratorException"
    assert len(consumer.page(consumer.iterator(shard))[0]) == 11


def test_trimmed_while_paused_refuses_every_checkpoint(store: Store, reader: Any) -> None:
    facts = SCENARIOS["trimmed-while-paused"](store.control, None)
    consumer = reader(facts["table"])
    assert facts["checkpoints"]
    for shard, number in facts["checkpoints"].items():
        with pytest.raises(ClientError) as failed:
            consumer.iterator(shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=number)
        assert code_of(failed) == "TrimmedDataAccessException"


def test_shard_gone_leaves_children_whose_parent_nobody_finds(store: Store, reader: Any) -> None:
    facts = SCENARIOS["shard-gone"](store.control, None)
    consumer = reader(facts["table"])
    listed = {shard["ShardId"]: shard["ParentShardId"] for shard in consumer.shards()}
    assert listed == {child: gone for gone, child in facts["gone"].items()}
    for shard, number in facts["checkpoints"].items():
        with pytest.raises(ClientError) as failed:
            consumer.iterator(shard, "AFTER_SEQUENCE_NUMBER", SequenceNumber=number)
        assert code_of(failed) == "ResourceNotFoundException"


def test_500_closed_shards_hide_the_open_ones_from_who_reads_one_page(
    store: Store, reader: Any
) -> None:
    facts = SCENARIOS["500-closed-shards"](store.control, None)
    consumer = reader(facts["table"])
    page = consumer.client.describe_stream(StreamArn=consumer.arn)["StreamDescription"]
    assert all("EndingSequenceNumber" in s["SequenceNumberRange"] for s in page["Shards"])
    closed = [s for s in consumer.shards() if "EndingSequenceNumber" in s["SequenceNumberRange"]]
    assert len(closed) == facts["closed"] == 500
    assert len(consumer.shards()) == 501


def test_empty_pages_before_data_fool_who_stops_at_the_first(store: Store, reader: Any) -> None:
    facts = SCENARIOS["empty-pages-before-data"](store.control, None)
    consumer = reader(facts["table"])
    iterator: str | None = consumer.iterator(consumer.shards()[0]["ShardId"])
    sizes = []
    for _ in range(facts["empty_pages"] + 1):
        numbers, iterator = consumer.page(str(iterator))
        sizes.append(len(numbers))
    assert sizes == [0, 0, 0, 0, 0, 10]


def test_throttled_refuses_reading_and_describing(store: Store, reader: Any) -> None:
    facts = SCENARIOS["throttled"](store.control, None)
    consumer = reader(facts["table"])
    codes = []
    for _ in range(3):
        with pytest.raises(ClientError) as failed:
            consumer.shards()
        codes.append(code_of(failed))
    iterator = consumer.iterator(consumer.shards()[0]["ShardId"])
    for _ in range(100):
        try:
            consumer.page(iterator)
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes[:6] == ["ThrottlingException"] * 3 + ["LimitExceededException"] * 3
    assert set(codes[6:]) == {"ProvisionedThroughputExceededException"}
    assert len(codes) == 16


def test_parent_and_child_at_once_disorder_who_reads_children_first(
    store: Store, reader: Any
) -> None:
    facts = SCENARIOS["parent-and-child-at-once"](store.control, None)
    consumer = reader(facts["table"])
    by_shard: dict[str, list[tuple[str, str]]] = {}
    parents = {s["ShardId"]: s.get("ParentShardId") for s in consumer.shards()}
    for shard in parents:
        page = consumer.client.get_records(ShardIterator=consumer.iterator(shard))["Records"]
        by_shard[shard] = [(r["dynamodb"]["Keys"]["id"]["S"], r["eventName"]) for r in page]
    assert {parents[child] for child in facts["children"]} == set(facts["parents"])
    first = {key for shard in facts["parents"] for key, _ in by_shard[shard]}
    for child in facts["children"]:
        assert by_shard[child]
        for key, event in by_shard[child]:
            assert key in first
            assert event == "MODIFY"


def test_duplicate_delivery_gives_pages_twice(store: Store, reader: Any) -> None:
    facts = SCENARIOS["duplicate-delivery"](store.control, None)
    consumer = reader(facts["table"])
    iterator: str | None = consumer.iterator(consumer.shards()[0]["ShardId"])
    seen: list[str] = []
    for _ in range(10 + facts["repeated_pages"]):
        numbers, iterator = consumer.page(str(iterator), limit=1)
        seen += numbers
    assert len(seen) == 13
    assert len(set(seen)) == 10
