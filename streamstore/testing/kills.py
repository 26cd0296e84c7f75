"""Kills: a process dies at every operation on the disk, its last write torn.

At each operation of a workload the process forks, and the child, which holds all that the process
holds at that instant, tears the write and is gone. What it leaves is recovered and judged while the
parent waits; then the parent makes the operation itself, and goes on. So every position is met
once, and a whole workload costs one run. What is left at some positions is opened afterwards by
streamstore itself, which is killed at every operation of that recovery in the same way.

Nothing is lost from the system's cache here; power.py does that.
"""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from time import perf_counter
from typing import Final

from ..clock import ManualClock
from . import campaigns, recording
from .campaigns import History, Progress, Report, Violation
from .disk import Call, Disk, Judge, RecoveryFailed, contents, recover
from .disk.hooks import CHANGING, Fault
from .disk.mount import fill
from .model import Model
from .recording import STEP_SECONDS, WATCHED
from .states import scratch, wrongs
from .workload import FILE, Life, Workload

KIND: Final = "kill"
KILLED: Final = 77
RECOVERIES: Final = 8  # of a round
MIGRATIONS: Final = 2  # that are killed everywhere while they are done again
_libc: Final = ctypes.PyDLL(None)


def campaign(seed: int, seconds: float, progress: Progress) -> Report:
    """Rounds of kills until the time is over or something broke."""
    report = Report(KIND, seed)
    until = perf_counter() + seconds
    for number in campaigns.rounds(report, seconds):
        with scratch() as folder, cheap_forks():
            Round(report, seed + number, number % 4 == 3, until).run(folder)
        figures = report.figures
        kills = figures.get("kills", 0) + figures.get("recovery_kills", 0)
        rate = kills / max(figures.get("killing_ms", 0) / 1000, 0.001)
        progress(
            f"kill: {number + 1} rounds, {kills} kills ({rate:.0f}/s),"
            f" {len(report.violations)} violations"
        )
    return report


def replay(history: History, progress: Progress) -> Report:
    """The round of a violation, once more."""
    report = Report(KIND, history["seed"])
    started = perf_counter()
    with scratch() as folder:
        Round(report, history["seed"], history["migrate"]).run(folder)
    report.seconds = perf_counter() - started
    return report


@contextmanager
def cheap_forks() -> Iterator[None]:
    """Keep the collector off what is there: a child that collects copies every page of it."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class Killer:
    """A disk's hook that lets a child die at each operation, and judges what it leaves."""

    def __init__(
        self, disk: Disk, judge: Judge, rng: Random, broken: Callable[[str, int, Call], None]
    ) -> None:
        self.kills = 0
        self.seconds = 0.0
        self.left: list[dict[str, bytes]] = []  # what some of them left
        self.keep_every = 0
        self.until = float("inf")
        self.over = False
        self._touched = True
        self._disk, self._judge, self._random, self._broken = disk, judge, rng, broken

    def __call__(self, call: Call) -> Fault | None:
        if call.kind not in CHANGING or self.over:
            return None
        started = perf_counter()
        if started > self.until:
            # The step under way is let through; nothing may be raised here that isn't a fault.
            self.over = True
            return None
        self.kills += 1
        # What is judged are the files of one database: where nothing touched them, nothing moved.
        judged = call.name in self._judge.names
        before = self._left() if self._touched else None
        torn = self._random.randrange(len(call.data) + 1) if call.data else 0
        dying = let_die(self._disk.path_of(call.name), call.offset, call.data[:torn])
        if before is not None:
            # While the child is busy dying: that takes as long as the judging.
            self._look(before, call, whole=True)
        wait_for(dying)
        if torn and judged:
            left = self._left()
            # What was not written may be there all the same: a log that is begun anew lies over
            # its own earlier frames.
            rest = left[call.name][call.offset + torn : call.offset + len(call.data)]
            self._look(left, call, whole=rest == call.data[torn:])
        self._touched = judged
        if self.keep_every and self.kills % self.keep_every == 0:
            self.left.append(contents(self._disk.folder))
        self.seconds += perf_counter() - started
        return None

    def _left(self) -> dict[str, bytes]:
        return contents(self._disk.folder, self._judge.names)

    def _look(self, left: dict[str, bytes], call: Call, *, whole: bool) -> None:
        judge = self._judge
        try:
            verdict = judge.judge(recover(left, judge.main), whole=whole)
        except RecoveryFailed as error:
            self._broken(str(error), self.kills, call)
            return
        if verdict is not None:
            self._broken(verdict.what, self.kills, call)


