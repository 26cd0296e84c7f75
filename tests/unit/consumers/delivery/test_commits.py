"""The seam for exactly once: an answer's own unit commits with the checkpoint, or neither does."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.errors import UnitConflict, ValidationFailed
from streamstore.storage import statements

from ..scene import Scene

STATE = "c1_test"


class Worked:
    """An answer with a unit that counts itself in the store."""

    def __init__(self, error: Exception | None = None, value: Any = None) -> None:
        self.error, self.value = error, value

    def unit(self, group: Any) -> None:
        row = group.tx.one(statements.STATE_GET, (STATE,))
        group.tx.run(statements.STATE_PUT, (STATE, (row[0] if row else 0) + 1))
        if self.error is not None:
            raise self.error


def counted(scene: Scene) -> int:
    with scene.store.readers.transaction() as rx:
        row = rx.one(statements.STATE_GET, (STATE,))
    return int(row[0]) if row else 0


def test_a_unit_commits_once_for_each_batch(scene: Scene) -> None:
    function = scene.function(lambda event, count: Worked(), batch_size=2)
    scene.put("a b c")
    scene.play()
    assert function.batches == [["a", "b"], ["c"]]
    assert counted(scene) == 2


def test_the_unit_and_the_checkpoint_are_one_commit(filed: Scene) -> None:
    """Whatever the worker has done before it is killed, batches done and units counted agree."""
    commits: list[tuple[int, list[Any]]] = []

    def script(event: dict[str, Any], count: int) -> Any:
        commits.append((counted(filed), filed.checkpoints()))
        return Worked()

    filed.function(script, batch_size=1)
    filed.put("a b c")
    before = filed.store.writer.commits
    filed.play()
    assert filed.store.writer.commits - before == 3 + 1  # and the result "OK", once
    assert [count for count, _ in commits] == [0, 1, 2]
    assert [len(rows) for _, rows in commits] == [0, 1, 1]
    filed.reborn()
    filed.play()
    assert counted(filed) == 3


def test_a_conflict_invokes_again_at_once_and_consumes_no_attempt(scene: Scene) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        return Worked(UnitConflict("item a") if count < 4 else None)

    function = scene.function(script, retry_attempts_max=0)
    scene.put("a")
    scene.play()
    assert function.batches == [["a"]] * 4
    assert counted(scene) == 1
    assert scene.failures() == []


def test_conflicts_without_an_end_count_as_a_failure(scene: Scene) -> None:
    function = scene.function(
        lambda event, count: Worked(UnitConflict("item a")), retry_attempts_max=0
    )
    scene.put("a")
    scene.play()
    assert len(function.calls) == limits.UNIT_ATTEMPTS_MAX
    assert counted(scene) == 0
    assert scene.failures() == [("RetryAttemptsExhausted", 1, 1, "Unhandled")]


def test_another_error_of_a_unit_is_a_function_error(scene: Scene) -> None:
    function = scene.function(
        lambda event, count: Worked(ValidationFailed("too long")), retry_attempts_max=1
    )
    scene.put("a")
    scene.play(5)
    assert function.batches == [["a"]] * 2
    assert counted(scene) == 0
    assert scene.failures() == [("RetryAttemptsExhausted", 2, 1, "Unhandled")]


@pytest.mark.parametrize("place", [0, 1])
def test_a_unit_of_an_answer_that_reports_failures_commits_nothing(
    scene: Scene, place: int
) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        number = event["Records"][place]["dynamodb"]["SequenceNumber"]
        failed = {"batchItemFailures": [{"itemIdentifier": number}]}
        return Worked(value=failed if count == 1 else None)

    function = scene.function(script, report_item_failures=True)
    scene.put("a b")
    scene.play(5)
    assert function.batches == [["a", "b"]] * 2
    assert counted(scene) == 1


def test_the_last_invocation_of_a_window_may_bring_a_unit_too(scene: Scene) -> None:
    def script(event: dict[str, Any], count: int) -> Any:
        if not event["isFinalInvokeForWindow"]:
            return Worked(value={"state": {}})
        return Worked(UnitConflict("item a") if count == 2 else None)

    function = scene.function(script, tumbling_window_seconds=60, retry_attempts_max=0)
    scene.put("a")
    scene.play(30)
    assert function.batches == [["a"], [], []]
    assert counted(scene) == 2
    scene.play(60)
    assert len(function.batches) == 3
    assert scene.failures() == []
