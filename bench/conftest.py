"""Options of the benchmarks. They are run by their own command, never with the tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--growth", default=1_000_000, type=int, help="records and items to grow to")
