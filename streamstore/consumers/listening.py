"""What `Consumers.on` gives: a decorator, for functions and for functions with a unit of work.

    @consumers.on("orders")
    def handle(event, context): ...

    mapping = consumers.on("orders", batch_size=10)

    @mapping.transactional
    def total(event, context, unit): ...

The first sees every record at least once: `eventID` is the key to tell a record that came before.
The second reads and writes the store through `unit` (consumers/transactional), and what it writes
there commits with its checkpoint or not at all: exactly once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Listening:
    """A decorator that registers a function and makes its mapping; it returns the function.

    `register(function, in_units)` does both. `in_units` is what a plain use of it means.
    """

    def __init__(self, register: Callable[[Any, bool], None], in_units: bool) -> None:
        self._register = register
        self._in_units = in_units

    def __call__(self, function: Handler) -> Handler:
        self._register(function, self._in_units)
        return function

    def transactional(self, function: Handler) -> Handler:
        """The same for `function(event, context, unit)`, whose writes through the unit commit
        together with its checkpoint.
        """
        self._register(function, True)
        return function
