"""Decisions as a pure function: simulated to their ends, whatever the parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.consumers.delivery.retries import (
    RECORD_AGE_EXCEEDED,
    RETRY_ATTEMPTS_EXHAUSTED,
    Batch,
    Done,
    Failed,
    GiveUp,
    Peeled,
    Policy,
    Progress,
    Retry,
    Split,
    Succeeded,
    Uncalled,
    decide,
    delay_ms,
    peel,
)

NOW = 1_700_000_000_000
CRASHED, REPORTED = Failed(), Failed(0, None)


@pytest.mark.parametrize(
    ("policy", "batch", "outcome", "kind"),
    [
        (Policy(), Batch(3, NOW), Succeeded(), Done),
        (Policy(0), Batch(3, NOW), Uncalled(), Retry),
        (Policy(0), Batch(3, NOW), CRASHED, GiveUp),
        (Policy(0), Batch(3, NOW), REPORTED, GiveUp),
        (Policy(), Batch(3, NOW, attempts=10**6), CRASHED, Retry),
        (Policy(2), Batch(3, NOW, attempts=1), CRASHED, Retry),
        (Policy(2), Batch(3, NOW, attempts=2), CRASHED, GiveUp),
        (Policy(2), Batch(3, NOW, attempts=2), Failed(1, None), Progress),
        (Policy(2, bisect=True), Batch(3, NOW, attempts=2), CRASHED, Split),
        (Policy(2, bisect=True), Batch(1, NOW, attempts=2), CRASHED, GiveUp),
        (Policy(2, bisect=True), Batch(3, NOW, attempts=2), Failed(1, None), Progress),
        (Policy(2, bisect=True), Batch(3, NOW), Uncalled(), Retry),
    ],
)
def test_each_outcome_has_its_decision(
    policy: Policy, batch: Batch, outcome: Succeeded | Failed | Uncalled, kind: type
) -> None:
    decision = decide(policy, batch, outcome, NOW)
    assert type(decision) is kind
    if isinstance(decision, GiveUp):
        assert decision.condition == RETRY_ATTEMPTS_EXHAUSTED
    if isinstance(decision, Split):
        assert decision == Split(1, batch.attempts)
    if isinstance(decision, Retry):
        assert decision.calls == batch.calls + 1
        assert decision.attempts - batch.attempts == (not isinstance(outcome, Uncalled))


@given(st.integers(0, 20), st.lists(st.booleans(), max_size=60), st.binary(max_size=8))
def test_a_batch_is_tried_once_more_than_its_attempts(
    attempts: int, throttles: list[bool], seed: bytes
) -> None:
    """However often it was throttled in between; calls count both."""
    policy = Policy(attempts, seed=seed)
    batch = Batch(5, NOW)
    now = NOW
    runs = tries = 0
    pending = list(throttles)
    while True:
        tries += 1
        outcome: Failed | Uncalled = CRASHED
        if pending and pending.pop():
            outcome = Uncalled()
        runs += isinstance(outcome, Failed)
        decision = decide(policy, batch, outcome, now)
        if isinstance(decision, GiveUp):
            break
        assert isinstance(decision, Retry)
        assert 0 < decision.at_ms - now <= 60_000
        now = decision.at_ms
        batch = batch._replace(
            attempts=decision.attempts, calls=decision.calls, waits=decision.waits
        )
    assert runs == attempts + 1
    assert batch.calls + 1 == tries


@given(st.integers(0, 40), st.binary(max_size=40))
def test_a_wait_is_doubled_bounded_and_the_same_for_the_same_batch(waits: int, seed: bytes) -> None:
    whole = min(500 * 2**waits, 60_000)
    wait = delay_ms(seed, waits)
    assert whole * 13 / 16 - 1 <= wait <= whole * 15 / 16 + 1
    assert wait == delay_ms(seed, waits)


@given(st.binary(max_size=40))
def test_a_record_of_60_s_is_tried_8_times_whatever_its_mapping(seed: bytes) -> None:
    policy = Policy(age_seconds_max=60, seed=seed)
    batch, now, calls = Batch(1, NOW), NOW, 0
    while not peel(policy, [NOW], [1], now_ms=now, cut_ms=0, horizon=0).aged:
        calls += 1
        decision = decide(policy, batch, CRASHED, now)
        assert isinstance(decision, Retry)
        now = decision.at_ms
        batch = batch._replace(attempts=decision.attempts, waits=decision.waits)
    assert calls == 8
    assert now == NOW + 60_001, "it is given up when it is too old, not at the next try"
    assert RECORD_AGE_EXCEEDED


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=30).map(sorted),
    st.integers(0, 1000),
    st.integers(0, 40),
    st.integers(-1, 2),
)
def test_what_is_peeled_is_a_front_and_all_of_it_is_too_old(
    created: list[int], cut_ms: int, horizon: int, age_seconds: int
) -> None:
    now = 2000
    sequences = list(range(1, len(created) + 1))
    policy = Policy(age_seconds_max=age_seconds)
    found = peel(policy, created, sequences, now_ms=now, cut_ms=cut_ms, horizon=horizon)
    gone = [s for s, at in zip(sequences, created, strict=True) if at < cut_ms or s <= horizon]
    aged = [
        s
        for s, at in zip(sequences, created, strict=True)
        if s not in gone and 0 <= age_seconds * 1000 < now - at
    ]
    assert found == Peeled(len(gone), len(aged))
