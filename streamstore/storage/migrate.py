"""Opening a store's file, whatever state it is in: missing, current, older, newer, somebody else's.

Owns: the schema revision of a file (`PRAGMA user_version`) and the way from one to the next. Must
not know: what the tables mean.

A fresh file is made from the packaged schema.sql; a file at the head revision needs neither
SQLAlchemy nor Alembic, which are imported only where an older one is migrated. Alembic renders the
steps offline, and apsw runs them: one BEGIN IMMEDIATE holds all of them and the new revision, so a
crash leaves the old file or the new one, and a backup lies beside it before the first statement
(engine.md 2.10).

The scripts are in streamstore/migrations where the package is installed from a wheel, and in
migrations/ at the top of the source tree.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from ..clock import Clock
from ..config import Settings
from ..errors import FileForeign, FileTooNew, FileUnusable, StorageError
from . import failpoints, files, statements
from .connection import (
    configure,
    finish_fresh,
    open_memory,
    open_plain,
    open_reader,
    open_writer,
    prepare_fresh,
    translate,
)
from .guards import checksums as guards
from .maintenance import identity, make_wal_durable, verify

log = logging.getLogger("streamstore.storage")

REVISION: Final = 4
STORE_ID_BYTES: Final = 16
CHECKSUMS_STATE: Final = "checksums"
ITERATOR_KEY_BYTES: Final = 32
BACKUP_PAGES: Final = 1024


class Opened(NamedTuple):
    """A file that is ready for a Writer, whose close closes the connection; then release the claim.

    `backup` is the copy that was made before the file was migrated, or None.
    """

    claim: files.Claim
    connection: apsw.Connection
    backup: str | None


def open_file(
    path: str | os.PathLike[str],
    settings: Settings,
    clock: Clock,
    *,
    head: int = REVISION,
    scripts: Path | None = None,
    vfs: str | None = None,
) -> Opened:
    """Own the file at `path`, make or migrate it, and have its WAL durable before anybody writes.

    Raises FileLocked, FileForeign, FileTooNew, FileUnusable, Corrupted or Busy; the file is
    untouched.
    """
    real = files.resolve(path)
    claim = files.claim(real, partial(build, checksums=settings.checksum))
    try:
        connection = open_writer(
            real, settings, inspect=lambda it: _refuse(it, real, head), vfs=vfs
        )
        try:
            make_wal_durable(connection, real)
            _hold_checksums(connection, claim, settings.checksum)
            found = identity(connection)[1]
            backup = None
            if found < head:
                steps = render(scripts or scripts_folder(), found, head)
                backup = back_up(connection, real, found, clock)
                upgrade(connection, steps, head)
                configure(connection, statements.SYNCHRONOUS[settings.durability])
        except BaseException as error:
            connection.close(True)
            if isinstance(error, apsw.Error):
                raise translate(error) from error
            raise
    except BaseException:
        claim.release()
        raise
    return Opened(claim, connection, backup)


def open_read_only(path: str | os.PathLike[str], *, vfs: str | None = None) -> files.Claim:
    """Look at a file without owning it.

    Raises FileForeign, FileTooNew, FileUnusable, Corrupted or Busy.
    """
    real = files.resolve(path)
    claim = files.claim_foreign(real)
    try:
        connection = open_reader(real, foreign=True, vfs=vfs)
        try:
            _refuse(connection, real, REVISION)
            _refuse_unverified(connection, claim)
            found = identity(connection)[1]
        except apsw.Error as error:
            raise translate(error) from error
        finally:
            connection.close(True)
        if found < REVISION:
            raise FileUnusable(
                f"{real} has schema revision {found}, which is older than {REVISION}: open it for"
                " writing once, which migrates it after a backup."
            )
    except BaseException:
        claim.release()
        raise
    return claim


def open_in_memory() -> apsw.Connection:
    """A fresh store in memory: the connection for its Writer."""
    connection = open_memory()
    fill(connection)
    return connection


def build(path: str, *, checksums: bool = False) -> None:
    """Make the content of a fresh file at a path that is reserved; it is complete and closed
    afterwards.
    """
    if checksums:
        guards.load()
    connection = open_plain(path)
    try:
        if checksums:
            guards.reserve(connection)
        prepare_fresh(connection)
        fill(connection)
        finish_fresh(connection)
    except apsw.Error as error:
        raise translate(error) from error
    finally:
        connection.close(True)
    if verify(path) != (files.APPLICATION_ID, REVISION):
        raise StorageError(f"{path} was not written as it should be. Try again.")


def fill(connection: apsw.Connection) -> None:
    """Tables, identity and the first rows of store_state, in one transaction."""
    schema = resources.files(__package__).joinpath("schema.sql").read_text("utf-8")
    connection.execute(statements.BEGIN_IMMEDIATE)
    connection.execute(schema).fetchall()
    connection.execute(statements.APPLICATION_ID_SET.format(files.APPLICATION_ID)).fetchall()
    connection.execute(statements.REVISION_SET.format(REVISION)).fetchall()
    for name, value in (
        ("store_id", os.urandom(STORE_ID_BYTES)),
        ("iterator_key", os.urandom(ITERATOR_KEY_BYTES)),
        ("sequence", 0),
        ("catalogue_version", 0),
    ):
        connection.execute(statements.STATE_PUT, (name, value)).fetchall()
    connection.execute(statements.COMMIT)


def _hold_checksums(connection: apsw.Connection, claim: files.Claim, wanted: bool) -> None:
    """A file with checksums says so in itself too, since its header may be damaged; one without
    them is refused where they are wanted.
    """
    _refuse_unverified(connection, claim)
    if claim.checksums:
        if not connection.execute(statements.STATE_GET, (CHECKSUMS_STATE,)).fetchall():
            connection.execute(statements.STATE_PUT, (CHECKSUMS_STATE, 1)).fetchall()
    elif wanted:
        raise FileUnusable(
            f"{claim.path} has no checksums in its pages. Make a copy that has them with"
            " `streamstore backup --checksum`, and a store of that with `streamstore restore`."
        )


def _refuse_unverified(connection: apsw.Connection, claim: files.Claim) -> None:
    if claim.checksums:
        guards.demand(connection)
    elif connection.execute(statements.STATE_GET, (CHECKSUMS_STATE,)).fetchall():
        raise guards.unverified()


def back_up(connection: apsw.Connection, path: str, found: int, clock: Clock) -> str:
    """Copy the file beside itself before it is migrated; returns the copy's path."""
    now_ms = clock.now_ms()
    while os.path.exists(target := f"{path}.backup-r{found}-{now_ms}"):
        now_ms += 1
    with files.new_file(target) as temporary:
        copy = open_plain(temporary)
        try:
            with copy.backup("main", connection, "main") as pages:
                while not pages.done:
                    pages.step(BACKUP_PAGES)
        finally:
            copy.close(True)
        failpoints.hit("backup-copied")
        if verify(temporary) != (files.APPLICATION_ID, found):
            raise StorageError(f"The backup {target} is not what {path} is. Nothing was migrated.")
    log.warning("%s is migrated from revision %d; a backup is in %s", path, found, target)
    return target


