"""Mappings as rows: every parameter there and back, states, pairs, pages, results, restarts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest

import streamstore
from streamstore import limits
from streamstore.clock import ManualClock
from streamstore.consumers.functions import Functions
from streamstore.consumers.mapping import Mapping
from streamstore.consumers.mappings import Mappings
from streamstore.errors import Corrupted, LambdaFault
from streamstore.storage import statements_consumers as sql
from streamstore.store import Store

NOWHERE = "00000000-0000-4000-8000-000000000000"
LAMBDA = "arn:aws:lambda:us-east-1:000000000000"
PATTERN = json.dumps({"eventName": ["INSERT"]})


def make_stream(store: Store, name: str = "tab") -> str:
    """A table with a stream; returns the stream's ARN."""
    made = store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def ignore(event: Any, context: Any) -> None:
    """A function."""


def functions() -> Functions:
    registered = Functions()
    for name in ("f", "g", "h"):
        registered.register(name, ignore)
    return registered


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def open_store(clock: ManualClock) -> Iterator[Callable[..., Store]]:
    opened: list[Store] = []

    def start(path: Path | str = ":memory:", **settings: Any) -> Store:
        opened.append(streamstore.open(path, clock=clock, background=False, **settings))
        return opened[-1]

    yield start
    for store in opened:
        store.close()


@pytest.fixture
def mappings(open_store: Callable[..., Store]) -> Mappings:
    return Mappings(open_store(), functions())


@pytest.fixture
def arn(mappings: Mappings) -> str:
    return make_stream(mappings.store)


def create(mappings: Mappings, arn: str, **more: Any) -> dict[str, Any]:
    asked = {"FunctionName": "f", "EventSourceArn": arn, "StartingPosition": "LATEST"}
    return mappings.create({**asked, **more})


