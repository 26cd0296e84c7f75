"""The benchmarks run: each once and small, so that the commands on the pages keep working. No
figure is judged here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.mark.parametrize(
    "file",
    [
        "bench_consumers.py",
        "bench_embedded.py",
        "bench_filters.py",
        "bench_growth.py",
        "bench_retention.py",
        "bench_streams.py",
    ],
)
def test_a_benchmark_runs_once(file: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", str(BENCH / file)]
    options = ["--growth", "2000", "--benchmark-disable", "--basetemp", str(tmp_path / "bench")]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=120, cwd=BENCH.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert "failed" not in done.stdout


def test_the_comparison_measures_our_server_under_the_shared_load() -> None:
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed (Debian package wrk)")
    command = [sys.executable, str(BENCH / "compare/run.py"), "--only", "streamstore"]
    done = subprocess.run(
        [*command, "--seconds", "1", "--records", "500"],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 12 + 3
    assert "BAD" not in done.stdout
    assert "error" not in done.stdout


def test_reads_under_write_load_are_measured() -> None:
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed (Debian package wrk)")
    done = subprocess.run(
        [sys.executable, str(BENCH / "compare/under_load.py"), "--seconds", "1"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "GetItem beside full write load: p50" in done.stdout


def test_stream_reads_are_measured_with_a_client_that_does_not_parse() -> None:
    command = [sys.executable, str(BENCH / "compare/stream_reads.py"), "--only", "streamstore"]
    done = subprocess.run(
        [*command, "--records", "2000", "--rounds", "1"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines()[2:]]
    assert rows == [
        "GetRecords, read, not parsed, records/s",
        "GetRecords, read and parsed, records/s",
        "a put's record seen by polling, ms",
    ]
