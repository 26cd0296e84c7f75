"""Tumbling windows (streams page B.10): state, ends, failures, takeovers."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.consumers.targets.target import FunctionError

from ..scene import START_MS, Scene, crash

assert START_MS % 60_000 == 30_000, "scenes begin in the middle of a minute"


def summing(event: dict[str, Any], count: int) -> Any:
    """Keeps the words of a window as its state."""
    words = event["state"].get("words", [])
    new = [record["dynamodb"]["NewImage"]["n"]["S"] for record in event["Records"]]
    return {"state": {"words": words + new}}


def told(event: dict[str, Any]) -> tuple[str, list[str], bool, bool]:
    """(end of the window, state, final, early)."""
    return (
        event["window"]["end"][11:19],
        event["state"].get("words", []),
        event["isFinalInvokeForWindow"],
        event["isWindowTerminatedEarly"],
    )


def test_state_goes_from_invocation_to_invocation_and_ends_with_its_window(scene: Scene) -> None:
    function = scene.function(summing, tumbling_window_seconds=60, batch_size=2)
    scene.put("a b c")
    scene.play(29.999)
    assert [told(event) for event in function.events] == [
        ("22:14:00", [], False, False),
        ("22:14:00", ["a", "b"], False, False),
    ]
    scene.play(0.001)
    assert told(function.events[2]) == ("22:14:00", ["a", "b", "c"], True, False)
    assert function.batches[2] == []
    assert function.events[2]["window"] == {
        "start": "2023-11-14T22:13:00Z", "end": "2023-11-14T22:14:00Z",
    }  # fmt: skip
    [shard] = scene.store.shards("tab")
    assert function.events[2]["shardId"] == shard.info.name
    assert function.events[2]["eventSourceARN"].endswith(shard_stream(scene))
    scene.put("d")
    scene.play(1)
    assert told(function.events[3]) == ("22:15:00", [], False, False)
    scene.play(300)
    assert [told(event)[2] for event in function.events] == [False, False, True, False, True]


@pytest.mark.parametrize("taken_over", [False, True], ids=["in its process", "in another"])
def test_a_window_whose_length_changes_is_aligned_to_the_new_one(
    filed: Scene, taken_over: bool
) -> None:
    function = filed.function(summing, tumbling_window_seconds=60)
    filed.put("a")
    filed.play()
    [mapping] = filed.consumers.mappings.all()
    filed.consumers.mappings.update(mapping.uuid, {"TumblingWindowInSeconds": 120})
    if taken_over:
        filed.reborn()
    filed.put("b")
    filed.play(29.999)
    assert [told(event) for event in function.events] == [
        ("22:14:00", [], False, False),
        ("22:14:00", ["a"], False, False),
    ]
    assert function.events[1]["window"]["start"] == "2023-11-14T22:12:00Z"
    filed.play(0.001)
    assert told(function.events[2]) == ("22:14:00", ["a", "b"], True, False)
    filed.put("c")
    filed.play(1)
    assert function.events[3]["window"] == {
        "start": "2023-11-14T22:14:00Z", "end": "2023-11-14T22:16:00Z",
    }  # fmt: skip


def shard_stream(scene: Scene) -> str:
    return str(scene.store.engine.catalog.table("tab").last_stream.label)  # type: ignore[union-attr]


def test_a_batch_never_mixes_windows(scene: Scene) -> None:
    function = scene.function(summing, tumbling_window_seconds=60)
    [mapping] = scene.consumers.mappings.all()
    scene.consumers.mappings.update(mapping.uuid, {"Enabled": False})
    scene.put("a b")
    scene.clock.advance(60)
    scene.put("c d")
    scene.consumers.mappings.update(mapping.uuid, {"Enabled": True})
    scene.play()
    assert function.batches == [["a", "b"], [], ["c", "d"]]
    assert [told(event)[1] for event in function.events] == [[], ["a", "b"], []]


@pytest.mark.parametrize("answer", [None, {}, {"state": None}, {"state": "x"}, "crash"])
def test_an_answer_without_a_state_is_a_failure(scene: Scene, answer: Any) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        if count == 1:
            return crash(event, count) if answer == "crash" else answer
        return summing(event, count)

    function = scene.function(script, tumbling_window_seconds=60)
    scene.put("a b")
    scene.play(2)
    assert function.batches == [["a", "b"], ["a", "b"]]
    assert told(function.events[1])[1] == []


def nested(depth: int) -> dict[str, Any]:
    return {"deeper": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize(
    "state",
    [{"n": 10**30}, {"n": "\ud800"}, nested(300), {"n": "x" * (6 * 1024 * 1024 - 300)}],
    ids=["a number beyond 64 bits", "half a character", "too deep", "too large for an event"],
)
def test_a_state_that_no_event_could_bring_back_consumes_attempts(
    scene: Scene, state: dict[str, Any]
) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        return {"state": state} if "a" in function.batches[-1] else summing(event, count)

    function = scene.function(
        script, tumbling_window_seconds=60, batch_size=1, retry_attempts_max=1
    )
    scene.put("a b")
    scene.play(60)
    assert function.batches == [["a"], ["a"], ["b"], []]
    assert scene.failures() == [("RetryAttemptsExhausted", 2, 1, "Unhandled")]


def test_a_failed_batch_leaves_the_state_as_it_was(scene: Scene) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        return crash(event, count) if "b" in function.batches[-1] else summing(event, count)

    function = scene.function(
        script, tumbling_window_seconds=60, batch_size=1, retry_attempts_max=1
    )
    scene.put("a b c")
    scene.play(60)
    assert function.batches == [["a"], ["b"], ["b"], ["c"], []]
    assert told(function.events[-1])[1] == ["a", "c"]
    assert scene.failures() == [("RetryAttemptsExhausted", 2, 1, "Unhandled")]


def test_a_state_of_more_than_1_mb_ends_its_window_early(scene: Scene) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        if count == 1:
            return {"state": {"words": ["x" * (1024 * 1024)]}}
        return summing(event, count)

    function = scene.function(script, tumbling_window_seconds=60, batch_size=1)
    scene.put("a b")
    scene.play(60)
    end, words, final, early = told(function.events[1])
    assert (end, len(words[0]), final, early) == ("22:14:00", 1024 * 1024, True, True)
    assert told(function.events[2]) == ("22:14:00", [], False, False)
    assert told(function.events[3]) == ("22:14:00", ["b"], True, False)


def test_a_last_invocation_that_fails_blocks_its_shard_until_it_succeeds(scene: Scene) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        if event["isFinalInvokeForWindow"] and count < 5:
            return FunctionError("Unhandled", "ValueError", "no")
        return summing(event, count)

    function = scene.function(script, tumbling_window_seconds=60)
    scene.put("a")
    scene.play(30)
    scene.put("b")
    scene.play(1.2)
    assert function.batches == [["a"], [], [], []][: len(function.batches)]
    scene.play(20)
    assert function.batches == [["a"], [], [], [], [], ["b"]]
    assert [told(event)[1] for event in function.events[1:5]] == [["a"]] * 4


def test_a_last_invocation_is_given_up_after_its_attempts(scene: Scene) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        return crash(event, count) if event["isFinalInvokeForWindow"] else summing(event, count)

    function = scene.function(script, tumbling_window_seconds=60, retry_attempts_max=1)
    scene.put("a")
    scene.play(50)
    scene.put("b")
    scene.play(1)
    assert function.batches == [["a"], [], [], ["b"]]
    assert scene.failures() == [("RetryAttemptsExhausted", 2, 0, "Unhandled")]


def test_the_end_of_a_shard_ends_its_window_and_children_begin_anew(scene: Scene) -> None:
    function = scene.function(summing, tumbling_window_seconds=60)
    scene.put("a b")
    scene.store.split_shard("tab")
    scene.put("c d e f")
    scene.play(1)
    assert told(function.events[0]) == ("22:14:00", [], False, False)
    assert told(function.events[1]) == ("22:14:00", ["a", "b"], True, False)
    assert [told(event)[1:3] for event in function.events[2:]] == [([], False)] * 2
    names = [event["shardId"] for event in function.events]
    assert names[0] == names[1]
    assert len(set(names)) == 3


def test_state_survives_a_killed_worker_attempts_of_the_last_invocation_too(filed: Scene) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        return crash(event, count) if event["isFinalInvokeForWindow"] else summing(event, count)

    function = filed.function(script, tumbling_window_seconds=60, retry_attempts_max=2)
    filed.put("a")
    filed.play(1)
    filed.reborn()
    filed.put("b")
    filed.play(1)
    assert told(function.events[1])[1] == ["a"]
    filed.play(28)
    assert [told(event)[1:3] for event in function.events[2:]] == [(["a", "b"], True)]
    filed.reborn()
    filed.play(60)
    assert len(function.events) == 5
    assert filed.failures() == [("RetryAttemptsExhausted", 3, 0, "Unhandled")]


def test_reports_in_a_window_keep_the_state_that_came_with_them(scene: Scene) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        answer = summing(event, count)
        if count == 1:
            third = event["Records"][2]["dynamodb"]["SequenceNumber"]
            answer["state"]["words"] = ["a", "b"]
            answer["batchItemFailures"] = [{"itemIdentifier": third}]
        return answer

    function = scene.function(script, tumbling_window_seconds=60, report_item_failures=True)
    scene.put("a b c")
    scene.play(1)
    assert function.batches == [["a", "b", "c"], ["c"]]
    assert told(function.events[1])[1] == ["a", "b"]


def test_a_record_that_was_committing_when_its_window_ended_still_belongs_to_it(
    scene: Scene,
) -> None:
    """Its time was taken before the end, its COMMIT came after the worker had looked."""
    function = scene.function(summing, tumbling_window_seconds=60)
    scene.put("a")
    scene.play(1)
    writer = scene.store.writer
    run = writer.run
    end_ms = START_MS + 30_000

    def late(unit: Any, cost: int = 512) -> Any:
        writer.run = run  # type: ignore[method-assign]
        scene.clock.set_ms(end_ms - 1)
        scene.put("b")
        scene.clock.set_ms(end_ms)
        return run(unit, cost)

    writer.run = late  # type: ignore[method-assign]
    scene.play(29)
    assert function.batches == [["a"], ["b"], []]
    assert told(function.events[2])[1] == ["a", "b"]
