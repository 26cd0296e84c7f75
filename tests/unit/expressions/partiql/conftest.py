"""How attribute values are spelt in PartiQL, for tests that compare statements with requests."""

from __future__ import annotations

from typing import Any

import pytest


def literal(value: Any) -> str:
    """The literal of a canonical value; binary values have none."""
    ((kind, content),) = value.items()
    if kind == "S":
        return quoted(content)
    if kind == "N":
        return str(content)
    if kind == "BOOL":
        return str(content).upper()
    if kind == "NULL":
        return "NULL"
    if kind in ("SS", "NS"):
        members = [quoted(member) if kind == "SS" else member for member in content]
        return f"<<{', '.join(members)}>>"
    if kind == "L":
        return f"[{', '.join(map(literal, content))}]"
    assert kind == "M", kind
    return f"{{{', '.join(f'{quoted(k)}: {literal(v)}' for k, v in content.items())}}}"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def spell() -> Any:
    """`literal`."""
    return literal
