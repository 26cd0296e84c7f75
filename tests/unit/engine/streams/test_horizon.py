"""The time that retention believes: steps of the clock, holding, confirming."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.clock import ManualClock
from streamstore.config import Settings, TableSettings
from streamstore.engine.streams.horizon import Horizon

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000


class SteppingClock:
    """A machine's clock: real time passes with `run`, somebody sets the wall clock with `step`."""

    def __init__(self) -> None:
        self.elapsed_ms = 0
        self.step_ms = 0

    def now_ms(self) -> int:
        return START_MS + self.elapsed_ms + self.step_ms

    def monotonic(self) -> float:
        return self.elapsed_ms / 1000

    def stepped_ms(self) -> int:
        return self.step_ms

    def run(self, milliseconds: int) -> None:
        self.elapsed_ms += milliseconds

    def step(self, milliseconds: int) -> None:
        self.step_ms += milliseconds


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def horizon(clock: SteppingClock) -> Horizon:
    return Horizon(clock, Settings())


@pytest.mark.parametrize("step_ms", [HOUR_MS, 1, -1, -30 * 24 * HOUR_MS])
def test_steps_up_to_an_hour_and_steps_back_are_believed_at_once(
    clock: SteppingClock, horizon: Horizon, step_ms: int
) -> None:
    clock.step(step_ms)
    assert horizon.now_ms() == clock.now_ms()
    assert horizon.held_ms == 0


def test_after_a_greater_step_retention_goes_on_at_the_old_pace(
    clock: SteppingClock, horizon: Horizon
) -> None:
    clock.step(HOUR_MS + 1)
    assert horizon.now_ms() == START_MS
    clock.run(599_999)
    assert horizon.now_ms() == START_MS + 599_999
    assert horizon.held_ms == HOUR_MS + 1


def test_a_time_that_has_stood_ten_minutes_is_believed(
    clock: SteppingClock, horizon: Horizon
) -> None:
    clock.step(48 * HOUR_MS)
    assert horizon.now_ms() == START_MS
    clock.run(limits.CLOCK_SETTLE_SECONDS * 1000)
    assert horizon.now_ms() == clock.now_ms()
    assert horizon.held_ms == 0


def test_a_time_that_moves_again_has_not_stood(clock: SteppingClock, horizon: Horizon) -> None:
    clock.step(48 * HOUR_MS)
    horizon.now_ms()
    clock.run(500_000)
    clock.step(24 * HOUR_MS)
    assert horizon.now_ms() == START_MS + 500_000
    clock.run(500_000)
    assert horizon.now_ms() == START_MS + 1_000_000
    clock.run(100_000)
    assert horizon.now_ms() == clock.now_ms()


def test_a_step_that_is_taken_back_leaves_nothing_held(
    clock: SteppingClock, horizon: Horizon
) -> None:
    clock.step(48 * HOUR_MS)
    horizon.now_ms()
    clock.step(-48 * HOUR_MS)
    assert horizon.now_ms() == clock.now_ms()
    clock.step(48 * HOUR_MS)
    assert horizon.held_ms == 48 * HOUR_MS


def test_small_steps_and_slow_drift_are_believed_however_far_they_add_up(
    clock: SteppingClock, horizon: Horizon
) -> None:
    for _ in range(48):
        clock.run(1000)
        clock.step(HOUR_MS // 2)
        assert horizon.now_ms() == clock.now_ms()


def test_confirming_believes_the_clock_at_once(clock: SteppingClock, horizon: Horizon) -> None:
    clock.step(48 * HOUR_MS)
    assert horizon.confirm() == 48 * HOUR_MS
    assert horizon.now_ms() == clock.now_ms()
    assert horizon.confirm() == 0


def test_a_manual_clock_is_trusted_however_far_it_moves() -> None:
    clock = ManualClock()
    horizon = Horizon(clock, Settings())
    clock.advance(365 * 24 * 3600)
    assert horizon.now_ms() == clock.now_ms()
    assert horizon.held_ms == 0


def test_each_table_has_its_own_retention() -> None:
    clock = ManualClock(START_MS)
    settings = Settings(retention_seconds=60, tables={"long": TableSettings(retention_seconds=90)})
    horizon = Horizon(clock, settings)
    assert horizon.cut_ms("short") == START_MS - 60_000
    assert horizon.cut_ms("long") == START_MS - 90_000


def test_a_retention_of_nothing_keeps_records_for_ever_and_is_no_wish_for_the_stores_own() -> None:
    clock = ManualClock(START_MS)
    settings = Settings(retention_seconds=60, tables={"kept": TableSettings(retention_seconds=0)})
    horizon = Horizon(clock, settings)
    clock.advance(1000 * 365 * 24 * 3600)
    assert horizon.cut_ms("kept") < 0
    assert horizon.cut_ms("short") == clock.now_ms() - 60_000
    assert Horizon(clock, Settings(retention_seconds=0)).cut_ms("any") < 0


@pytest.mark.parametrize(
    "wrong",
    [{"retention_seconds": -1}, {"tables": {"orders": TableSettings(retention_seconds=-1)}}],
)
def test_a_negative_retention_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="0 keeps records for ever"):
        Settings(**wrong)
