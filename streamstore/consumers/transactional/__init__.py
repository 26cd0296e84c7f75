"""Exactly once in the store: work whose reads, writes and checkpoint are one unit.

    seen       what a unit has read, and the check that it still is so
    overlay    committed state with the unit's own writes laid over it
    unit       UnitOfWork, what a handler is given
    running    running work again until it commits, bounded
    target     a mapping's function that is given a unit: handler(event, context, unit)

A transactional handler may run more often than its effects show: it runs again after a conflict and
after a crash, but the writes of one run alone are committed, and only together with the checkpoint
that says that its batch is done. So nothing that it does outside of its unit (a message sent, a
file written) is done exactly once. Every other handler gets each record at least once; a record's
`eventID` is the same at every delivery, and is the key to deduplicate by.
"""

from __future__ import annotations

from .running import transact, unit_of_work
from .target import TransactionalTarget, transactional
from .unit import UnitOfWork

__all__ = ["TransactionalTarget", "UnitOfWork", "transact", "transactional", "unit_of_work"]
