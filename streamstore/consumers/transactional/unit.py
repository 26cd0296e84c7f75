"""A unit of work: reads and writes that commit together, or not at all.

It reads committed state and its own buffered writes, and holds no lock and no transaction while its
user thinks. Called with a group, under the writer's lock, it checks that everything that was read
is still so (seen), then makes the writes, each as the operation would have made it by itself, with
its index entries and change records. A condition is judged at once, and once more then.

The methods are a boto3 client's for items: get_item, put_item, update_item, delete_item, query,
scan, batch_get_item, transact_get_items, batch_write_item and transact_write_items, with
paginators; `table(name)` takes native values. They raise ClientError as a client does; UnitTooLarge
and UnitConflict come as they are. A transaction that is cancelled leaves the unit as it was, but
for having read what cancelled it; it takes no ClientRequestToken, since the unit commits once.
Replies of writes hold no capacities and collection sizes, since those are known at the end only. It
is for one thread, and bounded (limits.UNIT_*).

Must not know: mappings, batches, checkpoints. Who commits it puts those into the same unit.
"""

from __future__ import annotations

from types import MethodType
from typing import TYPE_CHECKING, Any, Final, cast

from ...client import Client
from ...client.exceptions import ClientError
from ...engine.writes.apply import apply, judge
from ...engine.writes.transact import judge_all
from ...errors import (
    ConditionFailed,
    ConsumerError,
    RequestError,
    ResourceNotFound,
    TransactionCanceled,
    UnitConflict,
    ValidationFailed,
)
from ...operations import registry
from ...operations.items.batch_write_item import BatchWrite
from ...operations.items.transact_write_items import Transaction
from ...operations.items.writing import COST_BYTES, ItemWrite, note_units, returned
from ...operations.plan import ReadPlan, Reply, WritePlan
from ...storage import failpoints
from .overlay import Image, Judging, Overlay, Sight
from .seen import Bounds, Place, Seen

if TYPE_CHECKING:
    from ...engine.writes.applied import Applied
    from ...engine.writes.group import Group
    from ...engine.writes.mutation import Mutation
    from ...storage.transaction import ReadTransaction
    from ...store import Store
    from ...table import Table

Params = dict[str, Any]

READS: Final = frozenset(("GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"))
WRITES: Final = frozenset(
    ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
)
_TOKEN: Final = (
    "A unit of work commits once, so it has no use for a ClientRequestToken: leave it out."
)


class UnitOfWork(Client):
    """One unit of work on an open store. Make a new one for each run of its handler."""

    def __init__(self, store: Store) -> None:
        self._buffer = Buffer(store)
        super().__init__(self._buffer)

    def make_api_call(self, operation: str, params: Params) -> Reply:
        """Any operation that a unit has, by the service's name."""
        try:
            return super().make_api_call(operation, params)
        except ClientError as error:
            if isinstance(error.__cause__, ConsumerError):
                raise error.__cause__ from None
            raise

    def table(self, name: str) -> Table:
        """The same for one table, with native values."""
        from ...table import Table

        return Table(self._buffer, name, self)

    @property
    def cost_bytes(self) -> int:
        """What committing it costs in the writer's queue."""
        return self._buffer.cost_bytes

    @property
    def empty(self) -> bool:
        """Whether it has read and written nothing, so that there is nothing to commit."""
        return self._buffer.empty

    def __call__(self, group: Group) -> None:
        """Check what was read and make the writes, in a unit of the writer.

        Raises UnitConflict if something has changed since: the unit of the writer must fail with
        it, and the work be done again with a new UnitOfWork. Raises UnitTooLarge if it was raised
        before, whatever its user made of it then.
        """
        self._buffer.commit(group)

    def is_stale(self) -> bool:
        """Whether something that it has read is no longer so: a failure of its handler may come
        of that alone.
        """
        return self._buffer.is_stale()

    def end(self) -> None:
        """Refuse everything from now on."""
        self._buffer.ended = True


