"""The storage parts of one open store, whichever kind it is: a file that is owned, one that is read
beside its owner, or memory. They are made in the order in which each needs the one before, and
closed in the opposite order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clock import Clock
from .config import Settings
from .engine import background
from .engine.engine import Engine
from .metrics import Metrics
from .storage import migrate
from .storage.maintenance import Maintenance, finish
from .storage.readers import AnyReaders, MemoryReaders, Readers
from .storage.writer import Writer

if TYPE_CHECKING:
    from .storage.files import Claim

MEMORY = ":memory:"


class OpenParts:
    """Claim, writer, readers, maintenance and the engine that was loaded through them. `close` may
    be called twice.
    """

    def __init__(
        self, path: str, settings: Settings, clock: Clock, metrics: Metrics, *, read_only: bool
    ) -> None:
        self.claim: Claim | None = None
        self.writer: Writer | None = None
        self.maintenance: Maintenance | None = None
        self.backup: str | None = None
        self._closing = False
        self.engine = Engine(settings, clock, metrics)
        try:
            self.readers = self._readers(path, settings, clock, read_only)
            with self.readers.transaction() as rx:
                self.engine = Engine.load(rx, settings, clock, metrics)
                self.due = background.is_due(self.engine, rx)
        except BaseException:
            self.close()
            raise

    def _readers(self, path: str, settings: Settings, clock: Clock, read_only: bool) -> AnyReaders:
        if read_only and path != MEMORY:
            self.claim = migrate.open_read_only(path)
            return Readers(self.claim.path, clock, foreign=True)
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
        return Readers(self.claim.path, clock)

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
