"""Several writes of different items, all or none.

Every action is judged before the first is written, so that the reasons of a cancellation are
complete (spec H.3); as no item may appear twice, judging them all first is the same as doing one
after the other. Nothing has been written when it is cancelled, and the error that leaves the unit
has the writer undo it anyway. Their records get one run of sequence numbers, in the order of the
actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ...errors import CancellationReason, ConditionFailed, TransactionCanceled, ValidationFailed
from .applied import Applied
from .apply import carry_out, judge

if TYPE_CHECKING:
    from .group import Group
    from .mutation import Mutation

CONDITION_FAILED: Final = "ConditionalCheckFailed"
VALIDATION_ERROR: Final = "ValidationError"


def transact(group: Group, mutations: Sequence[Mutation | ValidationFailed]) -> list[Applied]:
    """Do all of the mutations, which are of different items, or none. Raises as `judge_all`."""
    judged = judge_all(group, mutations)
    for applied in judged:
        if applied.changed:
            carry_out(group, applied)
    return judged


def judge_all(group: Group, mutations: Sequence[Mutation | ValidationFailed]) -> list[Applied]:
    """Decide what all of the mutations come to, writing nothing.

    What was found wrong with an action before the lock, but is a reason to cancel and no error of
    the request (key types, spec K.16), stands in its place as the error. Updates should be `flat`.
    Raises TransactionCanceled with one reason for each action, in order; a failed condition's
    reason carries the stored item, which the caller shows or not. Raises ResourceNotFound when a
    table has gone since."""
    judged: list[Applied] = []
    reasons: list[CancellationReason] = []
    failed = False
    for mutation in mutations:
        try:
            if isinstance(mutation, ValidationFailed):
                raise mutation
            judged.append(judge(group, mutation))
            reasons.append(CancellationReason())
        except ConditionFailed as error:
            failed = True
            reasons.append(CancellationReason(CONDITION_FAILED, str(error), error.item))
        except ValidationFailed as error:
            failed = True
            reasons.append(CancellationReason(VALIDATION_ERROR, error.message))
    if failed:
        raise TransactionCanceled(reasons)
    return judged
