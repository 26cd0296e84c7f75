"""What every test may ask for: the real inputs, and a place of its own on a real disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared_folder() -> Path:
    return Path(os.environ.get("STREAMSTORE_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inputs; the test skips without it, and fails where CI says that it is
    there.
    """
    folder = shared_folder() / "data"
    if not folder.is_dir():
        if os.environ.get("STREAMSTORE_REAL_DATA_REQUIRED"):
            pytest.fail(f"{folder} was there when the run began")
        pytest.skip(f"no real inputs at {folder}; set STREAMSTORE_SHARED")
    return folder
