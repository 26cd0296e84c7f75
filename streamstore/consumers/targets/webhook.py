"""A webhook: the event is POSTed, a status of 2xx means that it was taken.

Hosts are allowed by name, those of this machine always; redirects are never followed, so that an
allowed host can't send the event elsewhere. 429 and 503 mean that the receiver is busy and did
nothing; every other status is the function's error. A body that is JSON is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from . import exchange
from .endpoint import parsed, sent
from .target import Answered, FunctionError, Invocation, NotInvoked, Outcome

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_BUSY: Final = (429, 503)


class WebhookTarget:
    """A receiver of events. ValueError for a host that `allowed_hosts` does not name."""

    in_process = False

    def __init__(self, url: str, timeout_seconds: float, allowed_hosts: Sequence[str]) -> None:
        self.url = url
        self.timeout_seconds = timeout_seconds
        self._parts = exchange.parts_of(url)
        host = self._parts.hostname
        if host not in (*_LOOPBACK, *(name.lower() for name in allowed_hosts)):
            raise ValueError(f"{host} is no allowed host of webhooks; allow it by name")

    def invoke(self, invocation: Invocation) -> Outcome:
        seconds = min(self.timeout_seconds, invocation.deadline_seconds)
        headers = {
            "Content-Type": "application/json",
            "X-Request-Id": invocation.request_id,
        }
        reply = sent(self._parts, headers, invocation, seconds)
        if not isinstance(reply, exchange.Reply):
            return reply
        if 200 <= reply.status < 300:
            return Answered(parsed(reply.body))
        if reply.status in _BUSY:
            return NotInvoked(f"The webhook answered {reply.status}.", throttled=True)
        text = f"The webhook answered {reply.status}."
        return FunctionError("Unhandled", f"Webhook.{reply.status}", text, reply.status)

    def close(self) -> None:
        """Nothing is held between invocations."""
