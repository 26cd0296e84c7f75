"""When a shard splits or rolls over: samples of the load, and a policy that is a function of facts.

`Samples` watches committed writes: for each partition the write units of the last five minutes, in
buckets of ten seconds, and a reservoir of 1,024 hashes, drawn in proportion to their units; those
drawn before the window began are left out when it is read, so that some 650 count under a steady
load. It lives in memory only; after a restart a shard has to be busy for a while again before it
splits.

`decide` takes everything it looks at as one value and answers with another; it reads no clock and
changes nothing. The rules are those of engine.md 5.3. Refusals carry a reason, which the caller
counts.

    policy `aws`      splits by load and size, rolls over with age
    policy `single`   one shard for ever: never anything
    policy `manual`   only what is asked for by hand
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Final, Literal

from ... import limits
from ...codec import hashing

BUCKET_MS: Final = 10_000
BUCKETS: Final = limits.SPLIT_WINDOW_SECONDS * 1000 // BUCKET_MS

Refusal = Literal["one-hash", "one-value", "young", "open-shards"]
Action = Literal["keep", "split", "roll"]

assert BUCKETS * BUCKET_MS == limits.SPLIT_WINDOW_SECONDS * 1000


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """What the policy looks at, about one partition and its open shard.

    `shard_name` is None where the table has no stream; `opened_ms` is then the partition's birth.
    `sample` holds hashes drawn in proportion to their write units over the window of
    `units_per_second`.
    """

    policy: str
    now_ms: int
    shard_name: str | None
    opened_ms: int
    range_start: bytes
    range_end: bytes
    units_per_second: float
    item_bytes: int
    sample: Sequence[bytes]
    open_shards: int
    open_shards_max: int
    rollover_seconds: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with the shard. `boundary` is the last hash of the lower half of a split.

    `refused` says why a split that load or size asked for is not made; the shard may still roll
    over.
    """

    action: Action
    boundary: bytes | None = None
    refused: Refusal | None = None


KEEP: Final = Decision("keep")


def decide(facts: SplitFacts) -> Decision:
    """Keep, split or roll over one shard."""
    if facts.policy != "aws":
        return KEEP
    hot = facts.units_per_second > limits.PARTITION_WRITE_UNITS_PER_SECOND_MAX
    refused: Refusal | None = None
    if hot or facts.item_bytes > limits.PARTITION_BYTES_MAX:
        refused = _refusal(facts, hot)
        if refused is None:
            return Decision("split", boundary(facts.sample, facts.range_start, facts.range_end))
    if facts.shard_name is not None:
        due_ms = rollover_due_ms(facts.shard_name, facts.opened_ms, facts.rollover_seconds)
        if facts.now_ms >= due_ms:
            return Decision("roll", refused=refused)
    return Decision("keep", refused=refused) if refused else KEEP


def rollover_due_ms(shard_name: str, opened_ms: int, rollover_seconds: int) -> int:
    """When a shard rolls over: `rollover_seconds` after it opened, ± 12 % by the hex digits of its
    id.

    The spread keeps shards that opened together from closing together, and is the same after a
    restart.
    """
    digits = int(shard_name[-8:], 16)
    share = 1 + limits.ROLLOVER_JITTER * (2 * digits / 0xFFFF_FFFF - 1)
    return opened_ms + round(rollover_seconds * 1000 * share)


def _refusal(facts: SplitFacts, hot: bool) -> Refusal | None:
    if facts.range_start == facts.range_end:
        return "one-value"
    if facts.now_ms - facts.opened_ms < limits.SPLIT_AGE_SECONDS_MIN * 1000:
        return "young"
    if facts.open_shards >= facts.open_shards_max:
        return "open-shards"
    # A shard that is merely large gains from a split even where one key has the load of the moment.
    if hot and _greatest_share(facts.sample) > limits.SPLIT_ONE_HASH_SHARE_MAX:
        return "one-hash"
    return None


def _greatest_share(sample: Sequence[bytes]) -> float:
    if not sample:
        return 0.0
    return Counter(sample).most_common(1)[0][1] / len(sample)


def boundary(sample: Sequence[bytes], range_start: bytes, range_end: bytes) -> bytes:
    """The last hash of the lower half of a range, so that both halves have as nearly the same load
    as hashes allow.

    Between two neighbouring hashes of the sample the middle is taken. Where the sample says
    nothing, or one hash has most of it, the range is halved. The range has two hashes or more.
    """
    ordered = sorted(h for h in sample if range_start <= h <= range_end)
    runs = [(h, sum(1 for _ in run)) for h, run in groupby(ordered)]
    if len(runs) < 2 or _greatest_share(ordered) > limits.SPLIT_ONE_HASH_SHARE_MAX:
        return hashing.midpoint(range_start, range_end)
    best, least = 0, math.inf
    left = 0
    for at, (_, count) in enumerate(runs[:-1]):
        left += count
        uneven = abs(len(ordered) - 2 * left)
        if uneven < least:
            best, least = at, uneven
    return hashing.midpoint(runs[best][0], runs[best + 1][0])


