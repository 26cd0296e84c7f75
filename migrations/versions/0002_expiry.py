"""Expiries: when the items of a table with time to live expire.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "expiry",
        sa.Column("table_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("expires_s", sa.Integer, primary_key=True, nullable=False),
        sa.Column("hash", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("pk", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("sk", sa.LargeBinary, primary_key=True, nullable=False),
        sqlite_with_rowid=False,
    )
