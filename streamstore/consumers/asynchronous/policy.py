"""What is to be done with an event after an invocation: a pure function, and its values.

    answered                     Finish: SUCCESS
    failed, tries left           Again, after one minute, then after two
    failed, no tries left        Finish: RETRIES_EXHAUSTED
    could not be run             Again, which spends no try: after 1 s, doubled, at most 5 minutes
    too old                      Finish: EVENT_AGE_EXCEEDED

How old an event is, is looked at before each try; a wait ends early where the event becomes too old
during it. These times are the service's.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ... import limits
from ..targets.target import Answered, FunctionError, Outcome
from .configs import EventConfig

SUCCESS: Final = "Success"
RETRIES_EXHAUSTED: Final = "RetriesExhausted"
EVENT_AGE_EXCEEDED: Final = "EventAgeExceeded"


class Tried(NamedTuple):
    """An event's state. `failures` came of runs; `waits` is how often in a row it could not run."""

    queued_ms: int
    failures: int = 0
    waits: int = 0


class Again(NamedTuple):
    """Try at that time, with this state."""

    at_ms: int
    tried: Tried


class Finish(NamedTuple):
    """It is over, for that reason."""

    condition: str


Decision = Again | Finish


def dies_ms(config: EventConfig, tried: Tried) -> int:
    """When an event is too old to be tried."""
    return tried.queued_ms + config.age_ms_max + 1


def decide(config: EventConfig, tried: Tried, outcome: Outcome, now_ms: int) -> Decision:
    """What is to be done with an event after `outcome`."""
    if isinstance(outcome, Answered):
        return Finish(SUCCESS)
    if isinstance(outcome, FunctionError):
        if tried.failures >= config.retries_max:
            return Finish(RETRIES_EXHAUSTED)
        wait_ms = limits.EVENT_RETRY_FIRST_MS << tried.failures
        after = Tried(tried.queued_ms, tried.failures + 1)
    else:
        whole = limits.EVENT_WAIT_FIRST_MS << min(tried.waits, 16)
        wait_ms = min(whole, limits.EVENT_WAIT_LONGEST_MS)
        after = tried._replace(waits=tried.waits + 1)
    ends_ms = max(dies_ms(config, tried), now_ms)
    return Again(min(now_ms + wait_ms, ends_ms), after)
