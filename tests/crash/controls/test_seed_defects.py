"""The seeded defects are where they say, cover every invariant, and a few of them are caught here;
all of them by `python tests/crash/controls/seed_defects.py`.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SEEDING: dict[str, Any] = runpy.run_path(str(HERE / "seed_defects.py"))
DEFECTS: tuple[Any, ...] = SEEDING["DEFECTS"]
FEW = (
    "synchronous NORMAL under the name of full",
    "a page ends with a record that the next one begins with",
    "the checkpoint of a transactional handler commits before its writes",
)


def test_every_invariant_has_a_defect_and_there_are_thirty_at_least() -> None:
    assert {defect.invariant for defect in DEFECTS} == {f"I-{n}" for n in range(1, 26)}
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 30


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_stands_in_one_place_and_leaves_python_behind(defect: Any) -> None:
    path = ROOT / defect.file
    text = path.read_text()
    assert text.count(defect.old) == 1
    compile(text.replace(defect.old, defect.new), str(path), "exec")


def test_hunts_that_are_tests_are_there() -> None:
    known = {SEEDING["MACHINE"], SEEDING["POWER"], SEEDING["KILL"]}
    for defect in DEFECTS:
        for hunt in defect.hunts:
            assert hunt in known or (ROOT / hunt).exists(), hunt


@pytest.mark.parametrize("name", FEW)
def test_a_defect_is_caught(name: str) -> None:
    [defect] = [defect for defect in DEFECTS if defect.name == name]
    assert SEEDING["caught_by"](defect, 10.0) == defect.hunts[0]


def test_an_escape_would_be_told() -> None:
    """A defect that changes nothing is caught by nobody."""
    defect = DEFECTS[0]
    harmless = defect._replace(new=defect.old, hunts=("tests/unit/testing/test_campaigns.py",))
    assert SEEDING["caught_by"](harmless, 1.0) is None
