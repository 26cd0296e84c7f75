"""What follows from each outcome of an event, and when."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from streamstore import limits
from streamstore.consumers.asynchronous.configs import EventConfig
from streamstore.consumers.asynchronous.policy import (
    EVENT_AGE_EXCEEDED,
    RETRIES_EXHAUSTED,
    SUCCESS,
    Again,
    Finish,
    Tried,
    decide,
    dies_ms,
)
from streamstore.consumers.targets.target import Answered, FunctionError, NotInvoked, Outcome

OK, FAILED, BUSY = Answered(1), FunctionError("Unhandled", "E", "m"), NotInvoked("busy")


def course(config: EventConfig, outcome_of: Callable[[int], Outcome]) -> tuple[list[int], str]:
    """The seconds at which an event is tried, and how it ends."""
    now_ms, tried, seconds = 1_000_000, Tried(1_000_000), list[int]()
    while now_ms < dies_ms(config, tried):
        seconds.append((now_ms - 1_000_000) // 1000)
        decision = decide(config, tried, outcome_of(len(seconds)), now_ms)
        if isinstance(decision, Finish):
            return seconds, decision.condition
        assert isinstance(decision, Again)
        assert decision.at_ms > now_ms
        now_ms, tried = decision.at_ms, decision.tried
    return seconds, EVENT_AGE_EXCEEDED


@pytest.mark.parametrize(
    ("config", "outcomes", "seconds", "condition"),
    [
        (EventConfig(), [OK], [0], SUCCESS),
        (EventConfig(), [FAILED] * 3, [0, 60, 180], RETRIES_EXHAUSTED),
        (EventConfig(), [FAILED, FAILED, OK], [0, 60, 180], SUCCESS),
        (EventConfig(retries=1), [FAILED] * 2, [0, 60], RETRIES_EXHAUSTED),
        (EventConfig(retries=0), [FAILED], [0], RETRIES_EXHAUSTED),
        # What could not be run spends no try, and its waits begin anew after a run.
        (EventConfig(), [BUSY, BUSY, FAILED, BUSY, FAILED, FAILED], [0, 1, 3, 63, 64, 184],
         RETRIES_EXHAUSTED),
        # An event that is 60 seconds old may still be tried, an older one not.
        (EventConfig(age_seconds_max=60), [FAILED] * 2, [0, 60], EVENT_AGE_EXCEEDED),
        (EventConfig(age_seconds_max=61), [FAILED, FAILED], [0, 60], EVENT_AGE_EXCEEDED),
    ],
)  # fmt: skip
def test_an_event_is_tried_at_the_services_times(
    config: EventConfig, outcomes: list[Outcome], seconds: list[int], condition: str
) -> None:
    found = course(config, lambda number: outcomes[number - 1])
    assert found == (seconds, condition)


def test_what_can_never_run_is_tried_ever_more_rarely_for_six_hours() -> None:
    seconds, condition = course(EventConfig(), lambda _: BUSY)
    assert condition == EVENT_AGE_EXCEEDED
    waits = [later - earlier for earlier, later in itertools.pairwise(seconds)]
    assert waits[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert set(waits[10:]) == {300}
    assert seconds[-1] <= limits.EVENT_AGE_SECONDS_MAX < seconds[-1] + 300
