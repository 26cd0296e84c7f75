"""What a function's answer means for its batch: success, a part of it, or failure (spec B.7, B.10).

Without ReportBatchItemFailures every answer is a success. With it, nothing, an empty answer and an
empty list mean success; names of failed records mean that all from the lowest one on is to be tried
again; a name that is none of the batch's means that all of it failed, and so does an answer that
can't hold names. In a tumbling window an answer must hold the window's next state.

Must not know: how often something was tried, or what happens next (retries says).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from ..targets.target import FunctionError, NotInvoked
from .events import EVENT_RECORDS_BYTES
from .retries import Failed, Outcome, Succeeded, Uncalled

_REPORTED: Final = Failed(0, None)
_UNHANDLED: Final = Failed()
_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})


class Read(NamedTuple):
    """An answer read. `state` is the window's next state as JSON, None where there is none.

    `reported` tells that records were named, rightly or not.
    """

    outcome: Outcome
    state: bytes | None = None
    reported: bool = False


def read(answer: Any, numbers: Sequence[str], *, reports: bool, window: bool = False) -> Read:
    """What `answer`, which a target gave, means for a batch with these sequence numbers.

    `reports`: the mapping has ReportBatchItemFailures. `window`: the answer must hold a state.
    """
    if isinstance(answer, NotInvoked):
        return Read(Uncalled())
    if isinstance(answer, FunctionError):
        return Read(Failed(0, answer.kind or "Unhandled", answer.status))
    value = answer.value
    state = None
    if window:
        if not isinstance(value, dict) or not isinstance(value.get("state"), dict):
            return Read(_UNHANDLED)
        state = _state(value["state"])
        if state is None:
            return Read(_UNHANDLED)
    outcome, reported = _reported(value, numbers) if reports else (Succeeded(), False)
    if not isinstance(outcome, Succeeded) and not outcome.done:
        state = None
    return Read(outcome, state, reported)


def _state(value: dict[str, Any]) -> bytes | None:
    """A window's state as JSON; None for one that no event could bring back: too large, too deep, a
    number beyond 64 bits, half a character.
    """
    try:
        orjson.dumps({"event": {"state": value}})  # an event nests it deeper than its row does
        state = orjson.dumps(value)
    except TypeError:
        return None
    return state if len(state) <= EVENT_RECORDS_BYTES else None


def _reported(value: Any, numbers: Sequence[str]) -> tuple[Succeeded | Failed, bool]:
    """The outcome of an answer of a mapping that takes reports, and whether it names records."""
    if value in _NOTHING:
        return Succeeded(), False
    if not isinstance(value, dict):
        return _REPORTED, False
    failures = value.get("batchItemFailures")
    if failures is None or failures == []:
        return Succeeded(), False
    if not isinstance(failures, list):
        return _REPORTED, False
    places = {number: place for place, number in enumerate(numbers)}
    lowest = len(numbers)
    for failure in failures:
        name = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        place = places.get(name) if isinstance(name, str) else None
        if place is None:
            return _REPORTED, True
        # A batch is in order of its numbers, so the lowest place is the lowest number.
        lowest = min(lowest, place)
    return Failed(lowest, None), True
