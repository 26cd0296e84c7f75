"""Alembic's entry for `alembic upgrade FROM:TO --sql`: prints what storage/migrate.py would run.

Offline only. SQLAlchemy never connects to a store file: its stock driver is another copy of SQLite,
and two copies on one file in one process corrupt it (engine.md 2.9). A store migrates itself when
it is opened.
"""

from __future__ import annotations

from pathlib import Path

from alembic import context

from streamstore.storage.migrate import render


def print_steps() -> None:
    """Write every statement between the two revisions to Alembic's output."""
    if not context.is_offline_mode():
        raise SystemExit("Use --sql: a store is migrated by opening it with streamstore.")
    first = context.get_starting_revision_argument()
    last = context.script.get_revision(context.get_revision_argument())
    for statement in render(Path(__file__).parent, int(first or 0), int(last.revision)):
        context.static_output(statement)


context.configure(dialect_name="sqlite")
print_steps()
