"""A bounded wait for something that a process of the test's does."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest


@pytest.fixture
def wait_for() -> Callable[[Callable[[], bool]], None]:
    """Looks every few milliseconds, for half a minute at most."""

    def wait(done: Callable[[], bool]) -> None:
        for _ in range(3000):
            if done():
                return
            threading.Event().wait(0.01)
        pytest.fail("it did not happen")

    return wait
