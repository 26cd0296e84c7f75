"""What is on disk, as SQLAlchemy Core: the catalogue of tables and of views, each with who, key,
value and lifetime.

Owns: the description. It never meets a connection (engine.md 2.9) and nobody imports it at run
time: a fresh file is made from schema.sql, an older one by the migrations, and a test holds the
three equal. Must not know: how rows are read and written (statements_tables, statements_streams).

Views are for people with the sqlite3 shell; nothing of the store reads them. Core has no views, so
their columns are listed here and their SQL is in schema.sql and the migrations.

Ids that are persisted are AUTOINCREMENT, so one is never given to a successor. Names out of
requests are values of rows, never names of tables. Times are milliseconds since 1970.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

metadata = sa.MetaData()
views = sa.MetaData()


def _table(
    name: str, *columns: sa.Column[Any] | sa.Index, rowid: bool = True, **catalogue: str
) -> None:
    """One table. `catalogue` says who writes it, its key, its value and its lifetime."""
    counted = any(isinstance(it, sa.Column) and it.autoincrement is True for it in columns)
    sa.Table(
        name,
        metadata,
        *columns,
        sqlite_with_rowid=rowid,
        sqlite_autoincrement=counted,
        info=catalogue,
    )


def _view(name: str, columns: str, *, key: str, value: str, lifetime: str) -> None:
    """One view with its columns in their order. Times are ISO 8601 in UTC with milliseconds,
    sequence numbers those of the wire.
    """
    facts = {"who": "people who look inside", "key": key, "value": value, "lifetime": lifetime}
    sa.Table(name, views, *(sa.Column(each) for each in columns.split()), info=facts)


def _id(name: str) -> sa.Column[Any]:
    """An id that is given once: AUTOINCREMENT."""
    return sa.Column(name, sa.Integer, primary_key=True, nullable=False, autoincrement=True)


def _integer(name: str, *, null: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=null, primary_key=key, autoincrement=False)


def _text(name: str, *, null: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=null, primary_key=key)


def _blob(name: str, *, null: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, nullable=null, primary_key=key)


_table(
    "store_state",
    _text("name", key=True),
    _blob("value", null=True),
    rowid=False,
    who="migrate at creation; the engine with every group",
    key="the fact's name",
    value="store_id, iterator_key, sequence, catalogue_version and what else is one of a store",
    lifetime="the store's",
)
_table(
    "table_def",
    _id("table_id"),
    _text("name"),
    _integer("created_ms"),
    _integer("dropped_ms", null=True),
    _blob("definition"),
    sa.Index(
        "table_def_live_name", "name", unique=True, sqlite_where=sa.text("dropped_ms IS NULL")
    ),
    who="CreateTable, UpdateTable, DeleteTable",
    key="table_id",
    value="the table's description, packed",
    lifetime="until a tick has removed the rows of a dropped table",
)
_table(
    "index_def",
    _id("index_id"),
    _integer("table_id"),
    _text("name"),
    _integer("dropped_ms", null=True),
    _integer("entry_count"),
    _integer("entry_bytes"),
    _blob("definition"),
    sa.Index("index_def_table", "table_id"),
    who="CreateTable, UpdateTable, DeleteTable; the counters with every group",
    key="index_id",
    value="the index's description, packed, and what it holds",
    lifetime="until a tick has removed the entries of a dropped index",
)
_table(
    "item",
    _integer("table_id", key=True),
    _blob("hash", key=True),
    _blob("pk", key=True),
    _blob("sk", key=True),
    _integer("size"),
    _blob("body", null=True),
    _integer("body_id", null=True),
    rowid=False,
    who="every write",
    key="table, MD5 of the partition key, partition key, sort key, the keys order-preserving",
    value="the packed item, or the id of its body in large_body past 700 bytes",
    lifetime="until it is deleted",
)
_table(
    "index_entry",
    _integer("index_id", key=True),
    _blob("hash", key=True),
    _blob("pk", key=True),
    _blob("sk", key=True),
    _blob("base_pk", key=True),
    _blob("base_sk", key=True),
    _integer("size"),
    _blob("body", null=True),
    _integer("body_id", null=True),
    rowid=False,
    who="every write to an item with the index's keys",
    key="index, hash and keys in the index, keys in the table",
    value="the projection, packed, or the id of its body in large_body",
    lifetime="its item's",
)
_table(
    "expiry",
    _integer("table_id", key=True),
    _integer("expires_s", key=True),
    _blob("hash", key=True),
    _blob("pk", key=True),
    _blob("sk", key=True),
    rowid=False,
    who="every write to an item with the time-to-live attribute of its table, and a tick",
    key="table, second since 1970 at which the item expires, the item's key",
    value="nothing: it says where to look, the item itself says whether it has expired",
    lifetime="its item's, while the table's time to live is enabled",
)
_table(
    "large_body",
    _integer("body_id", key=True),
    _blob("body"),
    who="writes of items and index entries past 700 bytes",
    key="body_id, named by exactly one item or index_entry",
    value="packed bytes that would bloat a WITHOUT ROWID leaf",
    lifetime="that of the row that names it",
)
_table(
    "partition",
    _id("partition_id"),
    _integer("table_id"),
    _blob("range_start"),
    _blob("range_end"),
    _integer("created_ms"),
    _integer("retired_ms", null=True),
    _integer("item_count"),
    _integer("item_bytes"),
    sa.Index("partition_table", "table_id"),
    who="CreateTable, splits; the counters with every group",
    key="partition_id",
    value="a hash range, both ends inclusive, and what lies in it",
    lifetime="the table's; retired by a split",
)
_table(
    "stream",
    _id("stream_id"),
    _integer("table_id"),
    _text("table_name"),
    _text("label"),
    _text("view_type"),
    _integer("created_ms"),
    _integer("disabled_ms", null=True),
    _integer("last_record_ms"),
    _blob("definition"),
    sa.Index("stream_label", "table_name", "label", unique=True),
    who="CreateTable, UpdateTable, DeleteTable",
    key="stream_id",
    value="the stream's description, and the time of its last record",
    lifetime="until its last record is trimmed, at least 24 h after it was disabled",
)
_table(
    "lineage",
    _text("table_name", key=True),
    _integer("label_ms"),
    _integer("shard_ms"),
    _integer("depth"),
    rowid=False,
    who="whatever opens a stream or a shard",
    key="table name",
    value="the last label, the last shard's time and the depth given under that name",
    lifetime="the store's, so that nothing is given twice to a name",
)
_table(
    "shard",
    _id("shard_id"),
    _integer("stream_id"),
    _integer("partition_id"),
    _text("name"),
    _text("parent_name", null=True),
    _integer("depth"),
    _blob("range_start"),
    _blob("range_end"),
    _integer("opened_ms"),
    _integer("closed_ms", null=True),
    _integer("start_sequence"),
    _integer("end_sequence", null=True),
    _integer("last_sequence"),
    _integer("first_ordinal"),
    _integer("next_ordinal"),
    _integer("byte_count"),
    _integer("horizon_sequence"),
    _integer("horizon_ms"),
    sa.Index("shard_name", "stream_id", "name", unique=True),
    who="streams opened, splits, rollovers; the counters with every group; trims",
    key="shard_id",
    value="range, lineage, numbers and trim horizon of one partition's log",
    lifetime="until it is closed and its last record is trimmed",
)
_table(
    "record",
    _integer("record_id", key=True),
    _integer("sequence"),
    _integer("created_ms"),
    _blob("body"),
    who="every effective write to a table with a stream",
    key="shard_id and the record's ordinal in the shard, in one integer",
    value="the change record, packed",
    lifetime="24 h, or the configured retention",
)
_table(
    "client_token",
    _text("token", key=True),
    _blob("digest"),
    _integer("created_ms"),
    _blob("reply"),
    sa.Index("client_token_created", "created_ms"),
    rowid=False,
    who="TransactWriteItems with a ClientRequestToken",
    key="the token",
    value="a digest of the request, and the reply it had",
    lifetime="10 min",
)
_table(
    "mapping",
    _id("mapping_id"),
    _text("uuid"),
    _text("stream_arn"),
    _text("function_name"),
    _text("state"),
    _integer("modified_ms"),
    _blob("definition"),
    sa.Index("mapping_uuid", "uuid", unique=True),
    sa.Index("mapping_pair", "stream_arn", "function_name", unique=True),
    who="event source mappings made, changed and deleted",
    key="mapping_id; outside the store its uuid",
    value="which function consumes which stream, the mapping's parameters and its state",
    lifetime="until it is deleted",
)
_table(
    "checkpoint",
    _integer("mapping_id", key=True),
    _integer("shard_id", key=True),
    _integer("sequence"),
    _integer("finished_ms", null=True),
    _blob("progress", null=True),
    rowid=False,
    who="a mapping's worker, after each batch that is done with",
    key="mapping and shard",
    value="the number up to which all is done; retries, lanes and window state beyond it, packed",
    lifetime="its mapping's, or until its shard is gone",
)
_table(
    "failure",
    _id("failure_id"),
    _text("uuid"),
    _integer("created_ms"),
    _integer("redriven_ms", null=True),
    _integer("record_count"),
    _blob("body"),
    _blob("payload"),
    sa.Index("failure_mapping", "uuid", "failure_id"),
    sa.Index("failure_created", "created_ms"),
    who="a mapping that gives up on a batch; dlq redrive",
    key="failure_id, found by the mapping's uuid",
    value="the failure record as the service makes it, and the event that was not consumed",
    lifetime="FAILURE_KEPT_SECONDS, bounded in number",
)
_view(
    "view_tables",
    "table_name table_id created dropped items item_bytes partitions stream_label",
    key="table_id; table_name among those that are not dropped",
    value="a table, what is in it, and the label of its enabled stream",
    lifetime="that of table_def",
)
_view(
    "view_indexes",
    "table_name index_name index_id dropped entries entry_bytes",
    key="index_id",
    value="a secondary index and what is in it",
    lifetime="that of index_def",
)
_view(
    "view_items",
    "table_name partition_key_type partition_key sort_key_type sort_key size_bytes stored_bytes"
    " hash",
    key="table and keys; text where the key is one string without a zero byte, else hex of the"
    " order-preserving bytes behind the type",
    value="the size as the service counts it, and that of the packed body",
    lifetime="that of item",
)
_view(
    "view_streams",
    "table_name stream_label view_type stream_id created disabled shards open_shards records"
    " stored_bytes",
    key="table_name and stream_label; stream_id",
    value="a stream, enabled where `disabled` is NULL, and what is in its shards",
    lifetime="that of stream",
)
_view(
    "view_shards",
    "table_name stream_label shard_name parent_name shard_id opened closed"
    " starting_sequence_number ending_sequence_number last_sequence_number hash_from hash_to"
    " records stored_bytes trimmed_to_sequence_number trimmed_to",
    key="shard_name within a stream; shard_id",
    value="a shard's lineage, numbers, hash range, content, and the newest record ever trimmed",
    lifetime="that of shard",
)
_view(
    "view_records",
    "table_name stream_label shard_name ordinal sequence sequence_number created event_name"
    " size_bytes by_time_to_live keys stored_bytes",
    key="shard_name and ordinal; `sequence`, the store's counter, is the order of commits",
    value="a change record without its images: event, sizes, and its keys as DynamoDB JSON, binary"
    ' values as {"hex": …}',
    lifetime="that of record, past the trim horizon until the trim",
)
_view(
    "view_mappings",
    "uuid function_name stream_arn state modified",
    key="the uuid",
    value="an event source mapping",
    lifetime="that of mapping",
)
_view(
    "view_checkpoints",
    "uuid function_name shard_name done_to_sequence_number finished progress_bytes",
    key="a mapping's uuid and shard_name",
    value="up to which record a mapping has done all of a shard",
    lifetime="that of checkpoint, while the shard is there",
)
_view(
    "view_failures",
    "failure_id uuid function_name created redriven records failure_record payload_bytes",
    key="failure_id",
    value="a batch that was given up on: the failure record as JSON, the size of its event",
    lifetime="that of failure",
)

CATALOGUE_FACTS: Final = ("who", "key", "value", "lifetime")