def upgrade(connection: apsw.Connection, steps: list[str], head: int) -> None:
    """Run rendered statements and set the revision, all in one transaction, synced."""
    configure(connection, statements.SYNCHRONOUS["full"])
    connection.execute(statements.BEGIN_IMMEDIATE)
    try:
        failpoints.hit("migration-begun")
        for step in steps:
            # Drained: at an INSERT with RETURNING an undrained cursor would stop, and skip what
            # follows it.
            connection.execute(step).fetchall()
            if not connection.in_transaction:
                raise StorageError("A migration ended its own transaction. Restore the backup.")
            failpoints.hit("migration-statement")
        connection.execute(statements.REVISION_SET.format(head)).fetchall()
        if identity(connection)[1] != head:
            raise StorageError(f"The migration did not reach revision {head}.")
        failpoints.hit("migration-before-commit")
        connection.execute(statements.COMMIT)
    except BaseException:
        if connection.in_transaction:
            connection.execute(statements.ROLLBACK)
        raise
    failpoints.hit("migration-committed")


def render(scripts: Path, found: int, head: int) -> list[str]:
    """The SQL of every step after revision `found` up to `head`, one text a statement. 0: from
    nothing.

    Alembic's own table of versions is left out: the revision is `PRAGMA user_version`.
    """
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    class Statements(list[str]):
        """Where Alembic writes its output: one call a statement."""

        def write(self, text: str) -> None:
            if text.strip():
                self.append(text.strip())

        def flush(self) -> None:
            """There is nothing behind this list."""

    texts = Statements()
    context = MigrationContext.configure(
        dialect_name="sqlite",
        opts={"as_sql": True, "output_buffer": texts, "literal_binds": True},
    )
    revisions = ScriptDirectory(str(scripts)).iterate_revisions(
        f"{head:04d}", f"{found:04d}" if found else "base"
    )
    with Operations.context(context):
        for revision in reversed(list(revisions)):
            revision.module.upgrade()
    return list(texts)


def scripts_folder() -> Path:
    """Where the migrations are: in the wheel under the package, in the source tree beside it."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "migrations", package.parent / "migrations"):
        if (folder / "versions").is_dir():
            return folder
    raise StorageError("The migrations of this installation are missing. Reinstall streamstore.")


def _refuse(connection: apsw.Connection, path: str, head: int) -> None:
    application, found = identity(connection)
    if application != files.APPLICATION_ID or found < 1:
        raise FileForeign(path, "a SQLite database of another program")
    if found > head:
        raise FileTooNew(found, head)
