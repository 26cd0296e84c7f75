"""Power losses: the images of a recorded workload, reopened, each held against what was told.

A round records one seed's workload (recording.py), and walks its log: at every position the images
that a power loss could leave there are recovered and judged (disk/judge.py). The states themselves
are verified once each: against the model where a step was acknowledged, and against every invariant
that a file can show. Now and then an image is opened by streamstore itself on a recorded disk, and
the images of that recovery are judged as well: a crash during recovery.

Every fourth round migrates a file of an older revision instead.
"""

from __future__ import annotations

import os
from random import Random
from time import perf_counter, process_time
from typing import Final

from ..clock import ManualClock
from ..config import Settings
from . import campaigns, recording
from .campaigns import History, Progress, Report, Violation
from .disk import Disk, Image, Judge, Losses, Step, fill, images, recover
from .recording import Told
from .states import scratch, wrongs
from .workload import FILE
from .workload import Step as Act

KIND: Final = "power"
BACKUP: Final = FILE + ".backup"
VIOLATIONS_MAX: Final = 20  # of a round
RECOVERIES_EVERY: Final = 400  # distinct images between two that are recovered on a recorded disk


def campaign(seed: int, seconds: float, progress: Progress, *, images_max: int = 1 << 62) -> Report:
    """Rounds of power losses until the time is over, there were as many images, or one broke."""
    report = Report(KIND, seed)
    until = perf_counter() + seconds
    for number in campaigns.rounds(report, seconds):
        left = int(images_max - report.figures.get("images", 0))
        if left <= 0:
            break
        migrate = number % 4 == 3
        round_ = Round(
            report, seed + number, progress, until=until, images_max=left, migrate=migrate
        )
        with scratch() as folder:
            round_.run(folder)
        progress(_line(report, number + 1))
    return report


def replay(history: History, progress: Progress) -> Report:
    """The round of a violation, once more."""
    report = Report(KIND, history["seed"])
    started = perf_counter()
    with scratch() as folder:
        Round(report, history["seed"], progress, migrate=history["migrate"]).run(folder)
    report.seconds = perf_counter() - started
    return report


def _line(report: Report, rounds: int) -> str:
    figures = report.figures
    rate = figures.get("distinct", 0) / max(figures.get("judging_cpu_ms", 0) / 1000, 0.001)
    return (
        f"power: {rounds} rounds, {figures.get('images', 0)} images,"
        f" {figures.get('distinct', 0)} distinct ({rate:.0f}/s),"
        f" {figures.get('recovery_images', 0)} of recoveries,"
        f" {len(report.violations)} violations"
    )


