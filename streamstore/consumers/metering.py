"""What an invocation of a function counts, whoever asks for it: a mapping, an Invoke, an event.

Invocations, Errors, Duration, Throttles and ConcurrentExecutions by FunctionName, in the store's
metrics (spec D.2). What only mappings or only events count is theirs.
"""

from __future__ import annotations

import threading
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING

from .targets.target import FunctionError, NotInvoked

if TYPE_CHECKING:
    from ..metrics import Metrics
    from .functions import Function
    from .targets.target import Invocation, Outcome


class Running:
    """How many invocations of each function run at once. Thread-safe."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def begin(self, name: str) -> int:
        """One begins; returns how many run now."""
        with self._lock:
            self._counts[name] += 1
            return self._counts[name]

    def end(self, name: str) -> None:
        """One has ended."""
        with self._lock:
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]


class FunctionMeters:
    """The series of one function. Thread-safe as Metrics is."""

    def __init__(self, metrics: Metrics, running: Running, name: str) -> None:
        self._metrics = metrics
        self._running = running
        self._name = name

    def begin(self) -> None:
        """An invocation begins."""
        self.add("ConcurrentExecutions", self._running.begin(self._name))

    def not_run(self) -> None:
        """It was refused before the function ran."""
        self._running.end(self._name)
        self.add("Throttles", 1)

    def end(self, seconds: float, failed: bool) -> None:
        """It has ended."""
        self._running.end(self._name)
        self.add("Invocations", 1)
        self.add("Errors", int(failed))
        self.add("Duration", seconds * 1000)

    def add(self, metric: str, value: float) -> None:
        """Count something under this function's name."""
        self._metrics.series(metric, FunctionName=self._name).add(value)

    def invoke(self, function: Function, invocation: Invocation) -> Outcome:
        """Invoke the function, and count it."""
        self.begin()
        started = perf_counter()
        outcome = function.invoke(invocation)
        if isinstance(outcome, NotInvoked):
            self.not_run()
        else:
            self.end(perf_counter() - started, isinstance(outcome, FunctionError))
        return outcome
