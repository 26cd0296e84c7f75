"""Single bits of a store's files change by themselves: is every answer still true, or an error?

For each flip a fresh copy of the files has one bit changed, in a region drawn evenly among all
there are (header, trees' inner pages, leaves, overflow, free pages and pointers, checksums, the
log's header, its frames' headers and content, the log's index, the lock file), before the store is
opened or while it is open. Then everything is read. A flip is

    harmless   every answer is the true one
    refused    the store does not open, or some answers are errors and all others true
    told       the store opens, says that commits are missing and refuses writes (TailLost)
    wrong      an answer is not the true one: the violation that is looked for

and a check of the file must have found what was not harmless. Page checksums are on. `-shm` is not
damaged: it is memory that SQLite makes anew.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from random import Random
from time import perf_counter
from typing import Any, Final, NamedTuple

from .. import checking
from ..clock import ManualClock
from ..config import Settings
from ..errors import StorageError
from ..store import Store
from .bits import subject as subjects
from .bits.answers import Question, Refused, differences, everything
from .bits.subject import Subject
from .campaigns import History, Progress, Report, Violation

KIND: Final = "flip"
LIVE_SHARE: Final = 0.25
_TOLD_EVERY: Final = 500


class Flip(NamedTuple):
    """One bit: of the files of a crashed store or a closed one, in a file, while it is open or
    not.
    """

    crashed: bool
    region: str
    suffix: str
    offset: int
    bit: int
    live: bool


class Truth(NamedTuple):
    """The files of a store, and what it answers while they are sound."""

    subject: Subject
    answers: dict[Question, Any]


def campaign(
    seed: int,
    seconds: float,
    progress: Progress,
    *,
    checksum: bool = True,
    flips_max: int = 1 << 62,
    violations_max: int = 10,
) -> Report:
    """Flip bits until the time is over, or there are as many flips or violations."""
    started = perf_counter()
    report = Report(KIND, seed)
    rng = Random(seed)
    with tempfile.TemporaryDirectory(prefix="streamstore-flips-") as folder:
        bench = _Bench(seed, folder, checksum)
        report.figures["flips"] = 0
        while (
            perf_counter() - started < seconds
            and report.figures["flips"] < flips_max
            and len(report.violations) < violations_max
        ):
            _one(bench, bench.draw(rng), report, progress)
    report.seconds = perf_counter() - started
    return report


def replay(history: History, progress: Progress) -> Report:
    """Flip the bit of a violation again."""
    report = Report(KIND, history["seed"])
    with tempfile.TemporaryDirectory(prefix="streamstore-flips-") as folder:
        bench = _Bench(history["seed"], folder, history["checksum"])
        _one(bench, Flip(**history["flip"]), report, progress)
    return report


def _one(bench: _Bench, flip: Flip, report: Report, progress: Progress) -> None:
    outcome, wrongs = bench.judge(flip)
    report.count("flips")
    report.count(outcome)
    report.count(f"in {flip.region}")
    for what in wrongs[:1]:
        history = {
            "kind": KIND,
            "seed": bench.seed,
            "checksum": bench.settings.checksum,
            "flip": flip._asdict(),
        }
        report.violations.append(Violation(f"{flip}: {what}", history))
    if report.figures["flips"] % _TOLD_EVERY == 0:
        progress(f"{report.figures['flips']} flips, {len(report.violations)} violations")


class _Bench:
    """A folder in which one damaged copy after another is opened."""

    def __init__(self, seed: int, folder: str, checksum: bool) -> None:
        self.seed = seed
        self.settings = Settings(background=False, first_partitions=1, checksum=checksum)
        self._folder = os.path.join(folder, "damaged")
        os.mkdir(self._folder)
        self._truths: dict[bool, Truth] = {}
        for crashed in (False, True):
            make = subjects.crashed if crashed else subjects.clean
            home = os.path.join(folder, make.__name__)
            os.mkdir(home)
            subject = make(seed, home, self.settings)
            with self._open(subjects.put(subject.files, self._folder), subject) as store:
                self._truths[crashed] = Truth(subject, everything(store))

    def _open(self, path: str, subject: Subject) -> Store:
        return Store(path, self.settings, ManualClock(subject.clock_ms))

    def draw(self, rng: Random) -> Flip:
        """A bit somewhere, every region being as likely as any other."""
        crashed = rng.random() < 0.5
        regions = self._truths[crashed].subject.regions
        region = rng.choice(sorted(regions))
        span = rng.choice(regions[region])
        at = span.start + rng.randrange(span.size)
        live = rng.random() < LIVE_SHARE and span.suffix not in (".lock", "-shm")
        return Flip(crashed, region, span.suffix, at, rng.randrange(8), live)

    def judge(self, flip: Flip) -> tuple[str, list[str]]:
        """(harmless, refused, told or wrong; what is wrong with that)."""
        truth = self._truths[flip.crashed]
        path = subjects.put(truth.subject.files, self._folder)
        if not flip.live:
            _change(path + flip.suffix, flip.offset, flip.bit)
        codes = self._codes(path)
        try:
            store = self._open(path, truth.subject)
        except StorageError as error:
            return "refused", [] if codes else [f"a check finds nothing, opening says {error}"]
        with suppress(StorageError), store:
            if flip.live:
                _change(path + flip.suffix, flip.offset, flip.bit)
            found = everything(store)
            if store.latched is not None:
                return "told", [] if "tail" in codes else ["a check does not see the lost tail"]
        wrongs = differences(found, truth.answers)
        if wrongs:
            return "wrong", wrongs
        if flip.live:
            codes |= self._codes(path)
        if any(isinstance(answer, Refused) for answer in found.values()):
            return "refused", [] if codes else ["a check finds nothing, and reads are refused"]
        return "harmless", []

    def _codes(self, path: str) -> set[str]:
        try:
            return set(checking.check(path).counts)
        except StorageError as error:
            return {type(error).__name__}


def _change(path: str, offset: int, bit: int) -> None:
    """Flip one bit. A live file has no other opener, so closing it here costs nobody a lock."""
    if not os.path.exists(path):
        return
    descriptor = os.open(path, os.O_RDWR)
    try:
        before = os.pread(descriptor, 1, offset)
        if before:
            os.pwrite(descriptor, bytes((before[0] ^ (1 << bit),)), offset)
    finally:
        os.close(descriptor)
