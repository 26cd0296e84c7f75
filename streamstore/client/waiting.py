"""Waiters: until a table is there and active, or gone, as botocore's.

A pause is a real one: a store whose clock is moved by hand gets there when somebody moves it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .exceptions import ClientError, WaiterError

WAITERS = {"table_exists": "TableExists", "table_not_exists": "TableNotExists"}
_DELAY_SECONDS = 0.1
# botocore looks 25 times, every 20 seconds; this is as much patience, in smaller pieces.
_ATTEMPTS = 5000


class Waiter:
    """Looks with DescribeTable until what it waits for is so."""

    def __init__(self, describe_table: Callable[..., dict[str, Any]], name: str) -> None:
        self._describe_table = describe_table
        self.name = name

    def wait(self, *, WaiterConfig: dict[str, Any] | None = None, **params: Any) -> None:  # noqa: N803 - the name is botocore's
        """Takes DescribeTable's parameters and WaiterConfig: Delay (seconds), MaxAttempts.

        WaiterError when patience ends or the table can't be described.
        """
        config = WaiterConfig or {}
        delay_seconds = float(config.get("Delay", _DELAY_SECONDS))
        pause = threading.Event()
        last: dict[str, Any] = {}
        for attempt in range(int(config.get("MaxAttempts", _ATTEMPTS))):
            if attempt:
                pause.wait(delay_seconds)
            try:
                last = self._describe_table(**params)
                status = last["Table"]["TableStatus"]
            except ClientError as error:
                last = error.response
                if last["Error"]["Code"] != "ResourceNotFoundException":
                    raise WaiterError(WAITERS[self.name], str(error), last) from error
                status = "gone"
            if status == ("ACTIVE" if self.name == "table_exists" else "gone"):
                return
        raise WaiterError(WAITERS[self.name], "Max attempts exceeded", last)
