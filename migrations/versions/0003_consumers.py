"""Consumers: event source mappings, how far each has come in every shard, and what they gave up.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mapping",
        sa.Column("mapping_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("uuid", sa.Text, nullable=False),
        sa.Column("stream_arn", sa.Text, nullable=False),
        sa.Column("function_name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("modified_ms", sa.Integer, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("mapping_uuid", "mapping", ["uuid"], unique=True)
    op.create_index("mapping_pair", "mapping", ["stream_arn", "function_name"], unique=True)
    op.create_table(
        "checkpoint",
        sa.Column("mapping_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("shard_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("finished_ms", sa.Integer),
        sa.Column("progress", sa.LargeBinary),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "failure",
        sa.Column("failure_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("uuid", sa.Text, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("redriven_ms", sa.Integer),
        sa.Column("record_count", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("failure_mapping", "failure", ["uuid", "failure_id"])
    op.create_index("failure_created", "failure", ["created_ms"])
