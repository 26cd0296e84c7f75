"""What is asked of peers is asked of our server, and answered as the service would answer it; and
the measure of restarts runs. No figure is judged here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parents[2] / "bench"


def printed(*command: object) -> Any:
    done = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_our_server_loses_nothing_that_the_black_box_looks_for() -> None:
    script = BENCH / "compare/black_box.py"
    answers = printed(script, "--only", "streamstore", "--kills", "1", "--json", "--port", "18700")
    ((name, facts),) = answers.items()
    assert name.startswith("streamstore ")
    puts = facts.pop("acknowledged puts lost").split()
    assert puts[0] == "0"
    assert int(puts[2]) >= 50
    assert facts.pop("acknowledged transactions lost").startswith("0 of ")
    day = {name: facts.pop(name) for name in [*facts] if name.startswith("24 hours")}
    assert [*day.values()] in (["3", "0"], ["not testable: no faketime"] * 2)
    assert [*facts.values()] == [
        *("0", "0", "0"),
        *("new", "0", "0", "3 of 3 records readable"),
        *("25", "0", "0", "21"),
    ]


def test_restarts_are_measured_on_a_filled_file() -> None:
    measured = printed(BENCH / "restarts.py", "--bytes", 5_000_000, "--kills", 2)
    assert measured["file_bytes"] > 5_000_000
    assert measured["kills"] == 2
    assert measured["violations"] == []
    assert 0 < measured["restart_p50_ms"] <= measured["restart_p99_ms"]
