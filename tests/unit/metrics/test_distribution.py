"""Distributions: what is summed up says the same as the observations themselves."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from streamstore.metrics.distribution import BOUNDS, Distribution

values = st.lists(st.floats(0, 1e8), min_size=1, max_size=60)


def summed(observed: list[float]) -> Distribution:
    made = Distribution()
    made.take(list(observed))
    return made


@given(values)
def test_sums_are_those_of_the_observations(observed: list[float]) -> None:
    made = summed(observed)
    assert made.count == len(observed) == sum(made.bins.values())
    assert math.isclose(made.total, math.fsum(observed), rel_tol=1e-9, abs_tol=1e-12)
    assert (made.least, made.most) == (min(observed), max(observed))
    for place in range(0, len(BOUNDS), 7):
        assert made.below(place) == sum(value <= BOUNDS[place] for value in observed)


@given(values, values)
def test_parts_merge_into_the_whole(first: list[float], second: list[float]) -> None:
    merged, whole = summed(first), summed(first + second)
    merged.merge(summed(second))
    assert merged.bins == whole.bins
    assert (merged.count, merged.least, merged.most) == (whole.count, whole.least, whole.most)


@given(values, st.floats(0, 100))
def test_a_percentile_is_in_the_bin_of_the_exact_one(observed: list[float], percent: float) -> None:
    rank = min(max(math.ceil(len(observed) * percent / 100), 1), len(observed))
    exact = sorted(observed)[rank - 1]
    found = summed(observed).percentile(percent)
    assert min(observed) <= found <= max(observed)
    assert abs(found - exact) <= max(exact, found) * (1 - 2**-0.5) * 1.0001 + BOUNDS[0]
