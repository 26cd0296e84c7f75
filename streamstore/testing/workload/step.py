"""What a step is, and what steps draw from: keys that were written before, items that are new."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from ..model import Item, Model
from .life import Life

Act = Callable[[Life], Any]
Learn = Callable[[Model, int], None]


class Step(NamedTuple):
    """What is done, and what the model learns from it (with the time at which it was done)."""

    name: str
    act: Act
    learn: Learn


def nothing(_model: Model, _now_ms: int) -> None:
    """A step that changes nothing that can be read."""


class Drawn:
    """The draws of one seed. The kinds of steps are methods of the classes above this one."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._number = 0
        self._ending = ""
        self.keys: dict[str, list[str]] = {"north": [], "south": []}

    def _item(self, key: str, size: int = 120, **more: Any) -> Item:
        self._number += 1
        item: Item = {
            "id": {"S": key},
            "number": {"N": str(self._number)},
            "text": {"S": "abcdefgh" * (size // 8)},
            **more,
        }
        if self._number % 3:
            item["kind"] = {"S": f"kind-{self._number % 4}"}
        return item

    def _table(self) -> str:
        return self._random.choice(("north", "south"))

    def _key(self, table: str) -> str:
        """A key that was written before, or a new one."""
        known = self.keys[table]
        return self._random.choice(known) if known else self._fresh(table)

    def _fresh(self, table: str) -> str:
        key = f"{table}-{len(self.keys[table])}-{self._number}"
        self.keys[table].append(key)
        return key

    def _put(self, table: str, item: Item, name: str) -> Step:
        def learn(model: Model, now_ms: int) -> None:
            model.tables[table].put(now_ms, item)

        return Step(name, lambda life: life.call("PutItem", TableName=table, Item=item), learn)
