"""A scene for tests of workers: in memory, or in a file that another process can take over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .scene import Scene


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


@pytest.fixture
def filed(tmp_path: Any) -> Iterator[Scene]:
    """The same in a file, which can be taken over."""
    made = Scene(str(tmp_path / "consumed.db"))
    yield made
    made.close()
