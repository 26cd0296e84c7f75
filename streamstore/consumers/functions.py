"""The functions that mappings may name: names to targets, in the memory of this process.

A function is registered by whoever starts the process: a flag, the configuration or Python; nothing
of it is in the store, so that a file from elsewhere never decides what runs here. A name may carry
a version or alias ("orders:live"), which is then preferred for that qualifier; a bare name answers
to every qualifier, since there is one code.

Owns the bounds of every invocation, whatever the target: how many run at once, and how large an
event may be. Must not know: mappings, streams, the HTTP server.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from .. import limits
from .asynchronous.configs import EventConfigs
from .metering import Running
from .targets.python import PythonTarget
from .targets.target import (
    PAYLOAD_TOO_LARGE,
    FunctionError,
    Invocation,
    NotInvoked,
    Outcome,
    Target,
)

if TYPE_CHECKING:
    from ..store import Store

logger = logging.getLogger("streamstore.functions")

LATEST: Final = "$LATEST"
_NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}(:[a-zA-Z0-9-_]{1,128})?\Z", re.ASCII)


class Function:
    """A registered target with its bounds; a Target itself. `spec` is how it was spelt, "" for a
    Python object.
    """

    def __init__(self, name: str, target: Target, concurrency: int, spec: str = "") -> None:
        self.name = name
        self.target = target
        self.concurrency = concurrency
        self.spec = spec
        self.in_process = target.in_process
        self._running = 0
        self._lock = threading.Lock()

    @property
    def timeout_seconds(self) -> float | None:
        """The function's own timeout, None where it has none."""
        seconds: float | None = getattr(self.target, "timeout_seconds", None)
        return seconds

    def give_units(self, store: Store) -> None:
        """Have a function that was marked as transactional be given units of work on `store`."""
        target = self.target
        if isinstance(target, PythonTarget) and getattr(target.handler, "in_units", False):
            from .transactional import TransactionalTarget

            seconds = target.timeout_seconds
            self.target = TransactionalTarget(store, target.handler, timeout_seconds=seconds)

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run the function, if fewer than `concurrency` run. Overdue threads count as running."""
        try:
            size = len(invocation.payload)
        except (TypeError, ValueError) as error:
            return FunctionError("Unhandled", "InvalidRequestContentException", str(error))
        if size > limits.INVOCATION_BYTES_MAX:
            text = f"{size} byte payload is too large for the RequestResponse invocation type"
            return FunctionError("Unhandled", PAYLOAD_TOO_LARGE, text)
        target = self.target
        with self._lock:
            overdue = target.overdue if isinstance(target, PythonTarget) else 0
            if self._running + overdue >= self.concurrency:
                text = f"Rate Exceeded: {self.concurrency} invocations are running."
                return NotInvoked(text, throttled=True)
            self._running += 1
        try:
            return target.invoke(invocation)
        except Exception as error:
            # A target of somebody else's that breaks the rule must not take a worker down.
            logger.exception("the target of %s raised", self.name)
            return FunctionError("Unhandled", type(error).__name__, str(error))
        finally:
            with self._lock:
                self._running -= 1

    def close(self) -> None:
        self.target.close()


class Functions:
    """Names to functions. May be used and changed from many threads."""

    def __init__(self, *, webhook_hosts: Iterable[str] = ()) -> None:
        self._webhook_hosts = tuple(webhook_hosts)
        self._functions: dict[str, Function] = {}
        self._store: Store | None = None
        self._lock = threading.Lock()
        self.running = Running()
        self.event_configs = EventConfigs()  # what is said of their asynchronous invocations

    def give_units(self, store: Store) -> None:
        """Say which store is meant by functions that were marked as transactional, those that are
        registered later included.
        """
        with self._lock:
            self._store = store
            for function in self._functions.values():
                function.give_units(store)

    def register(
        self,
        name: str,
        target: Target | Callable[..., Any] | str,
        *,
        timeout_seconds: float | None = None,
        concurrency: int = limits.FUNCTION_CONCURRENCY_DEFAULT,
    ) -> Function:
        """Register a function, or replace the one of that name. Raises ValueError with what is
        wrong.

        `target` is a callable `handler(event, context)`, an object with Target's methods, or a text
        (targets.specs): "module:function", "cmd:argv…", "http://…/invocations", "lambda:http://…",
        "webhook:https://…". A callable without `timeout_seconds` runs in its caller's thread; what
        runs elsewhere has FUNCTION_SECONDS_DEFAULT. An object with Target's methods keeps its own
        time.
        """
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is no function name: letters, digits, - and _, at most 64")
        if not 1 <= concurrency <= limits.FUNCTION_CONCURRENCY_MAX:
            raise ValueError(f"concurrency must lie in 1..{limits.FUNCTION_CONCURRENCY_MAX}")
        if timeout_seconds is not None and not 0 < timeout_seconds <= limits.FUNCTION_SECONDS_MAX:
            raise ValueError(f"timeout_seconds must lie in (0, {limits.FUNCTION_SECONDS_MAX:.0f}]")
        spec = target if isinstance(target, str) else ""
        made = Function(name, self._made(target, timeout_seconds, concurrency), concurrency, spec)
        with self._lock:
            if self._store is not None:
                made.give_units(self._store)
            replaced = self._functions.get(name)
            self._functions = {**self._functions, name: made}
        if replaced is not None and replaced.target is not made.target:
            replaced.close()
        return made

    def _made(
        self, target: Target | Callable[..., Any] | str, seconds: float | None, concurrency: int
    ) -> Target:
        if isinstance(target, str):
            from .targets.specs import target_of  # endpoints need ssl, which costs a start 20 ms

            return target_of(target, seconds, concurrency, self._webhook_hosts)
        given: Any = target
        if not hasattr(given, "invoke"):
            if not callable(given):
                raise ValueError(f"{given!r} is neither callable nor a target")
            return PythonTarget(given, timeout_seconds=seconds, overdue_max=concurrency)
        if seconds is not None:
            raise ValueError("an object with Target's methods keeps its own time")
        made: Target = given
        return made

    def get(self, name: str, qualifier: str = "") -> Function | None:
        """The function of that name for that version or alias, or None."""
        functions = self._functions
        if qualifier and qualifier != LATEST:
            return functions.get(f"{name}:{qualifier}") or functions.get(name)
        return functions.get(name)

    def names(self) -> list[str]:
        """Every registered name, ascending."""
        return sorted(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    @staticmethod
    def arn(name: str, region: str, account: str, qualifier: str = "") -> str:
        """A function's ARN."""
        tail = f":{qualifier}" if qualifier else ""
        return f"arn:aws:lambda:{region}:{account}:function:{name}{tail}"

    def close(self) -> None:
        """Let go of what the targets hold."""
        for function in self._functions.values():
            function.close()