class _Window:
    """The load of one partition: buckets of write units round a clock face, and a reservoir of
    hashes, each with the bucket in which it was drawn.

    `until_next` counts write units down to the next one that enters the reservoir.
    """

    __slots__ = ("buckets", "drawn", "sample", "slot", "total", "until_next")

    def __init__(self, slot: int) -> None:
        self.buckets = [0] * BUCKETS
        self.slot = slot
        self.total = 0
        self.sample: list[bytes] = []
        self.drawn: list[int] = []
        self.until_next = 0.0

    def move_to(self, slot: int) -> None:
        """Let time pass. A clock that stepped back, or on by a window, begins an empty one."""
        passed = slot - self.slot
        if passed == 0:
            return
        if 0 < passed < BUCKETS:
            for gone in range(self.slot + 1, slot + 1):
                self.total -= self.buckets[gone % BUCKETS]
                self.buckets[gone % BUCKETS] = 0
        else:
            self.buckets = [0] * BUCKETS
            self.total = 0
            self.sample.clear()
            self.drawn.clear()
            self.until_next = 0.0
        self.slot = slot


class Samples:
    """The load of every partition, in memory. Used by whoever holds the writer's lock, and so by
    one thread at a time.

    `refused` counts splits that were not made, by reason.
    """

    def __init__(self, seed: int = 0) -> None:
        self.refused: Counter[Refusal] = Counter()
        self._windows: dict[int, _Window] = {}
        self._random = Random(seed)

    def observe(self, writes: Iterable[tuple[int, bytes, int]], now_ms: int) -> None:
        """Take in committed writes: (partition id, hash of the key, write units) each."""
        slot = now_ms // BUCKET_MS
        bucket = slot % BUCKETS
        windows = self._windows
        for partition_id, hash_value, units in writes:
            window = windows.get(partition_id)
            if window is None:
                window = windows[partition_id] = _Window(slot)
            elif window.slot != slot:
                window.move_to(slot)
            window.buckets[bucket] += units
            window.total += units
            window.until_next -= units
            if window.until_next < 0:
                self._draw(window, hash_value, units)

    def units_per_second(self, partition_id: int, now_ms: int) -> float:
        """Write units a second of a partition, averaged over the last five minutes.

        The window moves by whole buckets, so up to ten seconds of it are missing from the sum.
        """
        window = self._windows.get(partition_id)
        if window is None:
            return 0.0
        window.move_to(now_ms // BUCKET_MS)
        return window.total / limits.SPLIT_WINDOW_SECONDS

    def sample(self, partition_id: int) -> tuple[bytes, ...]:
        """Hashes of the window, at most 1,024, drawn in proportion to their write units."""
        window = self._windows.get(partition_id)
        if window is None:
            return ()
        oldest = window.slot - BUCKETS
        drawn = zip(window.sample, window.drawn, strict=True)
        return tuple(hash_value for hash_value, slot in drawn if slot > oldest)

    def forget(self, partition_id: int) -> None:
        """Drop a partition that is gone."""
        self._windows.pop(partition_id, None)

    def forget_idle(self, now_ms: int) -> None:
        """Drop partitions without a write for five minutes, those of dropped tables among them."""
        slot = now_ms // BUCKET_MS
        for partition_id, window in list(self._windows.items()):
            window.move_to(slot)
            if not window.total:
                del self._windows[partition_id]

    def _draw(self, window: _Window, hash_value: bytes, units: int) -> None:
        sample = window.sample
        room = limits.SPLIT_SAMPLE_HASHES - len(sample)
        if room > 0:
            taken = min(room, units)
            sample.extend([hash_value] * taken)
            window.drawn.extend([window.slot] * taken)
            window.until_next = 0.0
            return
        # Of the window's units 1,024 are to be in the sample: the gaps between those that enter are
        # exponential with the mean total/1024. Entering replaces any one, so recent load counts for
        # somewhat more, and what is older than the window is left out when the sample is read.
        mean = window.total / limits.SPLIT_SAMPLE_HASHES
        while window.until_next < 0:
            place = self._random.randrange(limits.SPLIT_SAMPLE_HASHES)
            sample[place] = hash_value
            window.drawn[place] = window.slot
            window.until_next += max(1.0, self._random.expovariate(1 / mean))