class Round:
    """One recording and all of its images."""

    def __init__(
        self,
        report: Report,
        seed: int,
        progress: Progress,
        *,
        until: float = float("inf"),
        images_max: int = 1 << 62,
        migrate: bool = False,
        losses: Losses = Losses(),  # noqa: B008 - it is frozen
        settings: Settings | None = None,
        steps: list[Act] | None = None,
    ) -> None:
        self._steps = steps
        self._report, self._seed, self._progress = report, seed, progress
        self._until, self._images_max, self._migrate = until, images_max, migrate
        self._losses, self._settings = losses, settings
        self._random = Random(seed)
        self._folder = ""
        self._last: Told | None = None
        self._next_recovery = RECOVERIES_EVERY // 2

    def run(self, folder: str) -> None:
        """Record, and judge until the time is over."""
        self._folder = folder
        disk = self._record()
        self._report.count("operations", len(disk.log))
        judges = [Judge(FILE, recover(disk.base, FILE)), Judge(BACKUP)]
        started = process_time()
        apart = 0.0
        walk = images(disk.log, disk.base, self._losses, self._random)
        for step in walk:
            if step.operation.kind == "mark":
                began = process_time()
                self._told(step, judges)
                apart += process_time() - began
                if perf_counter() > self._until or judges[0].looked >= self._images_max:
                    break
                if self._full:
                    break
                continue
            for image in step.images:
                self._judge(image, judges, step)
            if judges[0].distinct >= self._next_recovery:
                began = process_time()
                self._recover(step, judges[0])
                apart += process_time() - began
        self._report.count("judging_cpu_ms", round((process_time() - started - apart) * 1000))
        self._report.count("images", judges[0].looked)
        self._report.count("distinct", judges[0].distinct)
        self._report.count("states", judges[0].newest)
        self._report.count("compared_by_rows", judges[0].slow)

    @property
    def _full(self) -> bool:
        """Whether so much is broken that more of it tells nothing."""
        return len(self._report.violations) >= VIOLATIONS_MAX

    def _record(self) -> Disk:
        where = os.path.join(self._folder, "disk")
        os.mkdir(where)
        if self._migrate:
            before = os.path.join(self._folder, "before")
            os.mkdir(before)
            return recording.migration(self._seed, before, where)
        return recording.record(self._seed, where, settings=self._settings, steps=self._steps)

    def _judge(self, image: Image, judges: list[Judge], step: Step) -> None:
        for judge in judges:
            known = judge.newest
            verdict = judge.look(image)
            if verdict is not None:
                self._broken(f"{judge.main}: {verdict.what}", step, image.how)
            if judge.newest > known and judge is judges[0] and self._last and not self._migrate:
                # Every commit is a store in order, those inside of a step as well.
                self._verify_commit(judge, step)

    def _broken(self, what: str, step: Step, how: str) -> None:
        last = self._last
        history = {
            "kind": KIND,
            "seed": self._seed,
            "migrate": self._migrate,
            "position": step.position,
            "operation": step.operation.kind,
            "image": how,
            "after": last.step if isinstance(last, Told) else None,
        }
        if not self._full:
            self._report.violations.append(Violation(what, history))

    def _told(self, step: Step, judges: list[Judge]) -> None:
        """Something was acknowledged: its state is required, and is what the model says."""
        told = step.operation.value
        main, backup = judges
        known = main.required
        now = main.acknowledge()
        if not isinstance(told, Told):
            return
        self._last = told
        if told.step == "backup":
            backup.acknowledge()
            self._verify(step, backup, None)
        if now != known:
            self._verify(step, main, told)

    def _verify(self, step: Step, judge: Judge, told: Told | None) -> None:
        content = judge.content(judge.required)
        self._report.count("verified")
        if content is None:
            self._broken(f"{judge.main} was acknowledged, and is not there", step, "all")
            return
        model, now_ms = (told.model, told.now_ms) if told is not None else (None, 0)
        for wrong in wrongs(content, model, now_ms, self._folder):
            self._broken(wrong, step, "all")

    def _verify_commit(self, judge: Judge, step: Step) -> None:
        content = judge.content(judge.newest)
        self._report.count("commits_verified")
        if content is not None:
            for wrong in wrongs(content, None, 0, self._folder):
                self._broken(wrong, step, "all")

    def _recover(self, step: Step, judge: Judge) -> None:
        """Open an image of this position on a recorded disk, and judge the images of that."""
        self._next_recovery = judge.distinct + RECOVERIES_EVERY
        now_ms = self._last.now_ms if self._last is not None else ManualClock().now_ms()
        # The images of the step are used up; one more choice is made of the same state.
        step_images = [i for i in _again(step, self._random) if FILE in i.names]
        for image in step_images:
            self._recover_from(image, step, judge, now_ms)

    def _recover_from(self, image: Image, step: Step, judge: Judge, now_ms: int) -> None:
        if judge.look(image) is not None:
            return
        files = {name: bytes(content) for name, content in image.build().items()}
        where = os.path.join(self._folder, "recovery")
        fill(where, files)
        disk = Disk(where)
        try:
            recording.reopen(disk, ManualClock(now_ms), settings=self._settings)
        except Exception as error:
            self._broken(f"the store does not open: {error!r}", step, image.how)
            return
        inner = Judge(FILE, judge.content(judge.seen[image.key(judge.names)]))
        for deeper in images(disk.log, disk.base, self._losses, self._random):
            if deeper.operation.kind == "mark":
                inner.acknowledge()
                continue
            for left in deeper.images:
                verdict = inner.look(left)
                if verdict is not None:
                    where_ = f"recovery of position {step.position}, its {deeper.position}"
                    self._broken(f"{where_}: {verdict.what}", step, left.how)
        self._report.count("recoveries")
        self._report.count("recovery_images", inner.looked)
        self._report.count("recovery_distinct", inner.distinct)


def _again(step: Step, rng: Random) -> list[Image]:
    return [step.state.some(step.position, rng)]
