"""Proof: what breaks a store on purpose, and says whether anything was lost by it.

For your own code (kit/):

    power_losses(work, invariant)   every image that a power loss could leave of what `work` writes
    crashes(work, invariant)        every operation of the disk as the last one
    ConsumerChecker(consumer)       a consumer of a stream under the named scenarios

`disk` knows nothing of streamstore: a recording and failing disk below SQLite, and the images that
a power loss could leave of it. The campaigns `power`, `kills` and `errors` run a `workload` of
every kind of write over it, beside a `model`. `flips` and `fuzz` change `bits` of files and of
requests; `server_kills` kills a real server under load (served/). `campaigns` finds all by kind.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kit.consumer_checker import ConsumerChecker, Findings
    from .kit.trials import Broken, Place, Trial, crashes, power_losses

_HOMES = {
    "Broken": "trials",
    "ConsumerChecker": "consumer_checker",
    "Findings": "consumer_checker",
    "Place": "trials",
    "Trial": "trials",
    "crashes": "trials",
    "power_losses": "trials",
}

__all__ = ["Broken", "ConsumerChecker", "Findings", "Place", "Trial", "crashes", "power_losses"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".kit.{home}", __name__), name)
