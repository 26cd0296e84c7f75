"""The storage parts of one open store, whichever kind it is: a file that is owned, one that is read
beside its owner, or memory. They are made in the order in which each needs the one before, and
closed in the opposite order.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .clock import Clock
from .config import Settings
from .engine import background
from .engine.engine import Engine
from .errors import TailLost
from .metrics import Metrics
from .storage import migrate, statements
from .storage.guards import checksums
from .storage.guards.lock import read_mark
from .storage.maintenance import Maintenance, finish
from .storage.readers import AnyReaders, MemoryReaders, Readers
from .storage.writer import Writer

if TYPE_CHECKING:
    from .storage.files import Claim

MEMORY = ":memory:"


class OpenParts:
    """Claim, writer, readers, maintenance and the engine that was loaded through them. `close` may
    be called twice.

    `adopt`: the file is accepted as it is, though its owner had come further (`marked`, else 0).
    """

    def __init__(
        self,
        path: str,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        *,
        read_only: bool,
        adopt: bool = False,
    ) -> None:
        self.claim: Claim | None = None
        self.writer: Writer | None = None
        self.maintenance: Maintenance | None = None
        self.backup: str | None = None
        self.marked = 0
        self._closing = False
        self.engine = Engine(settings, clock, metrics)
        try:
            self.readers = self._readers(path, settings, clock, read_only)
            with self.readers.transaction() as rx:
                self.engine = Engine.load(rx, settings, clock, metrics)
                self.due = background.is_due(self.engine, rx)
                row = rx.one(statements.STATE_GET, ("store_id",))
            if row is not None and self.writer is not None and self.claim is not None:
                self._watch_tail(self.writer, self.claim, bytes(row[0]), settings, adopt)
            if self.writer is not None and self.engine.unsaved and self.writer.latched is None:
                self.writer.run(lambda group: None)
        except BaseException:
            self.close()
            raise

    def _readers(self, path: str, settings: Settings, clock: Clock, read_only: bool) -> AnyReaders:
        if read_only and path != MEMORY:
            self.claim = migrate.open_read_only(path)
            checked = self.claim.checksums
            return Readers(self.claim.path, clock, foreign=True, checked=checked)
        # The group asks `self.engine` when it opens, so the writer may exist before the engine is
        # loaded.
        if path == MEMORY:
            memory = migrate.open_in_memory()
            self.writer = Writer(
                memory, lambda tx: self.engine.open_group(tx), clock, durable=False
            )
            return MemoryReaders(self.writer, clock)
        opened = migrate.open_file(path, settings, clock)
        self.claim = opened.claim
        self.backup = opened.backup
        self.writer = Writer(
            opened.connection,
            lambda tx: self.engine.open_group(tx),
            clock,
            durable=settings.durability == "full",
        )
        self.maintenance = Maintenance(self.writer)
        if self.claim.checksums:
            self.writer.on_committing = partial(checksums.demand, opened.connection)
        return Readers(self.claim.path, clock, checked=self.claim.checksums)

    def _watch_tail(
        self, writer: Writer, claim: Claim, store_id: bytes, settings: Settings, adopt: bool
    ) -> None:
        """Refuse writes where commits are missing that were durable, and mark those to come."""
        mark = read_mark(claim.path)
        if mark is not None and mark.store_id == store_id:
            self.marked = mark.counter
        if adopt:
            # The mark stays until the file has its new id: killed before, it is still refused.
            return
        if settings.durability != "full":
            claim.clear_mark()  # a power loss may take commits then
            return
        if self.engine.stored_sequence < self.marked:
            writer.latch(TailLost(self.engine.stored_sequence, self.marked))
            return
        engine, name, marked = self.engine, store_id.hex().encode(), 0

        def mark_it() -> None:
            nonlocal marked
            if engine.stored_sequence != marked:
                marked = engine.stored_sequence
                claim.mark(name, marked)

        writer.on_committed = mark_it

    def close(self) -> None:
        """Let queued writes finish, then close readers, writer and the claim, in this order: the
        writer's is the last connection, so it leaves one file and nothing beside it.
        """
        if self._closing:
            return
        self._closing = True
        try:
            readers = getattr(self, "readers", None)
            if readers is not None:
                readers.close()
            if self.writer is not None:
                self.writer.close(finish if self.maintenance is not None else None)
        finally:
            if self.claim is not None:
                self.claim.release()
