"""Migrations on real files: one more revision in a temporary copy of the scripts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from streamstore.clock import ManualClock
from streamstore.config import Settings
from streamstore.storage import failpoints, migrate

BASE = migrate.REVISION
NEXT = '''"""All that makes a migration hard: new rows, a changed table, INSERT with RETURNING."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "THIS"
down_revision = "LAST"


def upgrade() -> None:
    op.create_table(
        "note",
        sa.Column("note_id", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.execute(
        "INSERT INTO note (text) VALUES ('a; b'), ('c'), ('d') RETURNING note_id;"
        "UPDATE note SET text = text || '?' WHERE text = 'd'"
    )
    op.execute("UPDATE record SET body = CAST(body || '!' AS BLOB)")
    token = sa.Table(
        "client_token",
        sa.MetaData(),
        sa.Column("token", sa.Text, primary_key=True, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("reply", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("client_token", copy_from=token, recreate="always") as batch:
        batch.add_column(sa.Column("account", sa.Text, nullable=True))
    op.create_index("client_token_created", "client_token", ["created_ms"])
    op.bulk_insert(sa.table("note", sa.column("text", sa.Text)), [{"text": "e"}, {"text": "it's"}])
'''

ROWS = 300


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A copy of migrations/ with one revision more than the code knows."""
    folder = tmp_path / "scripts"
    shutil.copytree(migrate.scripts_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = NEXT.replace("THIS", f"{BASE + 1:04d}").replace("LAST", f"{BASE:04d}")
    (folder / "versions" / f"{BASE + 1:04d}_next.py").write_text(script)
    return folder


def close(opened: migrate.Opened) -> None:
    opened.connection.close()
    opened.claim.release()


@pytest.fixture(scope="session")
def old_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store at the head with rows in it."""
    path = tmp_path_factory.mktemp("old") / "store.db"
    opened = migrate.open_file(path, Settings(), ManualClock())
    opened.connection.execute("BEGIN")
    for n in range(ROWS):
        row = (n, n, n, b"body %d" % n)
        opened.connection.execute("INSERT INTO record VALUES (?, ?, ?, ?)", row)
    opened.connection.execute(
        "INSERT INTO client_token VALUES ('t', x'00', 5, x'01'), ('u', x'02', 6, x'03'); COMMIT"
    )
    opened.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    close(opened)
    return path.read_bytes()


@pytest.fixture
def old(tmp_path: Path, old_bytes: bytes) -> Iterator[Path]:
    """A store at the head with rows in it, of this test's own."""
    path = tmp_path / "store.db"
    path.write_bytes(old_bytes)
    yield path
    failpoints.disarm()