def let_die(path: str, offset: int, data: bytes) -> int:
    """Let a child of this process write these bytes and die; returns whom to wait for."""
    pid = _fork()
    if pid == 0:
        if data:
            os.pwrite(os.open(path, os.O_WRONLY), data, offset)
        os._exit(KILLED)
    return pid


def wait_for(pid: int) -> None:
    """Until the child is dead, and has written. Raises RuntimeError if it lives on."""
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code != KILLED:
        raise RuntimeError(f"a child that was to die ended with {code}")


def _fork() -> int:
    """libc's fork: Python's own runs hooks that a child which is gone at once does not need."""
    pid: int = _libc.fork()
    return pid


class Round:
    """One workload, or one migration, killed everywhere."""

    def __init__(
        self, report: Report, seed: int, migrate: bool, until: float = float("inf")
    ) -> None:
        self._report, self._seed, self._migrate, self._until = report, seed, migrate, until
        self._random = Random(seed)
        self._folder = ""
        self._step = ""

    def run(self, folder: str) -> None:
        """Kill until the workload's end or the time's."""
        self._folder = folder
        where = os.path.join(folder, "disk")
        os.mkdir(where)
        clock = ManualClock()
        if self._migrate:
            self._old(where, clock)
        disk = Disk(where)
        judge = Judge(FILE, recover(disk.base, FILE))
        killer = disk.hook = Killer(disk, judge, self._random, self._broken)
        killer.until = self._until
        killer.keep_every = 13 if self._migrate else 97
        if self._migrate:
            recording.reopen(disk, clock)
        else:
            self._work(disk, judge, clock, killer)
        self._count("kills", killer)
        self._random.shuffle(killer.left)
        for left in killer.left[: MIGRATIONS if self._migrate else RECOVERIES]:
            if perf_counter() < self._until:
                self._recover(left, clock)

    def _count(self, name: str, killer: Killer) -> None:
        self._report.count(name, killer.kills)
        self._report.count("killing_ms", round(killer.seconds * 1000))

    def _old(self, where: str, clock: ManualClock) -> None:
        source = os.path.join(self._folder, "before")
        os.mkdir(source)
        recording.old_store(self._seed, source, os.path.join(where, FILE), clock)

    def _work(self, disk: Disk, judge: Judge, clock: ManualClock, killer: Killer) -> None:
        life = Life(disk.folder, clock)
        model = Model()
        with disk.mounted(*WATCHED):
            try:
                for step in Workload(self._seed).steps():
                    self._step = step.name
                    model = recording.take(step, life, model)
                    if killer.over:
                        self._report.count("cut_rounds")
                        break
                    self._acknowledge(disk, judge, model, clock)
                    clock.advance(STEP_SECONDS)
            finally:
                life.die()

    def _acknowledge(self, disk: Disk, judge: Judge, model: Model, clock: ManualClock) -> None:
        left = contents(disk.folder, judge.names)
        judge.judge(recover(left, FILE), whole=True)
        known = judge.required
        if judge.acknowledge() == known:
            return
        content = judge.content(judge.required)
        self._report.count("verified")
        found = ["it is not there"]
        if content is not None:
            found = wrongs(content, model, clock.now_ms(), self._folder)
        for wrong in found:
            self._broken(wrong, -1, None)

    def _recover(self, left: dict[str, bytes], clock: ManualClock) -> None:
        """Open what a kill left, and be killed everywhere in that."""
        where = os.path.join(self._folder, "recovery")
        fill(where, left)
        disk = Disk(where)
        judge = Judge(FILE, recover(left, FILE))
        killer = disk.hook = Killer(disk, judge, self._random, self._broken)
        self._step = "recovery"
        try:
            recording.reopen(disk, clock)
        except Exception as error:
            self._broken(f"the store does not open: {error!r}", killer.kills, None)
        self._report.count("recoveries")
        self._count("recovery_kills", killer)

    def _broken(self, what: str, position: int, call: Call | None) -> None:
        history = {
            "kind": KIND,
            "seed": self._seed,
            "migrate": self._migrate,
            "kill": position,
            "step": self._step,
            "call": f"{call.layer} {call.kind} {call.name}" if call is not None else None,
        }
        if len(self._report.violations) < 20:
            self._report.violations.append(Violation(what, history))
