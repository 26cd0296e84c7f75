"""A workload run on a recorded disk: the log, and a mark at each acknowledgement with the model.

Owns: which modules of streamstore touch files, and so are watched; the recordings that campaigns
take images of. The marks are the acknowledgement log that is kept outside: whatever the disk loses,
they know what was said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import apsw

from ..clock import ManualClock
from ..config import Settings
from ..storage import files, migrate
from ..storage import statements as storage_statements
from ..storage.copies import backup
from ..storage.guards import lock
from . import statements
from .disk import Disk
from .model import Model
from .workload import FILE, Life, Step, Workload, upkeep

WATCHED: Final[tuple[ModuleType, ...]] = (files, lock, backup, migrate, upkeep)
STEP_SECONDS: Final = 0.25
OLD_REVISION: Final = 2
OLD_STEPS: Final = 12


@dataclass(frozen=True)
class Told:
    """An acknowledgement: the step, the model after it, and the store's time."""

    step: str
    model: Model
    now_ms: int


def record(
    seed: int,
    folder: str,
    *,
    extra: int = 0,
    settings: Settings | None = None,
    steps: Iterable[Step] | None = None,
) -> Disk:
    """Run a whole workload (or these steps) in an empty folder, from the file's creation to a
    kill.
    """
    disk = Disk(folder)
    life = Life(folder, settings=settings)
    model = Model()
    with disk.mounted(*WATCHED):
        for step in steps or Workload(seed, extra=extra).steps():
            model = take(step, life, model)
            disk.log.mark(Told(step.name, model, life.clock.now_ms()))
            life.clock.advance(STEP_SECONDS)
        life.die()
    return disk


def take(step: Step, life: Life, model: Model) -> Model:
    """Do a step; the model after it. Raises what the store raises."""
    step.act(life)
    after = model.copy()
    step.learn(after, life.clock.now_ms())
    return after


def reopen(disk: Disk, clock: ManualClock, *, settings: Settings | None = None) -> None:
    """Open what a power loss left on a disk, mark that it is open, write once, die."""
    life = Life(disk.folder, clock, settings=settings)
    with disk.mounted(*WATCHED):
        try:
            store = life.store
            disk.log.mark("open")
            if store.call("ListTables", {})["TableNames"]:
                _write_once(life)
                disk.log.mark("written")
        finally:
            life.die()


def _write_once(life: Life) -> None:
    name = life.store.call("ListTables", {})["TableNames"][0]
    life.call("PutItem", TableName=name, Item={"id": {"S": "after the loss"}})


def old_file(path: str, source: str) -> None:
    """Make a store of an older revision at `path`, with the rows of the store at `source`."""
    files.reserve(path)
    connection = apsw.Connection(path)
    try:
        for pragma in statements.OLD_PRAGMAS:
            connection.execute(pragma)
        for statement in migrate.render(migrate.scripts_folder(), 0, OLD_REVISION):
            connection.execute(statement).fetchall()
        connection.execute(statements.ATTACH_SOURCE, (source,))
        tables: list[Any] = connection.execute(statements.OLD_TABLES).fetchall()
        connection.execute("BEGIN")
        for (name,) in tables:
            connection.execute(statements.OLD_EMPTY.format(name))
            found: list[Any] = connection.execute(statements.OLD_COLUMNS, (name,)).fetchall()
            connection.execute(statements.OLD_FILL.format(name, found[0][0]))
        connection.execute("COMMIT")
        connection.execute(statements.DETACH_SOURCE)
        connection.execute(storage_statements.APPLICATION_ID_SET.format(files.APPLICATION_ID))
        connection.execute(storage_statements.REVISION_SET.format(OLD_REVISION))
        connection.execute(statements.OLD_WAL).fetchall()
    finally:
        connection.close(True)


def old_store(seed: int, scratch: str, path: str, clock: ManualClock) -> None:
    """A store of an older revision with a workload's first rows in it; `scratch` is a folder."""
    life = Life(scratch, clock)
    try:
        for step, _ in zip(Workload(seed).steps(), range(OLD_STEPS), strict=False):
            step.act(life)
    finally:
        life.close()
    old_file(path, life.path)


def migration(seed: int, scratch: str, folder: str) -> Disk:
    """A store of an older revision, in an empty folder, opened and so migrated."""
    clock = ManualClock()
    old_store(seed, scratch, f"{folder}/{FILE}", clock)
    disk = Disk(folder)
    reopen(disk, clock)
    return disk
