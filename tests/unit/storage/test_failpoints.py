"""Every point that the code names exists, and every point that exists is named by the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamstore.storage import failpoints

PACKAGE = Path(failpoints.__file__).parents[1]


def test_the_points_are_exactly_those_that_the_package_hits() -> None:
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert set(re.findall(r'failpoints\.hit\(\s*"([^"]+)"', source)) == set(failpoints.POINTS)
    assert len(set(failpoints.POINTS)) == len(failpoints.POINTS)


def test_an_armed_point_runs_its_action_until_disarmed() -> None:
    hits: list[int] = []
    failpoints.arm("group-before-commit", lambda: hits.append(1))
    failpoints.hit("group-before-commit")
    failpoints.hit("group-after-commit")
    failpoints.disarm()
    failpoints.hit("group-before-commit")
    assert hits == [1]


def test_an_unknown_point_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        failpoints.arm("nowhere", lambda: None)
