"""Rules: which requests are hit, how often, and with what. Pure: no store, no clock, no request.

    operation, table, key    patterns with * ? [..]; all of them must match. Most operations name no
                             key, and only the pattern * matches those
    probability or count     how often; a rule that has hit `count` times is spent
    delay_seconds            wait before anything else
    error | effect           and then? Without either the request goes on as it would

A rule with an effect is GetRecords' alone: "empty" answers with no records and an iterator for the
same place, "repeat" gives the records, and an iterator for the same place.

Rules are tried in the order in which they were added. Delays of all that hit add up; the first one
with an error or an effect ends the search. Chance comes from a generator of the rule's own with a
seed that is shown, so that a run can be repeated.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Final, Literal, NamedTuple

from .. import errors, limits
from ..operations.faults import INJECTED
from ..operations.registry import OPERATIONS
from .targets import Target

Effect = Literal["empty", "repeat"]
_EFFECTS: Final = ("empty", "repeat")
_SEED_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do to which requests. Raises ControlRefused for what makes no sense.

    `error` is the service's name of it (ERROR_CODES), `message` its text instead of the usual one.
    `seed` None: a new one is drawn when the rule is added.
    """

    operation: str = "*"
    table: str = "*"
    key: str = "*"
    probability: float = 1.0
    count: int | None = None
    error: str | None = None
    message: str | None = None
    delay_seconds: float = 0.0
    effect: Effect | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        _check_types(self)
        why = self._nonsense()
        if why is not None:
            raise errors.ControlRefused(why)

    def _nonsense(self) -> str | None:
        if not any(fnmatchcase(name, self.operation) for name in OPERATIONS):
            return f"no operation is called {self.operation!r}"
        if not 0 < self.probability <= 1:
            return "'probability' must be above 0 and at most 1"
        if self.count is not None and self.count < 1:
            return "'count' must be at least 1"
        if not 0 <= self.delay_seconds <= limits.RULE_DELAY_SECONDS_MAX:
            return f"'delay_seconds' must lie in 0..{limits.RULE_DELAY_SECONDS_MAX}"
        if self.error is not None and self.error not in ERROR_CODES:
            return f"no error is called {self.error!r}; there are {', '.join(ERROR_CODES)}"
        if self.message is not None and self.error not in _WITH_TEXT:
            return "'message' goes with an error whose text is free"
        if self.effect is not None and self.effect not in _EFFECTS:
            return "'effect' must be 'empty' or 'repeat'"
        if self.effect is not None and self.operation != "GetRecords":
            return "an effect is GetRecords' alone"
        if self.effect is not None and self.error is not None:
            return "a rule has an error or an effect, not both"
        if self.error is None and self.effect is None and not self.delay_seconds:
            return "a rule needs an error, an effect or a delay"
        return None

    def matches(self, operation: str, targets: list[Target]) -> bool:
        """Whether a request is meant; for one of several tables or keys all of it is hit."""
        if not fnmatchcase(operation, self.operation):
            return False
        return any(
            _fits(target.table, self.table) and _fits(target.key, self.key) for target in targets
        )


class Verdict(NamedTuple):
    """What becomes of a request: a wait, then an error, an effect, or what it asked for."""

    delay_seconds: float
    error: errors.RequestError | None
    effect: Effect | None
    number: int | None


class _Armed:
    """A rule with its luck and its history."""

    __slots__ = ("hits", "number", "random", "rule", "seed")

    def __init__(self, number: int, rule: Rule) -> None:
        self.number = number
        self.rule = rule
        self.seed = secrets.randbits(_SEED_BITS) if rule.seed is None else rule.seed
        self.random = Random(self.seed)
        self.hits = 0

    @property
    def spent(self) -> bool:
        return self.rule.count is not None and self.hits >= self.rule.count

    def hit(self) -> bool:
        """Take the rule's chance; False where it is spent or luck says no."""
        if self.spent:
            return False
        if self.rule.probability < 1 and self.random.random() >= self.rule.probability:
            return False
        self.hits += 1
        return True

    def facts(self) -> dict[str, Any]:
        return {"id": self.number, **asdict(self.rule), "seed": self.seed, "hits": self.hits}


