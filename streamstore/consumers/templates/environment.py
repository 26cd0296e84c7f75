"""Environment variables of a function of its own, in a process of many functions.

`os.environ` is replaced by a mapping that looks at who is running: within `of(variables)` it is
those variables, elsewhere the process's own. It follows the thread that enters it, so functions run
side by side, each with its own; threads that a handler starts itself, and programs it runs, see the
process's.

Must not know: what functions are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar

_VARIABLES: ContextVar[dict[str, str] | None] = ContextVar("variables", default=None)


class Environment(MutableMapping[str, str]):
    """Stands for os.environ. `own` is the process's, whose other methods remain reachable."""

    def __init__(self, own: MutableMapping[str, str]) -> None:
        self.own = own

    def _here(self) -> MutableMapping[str, str]:
        variables = _VARIABLES.get()
        return self.own if variables is None else variables

    def __getitem__(self, name: str) -> str:
        return self._here()[name]

    def __setitem__(self, name: str, value: str) -> None:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"str expected, not {type(value).__name__}")
        self._here()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._here()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._here())

    def __len__(self) -> int:
        return len(self._here())

    def __repr__(self) -> str:
        return f"environ({dict(self)!r})"

    def copy(self) -> dict[str, str]:
        """A dict of it, as os.environ gives one."""
        return dict(self)

    def __or__(self, other: MutableMapping[str, str]) -> dict[str, str]:
        return {**self, **other}

    def __ror__(self, other: MutableMapping[str, str]) -> dict[str, str]:
        return {**other, **self}


@contextmanager
def installed() -> Iterator[None]:
    """Have os.environ look at who is running, until the end."""
    own = os.environ
    os.environ = Environment(own)  # type: ignore[assignment]  # noqa: B003 - that is the purpose
    try:
        yield
    finally:
        os.environ = own  # noqa: B003


@contextmanager
def of(variables: dict[str, str]) -> Iterator[None]:
    """Have os.environ be `variables` for this thread; what is set there stays set."""
    token = _VARIABLES.set(variables)
    try:
        yield
    finally:
        _VARIABLES.reset(token)