def refusal(call: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(LambdaFault) as caught:
        call()
    return caught.value.code, caught.value.status, caught.value.message


def test_a_mapping_with_defaults_answers_as_the_service_does(
    mappings: Mappings, arn: str, clock: ManualClock
) -> None:
    made = create(mappings, arn)
    uuid = made["UUID"]
    assert made == {
        "UUID": uuid,
        "EventSourceMappingArn": f"{LAMBDA}:event-source-mapping:{uuid}",
        "EventSourceArn": arn,
        "FunctionArn": f"{LAMBDA}:function:f",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "LastModified": clock.now_ms() / 1000,
        "LastProcessingResult": "No records processed",
        "StartingPosition": "LATEST",
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "BisectBatchOnFunctionError": False,
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": -1,
        "TumblingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "DestinationConfig": {"OnFailure": {}},
    }
    assert mappings.get(uuid) == {**made, "State": "Enabled"}


EVERYTHING: dict[str, Any] = {
    "BatchSize": 7,
    "MaximumBatchingWindowInSeconds": 3,
    "ParallelizationFactor": 2,
    "BisectBatchOnFunctionError": True,
    "MaximumRetryAttempts": 4,
    "MaximumRecordAgeInSeconds": 60,
    "TumblingWindowInSeconds": 30,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:dlq"}},
    "FilterCriteria": {"Filters": [{"Pattern": PATTERN}]},
    "KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/1",
    "MetricsConfig": {"Metrics": ["EventCount"]},
}
FIELDS: dict[str, Any] = {
    "batch_size": 7,
    "window_seconds": 3,
    "parallelization_factor": 2,
    "bisect": True,
    "retry_attempts_max": 4,
    "record_age_seconds_max": 60,
    "tumbling_window_seconds": 30,
    "report_item_failures": True,
    "destination": "arn:aws:sqs:us-east-1:000000000000:dlq",
    "filters": (PATTERN,),
    "kms_key": "arn:aws:kms:us-east-1:000000000000:key/1",
    "event_count_metrics": True,
}
# What takes each of them away, or back to its default.
CLEARED: dict[str, Any] = {
    "FunctionResponseTypes": [],
    "DestinationConfig": {"OnFailure": {"Destination": ""}},
    "FilterCriteria": {},
    "KMSKeyArn": "",
    "MetricsConfig": {"Metrics": []},
}


@pytest.mark.parametrize("by", ["create", "update"])
def test_every_parameter_is_kept_over_a_restart(
    by: str, tmp_path: Path, open_store: Callable[..., Store]
) -> None:
    store = open_store(tmp_path / "s.db")
    before = Mappings(store, functions())
    arn = make_stream(store)
    more = {"FunctionName": "f:live", "Tags": {"b": "2", "a": "1"}, "Enabled": False}
    if by == "create":
        uuid = create(before, arn, **more, **EVERYTHING)["UUID"]
    else:
        uuid = create(before, arn, **more)["UUID"]
        before.update(uuid, EVERYTHING)
    shown = before.get(uuid)
    assert {name: shown[name] for name in EVERYTHING} == EVERYTHING
    store.close()
    after = Mappings(open_store(tmp_path / "s.db"))
    (kept,) = after.all()
    assert after.get(uuid) == shown
    assert {name: getattr(kept, name) for name in FIELDS} == FIELDS
    assert (kept.function_name, kept.qualifier, kept.state) == ("f", "live", "Disabled")
    assert kept.tags == (("a", "1"), ("b", "2"))
    assert not kept.enabled


def test_an_update_changes_what_it_names_and_an_empty_value_takes_one_away(
    mappings: Mappings, arn: str
) -> None:
    uuid = create(mappings, arn, **EVERYTHING)["UUID"]
    changed = mappings.update(uuid, {"BatchSize": 8})
    assert {n: changed[n] for n in EVERYTHING} == {**EVERYTHING, "BatchSize": 8}
    mappings.update(uuid, CLEARED)
    cleared = mappings.get(uuid)
    assert cleared["DestinationConfig"] == {"OnFailure": {}}
    assert cleared["FunctionResponseTypes"] == []
    assert not {"FilterCriteria", "KMSKeyArn", "MetricsConfig"} & set(cleared)
    assert cleared["BatchSize"] == 8


# (enabled before, the update) -> (state in its reply, state afterwards)
STATES = [
    (True, {"Enabled": False}, "Disabling", "Disabled"),
    (False, {"Enabled": True}, "Enabling", "Enabled"),
    (True, {"Enabled": True}, "Updating", "Enabled"),
    (True, {"BatchSize": 1}, "Updating", "Enabled"),
    (False, {"BatchSize": 1}, "Updating", "Disabled"),
    (True, {}, "Updating", "Enabled"),
]


@pytest.mark.parametrize(("enabled", "update", "shown", "settled"), STATES)
def test_states_settle_after_the_reply(
    mappings: Mappings, arn: str, enabled: bool, update: dict[str, Any], shown: str, settled: str
) -> None:
    uuid = create(mappings, arn, Enabled=enabled)["UUID"]
    assert mappings.get(uuid)["State"] == ("Enabled" if enabled else "Disabled")
    assert mappings.update(uuid, update)["State"] == shown
    assert mappings.get(uuid)["State"] == settled
    assert [mapping.state for mapping in mappings.all()] == [settled]


def test_transitions_last_as_long_as_the_setting_and_refuse_changes_meanwhile(
    open_store: Callable[..., Store], clock: ManualClock
) -> None:
    store = open_store(transition_seconds=5.0)
    mappings = Mappings(store, functions())
    arn = make_stream(store)
    uuid = create(mappings, arn)["UUID"]
    busy = "Cannot {} the event source mapping because it is in use."
    steps: list[tuple[Callable[[], Any], str, str]] = [
        (lambda: None, "Creating", "Enabled"),
        (lambda: mappings.update(uuid, {"Enabled": False}), "Disabling", "Disabled"),
        (lambda: mappings.update(uuid, {"Enabled": True}), "Enabling", "Enabled"),
        (lambda: mappings.update(uuid, {"BatchSize": 2}), "Updating", "Enabled"),
    ]
    for step, during, after in steps:
        step()
        clock.advance(4.999)
        assert mappings.get(uuid)["State"] == during
        assert mappings.list({})["EventSourceMappings"][0]["State"] == during
        for call, verb in (
            (lambda: mappings.update(uuid, {"BatchSize": 3}), "update"),
            (lambda: mappings.delete(uuid), "delete"),
        ):
            assert refusal(call) == ("ResourceInUseException", 400, busy.format(verb))
        clock.advance(0.001)
        assert mappings.get(uuid)["State"] == after


def test_deleting_takes_the_row_and_its_own_checkpoints_and_says_deleting(
    mappings: Mappings, arn: str
) -> None:
    uuid = create(mappings, arn)["UUID"]
    other = create(mappings, arn, FunctionName="g")["UUID"]
    ids = {m.uuid: m.mapping_id for m in mappings.all()}

    def checkpoints(group: Any) -> None:
        for mapping_id in ids.values():
            for shard_id in (1, 2):
                row = (mapping_id, shard_id, 5)
                group.tx.run("INSERT INTO checkpoint VALUES (?, ?, ?, NULL, NULL)", row)

    mappings.store.writer.run(checkpoints)
    before = mappings.get(uuid)
    assert mappings.delete(uuid) == {**before, "State": "Deleting"}
    with mappings.store.readers.transaction() as rx:
        left = rx.all("SELECT DISTINCT mapping_id FROM checkpoint")
    assert left == [(ids[other],)]
    for call in (
        lambda: mappings.get(uuid),
        lambda: mappings.update(uuid, {"BatchSize": 0}),
        lambda: mappings.delete(uuid),
    ):
        text = "The resource you requested does not exist."
        assert refusal(call) == ("ResourceNotFoundException", 404, text)
    # The pair is free again, and its new mapping is another one.
    assert create(mappings, arn)["UUID"] != uuid
    assert max(m.mapping_id for m in mappings.all()) > max(ids.values())


def test_a_pair_of_stream_and_function_has_one_mapping_and_an_alias_is_another_function(
    mappings: Mappings, arn: str
) -> None:
    uuid = create(mappings, arn)["UUID"]
    taken = (
        f'The event source arn (" {arn} ") and function (" f ") provided mapping already exists. '
        f"Please update or delete the existing mapping with UUID {uuid}"
    )
    conflict = ("ResourceConflictException", 409, taken)
    full = "arn:aws:lambda:us-east-1:000000000000:function:f"
    for name in ("f", "function:f", full):
        assert refusal(lambda name=name: create(mappings, arn, FunctionName=name)) == conflict
    create(mappings, arn, FunctionName="f:live")
    other = create(mappings, arn, FunctionName="g")["UUID"]
    assert refusal(lambda: mappings.update(other, {"FunctionName": "f"})) == conflict
    changed = mappings.update(other, {"FunctionName": "h"})
    assert changed["FunctionArn"].endswith(":function:h")
    assert mappings.update(other, {"FunctionName": "h"})["State"] == "Updating"


def test_pages_hold_every_mapping_once_in_order_of_age(
    mappings: Mappings, arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = make_stream(mappings.store, "second")
    made = [
        create(mappings, source, FunctionName=name)["UUID"]
        for source in (arn, second)
        for name in ("f", "f:live", "g")
    ]
    for size in (1, 2, 5, 6, 100):
        found: list[str] = []
        asked: dict[str, Any] = {"MaxItems": size}
        while True:
            page = mappings.list(asked)
            assert len(page["EventSourceMappings"]) <= size
            found += [each["UUID"] for each in page["EventSourceMappings"]]
            if "NextMarker" not in page:
                break
            asked["Marker"] = page["NextMarker"]
        assert found == made
    monkeypatch.setattr(limits, "MAPPINGS_LISTED_MAX", 4)
    assert len(mappings.list({"MaxItems": 10_000})["EventSourceMappings"]) == 4


# What List is asked for -> positions of what it must find among f@1 f:live@1 g@1 f@2.
LISTED: list[tuple[dict[str, str], list[int]]] = [
    ({}, [0, 1, 2, 3]),
    ({"FunctionName": "f"}, [0, 1, 3]),
    ({"FunctionName": "f:live"}, [1]),
    ({"FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:g"}, [2]),
    ({"FunctionName": "123456789012:function:g"}, [2]),
    ({"FunctionName": "unknown"}, []),
    ({"EventSourceArn": "1"}, [0, 1, 2]),
    ({"EventSourceArn": "2"}, [3]),
    ({"EventSourceArn": "2", "FunctionName": "g"}, []),
    ({"EventSourceArn": "arn:aws:dynamodb:us-east-1:000000000000:table/none/stream/x"}, []),
    ({"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:queue"}, []),
]


@pytest.mark.parametrize(("asked", "positions"), LISTED)
def test_lists_are_of_the_source_and_function_asked_for(
    mappings: Mappings, arn: str, asked: dict[str, str], positions: list[int]
) -> None:
    arns = {"1": arn, "2": make_stream(mappings.store, "second")}
    pairs = [("1", "f"), ("1", "f:live"), ("1", "g"), ("2", "f")]
    made = [create(mappings, arns[s], FunctionName=name)["UUID"] for s, name in pairs]
    source = asked.get("EventSourceArn")
    if source in arns:
        asked = {**asked, "EventSourceArn": arns[source]}
    found = [each["UUID"] for each in mappings.list(asked)["EventSourceMappings"]]
    assert found == [made[position] for position in positions]


@pytest.mark.parametrize("marker", ["!", "YWJj", "LTE=", "4pi6", "OTk5OTk5OTk5OTk5OTk5OTk5OTk="])
def test_a_marker_that_was_never_given_out_is_refused(mappings: Mappings, marker: str) -> None:
    code, status, text = refusal(lambda: mappings.list({"Marker": marker}))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert text == "Invalid pagination token."


def test_filters_under_a_key_of_the_callers_are_not_listed(mappings: Mappings, arn: str) -> None:
    criteria = {"Filters": [{"Pattern": PATTERN}]}
    uuid = create(mappings, arn, FilterCriteria=criteria, KMSKeyArn="arn:aws:kms:k")["UUID"]
    assert mappings.get(uuid)["FilterCriteria"] == criteria
    assert "FilterCriteria" not in mappings.list({})["EventSourceMappings"][0]


def test_a_store_holds_a_bounded_number_of_mappings(
    mappings: Mappings, arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAPPINGS_MAX", 2)
    create(mappings, arn)
    create(mappings, arn, FunctionName="g")
    code, status, _ = refusal(lambda: create(mappings, arn, FunctionName="h"))
    assert (code, status) == ("TooManyRequestsException", 429)


def test_a_mapping_outlives_its_function_and_its_table(mappings: Mappings, arn: str) -> None:
    uuid = create(mappings, arn)["UUID"]
    mappings.store.client.delete_table(TableName="tab")
    later = Mappings(mappings.store)  # a process that knows no function
    assert later.get(uuid)["State"] == "Enabled"
    assert later.update(uuid, {"Enabled": False})["State"] == "Disabling"
    assert refusal(lambda: later.update(uuid, {"FunctionName": "f"}))[2] == (
        "Function does not exist"
    )


def test_changes_move_the_version_and_ring_after_commit_but_results_do_neither(
    mappings: Mappings, arn: str
) -> None:
    rung: list[list[str]] = []
    mappings.on_change = lambda: rung.append([m.state for m in mappings.all()])
    uuid = create(mappings, arn)["UUID"]
    mappings.update(uuid, {"Enabled": False})
    mappings.note_result(mappings.all()[0].mapping_id, "OK")
    mappings.delete(uuid)
    assert rung == [["Enabled"], ["Disabled"], []]
    assert mappings.version == 3
    refusal(lambda: create(mappings, "arn:aws:sqs:us-east-1:000000000000:q"))
    assert mappings.version == 3


def test_the_last_result_is_shown_at_once_and_written_seldom(
    mappings: Mappings, arn: str, clock: ManualClock
) -> None:
    uuid = create(mappings, arn)["UUID"]
    mapping_id = mappings.all()[0].mapping_id

    def in_row() -> str:
        return Mappings(mappings.store).all()[0].last_result

    def units() -> int:
        return mappings.store.writer.units

    before = units()
    mappings.note_result(mapping_id, "OK")
    assert (in_row(), units() - before) == ("OK", 1)
    for _ in range(100):
        mappings.note_result(mapping_id, "OK")
    mappings.note_result(mapping_id, "PROBLEM: Function call failed")
    mappings.note_result(mapping_id, "PROBLEM: again")
    assert mappings.get(uuid)["LastProcessingResult"] == "PROBLEM: again"
    assert mappings.all()[0].last_result == "PROBLEM: again"
    assert (in_row(), units() - before) == ("OK", 1)
    clock.advance(limits.MAPPING_RESULT_SECONDS)
    mappings.note_result(mapping_id, "PROBLEM: again")
    assert (in_row(), units() - before) == ("PROBLEM: again", 2)
    mappings.note_result(mapping_id, "OK")
    mappings.flush()
    assert (in_row(), units() - before) == ("OK", 3)
    mappings.flush()
    assert units() - before == 3
    # It changes no parameter, and a result of a mapping that is gone is none.
    assert mappings.get(uuid)["LastModified"] == 1_700_000_000
    mappings.delete(uuid)
    mappings.note_result(mapping_id, "OK")
    assert mappings.all() == []


def test_a_definition_with_more_or_fewer_keys_is_read_and_a_foreign_one_is_damage(
    mappings: Mappings, arn: str
) -> None:
    create(mappings, arn, BatchSize=9)
    (mapping,) = mappings.all()

    def rewrite(blob: bytes) -> None:
        mappings.store.writer.run(
            lambda group: group.tx.run(sql.MAPPING_DEFINITION_SET, (blob, mapping.mapping_id))
        )

    few = {"function_name": "f", "batch_size": 9, "starting_position": "LATEST", "later": {"x": 1}}
    rewrite(b"\x01" + msgpack.packb(few))
    assert mappings.all() == [mapping]
    for damaged in (b"", b"\x02" + msgpack.packb(few), b"\x01\xc1", b"\x01\x90"):
        rewrite(damaged)
        with pytest.raises(Corrupted):
            mappings.all()


def test_tags_are_put_and_taken_away_and_bounded(mappings: Mappings, arn: str) -> None:
    uuid = create(mappings, arn, Tags={"a": "1", "b": "2"})["UUID"]
    mappings.set_tags(uuid, {"b": "3", "c": ""}, ("a",))
    assert mappings.tags(uuid) == {"b": "3", "c": ""}
    many = {str(number): "" for number in range(limits.TAGS_MAX)}
    for bad in (many, {"": "x"}, {"k" * 129: ""}, {"k": "v" * 257}, {"aws:x": ""}):
        code, status, _ = refusal(lambda bad=bad: mappings.set_tags(uuid, bad))
        assert (code, status) == ("InvalidParameterValueException", 400)
    assert mappings.tags(uuid) == {"b": "3", "c": ""}
    assert refusal(lambda: mappings.tags(NOWHERE))[0] == "ResourceNotFoundException"


def test_every_field_of_a_mapping_but_its_columns_is_packed(mappings: Mappings, arn: str) -> None:
    create(mappings, arn)
    with mappings.store.readers.transaction() as rx:
        (row,) = rx.all(sql.MAPPINGS)
    packed = set(msgpack.unpackb(row[-1][1:]))
    columns = {"mapping_id", "uuid", "stream_arn", "state", "modified_ms"}
    assert packed == (set(Mapping.__dataclass_fields__) - columns) | {"transition"}


def test_of_many_who_make_the_same_mapping_at_once_one_does(mappings: Mappings, arn: str) -> None:
    outcomes: list[str] = []

    def make() -> None:
        try:
            outcomes.append(create(mappings, arn)["UUID"])
        except LambdaFault as fault:
            outcomes.append(fault.code)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (kept,) = mappings.all()
    assert sorted(outcomes) == sorted([kept.uuid, *["ResourceConflictException"] * 7])
    assert mappings.version == 1