class Rules:
    """The rules of one store. Thread-safe."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._next = 1
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._armed)

    def add(self, rule: Rule) -> int:
        """Arm a rule; returns its number. Raises ControlRefused when there are too many."""
        with self._lock:
            if len(self._armed) >= limits.RULES_MAX:
                raise errors.ControlRefused(f"there are {limits.RULES_MAX} rules already")
            number, self._next = self._next, self._next + 1
            self._armed.append(_Armed(number, rule))
            return number

    def clear(self, number: int | None = None) -> int:
        """Drop the rule of that number, or all; returns how many went."""
        with self._lock:
            kept = [a for a in self._armed if number is not None and a.number != number]
            cleared = len(self._armed) - len(kept)
            self._armed = kept
            return cleared

    def listed(self) -> list[dict[str, Any]]:
        """Every rule with its number, its seed and how often it has hit."""
        with self._lock:
            return [armed.facts() for armed in self._armed]

    def judge(self, operation: str, targets: list[Target], actions: int = 0) -> Verdict | None:
        """What becomes of this request; None where no rule hits it.

        `actions`: of a transaction, for the reasons of TransactionCanceledException. A "repeat" has
        not hit yet: `take` says whether it does, once there is something to repeat.
        """
        delay_seconds = 0.0
        number = None
        with self._lock:
            for armed in self._armed:
                rule = armed.rule
                if not rule.matches(operation, targets):
                    continue
                hit = not armed.spent if rule.effect == "repeat" else armed.hit()
                if not hit:
                    continue
                number = armed.number
                delay_seconds += rule.delay_seconds
                if rule.error is not None:
                    error = error_of(rule.error, rule.message, actions)
                    return Verdict(delay_seconds, error, None, number)
                if rule.effect is not None:
                    return Verdict(delay_seconds, None, rule.effect, number)
        return None if number is None else Verdict(delay_seconds, None, None, number)

    def take(self, number: int) -> bool:
        """Let a "repeat" hit; False where luck says no, or it is spent or gone."""
        with self._lock:
            return any(armed.number == number and armed.hit() for armed in self._armed)


def _fits(text: str | None, pattern: str) -> bool:
    return pattern == "*" or (text is not None and fnmatchcase(text, pattern))


def _check_types(rule: Rule) -> None:
    for name in ("operation", "table", "key"):
        if not isinstance(getattr(rule, name), str):
            raise errors.ControlRefused(f"{name!r} must be a text")
    for name in ("error", "message", "effect"):
        if not isinstance(getattr(rule, name), str | None):
            raise errors.ControlRefused(f"{name!r} must be a text or absent")
    for name in ("probability", "delay_seconds"):
        value = getattr(rule, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise errors.ControlRefused(f"{name!r} must be a number")
    for name in ("count", "seed"):
        value = getattr(rule, name)
        if isinstance(value, bool) or not isinstance(value, int | None):
            raise errors.ControlRefused(f"{name!r} must be a whole number or absent")


def error_of(code: str, message: str | None, actions: int = 0) -> errors.RequestError:
    """The error of that name, as the store itself raises it where it has one of its own."""
    if code == "TransactionCanceledException":
        conflict = errors.CancellationReason(
            "TransactionConflict", "Transaction is ongoing for the item"
        )
        others = [errors.CancellationReason() for _ in range(max(actions, 1) - 1)]
        return errors.TransactionCanceled([conflict, *others])
    if code in INJECTED:
        return errors.Injected(code, message)
    error: errors.RequestError = _OWN[code](message or _TEXTS.get(code, ""))
    return error


# Errors that the store raises by itself too, from a text that some of them use.
_OWN: Final[dict[str, Any]] = {
    "AccessDeniedException": lambda text: errors.AuthenticationFailed(
        "AccessDeniedException", text
    ),
    "ConditionalCheckFailedException": lambda text: errors.ConditionFailed(),
    "ExpiredIteratorException": lambda text: errors.IteratorExpired(0),
    "LimitExceededException": errors.LimitExceeded,
    "ResourceNotFoundException": lambda text: errors.ResourceNotFound("table", ""),
    "ThrottlingException": errors.Throttled,
    "TransactionConflictException": lambda text: errors.TransactionConflict(),
    "TrimmedDataAccessException": lambda text: errors.RecordsTrimmed(),
    "UnrecognizedClientException": lambda text: errors.AuthenticationFailed(
        "UnrecognizedClientException", text
    ),
    "ValidationException": errors.ValidationFailed,
}
_TEXTS: Final = {
    "AccessDeniedException": "User is not authorized to perform this operation",
    "LimitExceededException": "Too many operations for a given subscriber.",
    "ThrottlingException": "Rate of requests exceeds the allowed throughput.",
    "UnrecognizedClientException": "The security token included in the request is invalid.",
    "ValidationException": "One or more parameter values were invalid",
}
_WITH_TEXT: Final = frozenset((*_TEXTS, *INJECTED))
ERROR_CODES: Final = tuple(sorted((*_OWN, *INJECTED, "TransactionCanceledException")))
