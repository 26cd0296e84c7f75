"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}

Revisions are counted in four digits; the number is the file's `PRAGMA user_version`. Raise REVISION in
storage/migrate.py with it, and change storage/schema.sql and storage/schema.py to match. A table is changed with
`op.batch_alter_table(..., copy_from=...)`, since nothing can be looked up offline.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
