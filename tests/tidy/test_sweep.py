"""The sweep against peers is run by hand; here is held that it still asks everything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from streamstore.operations.registry import OPERATIONS

pytest.importorskip("botocore")
SWEEP = Path(__file__).resolve().parents[1] / "differential" / "sweep"
SCRIPT = """
import json, run
from collections import Counter
cases = run.all_cases([])
for case in cases:
    json.dumps([case.params, case.before])
print(json.dumps(Counter(case.operation for case in cases if case.group.startswith("shape"))))
"""


def test_the_sweep_bends_the_shape_of_every_operation_that_is_served() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=SWEEP, timeout=120
    )
    assert done.returncode == 0, done.stderr
    bent = json.loads(done.stdout)
    assert set(bent) == set(OPERATIONS)
    without_members = {"DescribeLimits", "DescribeEndpoints"}
    assert min(count for name, count in bent.items() if name not in without_members) > 20


def test_every_decision_has_a_reason_of_its_own_and_a_pattern() -> None:
    script = (
        "import json, decided;"
        "print(json.dumps([[d.peer, d.reason, d.ours, d.theirs, d.where]"
        " for d in decided.DECIDED]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=SWEEP, check=True
    )
    decisions = json.loads(done.stdout)
    reasons = [(peer, reason) for peer, reason, *_ in decisions]
    assert len(set(reasons)) == len(reasons)
    for peer, reason, *patterns in decisions:
        assert any(patterns), f"{peer}: {reason!r} would decide everything"
