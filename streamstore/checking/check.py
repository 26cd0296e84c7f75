"""A whole check: of a file, of any read transaction, of an open store.

    file ── structure   SQLite's integrity, the revision's tables, owners
         ── picture     what there is: tables, streams, shards
         ── shards      ranges, lineage, ends
         ── tables      items, bodies, entries, expiries, counters
         ── chain       records, and the stream against the table

Owns: the order, opening a file to look at it, and the report. A file is opened read-only, beside
its owner where it has one, and seen as of one instant: what is committed meanwhile is not looked
at, and the owner's write-ahead log can't shrink while the check runs. Nothing is ever written.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ..clock import Clock, SystemClock
from ..storage import migrate
from ..storage.guards import lock
from ..storage.readers import Readers
from ..storage.transaction import ReadTransaction
from . import statements as sql
from . import structure
from .chain import Chain
from .findings import Findings, Report, Violation
from .memory import check_memory
from .picture import Progress, Shard, load, shards_of
from .records import Numbers
from .shards import check_partitions, check_shards
from .tables import check_tables

if TYPE_CHECKING:
    from ..engine.engine import Engine


def silent(_stage: str, _done: int, _total: int) -> None:
    """No progress."""


def check(
    source: str | os.PathLike[str] | ReadTransaction | Any,
    *,
    progress: Progress = silent,
    clock: Clock | None = None,
) -> Report:
    """Check a file by its path, or what a read transaction, or an open Store, sees.

    `progress(stage, done, total)` is called now and then. Raises FileForeign, FileTooNew,
    FileUnusable, Corrupted or Busy for a file that can't be looked at, in plain words.
    """
    if isinstance(source, ReadTransaction):
        return _report("", source, None, progress)
    if isinstance(source, str | os.PathLike):
        return _check_file(source, progress, clock or SystemClock())
    transaction: Callable[[], AbstractContextManager[ReadTransaction]] = source.readers.transaction
    with transaction() as rx:
        return _report(source.path, rx, source.engine, progress)


def check_transaction(
    rx: ReadTransaction | Any,
    engine: Engine | None = None,
    *,
    integrity: bool = True,
    progress: Progress = silent,
) -> list[Violation]:
    """Every violation that a read transaction, or an apsw connection, shows; [] where all is well.

    `engine`: its memory is held against the rows as well; nobody may write meanwhile. `integrity`:
    whether SQLite checks its own trees too, which reads the file once more.
    """
    if not isinstance(rx, ReadTransaction):
        rx = ReadTransaction(rx)
    return _find(rx, engine, integrity, progress).violations


def _check_file(path: str | os.PathLike[str], progress: Progress, clock: Clock) -> Report:
    claim = migrate.open_read_only(path)
    try:
        owner = str(lock.read_owner(claim.path)) if lock.held(claim.path) else None
        # Read before the file is: a live owner goes on, and what it had marked by now is committed.
        mark = lock.read_mark(claim.path)
        readers = Readers(claim.path, clock, foreign=True, checked=claim.checksums)
        try:
            with readers.transaction() as rx:
                return replace(_report(claim.path, rx, None, progress, mark), beside=owner)
        finally:
            readers.close()
    finally:
        claim.release()


def _report(
    path: str,
    rx: ReadTransaction,
    engine: Engine | None,
    progress: Progress,
    mark: lock.Mark | None = None,
) -> Report:
    started = perf_counter()
    found = _find(rx, engine, True, progress, mark)
    facts: dict[str, int] = {}
    for name, statement in sql.COUNTS.items():
        with found.section(f"the number of {name}"):
            row = rx.one(statement)
            facts[name] = 0 if row is None else row[0]
    return Report(
        path, found.violations, dict(found.counts), facts, seconds=perf_counter() - started
    )


def _find(
    rx: ReadTransaction,
    engine: Engine | None,
    integrity: bool,
    progress: Progress,
    mark: lock.Mark | None = None,
) -> Findings:
    found = Findings()
    if integrity:
        progress("SQLite's own check", 0, 0)
        with found.section("the file"):
            structure.check_integrity(rx, found)
    picture = load(rx, found)
    with found.section("the schema"):
        structure.check_identity(rx, found, picture)
        if mark is not None:
            structure.check_tail(found, picture, mark)
    with found.section("the owners of rows"):
        structure.check_owners(rx, found, picture)
    with found.section("tokens and checkpoints"):
        structure.check_rest(rx, found, picture)
    with found.section("the partitions"):
        check_partitions(found, picture)
    numbers = Numbers()
    for stream in picture.streams.values():
        shards: list[Shard] = []
        with found.section(f"shards of {stream.place}"):
            shards = shards_of(rx, stream)
            check_shards(found, picture, stream, shards)
        with found.section(f"records of {stream.place}"):
            Chain(rx, found, picture, stream, shards, numbers, progress).run()
    check_tables(rx, found, picture, progress)
    if engine is not None:
        with found.section("the open store"):
            check_memory(rx, found, picture, engine)
    return found
