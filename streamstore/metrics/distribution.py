"""Sums of observations: how many, how much, least, most, and a histogram of narrow bins.

It doesn't know what was observed, and keeps no observation by itself.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

# Bins, in any unit: each bound is a factor of the root of 2 above the one before.
BOUNDS: Final = tuple(1e-6 * 2 ** (step / 2) for step in range(110))


class Distribution:
    """How often, how much in all, the least, the most, and how many in each of BOUNDS."""

    __slots__ = ("bins", "count", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.least = float("inf")
        self.most = float("-inf")
        self.bins: dict[int, int] = {}

    def take(self, values: list[float]) -> None:
        """Add observations; the list is sorted by it."""
        values.sort()
        size = len(values)
        self.count += size
        self.total += sum(values)
        self.least = min(self.least, values[0])
        self.most = max(self.most, values[-1])
        at = 0
        bins = self.bins
        while at < size:
            place = bisect_left(BOUNDS, values[at])
            beyond = bisect_right(values, BOUNDS[place], at) if place < len(BOUNDS) else size
            bins[place] = bins.get(place, 0) + beyond - at
            at = beyond

    def merge(self, other: Distribution) -> None:
        """Add another's observations."""
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)
        for place, count in other.bins.items():
            self.bins[place] = self.bins.get(place, 0) + count

    def below(self, place: int) -> int:
        """How many observations are at most BOUNDS[place]."""
        return sum(count for at, count in self.bins.items() if at <= place)

    def percentile(self, percent: float) -> float:
        """The value that so many of a hundred observations don't exceed, to its bin's width."""
        rank = self.count * percent / 100
        seen = 0
        for place in sorted(self.bins):
            inside = self.bins[place]
            if seen + inside >= rank:
                low = 0.0 if place == 0 else BOUNDS[place - 1]
                high = self.most if place >= len(BOUNDS) else BOUNDS[place]
                value = low + (high - low) * max(rank - seen, 0.0) / inside
                return min(max(value, self.least), self.most)
            seen += inside
        return self.most
