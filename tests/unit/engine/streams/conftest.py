"""The lab of streams (lab.py), loaded by path: tests have no packages to import it from."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def load_lab() -> ModuleType:
    name = "streams_lab"
    if name not in sys.modules:
        spec = spec_from_file_location(name, Path(__file__).with_name("lab.py"))
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def streams_lab() -> Any:
    """The module lab.py."""
    return load_lab()


@pytest.fixture
def lab(streams_lab: Any) -> Any:
    """A fresh store in memory with the default settings."""
    return streams_lab.Lab()