class Buffer:
    """What a unit has read and would write; the Caller behind its clients."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bounds = Bounds()
        self._seen = Seen(self._bounds)
        self._overlay = Overlay(store.engine.catalog)
        self._mutations: list[tuple[Mutation, int]] = []  # what each costs, in write units a KiB
        self.cost_bytes = COST_BYTES
        self.ended = False
        self.empty = True

    def call(self, operation: str, params: Params) -> Reply:
        """One operation, its writes buffered."""
        if self.ended:
            raise ConsumerError("This unit of work is over; a handler uses its own until it ends.")
        if operation not in READS and operation not in WRITES:
            raise ConsumerError(f"A unit of work has no {operation}: do it outside of it.")
        self.empty = False
        store = self._store
        try:
            plan = registry.prepare(operation, params, store.scope)
            with store.readers.transaction() as rx:
                if isinstance(plan, ReadPlan):
                    sight = Sight(self._overlay, self._seen, rx)
                    return plan.read(cast("ReadTransaction", sight))
                assert isinstance(plan, WritePlan), operation
                return self._write(plan, rx)
        except ResourceNotFound as error:
            if error.kind == "table":
                self._seen.absent(error.name)
            raise

    def _write(self, plan: WritePlan, rx: ReadTransaction) -> Reply:
        work = cast(MethodType, plan.apply).__self__
        judging = Judging(self._overlay, self._seen, rx)
        if isinstance(work, BatchWrite):
            for _, mutation in work.mutations:
                self._buffered(mutation, judging, {})
            return {"UnprocessedItems": {}}
        if isinstance(work, Transaction):
            return self._transacted(work, judging)
        assert isinstance(work, ItemWrite), work
        return self._buffered(work.mutation, judging, work.params)

    def _transacted(self, work: Transaction, judging: Judging) -> Reply:
        """Judge the actions of a transaction together, then buffer them all or none."""
        if work.token is not None:
            raise ConsumerError(_TOKEN)
        try:
            judged = judge_all(cast("Group", judging), work.mutations)
        except TransactionCanceled as canceled:
            # Its handler may go on from that.
            for mutation in work.mutations:
                if not isinstance(mutation, ValidationFailed):
                    self._seen.tell(_place(mutation))
            work.hide_items(canceled)
            raise
        for mutation, applied in zip(work.mutations, judged, strict=True):
            assert not isinstance(mutation, ValidationFailed), "it was cancelled otherwise"
            if mutation.kind == "check":
                # It is judged once more at the end.
                self._mutations.append((mutation, 2))
            else:
                self._keep(mutation, _image(applied), 2)
        return {}

    def _buffered(self, mutation: Mutation, judging: Judging, params: Params) -> Reply:
        """Judge a write, buffer it, answer."""
        place = _place(mutation)
        mode = params.get("ReturnValues", "NONE")
        blind = mode == "NONE" and mutation.condition is None and mutation.kind != "update"
        reply: Reply = {}
        if blind:
            self._seen.table(mutation.table)
            image = Image(mutation.item_size, mutation.packed)
        else:
            image, attributes = self._judged(mutation, judging, place, params)
            if attributes:
                reply["Attributes"] = attributes
        self._keep(mutation, image, 1)
        return reply

    def _keep(self, mutation: Mutation, image: Image, factor: int) -> None:
        """Buffer a write that leaves its item as `image`."""
        place = _place(mutation)
        size = image.size + mutation.key.size + COST_BYTES
        self._bounds.wrote(place not in self._overlay.images, size)
        self._overlay.images[place] = image
        self._mutations.append((mutation, factor))
        self.cost_bytes += size

    def _judged(
        self, mutation: Mutation, judging: Judging, place: Place, params: Params
    ) -> tuple[Image, Any]:
        """What a write comes to by what is seen now, and the Attributes of its reply."""
        mode = params.get("ReturnValues", "NONE")
        try:
            applied = judge(cast("Group", judging), mutation)
        except RequestError as error:
            # Its handler may go on from that.
            self._seen.tell(place)
            if (
                isinstance(error, ConditionFailed)
                and error.item is not None
                and params.get("ReturnValuesOnConditionCheckFailure") != "ALL_OLD"
            ):
                raise ConditionFailed() from None
            raise
        if mode != "NONE":
            self._seen.tell(place)
        return _image(applied), returned(mode, mutation, applied)

    def commit(self, group: Group) -> None:
        """As UnitOfWork.__call__."""
        self._bounds.check()
        failpoints.hit("unit-before-check")
        self._seen.check(group)
        failpoints.hit("unit-after-check")
        for mutation, factor in self._mutations:
            try:
                applied = apply(group, mutation)
            except (ConditionFailed, ValidationFailed, ResourceNotFound) as error:
                # It was none when it was judged: what it was judged by has changed.
                raise UnitConflict(f"An item of {mutation.table.name}") from error
            note_units(group, applied, factor)
            failpoints.hit("unit-write-made")
        failpoints.hit("unit-all-made")

    def is_stale(self) -> bool:
        """As UnitOfWork.is_stale."""
        with self._store.readers.transaction() as rx:
            try:
                self._seen.check_rows(rx)
            except UnitConflict:
                return True
        return False


def _place(mutation: Mutation) -> Place:
    """Where the item of a write lies."""
    key = mutation.key
    return mutation.table.table_id, key.hash, key.pk, key.sk


def _image(applied: Applied) -> Image:
    """What an item is after a write that was judged."""
    if applied.changed:
        return Image(applied.new_size if applied.new_packed is not None else 0, applied.new_packed)
    return Image(applied.old_size, applied.old_packed)
