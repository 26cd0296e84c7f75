"""One transaction as the rooms above see it: rows in, rows out, errors under our names.

Owns: the thin objects through which engine code runs named statements. Must not know: who begins
and ends transactions (writer.py and readers.py do), nor what the statements mean.

Every method drains its statement: an undrained cursor holds the read transaction open after COMMIT,
and stops a statement with RETURNING halfway. Only `iterate` keeps one open, and the end of the
transaction closes it.

Hot path: a method is one call of a prepared cursor. `_execute` is that cursor's method while the
transaction lives and a refusal afterwards, so that a stale object can't reach a connection which
serves somebody else by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import apsw

from ..errors import RolledBack, StorageError
from .connection import translate

Row = tuple[Any, ...]
Params = tuple[Any, ...] | dict[str, Any]


class ReadTransaction:
    """Reads of one snapshot. Raises StorageError where SQLite fails."""

    __slots__ = ("_connection", "_cursor", "_execute", "_iterating")

    def __init__(self, connection: apsw.Connection, cursor: apsw.Cursor | None = None) -> None:
        self._connection = connection
        self._cursor = cursor or connection.cursor()
        self._execute: Any = self._cursor.execute
        self._iterating: list[apsw.Cursor] = []

    def one(self, sql: str, params: Params = ()) -> Row | None:
        """The first row, or None. All rows are fetched: a statement that could give many says LIMIT
        1.
        """
        try:
            rows = self._execute(sql, params).fetchall()
        except apsw.Error as error:
            raise self._failed(error) from error
        return rows[0] if rows else None

    def all(self, sql: str, params: Params = ()) -> list[Row]:
        """Every row."""
        try:
            rows: list[Row] = self._execute(sql, params).fetchall()
        except apsw.Error as error:
            raise self._failed(error) from error
        return rows

    def iterate(self, sql: str, params: Params = ()) -> Iterator[Row]:
        """Rows as they are asked for; ends with the transaction. Other statements may run
        meanwhile.
        """
        if self._execute != self._cursor.execute:
            self._execute(sql, params)
        cursor = self._connection.cursor()
        self._iterating.append(cursor)
        try:
            cursor.execute(sql, params)
        except apsw.Error as error:
            raise self._failed(error) from error
        return self._rows(cursor)

    def _rows(self, cursor: apsw.Cursor) -> Iterator[Row]:
        try:
            yield from cursor
        except apsw.Error as error:
            raise self._failed(error) from error
        finally:
            cursor.close(True)

    def start(self) -> None:
        """The transaction begins (anew, on the same connection). Writer and readers only."""
        self._execute = self._cursor.execute

    def end(self) -> None:
        """The transaction is over: its iterators are closed and its methods refuse. Writer and
        readers only.
        """
        self._execute = _refuse
        if self._iterating:
            self.close_iterators()

    def close_iterators(self) -> None:
        """Close what `iterate` left open: an open read would outlive COMMIT."""
        while self._iterating:
            self._iterating.pop().close(True)

    def drop_cursor(self) -> None:
        """After an interruption: a statement cut between its rows would keep its snapshot open."""
        self._cursor.close(True)
        self._cursor = self._connection.cursor()

    def _failed(self, error: apsw.Error) -> StorageError:
        return translate(error)


class WriteTransaction(ReadTransaction):
    """Reads and writes on the writer's connection, inside a group's transaction.

    `lost` is the error after which SQLite had rolled the whole transaction back by itself
    (engine.md 1.4); from then on every method refuses, since a statement would be executed and
    committed on its own.
    """

    __slots__ = ("lost",)

    def __init__(self, connection: apsw.Connection, cursor: apsw.Cursor | None = None) -> None:
        super().__init__(connection, cursor)
        self.lost: apsw.Error | None = None

    def run(self, sql: str, params: Params = ()) -> None:
        """Execute a statement; rows it may give are dropped."""
        try:
            self._execute(sql, params).fetchall()
        except apsw.Error as error:
            raise self._failed(error) from error

    def run_each(self, sql: str, rows: Iterable[Params]) -> None:
        """Execute a statement once for each tuple of parameters."""
        if self._execute != self._cursor.execute:
            self._execute(sql)
        try:
            self._cursor.executemany(sql, rows).fetchall()
        except apsw.Error as error:
            raise self._failed(error) from error

    def changes(self) -> int:
        """Rows changed by the last statement."""
        return self._connection.changes()

    def last_rowid(self) -> int:
        """The rowid of the last insert."""
        return self._connection.last_insert_rowid()

    def _failed(self, error: apsw.Error) -> StorageError:
        if not self._connection.in_transaction:
            self.lost = self.lost or error
            self._execute = _refuse_lost
        return translate(error)


def _refuse(*_: Any) -> NoReturn:
    raise StorageError(
        "This transaction is over: read and write inside its `with` block or unit only."
    )


def _refuse_lost(*_: Any) -> NoReturn:
    raise RolledBack(
        "SQLite has rolled the transaction back; nothing of it was written. Try again."
    )
