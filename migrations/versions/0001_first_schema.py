"""The first schema: tables, indexes, items, streams, shards, records, tokens.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _state_and_definitions()
    _items()
    _streams()
    _tokens()


def _state_and_definitions() -> None:
    op.create_table(
        "store_state",
        sa.Column("name", sa.Text, primary_key=True, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "table_def",
        sa.Column("table_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("dropped_ms", sa.Integer, nullable=True),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "table_def_live_name",
        "table_def",
        ["name"],
        unique=True,
        sqlite_where=sa.text("dropped_ms IS NULL"),
    )
    op.create_table(
        "index_def",
        sa.Column("index_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("table_id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("dropped_ms", sa.Integer, nullable=True),
        sa.Column("entry_count", sa.Integer, nullable=False),
        sa.Column("entry_bytes", sa.Integer, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("index_def_table", "index_def", ["table_id"])


def _items() -> None:
    op.create_table(
        "item",
        sa.Column("table_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("hash", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("pk", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("sk", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=True),
        sa.Column("body_id", sa.Integer, nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "index_entry",
        sa.Column("index_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("hash", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("pk", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("sk", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("base_pk", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("base_sk", sa.LargeBinary, primary_key=True, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=True),
        sa.Column("body_id", sa.Integer, nullable=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "large_body",
        sa.Column("body_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "partition",
        sa.Column("partition_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("table_id", sa.Integer, nullable=False),
        sa.Column("range_start", sa.LargeBinary, nullable=False),
        sa.Column("range_end", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("retired_ms", sa.Integer, nullable=True),
        sa.Column("item_count", sa.Integer, nullable=False),
        sa.Column("item_bytes", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("partition_table", "partition", ["table_id"])


def _streams() -> None:
    op.create_table(
        "stream",
        sa.Column("stream_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("table_id", sa.Integer, nullable=False),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("view_type", sa.Text, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("disabled_ms", sa.Integer, nullable=True),
        sa.Column("last_record_ms", sa.Integer, nullable=False),
        sa.Column("definition", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("stream_label", "stream", ["table_name", "label"], unique=True)
    op.create_table(
        "lineage",
        sa.Column("table_name", sa.Text, primary_key=True, nullable=False),
        sa.Column("label_ms", sa.Integer, nullable=False),
        sa.Column("shard_ms", sa.Integer, nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shard",
        sa.Column("shard_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("stream_id", sa.Integer, nullable=False),
        sa.Column("partition_id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("parent_name", sa.Text, nullable=True),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("range_start", sa.LargeBinary, nullable=False),
        sa.Column("range_end", sa.LargeBinary, nullable=False),
        sa.Column("opened_ms", sa.Integer, nullable=False),
        sa.Column("closed_ms", sa.Integer, nullable=True),
        sa.Column("start_sequence", sa.Integer, nullable=False),
        sa.Column("end_sequence", sa.Integer, nullable=True),
        sa.Column("last_sequence", sa.Integer, nullable=False),
        sa.Column("first_ordinal", sa.Integer, nullable=False),
        sa.Column("next_ordinal", sa.Integer, nullable=False),
        sa.Column("byte_count", sa.Integer, nullable=False),
        sa.Column("horizon_sequence", sa.Integer, nullable=False),
        sa.Column("horizon_ms", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("shard_name", "shard", ["stream_id", "name"], unique=True)
    op.create_table(
        "record",
        sa.Column("record_id", sa.Integer, primary_key=True, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _tokens() -> None:
    op.create_table(
        "client_token",
        sa.Column("token", sa.Text, primary_key=True, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.Integer, nullable=False),
        sa.Column("reply", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("client_token_created", "client_token", ["created_ms"])
