"""Your function through power losses and kills, with your own invariant.

    def work(place):
        db = place.connect()
        db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (n)")
        for n in range(20):
            db.execute("INSERT INTO t VALUES (?)", (n,))
            place.acknowledge(n)        # from here on somebody believes it

    def invariant(place, acknowledged):
        found = {n for (n,) in place.connect().execute("SELECT n FROM t")}
        assert set(acknowledged) <= found

    power_losses(work, invariant)

`work` runs once, on a disk that is recorded below SQLite. Then `invariant` is called for each image
that the disk could hold after a power loss (disk/images.py says which) or a kill, in a place of its
own, with what had been acknowledged by then. An AssertionError, or any other exception of it, is a
finding: Broken names the seed and the position, and the same call finds it again. `work` must be
deterministic for that.

A place opens any apsw database, and streamstore's stores, whose own file operations are watched as
well. Files that you write by yourself are not: sync them in other ways.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import apsw

from ... import store as stores
from ...clock import Clock, ManualClock
from ..disk import Call, Disk, Fault, Losses, contents, fill, images
from ..disk.hooks import CHANGING
from ..kills import let_die, wait_for
from ..recording import WATCHED
from ..states import scratch

IMAGES_MAX: Final = 20_000
_MARKED: Final = "mark"


class Broken(AssertionError):
    """The invariant did not hold. `position` counts the operations on the disk, `how` says which
    image it was, `acknowledged` what had been told by then.
    """

    def __init__(self, what: str, seed: int, position: int, how: str, acknowledged: Any) -> None:
        super().__init__(f"{what} (seed {seed}, operation {position}, {how})")
        self.seed = seed
        self.position = position
        self.how = how
        self.acknowledged = acknowledged


@dataclass(frozen=True, slots=True)
class Trial:
    """What was tried: operations on the disk, and different images on which the invariant held."""

    operations: int
    images: int


class Place:
    """A folder with a database, for `work` and for `invariant`. What it opened it closes."""

    def __init__(self, folder: str, name: str, tell: Callable[[Any], None] | None = None) -> None:
        self.folder = folder
        self.path = os.path.join(folder, name)
        self._tell = tell
        self._opened: list[Any] = []

    def connect(self, **options: Any) -> apsw.Connection:
        """A connection to the database; `options` are apsw.Connection's."""
        connection = apsw.Connection(self.path, **options)
        self._opened.append(connection)
        return connection

    def store(self, *, clock: Clock | None = None, **settings: Any) -> stores.Store:
        """A streamstore store there, without a background thread, on a clock that stands still."""
        settings.setdefault("background", False)
        opened = stores.open(self.path, clock=clock or ManualClock(), **settings)
        self._opened.append(opened)
        return opened

    def acknowledge(self, value: Any) -> None:
        """Say that somebody was told: what is written until here has to survive."""
        if self._tell is None:
            raise RuntimeError("only work acknowledges; the invariant looks")
        self._tell(value)

    def close(self) -> None:
        """Close what is open still."""
        while self._opened:
            self._opened.pop().close()


Work = Callable[[Place], None]
Invariant = Callable[[Place, list[Any]], None]


def power_losses(
    work: Work,
    invariant: Invariant,
    *,
    seed: int = 0,
    images_max: int = IMAGES_MAX,
    name: str = "app.db",
) -> Trial:
    """Try every position of `work`, with images chosen by `seed`, at most so many different ones.

    Raises Broken at the first image on which `invariant` fails; what `work` raises comes through.
    """
    with scratch() as folder:
        disk = Disk(_room(folder, "disk"))
        with disk.mounted(*WATCHED):
            _run(work, Place(disk.folder, name, disk.log.mark))
        trier = _Trier(invariant, folder, name, seed, images_max)
        for step in images(disk.log, disk.base, Losses(), Random(seed)):
            if step.operation.kind == _MARKED:
                trier.told.append(step.operation.value)
                continue
            for image in step.images:
                files = {each: bytes(content) for each, content in image.build().items()}
                trier.look(files, step.position, f"power loss, {image.how}")
                if trier.full:
                    return Trial(len(disk.log), trier.count)
        return Trial(len(disk.log), trier.count)


def crashes(work: Work, invariant: Invariant, *, seed: int = 0, name: str = "app.db") -> Trial:
    """Let a child of this process die at every operation of `work` on the disk, its last write
    torn, and look at what it left. Raises as `power_losses` does.
    """
    rng = Random(seed)
    with scratch() as folder:
        disk = Disk(_room(folder, "disk"))
        trier = _Trier(invariant, folder, name, seed, IMAGES_MAX)
        left: list[tuple[int, str, int, dict[str, bytes]]] = []
        operations = 0

        def hook(call: Call) -> Fault | None:
            nonlocal operations
            if call.kind in CHANGING:
                operations += 1
                torn = rng.randrange(len(call.data) + 1) if call.data else 0
                wait_for(let_die(disk.path_of(call.name), call.offset, call.data[:torn]))
                how = f"killed before {call.kind} of {call.name or 'the folder'}"
                left.append((operations, how, len(trier.told), contents(disk.folder)))
            return None

        disk.hook = hook
        with disk.mounted(*WATCHED):
            _run(work, Place(disk.folder, name, trier.told.append))
        told = trier.told
        for position, how, known, files in left:
            trier.told = told[:known]
            trier.look(files, position, how)
        return Trial(operations, trier.count)


class _Trier:
    """Calls the invariant on images, once on each that is different."""

    def __init__(
        self, invariant: Invariant, folder: str, name: str, seed: int, images_max: int
    ) -> None:
        self.told: list[Any] = []
        self._seen: set[tuple[Any, ...]] = set()
        self._invariant, self._name = invariant, name
        self._folder = os.path.join(folder, "image")
        self._seed, self._images_max = seed, images_max

    @property
    def count(self) -> int:
        return len(self._seen)

    @property
    def full(self) -> bool:
        return self.count >= self._images_max

    def look(self, files: dict[str, bytes], position: int, how: str) -> None:
        key = (len(self.told), *sorted((each, hash(content)) for each, content in files.items()))
        if key in self._seen:
            return
        self._seen.add(key)
        fill(self._folder, files)
        place = Place(self._folder, self._name)
        told = list(self.told)
        try:
            self._invariant(place, told)
        except Exception as error:
            what = str(error) or repr(error)
            raise Broken(what, self._seed, position, how, told) from error
        finally:
            place.close()


def _run(work: Work, place: Place) -> None:
    try:
        work(place)
    finally:
        place.close()


def _room(folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    os.mkdir(path)
    return path
