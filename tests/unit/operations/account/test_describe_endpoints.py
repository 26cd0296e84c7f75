"""DescribeEndpoints: an address is told by who has one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any


def test_a_door_with_an_address_tells_it_and_how_long_it_holds(desk: Any) -> None:
    door = replace(desk.scope, address="localhost:8000")
    assert desk.ask("DescribeEndpoints", door) == {
        "Endpoints": [{"Address": "localhost:8000", "CachePeriodInMinutes": 1440}]
    }


def test_a_store_without_an_address_does_not_know_the_operation(desk: Any) -> None:
    assert desk.refusal("DescribeEndpoints") == ("UnknownOperationException", "")
