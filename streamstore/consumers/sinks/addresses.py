"""Which databases a sink may write to, and what their errors mean.

A URL is SQLAlchemy's: postgresql://USER@HOST/NAME, through psycopg, or sqlite:///PATH. No URL may
name a store, by whatever path, link or `file:` URI: the standard library's SQLite in a process that
has the store open corrupts it (engine.md 2.9). So the path is resolved and looked at first, by
those who know stores (storage/foreign), and then that path alone is opened.

Must not know: what is written.
"""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from ... import limits
from ...errors import SinkRefused, SinkUnavailable
from ...storage.foreign.recognition import names_store

_SQLITE_PASSES: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL")
# Classes of SQLSTATE: connection, rollback, resources, object in use, intervention, system.
_POSTGRESQL_PASSES: Final = ("08", "40", "53", "55", "57", "58")
_CONNECT: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "application_name": "streamstore",
    # Whoever holds a lock on the table has it; others would queue up behind a waiting ALTER TABLE.
    "options": f"-c lock_timeout={limits.SINK_LOCK_SECONDS_MAX}s",
}


def engine_of(text: str) -> Engine:
    """An engine for a URL, not yet connected. SinkRefused for what is not such a URL, and for a
    store.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise SinkRefused(
            "The target is a URL such as postgresql://user@host/name or sqlite:///copy.db."
        ) from None
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return _sqlite(url)
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return _postgresql(url.set(drivername="postgresql+psycopg"))
    raise SinkRefused(
        f"{url.drivername} is no target that this sink knows; use postgresql:// or sqlite:///."
    )


def meaning(error: DBAPIError) -> SinkUnavailable | SinkRefused:
    """What a database's error means: whether it may pass."""
    cause = error.orig
    text = " ".join(str(cause).split())
    passes = error.connection_invalidated
    name = getattr(cause, "sqlite_errorname", None)
    if name is not None:
        passes = passes or name.startswith(_SQLITE_PASSES)
    else:
        state = getattr(cause, "sqlstate", None)
        # Without a state the server said nothing: it is not there, or went away.
        operational = type(cause).__name__ in ("OperationalError", "InterfaceError")
        passes = passes or (operational if state is None else state[:2] in _POSTGRESQL_PASSES)
    if passes:
        return SinkUnavailable(f"The target is not available: {text}")
    return SinkRefused(f"The target refuses: {text}")


def _sqlite(url: URL) -> Engine:
    if set(url.query) - {"uri"}:
        raise SinkRefused("A SQLite target takes no parameters: give sqlite:///PATH.")
    database = url.database or ""
    if database.startswith("file:"):
        parts = urlsplit(database)
        if parts.netloc not in ("", "localhost") or parts.query:
            raise SinkRefused(f"{database} names no file of this machine: give sqlite:///PATH.")
        database = unquote(parts.path)
    if not database or database == ":memory:" or "\x00" in database:
        raise SinkRefused("A SQLite target is a file: give sqlite:///PATH.")
    path = os.path.realpath(database)
    if names_store(path):
        raise SinkRefused(
            f"{path} belongs to a streamstore store, which no other program may write to. "
            "Name another file."
        )
    if not os.path.isdir(os.path.dirname(path)):
        raise SinkRefused(f"The folder {os.path.dirname(path)} does not exist. Create it first.")
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=path),
        connect_args={"timeout": limits.SINK_LOCK_SECONDS_MAX},
    )

    # The driver by itself begins a transaction at the first INSERT, after a CREATE TABLE: so it is
    # begun for it. At once as a writer, since a reader that becomes one may be refused.
    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    given = {name: value for name, value in _CONNECT.items() if name not in url.query}
    try:
        return create_engine(url, connect_args=given)
    except (ImportError, NoSuchModuleError):
        raise SinkRefused(
            "PostgreSQL needs the driver psycopg: pip install 'streamstore[postgresql]'."
        ) from None
