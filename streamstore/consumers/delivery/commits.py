"""How an answer and its checkpoint commit, and the seam by which a target makes them one.

The seam, for consumers/transactional: what a target's `invoke` returns may, besides being one of
`targets.target.Outcome`, carry work of its own for the store. It is then an instance with two
attributes:

    unit(group) -> None   applies the function's writes in the group of the checkpoint. It runs
                          under the writer's lock, so it calls no user code. It raises UnitConflict
                          where something that the function has read was changed meanwhile.
    value                 what the function returned, read as Answered.value is

`unit.cost_bytes`, where it has one, counts toward the queue's bound.

After a complete success the runtime commits `unit` and the checkpoint as ONE unit of the writer:
both are there or neither is. UnitConflict invokes the function again at once, with the same event,
UNIT_ATTEMPTS_MAX times; after that the invocation counts as a function error and is retried as one.
Any other error of `unit` is a function error too. An answer that reports failures
(ReportBatchItemFailures) commits nothing of its unit, and counts as a failure of the whole batch:
writes that belong to a part of a batch can't be told from the others. `Answered`, `FunctionError`
and `NotInvoked` have no attribute `unit`. Everything of one shard commits in turns, so a unit sees
what the batch before it of its lane has committed.

Otherwise: the checkpoint commits after the function has returned, so a worker that is killed
between the two delivers the batch again (at least once).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import checkpoints
from ..destinations.failure import Failure, keep

if TYPE_CHECKING:
    from ...engine.writes.group import Group
    from ..checkpoints import Row

# What a checkpoint's row costs a group, beyond its progress.
ROW_BYTES = 64


class Extras(NamedTuple):
    """What commits together with a checkpoint: failures to list, the unit of a target."""

    failures: tuple[Failure, ...] = ()
    unit: Callable[[Group], None] | None = None


NOTHING = Extras()


def unit_of(answer: Any) -> Callable[[Group], None] | None:
    """The unit that an answer carries, or None."""
    found: Callable[[Group], None] | None = getattr(answer, "unit", None)
    return found


def joined(row: Row, extras: Extras) -> tuple[Callable[[Group], None], int]:
    """(unit, its cost in bytes) that writes a checkpoint with what belongs to it."""

    def unit(group: Group) -> None:
        if extras.unit is not None:
            extras.unit(group)
        for failure in extras.failures:
            keep(group, failure)
        checkpoints.write(group, row)

    cost = ROW_BYTES + len(row.progress or b"") + getattr(extras.unit, "cost_bytes", 0)
    return unit, cost + sum(len(failure.payload) for failure in extras.failures)
