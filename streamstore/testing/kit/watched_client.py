"""The client that a checked consumer is given: boto3-shaped, counted, and ended from outside.

A consumer usually polls for ever. This client lets it: once the checker has what it waits for, or
after so many calls, the next call raises Stopped, which a consumer's own error handling doesn't
catch (it is no Exception). Before a GetRecords of the checker's choice the scenario is played, so
that the consumer meets it holding iterators and checkpoints of before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...client import Client


class Stopped(BaseException):
    """The check is over: the consumer has nothing more to do. Let it through."""


class WatchedClient:
    """Everything `store.client` has; `before_call(operation)` is asked first, and may raise."""

    def __init__(self, client: Client, before_call: Callable[[str], None]) -> None:
        self._client = client
        self._before_call = before_call

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name.startswith("_") or not callable(found):
            return found

        def call(*given: Any, **params: Any) -> Any:
            self._before_call(name)
            return found(*given, **params)

        return call
