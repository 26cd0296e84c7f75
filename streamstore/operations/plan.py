"""What an operation makes of a request before anything is locked: a plan, which the store then
carries out.

`prepare(params, scope)` of every operation checks all that can fail without the database and
answers one of three plans. Each names the table it is about, "" if none or many: metrics are kept
by it. A WritePlan's `apply` runs on the writer's connection inside the group's transaction; a
ReadPlan's `read` runs in one read transaction; a Ready reply needs neither. A fourth, Delayed,
comes from a tester's rule only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from ..engine.writes.group import Group
    from ..storage.transaction import ReadTransaction

Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Who asks, and of what: the engine, the region and account for ARNs, and how binary values are
    spelt.

    `base64_binary` is True for requests off the wire (binary values are base64 text) and False for
    embedded calls
    (they are bytes). Replies always hold bytes; the wire encodes them. `address` is the door's own,
    host[:port], where one was asked about it.
    """

    engine: Engine
    region: str
    account: str
    base64_binary: bool = False
    address: str = ""


@dataclass(slots=True)
class WritePlan:
    """`apply(group)` does the write under the lock and returns the reply; `cost_bytes` counts
    toward the queue's bound.
    """

    apply: Callable[[Group], Reply]
    cost_bytes: int = 512
    table: str = ""


@dataclass(slots=True)
class ReadPlan:
    """`read(transaction)` reads and returns the reply. `long` asks to be run off the event loop."""

    read: Callable[[ReadTransaction], Reply]
    long: bool = False
    table: str = ""


class Delayed(ReadPlan):
    """Nothing before `seconds` have passed; then what `then()` plans, or the error that it raises.

    It is a long ReadPlan by its type alone, so that nobody has to look for it on the way that every
    request takes: who carries out a long plan tells it from the others. It is never read.
    """

    __slots__ = ("seconds", "then")

    def __init__(self, seconds: float, then: Callable[[], Plan], table: str = "") -> None:
        super().__init__(_not_read, True, table)
        self.seconds = seconds
        self.then = then


def _not_read(transaction: ReadTransaction) -> Reply:
    raise AssertionError("a delayed plan is waited for, not read")


@dataclass(slots=True)
class Ready:
    """A reply that needs no transaction."""

    reply: Reply
    table: str = ""


Plan = WritePlan | ReadPlan | Ready
