"""`streamstore demo` holds its own claims, on the shipped feed and on real ones, through both
doors.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEMO_SECONDS_MAX = 120  # under 30 alone; the tests share two cores


def run_demo(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_proven(output: str) -> None:
    claims = [line for line in output.splitlines() if line.startswith(("holds", "FAILS"))]
    assert len(claims) == 7
    assert all(line.startswith("holds") for line in claims)
    assert "a child" in output, "no child was split"


def test_the_demo_proves_itself_embedded() -> None:
    assert_proven(run_demo())


def test_the_demo_proves_itself_over_http() -> None:
    assert_proven(run_demo("--http"))


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["changes-sqlite-utils", "changes-procrastinate"])
def test_the_demo_proves_itself_on_a_real_feed(name: str, real_data: Path) -> None:
    output = run_demo("--feed", str(real_data / f"{name}.jsonl.gz"))
    assert_proven(output)
    assert f"{name}.tree.json" in output, "the truth is the tree file"


def test_a_feed_that_is_none_is_refused_by_line(tmp_path: Path) -> None:
    feed = tmp_path / "bad.jsonl"
    feed.write_text('{"commit": "a", "time": 1, "changes": [{"op": "move", "path": "x"}]}\n')
    done = subprocess.run(
        [sys.executable, "-m", "streamstore", "demo", "--feed", str(feed)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "line 1" in done.stderr
    assert "move" in done.stderr
