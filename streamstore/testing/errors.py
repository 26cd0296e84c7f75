"""Errors: each operation on the disk fails, in every way that it can, once and for good.

A segment is a step of a workload with the two after it, on a store as the steps before left it.
For each operation that the step makes, each error that the operation can meet, and both durations,
the segment is run; then the process "dies", the disk is well again, and the store is opened and
written to. Held against what each call was told:

    done       it is there, after the restart and after any power loss from then on
    refused    it is nowhere
    unknown    it is wholly there or wholly absent, the store is latched, and no write passes
               until it is opened anew

and no error comes up under a name that is not ours. A sync that fails leaves what it was to sync in
limbo (disk/images.py), so the images after the restart are those of engine.md 2.2.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from time import perf_counter
from typing import Final, NamedTuple

from ..clock import ManualClock
from ..errors import OutcomeUnknown, StoreError
from ..storage import statements
from . import campaigns, recording
from .campaigns import History, Progress, Report, Violation
from .disk import Call, Disk, Fault, Image, Judge, Losses, contents, fill, images, recover
from .model import Model, differences
from .recording import STEP_SECONDS, WATCHED
from .states import scratch
from .workload import FILE, Life, Step, Workload

KIND: Final = "error"
FOLLOWING: Final = 2  # steps after the one that fails
BUSY_FOR: Final = 4  # operations for which a lock is held, where it is held for a while
ERRORS: Final[dict[str, tuple[str, ...]]] = {
    # A read that ends short in the middle of a file is SQLite's unix VFS's to finish, below us; one
    # that stays short is a damaged file: flips.py.
    "read": ("EIO",),
    "write": ("EIO", "ENOSPC", "SHORT"),
    "truncate": ("EIO",),
    "sync": ("EIO", "SLOW"),
    "create": ("EIO", "ENOSPC"),
    "delete": ("EIO",),
    "rename": ("EIO", "ENOSPC"),
    "link": ("EIO", "ENOSPC"),
    "sync-folder": ("EIO",),
    "lock": ("LOCK",),
}
# Steps that commit in several groups, so that a refusal may come after the first of them.
IN_PIECES: Final = frozenset({"lapse", "index-add", "index-drop"})


class Case(NamedTuple):
    """Which operation of which step fails how; `lasting`: and every one of its kind after it."""

    step: int
    operation: int
    error: str
    lasting: bool


class Place(NamedTuple):
    """A store between two steps: its files, what they should hold, and its time."""

    files: dict[str, bytes]
    model: Model
    now_ms: int


def campaign(seed: int, seconds: float, progress: Progress) -> Report:
    """Every case of a workload, and of further ones while there is time."""
    report = Report(KIND, seed)
    until = perf_counter() + seconds
    for number in campaigns.rounds(report, seconds):
        with scratch() as folder:
            bench = Bench(report, seed + number, folder)
            cases = bench.cases()
            Random(seed + number).shuffle(cases)
            done = 0
            for case in cases:
                if perf_counter() >= until or len(report.violations) >= 20:
                    break
                bench.run(case)
                done += 1
                if done % 500 == 0:
                    progress(f"error: {done} of {len(cases)} cases of seed {seed + number}")
            report.count("cases", done)
            report.count("cases_there_are", len(cases))
        progress(
            f"error: {number + 1} workloads, {report.figures['cases']} cases"
            f" of {report.figures['cases_there_are']}, {len(report.violations)} violations"
        )
    return report


def replay(history: History, progress: Progress) -> Report:
    """The case of a violation, once more."""
    report = Report(KIND, history["seed"])
    started = perf_counter()
    with scratch() as folder:
        bench = Bench(report, history["seed"], folder)
        bench.run(Case(*history["case"]))
        report.count("cases")
    report.seconds = perf_counter() - started
    return report


class Failing:
    """A disk's hook: counts operations, and from one on fails as the case says."""

    def __init__(self, life: Life) -> None:
        self.seen: list[Call] = []
        self.at = -1
        self.error, self.lasting = "", False
        self.struck = 0
        self.early: list[str] = []  # what a reader saw before it was synced
        self._life = life
        self.kind = ""
        self._inside = False

    def strike(self, case: Case) -> None:
        """Fail so."""
        self.at, self.error, self.lasting = case.operation, case.error, case.lasting

    def __call__(self, call: Call) -> Fault | None:
        if self._inside:
            return None
        here = len(self.seen)
        self.seen.append(call)
        if not self.struck:
            # What is random in a store can move an operation by a few: then the next one will do.
            if here < self.at or self.error not in ERRORS[call.kind] or self.at < 0:
                return None
            self.kind = call.kind
        elif not (self.lasting and call.kind == self.kind):
            return None
        self.struck += 1
        if self.error == "SLOW":
            self._read_meanwhile()
            return None
        if self.error == "LOCK" and self.struck > BUSY_FOR:
            return None
        return Fault(self.error)

    def _read_meanwhile(self) -> None:
        """While the sync takes its time, others read: what is not synced must not be seen."""
        store = self._life.opened
        if store is None:
            return
        self._inside = True
        try:
            with store.readers.transaction() as rx:
                row = rx.one(statements.STATE_GET, ("sequence",))
            if row is not None and row[0] > store.engine.sequence:
                self.early.append(f"{row[0]} was read before {store.engine.sequence} was passed")
        finally:
            self._inside = False


