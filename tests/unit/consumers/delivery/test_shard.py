"""Part B of the streams page, a row for each parameter and failure shape: what a function is called
with and when, what is given up, on a clock moved by hand.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson
import pytest

from streamstore.consumers.targets.target import NotInvoked
from streamstore.storage import statements_consumers as sql

from ..scene import Scene, Script, crash, crash_on, ok, report

REPORTS = {"report_item_failures": True}
EXHAUSTED = "RetryAttemptsExhausted"
AGED = "RecordAgeExceeded"


class Row(NamedTuple):
    """`batches` as "a b|c": the words of each invocation. `failures` as Scene has them."""

    says: str
    script: Script
    puts: str
    batches: str
    failures: list[tuple[str, int, int, Any]] = []  # noqa: RUF012
    parameters: dict[str, Any] = {}  # noqa: RUF012
    seconds: float = 0


def throttled_until(seconds: float) -> Script:
    first: list[float] = []

    def script(event: dict[str, Any], count: int) -> Any:
        # The n-th try is not before the sum of its waits: 0.5 s doubling.
        first.append(0)
        return NotInvoked("Rate Exceeded") if 2 ** (count - 1) * 0.5 < seconds else {}

    return script


def answers(*values: Any) -> Script:
    """The n-th invocation is answered with the n-th value, later ones with success."""

    def script(event: dict[str, Any], count: int) -> Any:
        value = values[count - 1] if count <= len(values) else {}
        return crash(event, count) if value == "crash" else value

    return script


def crash_then_report(*words: str) -> Script:
    reports = report(*words)
    return lambda event, count: crash(event, count) if count == 1 else reports(event, count)


def failed(identifier: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier}]}


WHOLE = "a b c|a b c"
ROWS = [
    # Batches (B.5).
    Row("the default batch holds 100", ok, "a b c", "a b c"),
    Row("a batch size cuts", ok, "a b c d e", "a b|c d|e", parameters={"batch_size": 2}),
    Row("one by one", ok, "a b", "a|b", parameters={"batch_size": 1}),
    Row("a window waits for more", ok, "a b", "", parameters={"window_seconds": 10}, seconds=9.9),
    Row("and is over in time", ok, "a b", "a b", parameters={"window_seconds": 10}, seconds=10),
    Row(
        "a full batch doesn't wait", ok, "a b c", "a b",
        parameters={"window_seconds": 10, "batch_size": 2}, seconds=9.9,
    ),
    Row(
        "the rest waits from the last completion", ok, "a b c", "a b|c",
        parameters={"window_seconds": 10, "batch_size": 2}, seconds=10,
    ),
    # Function errors (B.6).
    Row("attempts 1 are two invocations", crash, "a", "a|a", [(EXHAUSTED, 2, 1, "Unhandled")],
        {"retry_attempts_max": 1}, 60),
    Row("attempts 3 are four", crash, "a b", "a b|a b|a b|a b", [(EXHAUSTED, 4, 2, "Unhandled")],
        {"retry_attempts_max": 3}, 60),
    Row("attempts 0 are one", crash, "a b", "a b", [(EXHAUSTED, 1, 2, "Unhandled")],
        {"retry_attempts_max": 0}, 60),
    Row("behind what was given up it goes on", crash_on("a"), "a b", "a|a|b",
        [(EXHAUSTED, 2, 1, "Unhandled")], {"retry_attempts_max": 1, "batch_size": 1}, 60),
    Row("age 60 s are eight invocations", crash, "a", "a|a|a|a|a|a|a|a",
        [(AGED, 8, 1, "absent")], {"record_age_seconds_max": 60}, 300),
    Row("what could not be invoked consumes no attempt", throttled_until(4), "a", "a|a|a|a", [],
        {"retry_attempts_max": 0}, 60),
    Row("and counts as tries", answers(NotInvoked("no"), "crash"), "a", "a|a",
        [(EXHAUSTED, 2, 1, "Unhandled")], {"retry_attempts_max": 0}, 60),
    # Bisect (B.6).
    Row("bisect finds the one", crash_on("c"), "a b c d", "a b c d|a b|c d|c|d",
        [(EXHAUSTED, 1, 1, "Unhandled")], {"bisect": True, "retry_attempts_max": 0}, 60),
    Row("cutting consumes no attempt", crash_on("a"), "a b", "a b|a|a|a|b",
        [(EXHAUSTED, 3, 1, "Unhandled")], {"bisect": True, "retry_attempts_max": 2}, 60),
    Row("bisect of an odd number", crash_on("b"), "a b c", "a b c|a|b c|b|c",
        [(EXHAUSTED, 1, 1, "Unhandled")], {"bisect": True, "retry_attempts_max": 0}, 60),
    Row("the batch size stays", crash_on("b"), "a b c d", "a b|a|b|c d",
        [(EXHAUSTED, 1, 1, "Unhandled")],
        {"bisect": True, "retry_attempts_max": 0, "batch_size": 2}, 60),
    # ReportBatchItemFailures (B.7), complete success.
    *(
        Row(f"success is {value!r}", answers(value), "a b c", "a b c", [], REPORTS, 60)
        for value in ([], None, {}, "", {"batchItemFailures": []}, {"batchItemFailures": None})
    ),
    Row("answers are ignored unless reports are asked for", report("a"), "a b", "a b", [], {}, 60),
    # Complete failure.
    *(
        Row(f"failure is {value!r}", answers(value), "a b c", WHOLE, [], REPORTS, 60)
        for value in (
            failed(""), failed(None), failed("123"), failed(123), failed(["x"]),
            {"batchItemFailures": [{"itemIdentifer": "x"}]}, {"batchItemFailures": ["x"]},
            {"batchItemFailures": {"a": 1}}, {"batchItemFailures": "x"}, "crash", "no object", 7,
        )
    ),
    Row("a reported failure has no functionError", report("a"), "a b", "a b|a b",
        [(EXHAUSTED, 2, 2, None)], {**REPORTS, "retry_attempts_max": 1}, 60),
    # Partial failure.
    Row("from the lowest on all is tried again", report("b", "d"), "a b c d e",
        "a b c d e|b c d e|b c d e", [(EXHAUSTED, 2, 4, None)],
        {**REPORTS, "retry_attempts_max": 1}, 60),
    Row("progress resets the count: five times seen, count four", report("e"), "a b c d e",
        "a b c d e|e|e|e|e", [(EXHAUSTED, 4, 1, None)], {**REPORTS, "retry_attempts_max": 3}, 60),
    Row("progress resets what was consumed before it", crash_then_report("c"), "a b c",
        "a b c|a b c|c|c", [(EXHAUSTED, 2, 1, None)], {**REPORTS, "retry_attempts_max": 1}, 60),
    Row("with bisect the report says where to cut", report("c"), "a b c d",
        "a b c d|c d|c|d", [(EXHAUSTED, 1, 1, None)],
        {**REPORTS, "bisect": True, "retry_attempts_max": 0}, 60),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.says)
def test_a_function_is_called_as_lambda_calls_it(scene: Scene, row: Row) -> None:
    function = scene.function(row.script, **row.parameters)
    scene.put(row.puts)
    scene.play(row.seconds)
    assert "|".join(" ".join(batch) for batch in function.batches) == row.batches
    assert scene.failures() == row.failures
    waiting = row.parameters.get("window_seconds", 0)
    if not waiting:
        scene.consumers.drain()


def test_waits_double_from_half_a_second_to_a_minute_less_a_bounded_part(scene: Scene) -> None:
    function = scene.function(crash)
    scene.put("a")
    scene.play(400)
    gaps = [late - early for early, late in zip(function.times, function.times[1:], strict=False)]
    whole = [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(gaps) >= 10
    assert all(
        w * 13 / 16 - 0.001 <= gap <= w * 15 / 16 + 0.001
        for gap, w in zip(gaps, whole, strict=False)
    )
    assert len({gap / w for gap, w in zip(gaps, whole, strict=False)}) > 3, "no jitter"


def test_a_record_that_was_never_tried_is_given_up_with_count_one(scene: Scene) -> None:
    """The older ones are peeled off the front and reported alone; the rest is invoked (B.6)."""
    function = scene.function(ok, record_age_seconds_max=60, destination="file:///tmp/box.jsonl")
    scene.put("a")
    scene.clock.advance(61)
    scene.put("b c d e f")
    scene.play()
    assert function.batches == [["b", "c", "d", "e", "f"]]
    assert scene.failures() == [(AGED, 1, 1, "absent")]
    [failure] = scene.boxes.taken
    assert "responseContext" not in failure.record
    assert failure.record["requestContext"]["requestId"]
    assert [r["dynamodb"]["Keys"]["pk"]["S"] for r in orjson.loads(failure.payload)["Records"]] == [
        "a"
    ]


def test_the_next_window_begins_when_the_invocation_is_complete(scene: Scene) -> None:
    def slow(event: dict[str, Any], count: int) -> Any:
        scene.clock.advance(7)
        return {}

    function = scene.function(slow, window_seconds=10)
    scene.put("a")
    scene.play(12)  # invoked at 10, complete at 17
    scene.clock.set_ms(scene.clock.now_ms())
    began = function.times[0]
    scene.put("b")
    scene.play(30)
    assert began == 10
    assert function.times[1] == 27


def test_six_megabytes_end_a_batch(scene: Scene) -> None:
    function = scene.function(ok, batch_size=10_000)
    for number in range(40):
        scene.put(f"k{number}", body={"S": "x" * 350_000})
    scene.play()
    sizes = [len(batch) for batch in function.batches]
    assert sum(sizes) == 40
    payloads = [len(orjson.dumps(event)) for event in function.events]
    assert all(size <= 6 * 1024 * 1024 for size in payloads)
    assert max(payloads) > 5.5 * 1024 * 1024, "batches could be larger"


def test_bytes_are_counted_as_json_not_as_stored(scene: Scene) -> None:
    """A control character is one byte on disk and six in an event."""
    function = scene.function(ok, batch_size=10_000)
    for number in range(20):
        scene.put(f"k{number}", body={"S": "\x01" * 200_000})
    scene.play()
    assert all(len(orjson.dumps(event)) <= 6 * 1024 * 1024 for event in function.events)
    assert sum(len(batch) for batch in function.batches) == 20


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST"])
def test_a_mapping_begins_at_its_starting_position(scene: Scene, position: str) -> None:
    scene.put("a b")
    function = scene.function(ok, starting_position=position)
    scene.put("c")  # LATEST was fixed when the mapping was made, not when somebody looked
    scene.play()
    assert function.batches == ([["a", "b", "c"]] if position == "TRIM_HORIZON" else [["c"]])


def test_children_of_a_shard_are_read_from_their_start(scene: Scene) -> None:
    scene.put("a")
    function = scene.function(ok, starting_position="LATEST")
    scene.store.split_shard("tab")
    scene.put("b c d e")
    scene.store.split_shard("tab")
    scene.put("f g h i")
    scene.play()
    assert sorted(function.words) == list("bcdefghi")


def test_parents_come_before_children(scene: Scene) -> None:
    def slow(event: dict[str, Any], count: int) -> Any:
        return crash(event, count) if count < 4 else {}

    function = scene.function(slow)
    scene.put("a b")
    scene.store.split_shard("tab")
    scene.put("a:2 b:2 c d")
    scene.play(2)
    assert set(map(tuple, function.batches)) == {("a", "b")}, (
        "the child came while its parent waits"
    )
    scene.play(60)
    flat = [r["dynamodb"]["NewImage"]["n"]["S"] for e in function.events[3:] for r in e["Records"]]
    assert flat[:2] == ["a", "b"]
    assert sorted(flat[2:]) == ["a:2", "b:2", "c", "d"]


def test_shards_go_side_by_side_and_one_that_is_blocked_holds_up_no_other(scene: Scene) -> None:
    scene.store.split_shard("tab")
    function = scene.function(crash_on("a"))
    scene.put("a b c d e f g h")
    scene.play(1)
    blocked = next(batch for batch in function.batches if "a" in batch)
    free = next(batch for batch in function.batches if "a" not in batch)
    assert sorted(blocked + free) == list("abcdefgh")
    assert [b for b in function.batches if b == free] == [free]
    with pytest.raises(TimeoutError, match=r"f is \d records behind in shardId"):
        scene.consumers.drain()


def test_several_mappings_of_one_stream_go_their_own_way(scene: Scene) -> None:
    scene.put("a b")
    one = scene.function(crash, "one", batch_size=1)
    two = scene.function(ok, "two")
    scene.play(1)
    assert set(map(tuple, one.batches)) == {("a",)}
    assert two.batches == [["a", "b"]]


@pytest.mark.parametrize("lanes", [2, 4, 10])
def test_lanes_keep_the_order_of_each_item(scene: Scene, lanes: int) -> None:
    function = scene.function(ok, parallelization_factor=lanes, batch_size=3)
    words = [f"k{number % 7}:{number}" for number in range(60)]
    scene.put(" ".join(words))
    scene.play()
    seen = [
        record["dynamodb"]["NewImage"]["n"]["S"]
        for event in function.events
        for record in event["Records"]
    ]
    assert sorted(seen) == sorted(words)
    for key in range(7):
        own = [word for word in seen if word.startswith(f"k{key}:")]
        assert own == [word for word in words if word.startswith(f"k{key}:")]
    lanes_of = [{r["dynamodb"]["Keys"]["pk"]["S"] for r in e["Records"]} for e in function.events]
    assert len({frozenset(keys) for keys in lanes_of}) > 1, "everything went through one lane"


def test_a_blocked_lane_holds_the_checkpoint_and_not_the_others(filed: Scene) -> None:
    function = filed.function(crash_on("k0"), parallelization_factor=4, batch_size=1)
    filed.put("k0 k1 k2 k3 k4 k5 k6 k7")
    filed.play(3)
    done = {batch[0] for batch in function.batches} - {"k0"}
    blocked = {f"k{n}" for n in range(8)} - done - {"k0"}
    assert done, "nothing went on"
    tries = function.batches.count(["k0"])
    [(_, sequence, _, progress)] = filed.checkpoints()
    [shard] = filed.store.shards("tab")
    assert sequence < shard.last_sequence - 7, "the checkpoint passed what is not done"
    assert progress
    # Who takes over tries again what was blocked, and repeats nothing that was done.
    filed.reborn()
    function.calls.clear()
    function.script = ok
    filed.play(60)
    assert sorted(batch[0] for batch in function.batches) == sorted({"k0", *blocked})
    assert tries >= 3


def test_counts_of_attempts_survive_a_killed_worker(filed: Scene) -> None:
    function = filed.function(crash, retry_attempts_max=4)
    filed.put("a b")
    filed.play(1.4)  # tries at 0, about 0.5 and about 1.4
    filed.put("c")
    before = len(function.calls)
    filed.reborn()
    filed.play(60)
    assert 2 <= before <= 3
    assert [batch for batch in function.batches if batch == ["a", "b"]] == [["a", "b"]] * 5
    assert filed.failures()[0] == (EXHAUSTED, 5, 2, "Unhandled")


def test_pieces_of_a_bisected_batch_survive_a_killed_worker(filed: Scene) -> None:
    function = filed.function(crash_on("c"), bisect=True, retry_attempts_max=1)
    filed.put("a b c d")
    filed.consumers.run_due()
    assert function.batches == [["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"]]
    filed.reborn()
    filed.play(60)
    assert function.batches[4:] == [["c"], ["d"]]
    assert filed.failures() == [(EXHAUSTED, 2, 1, "Unhandled")]


def test_what_retention_takes_from_a_blocked_batch_is_counted_apart(scene: Scene) -> None:
    function = scene.function(crash_on("a", "b"), batch_size=2)
    scene.put("a b")
    scene.play(3600)
    scene.put("c d")
    scene.play(24 * 3600 - 3600)
    scene.clock.advance(1)
    scene.play(120)
    assert function.batches[-1] == ["c", "d"]
    assert scene.failures() == []
    assert scene.metric("ExpiredEventCount") == 2
    scene.consumers.drain()


def test_a_worker_behind_the_horizon_goes_on_at_the_horizon(scene: Scene) -> None:
    function = scene.function(ok)
    scene.put("a b")
    scene.play()
    scene.put("c d e")
    scene.clock.advance(24 * 3600 + 1)
    while scene.store.tick():
        pass
    scene.put("f")
    scene.play()
    assert function.batches == [["a", "b"], ["f"]]
    assert scene.metric("ExpiredEventCount") == 3


def test_records_trimmed_by_hand_from_a_blocked_batch_are_passed(scene: Scene) -> None:
    function = scene.function(crash, batch_size=2)
    scene.put("a b c")
    scene.play(1)
    second = function.events[0]["Records"][1]["dynamodb"]["SequenceNumber"]
    [shard] = scene.store.shards("tab")
    scene.store.control.trim("tab", shard.info.name, through=second)
    function.script = ok
    scene.play(10)
    assert function.batches[-1] == ["c"]
    assert scene.metric("ExpiredEventCount") == 2


def test_shards_that_are_gone_hold_up_nobody(scene: Scene) -> None:
    function = scene.function(ok)
    mapping = scene.consumers.mappings.all()[0]
    scene.consumers.mappings.update(mapping.uuid, {"Enabled": False})
    scene.put("a b")
    scene.store.split_shard("tab")
    scene.clock.advance(24 * 3600 + 1)
    scene.put("c d")
    scene.store.compact()
    assert len(scene.store.shards("tab")) == 2, "the parent is still there"
    scene.consumers.mappings.update(mapping.uuid, {"Enabled": True})
    scene.play()
    assert sorted(function.words) == ["c", "d"]
    scene.consumers.drain()


FILTER = '{"dynamodb": {"NewImage": {"n": {"S": [{"prefix": "yes"}]}}}}'


def test_filtered_records_move_the_checkpoint_and_invoke_nothing(filed: Scene) -> None:
    function = filed.function(ok, filters=[FILTER], event_count_metrics=True)
    filed.put("no1 no2 no3")
    filed.play(2)
    assert function.calls == []
    [shard] = filed.store.shards("tab")
    [(_, sequence, _, _)] = filed.checkpoints()
    assert sequence >= shard.last_sequence
    filed.put("yes1 no4 yes2")
    filed.play()
    assert function.batches == [["yes1", "yes2"]]
    assert filed.metric("PolledEventCount") == 6
    assert filed.metric("FilteredOutEventCount") == 4
    assert filed.metric("InvokedEventCount") == 2


def test_filtered_records_don_t_count_towards_a_batch(scene: Scene) -> None:
    function = scene.function(ok, filters=[FILTER], batch_size=2)
    scene.put("yes1 no no yes2 no yes3")
    scene.play()
    assert function.batches == [["yes1", "yes2"], ["yes3"]]


def test_a_function_that_is_not_registered_is_waited_for(scene: Scene) -> None:
    function = scene.function(ok)
    scene.consumers.functions._functions = {}
    scene.put("a")
    scene.play(30)
    assert function.calls == []
    [mapping] = scene.consumers.mappings.all()
    assert mapping.last_result == "PROBLEM: Function does not exist"
    scene.consumers.functions.register("f", function)
    scene.play(1)
    assert function.batches == [["a"]]
    assert scene.consumers.mappings.all()[0].last_result == "OK"


def test_a_disabled_mapping_keeps_its_checkpoint_and_goes_on_there(scene: Scene) -> None:
    function = scene.function(ok)
    scene.put("a b")
    scene.play()
    [mapping] = scene.consumers.mappings.all()
    scene.consumers.mappings.update(mapping.uuid, {"Enabled": False})
    scene.put("c d")
    scene.play(60)
    assert function.batches == [["a", "b"]]
    scene.consumers.drain()  # nobody who is enabled is behind
    scene.consumers.mappings.update(mapping.uuid, {"Enabled": True})
    scene.play()
    assert function.batches == [["a", "b"], ["c", "d"]]


def test_a_deleted_mapping_leaves_nothing(scene: Scene) -> None:
    scene.function(ok)
    scene.put("a b")
    scene.play()
    [mapping] = scene.consumers.mappings.all()
    scene.consumers.mappings.delete(mapping.uuid)
    scene.put("c")
    scene.play(60)
    with scene.store.readers.transaction() as rx:
        assert rx.all(sql.CHECKPOINTS, (mapping.mapping_id,)) == []


def test_an_update_applies_to_what_comes_next(scene: Scene) -> None:
    function = scene.function(ok, batch_size=1)
    scene.put("a b")
    scene.play()
    [mapping] = scene.consumers.mappings.all()
    scene.consumers.mappings.update(mapping.uuid, {"BatchSize": 10})
    scene.put("c d")
    scene.play()
    assert function.batches == [["a"], ["b"], ["c", "d"]]


@pytest.mark.parametrize("destination", ["file:///tmp/box.jsonl", "file:///tmp/broken.jsonl", ""])
def test_what_is_given_up_goes_to_its_destination_and_into_the_list(
    scene: Scene, destination: str
) -> None:
    scene.function(crash, retry_attempts_max=0, destination=destination, event_count_metrics=True)
    scene.put("a b")
    scene.play(1)
    assert scene.failures() == [(EXHAUSTED, 1, 2, "Unhandled")]
    taken = destination.endswith("box.jsonl")
    broken = destination.endswith("broken.jsonl")
    assert len(scene.boxes.taken) == taken
    assert scene.metric("OnFailureDestinationDeliveredEventCount") == (2 if taken else 0)
    assert scene.metric("DroppedEventCount") == (0 if taken else 2)
    assert scene.metric("DestinationDeliveryFailures", FunctionName="f") == int(broken)


def test_a_failure_record_has_the_service_s_shape(scene: Scene) -> None:
    scene.function(crash, retry_attempts_max=1, destination="file:///tmp/box.jsonl")
    scene.put("a b")
    scene.clock.advance(29.717)
    scene.play(10)
    [failure] = scene.boxes.taken
    record = failure.record
    [mapping] = scene.consumers.mappings.all()
    [shard] = scene.store.shards("tab")
    batch = record.pop("DDBStreamBatchInfo")
    request = record["requestContext"].pop("requestId")
    assert len(request) == 36
    assert record == {
        "requestContext": {
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
            "condition": EXHAUSTED,
            "approximateInvokeCount": 2,
        },
        "responseContext": {
            "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": record["timestamp"],
    }  # fmt: skip
    assert re.fullmatch(r"2023-11-14T22:14:00\.1\d\dZ", record["timestamp"])
    numbers = batch.pop("startSequenceNumber"), batch.pop("endSequenceNumber")
    assert int(numbers[0]) < int(numbers[1])
    assert batch == {
        "shardId": shard.info.name,
        "approximateArrivalOfFirstRecord": "2023-11-14T22:13:30Z",
        "approximateArrivalOfLastRecord": "2023-11-14T22:13:30Z",
        "batchSize": 2,
        "streamArn": mapping.stream_arn,
    }


def test_metrics_are_those_of_the_service(scene: Scene) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        return {1: crash(event, count), 2: NotInvoked("Rate Exceeded")}.get(count, {})

    scene.function(script, event_count_metrics=True)
    scene.put("a b")
    scene.clock.advance(5)
    scene.play(10)
    counts = {
        name: scene.metric(name, FunctionName="f")
        for name in ("Invocations", "Errors", "Throttles")
    }
    assert counts == {"Invocations": 2, "Errors": 1, "Throttles": 1}
    [uuid] = [mapping.uuid for mapping in scene.consumers.mappings.all()]
    assert scene.metric("FailedInvokeEventCount", EventSourceMappingUUID=uuid) == 2
    assert scene.metric("InvokedEventCount", EventSourceMappingUUID=uuid) == 6
    [age] = [w for n, _, w in scene.store.metrics.totals() if n == "IteratorAge"]
    assert age.least == 5000
    [at_once] = [w for n, _, w in scene.store.metrics.totals() if n == "ConcurrentExecutions"]
    assert at_once.most == 1
