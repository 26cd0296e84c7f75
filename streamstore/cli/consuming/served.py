"""What `serve` has of consumers: functions from flags and configuration, the workers of mappings,
and the Lambda API on the server's endpoint.

Nothing of it is imported before it is needed: the workers start where there is a function or a
mapping, the door is made for the first call that comes to it. The workers stop before the store
closes.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ... import limits
from ...consumers.lambda_api.calls import ADMIN, CALLS, SERVICE, Call
from ...server.app import JSON, Handler, Route
from ...server.replies import encode
from ...storage.statements_consumers import MAPPING_COUNT

if TYPE_CHECKING:
    from ...consumers.functions import Functions
    from ...consumers.lambda_api.door import Door
    from ...consumers.mapped import Lag
    from ...consumers.mappings import Mappings
    from ...store import Store

_FUNCTION_SETTINGS = ("target", "timeout_seconds", "concurrency")
_NUMBERS: tuple[tuple[str, type | tuple[type, ...], str], ...] = (
    ("timeout_seconds", (int, float), "number"),
    ("concurrency", int, "whole number"),
)


class Runtime(Protocol):
    """What the workers of mappings are to whoever starts them."""

    def lag(self) -> list[Lag]: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


def functions_of(
    flags: Sequence[str],
    configured: Mapping[str, Any],
    paths: Sequence[Path] = (),
    webhook_hosts: Sequence[str] = (),
) -> Functions | None:
    """The functions of flags NAME=TARGET and of [functions.NAME] sections, flags winning; None
    where there are none. Raises ValueError with what is wrong.

    Modules are looked for in `paths` first, in the current folder if none are given.
    """
    if not flags and not configured:
        return None
    for path in reversed(paths or (Path.cwd(),)):
        sys.path.insert(0, str(path))
    from ...consumers.functions import Functions

    functions = Functions(webhook_hosts=webhook_hosts)
    for name, section in configured.items():
        if not isinstance(section, dict) or not isinstance(section.get("target"), str):
            raise ValueError(f"[functions.{name}] needs a target")
        unknown = sorted(set(section) - set(_FUNCTION_SETTINGS))
        if unknown:
            raise ValueError(f"[functions.{name}] has no setting {unknown[0]!r}")
        for setting, kind, words in _NUMBERS:
            value = section.get(setting, 1)
            if not isinstance(value, kind) or isinstance(value, bool):
                raise ValueError(f"[functions.{name}] {setting} must be a {words}")
        functions.register(name, **section)
    for flag in flags:
        name, equals, target = flag.partition("=")
        if not equals:
            raise ValueError(f"--function takes NAME=TARGET, not {flag!r}")
        functions.register(name, target)
    return functions


class Served:
    """The consumers of one served store."""

    def __init__(self, store: Store, functions: Functions | None) -> None:
        self._store = store
        self._functions = functions
        self._lock = threading.Lock()
        self._mappings: Mappings | None = None
        self._runtime: Runtime | None = None
        self._door: Door | None = None

    @property
    def mappings(self) -> Mappings:
        """The store's mappings, as the workers and the door know them."""
        return self._made()

    def start(self) -> None:
        """Start the workers, if there is a function or a mapping to work for."""
        with self._store.readers.transaction() as rx:
            rows = rx.one(MAPPING_COUNT)
        if self._functions is None and (rows is None or rows[0] == 0):
            return
        from ...consumers.runtime import Consumers

        mappings = self._made()
        self._runtime = Consumers(self._store, functions=mappings.functions, mappings=mappings)
        self._runtime.start()

    def stop(self) -> None:
        """Stop the workers and what was invoked from afar.

        Invocations under way may end by themselves for DRAIN_SECONDS_MAX; then commands are killed,
        and what still hangs is left to the end of the process: its batch is delivered again.
        """
        runtime, functions = self._runtime, self._functions
        if runtime is not None:
            stopping = threading.Thread(target=runtime.stop, name="streamstore-stop", daemon=True)
            stopping.start()
            stopping.join(limits.DRAIN_SECONDS_MAX)
            if stopping.is_alive() and functions is not None:
                functions.close()
                stopping.join(limits.EVENTS_END_SECONDS_MAX)
        if self._door is not None:
            self._door.close()
        if functions is not None:
            functions.close()

    def routes(self) -> list[Route]:
        """The Lambda API, and the doors of `streamstore mappings`, `consumers` and `dlq`."""
        served = [self._route(call, f"signed:{SERVICE}") for call in CALLS]
        access = "local|signed:dynamodb"
        letters = Route("POST", "/_streamstore/dlq", self._letters, access)
        lag = Route("POST", "/_streamstore/consumers", self._lag, access)
        return [*served, self._route(ADMIN, access), letters, lag]

    def lags(self) -> list[dict[str, Any]]:
        """How far behind each mapping is in each shard; without workers nobody is behind."""
        from .lag import told

        lags: list[dict[str, Any]] = told(self._runtime.lag() if self._runtime is not None else ())[
            "consumers"
        ]
        return lags

    def _lag(
        self, path: dict[str, str], query: dict[str, str], body: bytes
    ) -> tuple[int, str, bytes]:
        """The door of `streamstore consumers`."""
        return 200, JSON, encode({"consumers": self.lags()})

    def _letters(
        self, path: dict[str, str], query: dict[str, str], body: bytes
    ) -> tuple[int, str, bytes]:
        """The door of `streamstore dlq`."""
        from .dlq import door

        return door(self._store, self._made(), body)

    def _route(self, call: Call, access: str) -> Route:
        handler: Handler = lambda *request: self._opened().handle(call.name, *request)  # noqa: E731
        return Route(call.method, call.path, handler, access, call.header)

    def _made(self) -> Mappings:
        with self._lock:
            if self._mappings is None:
                from ...consumers.mappings import Mappings

                self._mappings = Mappings(self._store, self._functions)
            return self._mappings

    def _opened(self) -> Door:
        mappings = self._made()
        with self._lock:
            if self._door is None:
                from ...consumers.lambda_api.door import Door

                self._door = Door(self._store, mappings)
            return self._door
