"""What is to be done with a batch after an invocation: a pure function, and its values.

    complete success                   Done
    a part of it succeeded             Progress: what came before is done, the rest is tried again
                                       with its counts at nothing
    could not be invoked               Retry, which consumes no attempt
    failed, may be cut                 Split in two at once, which consumes no attempt
    failed, attempts left              Retry
    failed, no attempts left           GiveUp

Where the service says nothing (spec B.6), this is what is done here: the halves of a batch inherit
the attempts that are left, and count their invocations anew, so that approximateInvokeCount is
always retries + 1; a batch that is cut is tried again at once. Waiting times are 0.5 s, doubled
each time, at most 60 s, less a sixteenth to three sixteenths of them, by a number that is the same
for the same batch; then a record of 60 s is tried 8 times, as was recorded on AWS. A wait ends
early where the oldest record becomes too old.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ... import limits

RETRY_ATTEMPTS_EXHAUSTED: Final = "RetryAttemptsExhausted"
RECORD_AGE_EXCEEDED: Final = "RecordAgeExceeded"
UNBOUNDED: Final = -1


# What came of an invocation.


class Succeeded(NamedTuple):
    """All of the batch is done."""


class Failed(NamedTuple):
    """The function ran. The first `done` records succeeded, 0 where all are to be tried again.

    `function_error` is Lambda's word for a thrown failure, None for one that was reported.
    """

    done: int = 0
    function_error: str | None = "Unhandled"
    status: int = 200


class Uncalled(NamedTuple):
    """The function was not run."""


Outcome = Succeeded | Failed | Uncalled


# What is to be done.


class Done(NamedTuple):
    """Go on behind the batch."""


class Retry(NamedTuple):
    """Try the batch again at that time, with these counts."""

    at_ms: int
    attempts: int
    calls: int
    waits: int


class Progress(NamedTuple):
    """The first `done` records are done; try the others at that time, with counts at nothing."""

    done: int
    at_ms: int


class Split(NamedTuple):
    """Cut behind the first `first` records; try both parts now, with `attempts` consumed."""

    first: int
    attempts: int


class GiveUp(NamedTuple):
    """Report the batch and go on behind it."""

    condition: str


Decision = Done | Retry | Progress | Split | GiveUp


@dataclass(frozen=True, slots=True)
class Policy:
    """The parameters of a mapping that decide. `seed` makes the waiting times its own."""

    attempts_max: int = UNBOUNDED
    age_seconds_max: int = UNBOUNDED
    bisect: bool = False
    seed: bytes = b""

    def dies_ms(self, created_ms: int) -> int | None:
        """When a record of that time is too old, None for never."""
        if self.age_seconds_max < 0:
            return None
        return created_ms + self.age_seconds_max * 1000 + 1


class Batch(NamedTuple):
    """A batch's state before an invocation. `oldest_ms` is its first record's time.

    `attempts` failed, `calls` were made or tried, `waits` is how often it has waited in a row.
    """

    size: int
    oldest_ms: int
    attempts: int = 0
    calls: int = 0
    waits: int = 0


def decide(policy: Policy, batch: Batch, outcome: Outcome, now_ms: int) -> Decision:
    """What is to be done with `batch` after `outcome`."""
    if isinstance(outcome, Succeeded):
        return Done()
    if isinstance(outcome, Uncalled):
        at_ms = _next_try(policy, batch.oldest_ms, batch.waits, now_ms)
        return Retry(at_ms, batch.attempts, batch.calls + 1, batch.waits + 1)
    if outcome.done:
        # How old what is left may become is looked at before it is tried.
        return Progress(outcome.done, now_ms + delay_ms(policy.seed, 0))
    if policy.bisect and batch.size > 1:
        return Split(batch.size // 2, batch.attempts)
    attempts = batch.attempts + 1
    if UNBOUNDED < policy.attempts_max < attempts:
        return GiveUp(RETRY_ATTEMPTS_EXHAUSTED)
    at_ms = _next_try(policy, batch.oldest_ms, batch.waits, now_ms)
    return Retry(at_ms, attempts, batch.calls + 1, batch.waits + 1)


def _next_try(policy: Policy, oldest_ms: int, waits: int, now_ms: int) -> int:
    at_ms = now_ms + delay_ms(policy.seed, waits)
    dies_ms = policy.dies_ms(oldest_ms)
    return at_ms if dies_ms is None else min(at_ms, max(dies_ms, now_ms))


def delay_ms(seed: bytes, waits: int) -> int:
    """How long to wait for the time after `waits` waits."""
    whole = min(limits.RETRY_FIRST_MS << min(waits, 16), limits.RETRY_LONGEST_MS)
    sixteenths = 1 + 2 * (zlib.crc32(b"%d:%b" % (waits, seed)) / 0xFFFFFFFF)
    return round(whole * (1 - sixteenths / 16))


class Peeled(NamedTuple):
    """How many records at the front of a batch are gone (the stream's own retention), and how
    many behind them are older than the mapping takes.
    """

    gone: int
    aged: int


def peel(
    policy: Policy,
    created: Sequence[int],
    sequences: Sequence[int],
    *,
    now_ms: int,
    cut_ms: int,
    horizon: int,
) -> Peeled:
    """What of a batch is too old to be tried. Times and numbers rise along a batch.

    `cut_ms`: records created before it are past the retention; `horizon`: so are those with a
    number up to it.
    """
    size = len(created)
    gone = 0
    while gone < size and (created[gone] < cut_ms or sequences[gone] <= horizon):
        gone += 1
    aged = gone
    if policy.age_seconds_max >= 0:
        limit_ms = now_ms - policy.age_seconds_max * 1000
        while aged < size and created[aged] < limit_ms:
            aged += 1
    return Peeled(gone, aged - gone)
