"""Three descriptions of one schema: the migrations, the packaged schema.sql and SQLAlchemy Core."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from streamstore.clock import ManualClock
from streamstore.config import Settings
from streamstore.storage import files, migrate
from streamstore.storage.connection import finish_fresh, prepare_fresh
from streamstore.storage.schema import metadata, views

ROOT = Path(__file__).resolve().parents[2]


def structure(connection: apsw.Connection) -> dict[str, Any]:
    """What SQLite understood of each table and view: columns, kind, counting, indexes,
    conditions, and the text of a view.
    """
    found: dict[str, Any] = {f"view {name}": both for name, both in seen(connection).items()}
    rows: list[Any] = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table'"
    ).fetchall()
    for name, sql in rows:
        if name.startswith("sqlite_"):
            continue
        indexes = {}
        listed: list[Any] = connection.execute(f'PRAGMA index_list("{name}")').fetchall()
        for _, index, unique, origin, partial in listed:
            columns: list[Any] = connection.execute(f'PRAGMA index_xinfo("{index}")').fetchall()
            where = None
            if partial:
                query = "SELECT sql FROM sqlite_schema WHERE name = ?"
                text = str(connection.execute(query, (index,)).fetchall()[0][0])
                where = " ".join(text.split("WHERE")[1].split())
            shown = index if origin == "c" else origin
            indexes[shown] = (unique, where, [row[2:] for row in columns])
        found[name] = {
            "columns": connection.execute(f'PRAGMA table_xinfo("{name}")').fetchall(),
            "kind": connection.execute(f'PRAGMA table_list("{name}")').fetchall()[0][2:],
            "counting": "AUTOINCREMENT" in sql,
            "indexes": indexes,
        }
    return found


def seen(connection: apsw.Connection) -> dict[str, tuple[list[str], str]]:
    """Of each view its columns, as a statement finds them, and its text."""
    rows: list[Any] = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'view'"
    ).fetchall()
    found = {}
    for name, sql in rows:
        columns: list[Any] = connection.execute(f'PRAGMA table_xinfo("{name}")').fetchall()
        found[name] = ([column[1] for column in columns], " ".join(sql.split()))
    return found


def made_by(*texts: str) -> dict[str, Any]:
    connection = apsw.Connection(":memory:")
    for text in texts:
        connection.execute(text).fetchall()
    try:
        return structure(connection)
    finally:
        connection.close()


def packaged() -> dict[str, Any]:
    connection = migrate.open_in_memory()
    try:
        return structure(connection)
    finally:
        connection.close()


def test_the_migrations_make_what_is_packaged() -> None:
    steps = migrate.render(migrate.scripts_folder(), 0, migrate.REVISION)
    assert made_by(*steps) == packaged()
    assert len(packaged()) == len(metadata.tables) + len(views.tables)


def test_the_core_metadata_describes_what_is_packaged() -> None:
    dialect: Any = sqlite.dialect()
    indexes: list[Any]
    texts = []
    for table in metadata.sorted_tables:
        texts.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = list(table.indexes)
        texts += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    tables = {name: facts for name, facts in packaged().items() if not name.startswith("view ")}
    assert made_by(*texts) == tables


def test_the_catalogue_lists_the_columns_of_every_view() -> None:
    connection = migrate.open_in_memory()
    listed = {name: [column.name for column in view.c] for name, view in views.tables.items()}
    assert {name: columns for name, (columns, _) in seen(connection).items()} == listed
    connection.close()


def test_the_comparison_sees_what_would_matter() -> None:
    base = "CREATE TABLE t (a INTEGER PRIMARY KEY NOT NULL, b BLOB)"
    others = [
        "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, b BLOB)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY NOT NULL, b TEXT)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY NOT NULL, b BLOB NOT NULL)",
        "CREATE TABLE t (b BLOB, a INTEGER PRIMARY KEY NOT NULL)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY NOT NULL, b BLOB) WITHOUT ROWID",
        base + "; CREATE INDEX i ON t (b)",
        base + "; CREATE VIEW v AS SELECT a FROM t",
    ]
    assert made_by(base) == made_by("CREATE TABLE t (a INTEGER NOT NULL, b BLOB, PRIMARY KEY (a))")
    assert all(made_by(other) != made_by(base) for other in others)
    plain = made_by(base + "; CREATE INDEX i ON t (b)")
    assert made_by(base + "; CREATE INDEX i ON t (b) WHERE b IS NULL") != plain
    assert made_by(base + "; CREATE UNIQUE INDEX i ON t (b)") != plain
    view = made_by(base + "; CREATE VIEW v AS SELECT a FROM t")
    assert made_by(base + "; CREATE VIEW v AS\n  SELECT a FROM t") == view
    assert made_by(base + "; CREATE VIEW v AS SELECT a FROM t WHERE b IS NULL") != view


def test_the_newest_script_is_the_head_that_the_code_knows() -> None:
    names = sorted(path.name for path in (migrate.scripts_folder() / "versions").glob("[0-9]*.py"))
    assert int(names[-1][:4]) == migrate.REVISION == len(names)


def test_alembic_on_the_command_line_prints_the_same_steps() -> None:
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "alembic",
            "-c",
            "migrations/alembic.ini",
            "upgrade",
            "head",
            "--sql",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    steps = migrate.render(migrate.scripts_folder(), 0, migrate.REVISION)
    assert answer.stdout.split() == " ".join(steps).split()
    assert "alembic_version" not in answer.stdout
    online = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", "migrations/alembic.ini", "upgrade", "head"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert online.returncode != 0
    assert "opening it with streamstore" in online.stderr


@pytest.mark.parametrize("revision", range(1, migrate.REVISION))
def test_a_file_of_every_released_revision_becomes_what_a_fresh_one_is(
    tmp_path: Path, revision: int
) -> None:
    path = tmp_path / "store.db"
    connection = apsw.Connection(str(path))
    prepare_fresh(connection)
    for step in migrate.render(migrate.scripts_folder(), 0, revision):
        connection.execute(step).fetchall()
    connection.execute(f"PRAGMA application_id = {files.APPLICATION_ID}").fetchall()
    connection.execute(f"PRAGMA user_version = {revision}").fetchall()
    finish_fresh(connection)
    connection.close()
    opened = migrate.open_file(path, Settings(), ManualClock())
    try:
        assert opened.backup is not None
        assert structure(opened.connection) == packaged()
    finally:
        opened.connection.close()
        opened.claim.release()
