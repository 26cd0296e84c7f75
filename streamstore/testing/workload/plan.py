"""The plan of a seed: every kind of step, in an order that makes sense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .step import Step
from .tables import Tables
from .upkeep import Upkeep
from .writes import Writes

KINDS: Final = (
    "put", "put", "put", "overwrite", "overwrite", "update", "update", "delete", "large", "huge",
    "refused", "batch", "transact", "transact", "again", "canceled", "index-add", "index-drop",
    "stream-off", "stream-on", "ttl", "expire", "lapse", "split", "roll", "trim", "checkpoint",
    "compact", "drop", "recreate", "consume", "consume", "copy", "backup", "reopen", "die",
    "die-idle",
)  # fmt: skip


class Workload(Writes, Tables, Upkeep):
    """The steps of one seed. `extra` are further writes between the kinds."""

    def __init__(self, seed: int, *, extra: int = 0) -> None:
        super().__init__(seed)
        self._extra = extra

    def steps(self) -> Iterator[Step]:
        """Every kind once or more, in an order of the seed's, after the tables are there."""
        yield self.create("north")
        yield self.create("south")
        for _ in range(4):
            yield self.put()
        kinds = [*KINDS, *self._random.choices(("put", "overwrite", "update"), k=self._extra)]
        self._random.shuffle(kinds)
        for kind in _in_order(kinds):
            made: Step | Iterator[Step] = getattr(self, kind.replace("-", "_"))()
            if isinstance(made, Step):
                yield made
            else:
                yield from made


# What must come before what.
_CHAINS: Final = (
    ("index-add", "index-drop", "drop", "recreate"),
    ("stream-off", "stream-on"),
    ("ttl", "expire", "lapse"),
)
# Kinds that follow another at once: between them the table is away, or a tick would take the item.
_AT_ONCE: Final = (("drop", "recreate"), ("expire", "lapse"))


def _in_order(kinds: list[str]) -> list[str]:
    for chain in _CHAINS:
        places = sorted(kinds.index(kind) for kind in chain)
        for place, kind in zip(places, chain, strict=True):
            kinds[place] = kind
    for first, then in _AT_ONCE:
        kinds.remove(then)
        kinds.insert(kinds.index(first) + 1, then)
    return kinds