class Bench:
    """The places of one workload, and the cases run on them."""

    def __init__(self, report: Report, seed: int, folder: str) -> None:
        self.report, self._seed, self._folder = report, seed, folder
        self.steps = list(Workload(seed).steps())
        self.losses = Losses(some=1)
        self._places: list[Place] = []
        self._disk_folder = os.path.join(folder, "disk")
        self._case: Case | None = None
        self._prepare()

    def _prepare(self) -> None:
        """Run the workload once, and keep what lies on the disk between its steps."""
        os.mkdir(self._disk_folder)
        life = Life(self._disk_folder)
        model = Model()
        for step in self.steps:
            self._places.append(Place(contents(life.folder), model, life.clock.now_ms()))
            model = recording.take(step, life, model)
            life.clock.advance(STEP_SECONDS)
        life.die()

    def cases(self) -> list[Case]:
        """Every case: each operation that each step makes, each error, once and lasting.

        The operations of opening the store belong to the step before which it is opened.
        """
        return [case for number in range(len(self.steps)) for case in self._cases_of(number)]

    def calls(self, number: int) -> list[Call]:
        """The operations that a step makes, from opening the store to leaving it."""
        disk, life, failing = self._at(number)
        with disk.mounted(*WATCHED):
            try:
                self.steps[number].act(life)
            finally:
                life.die()
        return failing.seen

    def _cases_of(self, number: int) -> Iterator[Case]:
        for operation, call in enumerate(self.calls(number)):
            for error in ERRORS[call.kind]:
                yield Case(number, operation, error, False)
                if error != "SLOW":
                    yield Case(number, operation, error, True)

    def _at(self, number: int) -> tuple[Disk, Life, Failing]:
        place = self._places[number]
        fill(self._disk_folder, place.files)
        disk = Disk(self._disk_folder)
        life = Life(self._disk_folder, ManualClock(place.now_ms))
        failing = disk.hook = Failing(life)
        disk.looks = True
        return disk, life, failing

    def run(self, case: Case) -> None:
        """One case, its restart, and the power losses after it."""
        self._case = case
        disk, life, failing = self._at(case.step)
        failing.strike(case)
        trial = Trial(life, disk, self._places[case.step].model)
        with disk.mounted(*WATCHED):
            try:
                for step in self.steps[case.step : case.step + 1 + FOLLOWING]:
                    trial.take(step)
                    life.clock.advance(STEP_SECONDS)
            finally:
                life.die()
            if not failing.struck:
                self.report.count("missed")
                return
            disk.hook = None
            restarted = len(disk.log)
            trial.restart()
        for wrong in (*failing.early, *trial.wrong):
            self._broken(wrong)
        self.report.count("struck", failing.struck)
        for name, count in trial.told.items():
            self.report.count(f"told_{name}", count)
        synced = case.error != "SLOW" and failing.kind.startswith("sync")
        self._lose_power(disk, synced, restarted)

    def _lose_power(self, disk: Disk, everywhere: bool, ended: int) -> None:
        """Judge what a power loss leaves: at every position, or where each of the two lives ends.

        Between those it is power.py that looks.
        """
        judge = Judge(FILE, recover(disk.base, FILE))
        rng = Random(self._seed)
        for step in images(disk.log, disk.base, self.losses, rng):
            kind = step.operation.kind
            marked = kind == "mark"
            ends = step.position in (ended - 1, len(disk.log) - 1)
            left: list[Image] = []
            if everywhere and not marked:
                left = list(step.images)
            elif marked or ends or kind.startswith("sync"):
                # Whole ones bring the states: no commit is without a sync.
                left = [step.state.whole(step.position)]
                if ends:
                    left += [step.state.bare(step.position), step.state.some(step.position, rng)]
            for image in left:
                verdict = judge.look(image)
                if verdict is not None:
                    self._broken(f"power loss at {step.position}: {verdict.what}")
                    return
            if marked:
                judge.acknowledge()
        self.report.count("images", judge.looked)
        self.report.count("distinct", judge.distinct)

    def _broken(self, what: str) -> None:
        assert self._case is not None
        history: History = {
            "kind": KIND,
            "seed": self._seed,
            "case": list(self._case),
            "step": self.steps[self._case.step].name,
        }
        self.report.violations.append(Violation(what, history))


