"""Rows in, rows out, and nothing left open behind."""

from __future__ import annotations

from collections.abc import Iterator

import apsw
import pytest

from streamstore.errors import DiskFull, RolledBack, StorageError
from streamstore.storage.transaction import ReadTransaction, WriteTransaction


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    it = apsw.Connection(":memory:")
    it.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    yield it
    it.close()


@pytest.fixture
def tx(connection: apsw.Connection) -> WriteTransaction:
    connection.execute("BEGIN IMMEDIATE")
    return WriteTransaction(connection)


def test_rows_go_in_and_come_out(tx: WriteTransaction) -> None:
    tx.run("INSERT INTO t (v) VALUES (?)", ("a",))
    assert (tx.changes(), tx.last_rowid()) == (1, 1)
    tx.run_each("INSERT INTO t (id, v) VALUES (?, ?)", [(5, "b"), (9, None)])
    assert tx.one("SELECT v FROM t WHERE id = ?", (1,)) == ("a",)
    assert tx.one("SELECT v FROM t WHERE id = 2") is None
    assert tx.one("SELECT v FROM t WHERE id = 9") == (None,)
    assert tx.all("SELECT id FROM t") == [(1,), (5,), (9,)]
    assert tx.all("SELECT id FROM t WHERE v = :v", {"v": "b"}) == [(5,)]
    assert list(tx.iterate("SELECT id FROM t ORDER BY id DESC")) == [(9,), (5,), (1,)]


def test_a_statement_that_gives_rows_is_run_to_its_end(tx: WriteTransaction) -> None:
    """An undrained RETURNING would stop after the first row."""
    tx.run("INSERT INTO t (v) VALUES (1), (2), (3) RETURNING id; INSERT INTO t (v) VALUES (4)")
    assert tx.one("SELECT count(*) FROM t") == (4,)
    assert tx.one("INSERT INTO t (v) VALUES (5), (6) RETURNING id") == (5,)
    assert tx.one("SELECT count(*) FROM t") == (6,)


def test_statements_may_run_while_rows_are_iterated(tx: WriteTransaction) -> None:
    tx.run_each("INSERT INTO t (v) VALUES (?)", [(n,) for n in range(5)])
    seen = []
    for (number,) in tx.iterate("SELECT id FROM t"):
        seen.append(tx.one("SELECT v FROM t WHERE id = ?", (number,)))
        for other in tx.iterate("SELECT id FROM t LIMIT 1"):
            assert other == (1,)
    assert seen == [(n,) for n in range(5)]


def test_nothing_is_open_after_a_transaction_even_if_an_iterator_was_abandoned(
    connection: apsw.Connection, tx: WriteTransaction
) -> None:
    tx.run_each("INSERT INTO t (v) VALUES (?)", [(n,) for n in range(5)])
    kept = tx.iterate("SELECT id FROM t")
    next(kept)
    never_begun = tx.iterate("SELECT id FROM t")
    tx.end()
    connection.execute("COMMIT")
    assert connection.txn_state() == apsw.SQLITE_TXN_NONE
    for it in (kept, never_begun):
        with pytest.raises(StorageError):
            next(it)


def test_a_transaction_that_is_over_refuses_until_it_starts_anew(
    connection: apsw.Connection,
) -> None:
    rx = ReadTransaction(connection)
    assert rx.one("SELECT 1") == (1,)
    rx.end()
    for use in (rx.one, rx.all, rx.iterate):
        with pytest.raises(StorageError, match="over"):
            use("SELECT 1")
    rx.start()
    assert list(rx.iterate("SELECT 1")) == [(1,)]


def test_a_cursor_cut_between_its_rows_lets_go_of_its_snapshot(connection: apsw.Connection) -> None:
    rx = ReadTransaction(connection)
    connection.execute("INSERT INTO t (v) VALUES (1), (2)")
    connection.execute("BEGIN")
    rx._cursor.execute("SELECT id FROM t")
    connection.execute("COMMIT")
    assert connection.txn_state() == apsw.SQLITE_TXN_READ, "no trap to hold shut"
    rx.drop_cursor()
    assert connection.txn_state() == apsw.SQLITE_TXN_NONE
    rx.start()
    assert rx.all("SELECT id FROM t") == [(1,), (2,)]


def test_errors_come_under_our_names(tx: WriteTransaction) -> None:
    for use in (tx.run, tx.one, tx.all, tx.iterate):
        with pytest.raises(StorageError, match="no such table"):
            use("DELETE FROM nowhere")
    with pytest.raises(StorageError, match="no such table"):
        tx.run_each("INSERT INTO nowhere VALUES (?)", [(1,)])
    assert tx.lost is None
    tx.run("INSERT INTO t (v) VALUES (1)")


def test_an_error_in_the_middle_of_iterating_comes_under_our_name(tx: WriteTransaction) -> None:
    tx.run_each("INSERT INTO t (v) VALUES (?)", [("[1]",), ("[2]",), ("[",)])
    rows = tx.iterate("SELECT json_extract(v, '$[0]') FROM t")
    assert (next(rows), next(rows)) == ((1,), (2,))
    with pytest.raises(StorageError, match="malformed JSON"):
        next(rows)
    assert tx.lost is None


def test_once_sqlite_has_rolled_back_every_method_refuses(
    connection: apsw.Connection, tx: WriteTransaction
) -> None:
    tx.run("INSERT INTO t (v) VALUES (1)")
    pages = connection.execute("PRAGMA page_count").fetchall()[0][0]
    connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    with pytest.raises(DiskFull):
        # OR ROLLBACK makes SQLite do at once what a full disk makes it do when it can't go on.
        tx.run("INSERT OR ROLLBACK INTO t (v) VALUES (zeroblob(100000))")
    assert not connection.in_transaction
    assert isinstance(tx.lost, apsw.FullError)
    for use in (tx.run, tx.one, tx.all, tx.iterate):
        with pytest.raises(RolledBack):
            use("INSERT INTO t (v) VALUES (2)")
    with pytest.raises(RolledBack):
        tx.run_each("INSERT INTO t (v) VALUES (?)", [(2,)])
    assert connection.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
