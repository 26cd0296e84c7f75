"""The split policy as a function of facts, and the samples that feed it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore import limits
from streamstore.codec import hashing
from streamstore.engine.streams import splits
from streamstore.engine.streams.splits import KEEP, Decision, Samples, SplitFacts, decide

NOW = 1_700_000_000_000
HASHES = st.binary(min_size=16, max_size=16)
HOT = 1000.5
LARGE = limits.PARTITION_BYTES_MAX + 1


def spread(count: int, seed: int = 1) -> tuple[bytes, ...]:
    random = Random(seed)
    return tuple(random.randbytes(16) for _ in range(count))


QUIET = SplitFacts(
    policy="aws",
    now_ms=NOW,
    shard_name="shardId-00000000000000000000-80000000",
    opened_ms=NOW - 120_000,
    range_start=hashing.HASH_MIN,
    range_end=hashing.HASH_MAX,
    units_per_second=0.0,
    item_bytes=0,
    sample=spread(500),
    open_shards=1,
    open_shards_max=64,
    rollover_seconds=limits.ROLLOVER_SECONDS,
)
BUSY = replace(QUIET, units_per_second=HOT)


@pytest.mark.parametrize(
    ("facts", "action", "refused"),
    [
        (QUIET, "keep", None),
        (replace(QUIET, units_per_second=1000.0), "keep", None),
        (BUSY, "split", None),
        (replace(QUIET, item_bytes=limits.PARTITION_BYTES_MAX), "keep", None),
        (replace(QUIET, item_bytes=LARGE), "split", None),
        (replace(QUIET, item_bytes=LARGE, sample=()), "split", None),
        (replace(BUSY, shard_name=None), "split", None),
        (replace(BUSY, opened_ms=NOW - 59_999), "keep", "young"),
        (replace(BUSY, opened_ms=NOW - 60_000), "split", None),
        (replace(BUSY, open_shards=64), "keep", "open-shards"),
        (replace(BUSY, range_start=hashing.HASH_MAX), "keep", "one-value"),
        (replace(BUSY, sample=spread(19) + spread(1, 2) * 81), "keep", "one-hash"),
        (replace(BUSY, sample=spread(20) + spread(1, 2) * 80), "split", None),
        (replace(QUIET, item_bytes=LARGE, sample=spread(1)), "split", None),
        (replace(BUSY, policy="single"), "keep", None),
        (replace(BUSY, policy="manual"), "keep", None),
        (replace(QUIET, opened_ms=NOW - 5 * 3_600_000), "roll", None),
        (replace(QUIET, opened_ms=NOW - 5 * 3_600_000, shard_name=None), "keep", None),
        (replace(QUIET, opened_ms=NOW - 5 * 3_600_000, policy="manual"), "keep", None),
        (replace(BUSY, opened_ms=NOW - 5 * 3_600_000), "split", None),
        (replace(BUSY, opened_ms=NOW - 5 * 3_600_000, open_shards=64), "roll", "open-shards"),
    ],
)
def test_what_the_policy_decides(facts: SplitFacts, action: str, refused: str | None) -> None:
    decision = decide(facts)
    assert (decision.action, decision.refused) == (action, refused)
    assert (decision.boundary is not None) == (action == "split")
    if decision.boundary is not None:
        assert facts.range_start <= decision.boundary < facts.range_end


def test_nothing_to_do_is_one_value() -> None:
    assert decide(QUIET) is KEEP
    assert Decision("keep") == KEEP


@given(st.lists(HASHES, min_size=2, max_size=60).filter(lambda h: len(set(h)) > 1))
def test_no_other_boundary_halves_the_sample_better(sample: list[bytes]) -> None:
    boundary = splits.boundary(sample, hashing.HASH_MIN, hashing.HASH_MAX)
    lower = sum(h <= boundary for h in sample)
    uneven = abs(len(sample) - 2 * lower)
    shares = [sample.count(h) / len(sample) for h in sample]
    if max(shares) > limits.SPLIT_ONE_HASH_SHARE_MAX:
        assert boundary == hashing.midpoint(hashing.HASH_MIN, hashing.HASH_MAX)
        return
    for other in sorted(set(sample))[:-1]:
        left = sum(h <= other for h in sample)
        assert uneven <= abs(len(sample) - 2 * left)


@given(st.integers(0, 2**32 - 1), st.integers(1, 10**6))
def test_a_shard_rolls_over_within_12_percent_of_its_time_by_its_id(
    digits: int, seconds: int
) -> None:
    name = f"shardId-{NOW:020d}-{digits:08x}"
    due_ms = splits.rollover_due_ms(name, NOW, seconds)
    assert 0.88 * seconds * 1000 - 1 <= due_ms - NOW <= 1.12 * seconds * 1000 + 1
    facts = replace(QUIET, shard_name=name, opened_ms=NOW, rollover_seconds=seconds)
    assert decide(replace(facts, now_ms=due_ms)).action == "roll"
    assert decide(replace(facts, now_ms=due_ms - 1)).action == "keep"


def test_rollovers_are_spread_over_the_whole_width() -> None:
    due = [
        splits.rollover_due_ms(f"shardId-{NOW:020d}-{digits:08x}", 0, 1000)
        for digits in (0, 2**31, 2**32 - 1)
    ]
    assert due == [880_000, 1_000_000, 1_120_000]


# Samples.


@pytest.mark.parametrize(
    ("after_seconds", "rate"), [(0, 2.0), (280, 2.0), (300, 0.0), (10_000, 0.0), (-60, 0.0)]
)
def test_the_rate_is_an_average_over_five_minutes(after_seconds: int, rate: float) -> None:
    samples = Samples()
    samples.observe([(1, bytes(16), 600)], NOW)
    assert samples.units_per_second(1, NOW + after_seconds * 1000) == rate
    assert samples.units_per_second(2, NOW) == 0.0


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 400)), max_size=80))
def test_the_rate_counts_every_unit_of_the_window_and_nothing_older(
    steps: list[tuple[int, int]],
) -> None:
    samples, now, seen = Samples(), NOW, []
    for pause_ms, units in steps:
        now += pause_ms
        samples.observe([(1, bytes(16), units)], now)
        seen.append((now // splits.BUCKET_MS, units))
    oldest = now // splits.BUCKET_MS - splits.BUCKETS
    expected = sum(units for slot, units in seen if slot > oldest)
    assert samples.units_per_second(1, now) == expected / 300


def test_a_sample_holds_hashes_in_proportion_to_their_units() -> None:
    samples = Samples()
    heavy, light = b"\x01" * 16, b"\x02" * 16
    for second in range(300):
        writes = [(1, heavy, 30)] + [(1, light, 1)] * 10
        samples.observe(writes, NOW + second * 1000)
    sample = samples.sample(1)
    assert len(sample) == limits.SPLIT_SAMPLE_HASHES
    assert 0.70 < sample.count(heavy) / len(sample) < 0.80


def test_a_sample_forgets_the_load_of_an_earlier_window() -> None:
    samples = Samples()
    for second in range(1500):
        value = b"\x01" * 16 if second < 900 else b"\x02" * 16
        samples.observe([(1, value, 1)] * 20, NOW + second * 1000)
        samples.units_per_second(1, NOW + second * 1000)
        if second == 1050:
            assert set(samples.sample(1)) == {b"\x01" * 16, b"\x02" * 16}
    sample = samples.sample(1)
    assert set(sample) == {b"\x02" * 16}
    assert len(sample) > 0.5 * limits.SPLIT_SAMPLE_HASHES


def test_the_same_writes_give_the_same_sample() -> None:
    def fill() -> tuple[bytes, ...]:
        samples = Samples(seed=3)
        for second in range(200):
            samples.observe([(1, h, 1) for h in spread(20, second)], NOW + second * 1000)
        return samples.sample(1)

    assert fill() == fill()


def test_partitions_that_are_idle_or_gone_are_forgotten() -> None:
    samples = Samples()
    samples.observe([(1, bytes(16), 1), (2, bytes(16), 1)], NOW)
    samples.forget(1)
    assert (samples.sample(1), samples.sample(2)) == ((), (bytes(16),))
    samples.forget_idle(NOW + 299_000)
    assert samples.sample(2)
    samples.forget_idle(NOW + 310_000)
    assert not samples.sample(2)


def test_a_single_hot_key_never_splits_and_an_even_load_does_halve() -> None:
    samples = Samples()
    hot = hashing.partition_hash(b"hot")
    for second in range(300):
        even = [(2, h, 10) for h in spread(110, second)]
        samples.observe([(1, hot, 1100), *even], NOW + second * 1000)
    now = NOW + 300_000 - 1
    for partition, action in ((1, "keep"), (2, "split")):
        decision = decide(
            replace(
                BUSY,
                now_ms=now,
                units_per_second=samples.units_per_second(partition, now),
                sample=samples.sample(partition),
            )
        )
        assert decision.action == action
        assert decision.refused == ("one-hash" if action == "keep" else None)
        if decision.boundary is not None:
            assert 0.45 < int.from_bytes(decision.boundary) / 2**128 < 0.55