class Trial:
    """What a store was asked for and answered, and every model that the answers allow."""

    def __init__(self, life: Life, disk: Disk, model: Model) -> None:
        self.wrong: list[str] = []
        self.told = {"done": 0, "refused": 0, "unknown": 0}
        self._life, self._disk = life, disk
        self._allowed = [model]
        disk.log.mark("begun")

    def take(self, step: Step) -> None:
        """Do a step, and note what was said of it."""
        latched = self._life.opened is not None and self._life.opened.latched is not None
        try:
            step.act(self._life)
        except OutcomeUnknown:
            self._told(step, "unknown")
            self._expect_latch()
        except StoreError:
            self._told(step, "refused")
        except Exception as error:
            self.wrong.append(f"{step.name} ended with {error!r}")
            self._told(step, "unknown")
        else:
            if latched and self._life.opened is not None and self._moves(step):
                self.wrong.append(f"{step.name} was done by a latched store")
            self._told(step, "done")
            if not latched:
                # What a latched store still does, it does with what was acknowledged before.
                self._disk.log.mark(step.name)

    def _moves(self, step: Step) -> bool:
        """Whether the models would learn anything from it: then it has written."""
        before = self._allowed[0]
        return bool(_learned(before, step, self._life.clock.now_ms()) not in (None, before))

    def _expect_latch(self) -> None:
        store = self._life.opened
        if store is not None and store.latched is None:
            self.wrong.append("an outcome is unknown, and the store takes further writes")

    def _told(self, step: Step, answer: str) -> None:
        self.told[answer] += 1
        now_ms = self._life.clock.now_ms()
        learned = [_learned(model, step, now_ms) for model in self._allowed]
        after = [model for model in learned if model is not None]
        if answer == "done":
            self._allowed = after
        elif answer == "unknown" or step.name in IN_PIECES:
            self._allowed += after

    def restart(self) -> None:
        """Open the store on a disk that is well, read, write once, and die."""
        life = self._life
        try:
            found = [differences(life.store, model) for model in self._allowed]
            self._disk.log.mark("open")
            if all(found):
                self.wrong.append(f"after the restart: {min(found, key=len)[:3]}")
            if "north" in self._allowed[0].tables:
                life.call("PutItem", TableName="north", Item={"id": {"S": "restarted"}})
                self._disk.log.mark("written")
        except Exception as error:
            self.wrong.append(f"the restart ended with {error!r}")
        finally:
            life.die()


def _learned(model: Model, step: Step, now_ms: int) -> Model | None:
    """The model after a step; None where the step can't have happened to it."""
    after = model.copy()
    try:
        step.learn(after, now_ms)
    except KeyError:
        return None
    return after
