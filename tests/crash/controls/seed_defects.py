"""Break the product in each of the listed places, and see that it is noticed.

    python tests/crash/controls/seed_defects.py [--only TEXT] [--jobs 2] [--seconds 20]

Each defect is seeded in a copy of the project in a folder of its own, and hunted there until a hunt
fails, as it should; every hunt is first run on a copy that is whole, where it must find nothing.
Ends with 1 where a defect escapes. `--seconds` is what a torture hunt may take.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Final

sys.path.insert(0, str(Path(__file__).parent))

from defects import DEFECTS, KILL, MACHINE, POWER, Defect

ROOT: Final = Path(__file__).resolve().parents[3]
STATE_MACHINE: Final = "tests/properties/test_stream_invariants.py"
HUNT_SECONDS_MAX: Final = 300
COPIED: Final = ("streamstore", "migrations", "tests", "pyproject.toml", "README.md")


def copy_to(folder: Path) -> None:
    """What the hunts need of the project, compiled files included: they save a second each."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, symlinks=True)
        else:
            shutil.copy2(source, folder / name)


def seed(defect: Defect, folder: Path) -> None:
    """Break the copy. Raises ValueError where the place is not there exactly once."""
    path = folder / defect.file
    text = path.read_text()
    if text.count(defect.old) != 1:
        raise ValueError(
            f"{defect.name}: {defect.file} has its place {text.count(defect.old)} times"
        )
    path.write_text(text.replace(defect.old, defect.new))


def command(hunt: str, seconds: float) -> list[str]:
    """How a hunt is started; it ends with 0 where it noticed nothing."""
    if hunt in (POWER, KILL):
        found = [sys.executable, "-m", "streamstore", "torture", "--kind", hunt]
        return [*found, "--seconds", str(seconds), "--seed", "1"]
    path = STATE_MACHINE if hunt == MACHINE else hunt
    options = ["-q", "-x", "-p", "no:cacheprovider", "--hypothesis-profile=controls"]
    return [sys.executable, "-m", "pytest", path, *options]


def notices(hunt: str, folder: Path, seconds: float) -> bool:
    """Whether the hunt fails in this copy. Raises RuntimeError where it could not be run at all."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "TMPDIR": str(folder)}
    try:
        done = subprocess.run(
            command(hunt, seconds),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=HUNT_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        return True  # a store that hangs is noticed
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{hunt} could not be run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


def caught_by(defect: Defect, seconds: float) -> str | None:
    """The hunt that notices the defect, or None."""
    with tempfile.TemporaryDirectory(prefix="streamstore-controls-") as name:
        folder = Path(name)
        copy_to(folder)
        seed(defect, folder)
        return next((hunt for hunt in defect.hunts if notices(hunt, folder, seconds)), None)


def false_alarms(defects: list[Defect], seconds: float) -> list[str]:
    """Hunts that fail although nothing is broken: they prove nothing."""
    with tempfile.TemporaryDirectory(prefix="streamstore-controls-") as name:
        folder = Path(name)
        copy_to(folder)
        hunts = sorted({hunt for defect in defects for hunt in defect.hunts})
        return [hunt for hunt in hunts if notices(hunt, folder, seconds)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="defects whose name or invariant has this text")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    chosen = [d for d in DEFECTS if arguments.only in f"{d.invariant} {d.name}"]
    alarms = false_alarms(chosen, arguments.seconds)
    for hunt in alarms:
        print(f"FALSE ALARM  {hunt} fails on the product as it is")
    escaped = 0
    began = perf_counter()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        found = pool.map(lambda defect: caught_by(defect, arguments.seconds), chosen)
        for defect, hunt in zip(chosen, found, strict=True):
            escaped += hunt is None
            told = "ESCAPED" if hunt is None else f"caught by {hunt}"
            print(f"{defect.invariant:5} {defect.name}: {told}", flush=True)
    seconds = perf_counter() - began
    print(f"{len(chosen) - escaped} of {len(chosen)} defects caught in {seconds:.0f} s")
    return 1 if escaped or alarms else 0


if __name__ == "__main__":
    sys.exit(main())
