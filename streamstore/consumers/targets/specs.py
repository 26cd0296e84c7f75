"""Which target a text names, as flags, configuration and templates spell it.

module:function                 a callable of this process
cmd:program argument …          a command, divided as a shell would
lambda:http://HOST:PORT/NAME    a function behind an Invoke API
http://…/functions/NAME/invocations   the same, by its whole URL
webhook:https://HOST/…          a receiver of events
"""

from __future__ import annotations

from collections.abc import Sequence

from ... import limits
from .command import CommandTarget, argv_of
from .endpoint import EndpointTarget, invoke_url
from .python import PythonTarget, load
from .target import Target
from .webhook import WebhookTarget


def target_of(
    spec: str,
    timeout_seconds: float | None = None,
    concurrency: int = limits.FUNCTION_CONCURRENCY_DEFAULT,
    webhook_hosts: Sequence[str] = (),
) -> Target:
    """The target that `spec` names; a module is imported now. Raises ValueError with what is
    wrong.

    A callable without `timeout_seconds` has none; the others have FUNCTION_SECONDS_DEFAULT.
    """
    seconds = limits.FUNCTION_SECONDS_DEFAULT if timeout_seconds is None else timeout_seconds
    kind, _, rest = spec.partition(":")
    if kind == "cmd":
        return CommandTarget(argv_of(rest), seconds)
    if kind == "lambda":
        return EndpointTarget(invoke_url(rest), seconds)
    if kind in ("http", "https"):
        if not spec.rstrip("/").endswith("/invocations"):
            raise ValueError(
                f"{spec} is no Invoke API's URL, which ends in /invocations; "
                f"an endpoint that takes the event itself is webhook:{spec}"
            )
        return EndpointTarget(invoke_url(spec), seconds)
    if kind == "webhook":
        return WebhookTarget(rest, seconds, webhook_hosts)
    return PythonTarget(load(spec), timeout_seconds=timeout_seconds, overdue_max=concurrency)
