"""A desk with tables of each kind of key: `tab` (strings, indexes), `num` (a number and bytes),
`solo` (one string)."""

from __future__ import annotations

from typing import Any

import pytest


def _definitions(**types: str) -> list[dict[str, str]]:
    return [{"AttributeName": n, "AttributeType": t} for n, t in types.items()]


def _keys(*names: str) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, kinds, strict=False)
    ]


def _index(name: str, keys: tuple[str, ...], kind: str, *attributes: str) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": kind}
    if attributes:
        projection["NonKeyAttributes"] = list(attributes)
    return {"IndexName": name, "KeySchema": _keys(*keys), "Projection": projection}


@pytest.fixture
def shop(desk: Any) -> Any:
    """The desk with its tables."""
    desk.table(
        "tab",
        AttributeDefinitions=_definitions(pk="S", sk="S", g="S", n="N", l="S"),
        KeySchema=_keys("pk", "sk"),
        GlobalSecondaryIndexes=[
            _index("gs1", ("g", "n"), "INCLUDE", "a"),
            _index("gs2", ("g",), "ALL"),
        ],
        LocalSecondaryIndexes=[_index("ls1", ("pk", "l"), "KEYS_ONLY")],
    )
    desk.table(
        "num",
        AttributeDefinitions=_definitions(id="N", bin="B"),
        KeySchema=_keys("id", "bin"),
    )
    desk.table("solo")
    return desk
