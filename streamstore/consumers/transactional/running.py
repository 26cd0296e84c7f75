"""Running work in units of work until one of them commits, at most UNIT_ATTEMPTS_MAX times.

A conflict means that somebody else has committed, so among units that get into each other's way one
always gets on; the bound is there for work that reads what changes all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from ... import limits
from ...errors import UnitConflict
from .unit import UnitOfWork

if TYPE_CHECKING:
    from ...engine.writes.group import Group
    from ...store import Store

Result = TypeVar("Result")


def commit(store: Store, unit: UnitOfWork, also: Callable[[Group], None] | None = None) -> None:
    """Commit a unit, and what `also` does with it. Raises UnitConflict, or what `also` raises."""
    if unit.empty and also is None:
        return

    def work(group: Group) -> None:
        unit(group)
        if also is not None:
            also(group)

    store.start_background()
    store.writer.run(work, unit.cost_bytes)


def transact(
    store: Store,
    work: Callable[[UnitOfWork], Result],
    *,
    also: Callable[[Group], None] | None = None,
    attempts: int = limits.UNIT_ATTEMPTS_MAX,
) -> Result:
    """Run `work` with a unit and commit it; again with a new one where others have changed what it
    read. Returns what the run returned that was committed.

    `also` runs under the writer's lock after the unit's writes, in the same unit of the writer.
    Raises UnitConflict after `attempts`, and what `work` raises: then nothing was written. An
    exception of a run that had read what is no longer so counts as a conflict, since it may come
    of that.
    """
    for attempt in range(attempts):
        unit = UnitOfWork(store)
        try:
            result = work(unit)
            unit.end()
            commit(store, unit, also)
        except UnitConflict:
            if attempt == attempts - 1:
                raise
        except Exception:
            if attempt == attempts - 1 or not unit.is_stale():
                raise
        else:
            return result
        finally:
            unit.end()
    raise ValueError("attempts must be at least 1")


@contextmanager
def unit_of_work(store: Store) -> Iterator[UnitOfWork]:
    """A unit that commits at the end of its block, once: raises UnitConflict where somebody else
    has changed what it read, and then nothing was written. `transact` runs work again.
    """
    unit = UnitOfWork(store)
    try:
        yield unit
        unit.end()
        commit(store, unit)
    finally:
        unit.end()
