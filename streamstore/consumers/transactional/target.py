"""A function that is given a unit of work, `handler(event, context, unit)`: a target like others.

What `invoke` answers carries the unit; the runtime commits it together with the checkpoint
(consumers/delivery/commits says how), and invokes again where it conflicts. A handler that failed
after it had read what is no longer so is run again here, at once, since its failure may come of
that alone.

An invocation of no lane comes from somebody who has no checkpoint (the Invoke API): its unit is
committed here, before it is answered.

A handler whose time is over may still run in a thread of its own. Its unit is over then, and
nothing of it is ever committed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ... import limits
from ...errors import ConsumerError, UnitConflict
from ..targets.python import PythonTarget
from ..targets.target import Answered, FunctionError, Invocation, Outcome
from .running import commit
from .unit import UnitOfWork

if TYPE_CHECKING:
    from ...store import Store

Handler = Callable[[Any, Any, UnitOfWork], Any]
Marked = TypeVar("Marked", bound=Callable[..., Any])


def transactional(function: Marked) -> Marked:
    """Mark a function of a module as `handler(event, context, unit)`, so that it is given a unit
    wherever it is registered by its name, as with `serve --function NAME=MODULE:FUNCTION`.
    """
    function.in_units = True  # type: ignore[attr-defined]
    return function


class AnsweredInUnit(Answered):
    """The function returned, and `unit` is what it wants written: a call of it under the writer's
    lock writes it.
    """

    unit: UnitOfWork


class TransactionalTarget:
    """A callable with a unit of work for each invocation. `timeout_seconds` as PythonTarget's."""

    in_process = True

    def __init__(
        self, store: Store, handler: Handler, *, timeout_seconds: float | None = None
    ) -> None:
        self.handler = handler
        self.timeout_seconds = timeout_seconds
        self._store = store
        self._units: dict[str, UnitOfWork] = {}
        self._lock = threading.Lock()
        self._target = PythonTarget(self._handle, timeout_seconds=timeout_seconds)

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run the handler with a new unit. See targets.target."""
        conflict = ""
        for _ in range(limits.UNIT_ATTEMPTS_MAX):
            unit = UnitOfWork(self._store)
            outcome = self._with(unit, invocation)
            if isinstance(outcome, FunctionError) and unit.is_stale():
                conflict = f"{outcome.error_type} after it had read what is no longer so"
                continue
            if not isinstance(outcome, Answered):
                return outcome
            if invocation.lane:
                answered = AnsweredInUnit(outcome.value)
                answered.unit = unit
                return answered
            try:
                commit(self._store, unit)
            except UnitConflict as error:
                conflict = str(error)
            except ConsumerError as error:
                return FunctionError("Unhandled", type(error).__name__, str(error))
            else:
                return outcome
        return FunctionError("Unhandled", UnitConflict.__name__, conflict)

    def close(self) -> None:
        """Nothing is held."""
        self._target.close()

    def _with(self, unit: UnitOfWork, invocation: Invocation) -> Outcome:
        with self._lock:
            self._units[invocation.request_id] = unit
        try:
            return self._target.invoke(invocation)
        finally:
            unit.end()
            with self._lock:
                self._units.pop(invocation.request_id, None)

    def _handle(self, event: Any, context: Any) -> Any:
        with self._lock:
            unit = self._units[context.aws_request_id]
        return self.handler(event, context, unit)
