"""DescribeLimits."""

from __future__ import annotations

from typing import Any


def test_the_service_s_default_quotas_are_told(desk: Any) -> None:
    limits = desk.ask("DescribeLimits")
    assert set(limits) == {
        f"{whose}Max{direction}CapacityUnits"
        for whose in ("Account", "Table")
        for direction in ("Read", "Write")
    }
    assert limits["TableMaxReadCapacityUnits"] <= limits["AccountMaxReadCapacityUnits"]
