"""The SQL of checks: rows as they are on disk, whatever the engine would make of them.

Owns: every text that looks at a file from outside. Nothing here writes. The engine's statements
join and coalesce; these show the columns apart, so that a check sees what is really there.
"""

from __future__ import annotations

from typing import Final

from ..limits import CHECK_KEPT_MAX

INTEGRITY: Final = f"PRAGMA integrity_check({CHECK_KEPT_MAX})"
SCHEMA_NAMES: Final = "SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL"
STATE: Final = "SELECT name, typeof(value), value FROM store_state"

# The catalogue.
TABLES: Final = "SELECT table_id, name, dropped_ms, definition FROM table_def ORDER BY table_id"
INDEXES: Final = (
    "SELECT index_id, table_id, name, dropped_ms, entry_count, entry_bytes, definition"
    " FROM index_def ORDER BY index_id"
)
PARTITIONS: Final = (
    "SELECT partition_id, table_id, range_start, range_end, created_ms, retired_ms, item_count,"
    " item_bytes FROM partition ORDER BY table_id, range_start"
)
STREAMS: Final = (
    "SELECT stream_id, table_id, table_name, label, view_type, created_ms, disabled_ms,"
    " definition FROM stream ORDER BY stream_id"
)
SHARDS: Final = (
    "SELECT shard_id, stream_id, partition_id, name, parent_name, depth, range_start, range_end,"
    " opened_ms, closed_ms, start_sequence, end_sequence, last_sequence, first_ordinal,"
    " next_ordinal, byte_count, horizon_sequence, horizon_ms FROM shard WHERE stream_id = ?"
    " ORDER BY start_sequence DESC"
)
SHARD_IDS: Final = "SELECT shard_id FROM shard ORDER BY shard_id"
SHARDS_ASTRAY: Final = (
    "SELECT name FROM shard WHERE stream_id NOT IN (SELECT stream_id FROM stream) LIMIT ?"
)
LINEAGES: Final = "SELECT table_name, label_ms, shard_ms, depth FROM lineage"

# Items and what hangs on them.
_ITEM_COLUMNS: Final = (
    "SELECT hash, pk, sk, size, body, body_id, CASE WHEN body_id IS NOT NULL THEN"
    " (SELECT large_body.body FROM large_body WHERE large_body.body_id = item.body_id) END"
    " FROM item WHERE table_id = ?"
)
ITEMS: Final = _ITEM_COLUMNS + " ORDER BY hash, pk, sk"
ITEMS_BACKWARD: Final = _ITEM_COLUMNS + " ORDER BY hash DESC, pk DESC, sk DESC"
ITEM: Final = (
    "SELECT coalesce(body, (SELECT large_body.body FROM large_body"
    " WHERE large_body.body_id = item.body_id)) FROM item"
    " WHERE table_id = ? AND hash = ? AND pk = ? AND sk = ?"
)
ITEM_COUNT: Final = "SELECT count(*) FROM item WHERE table_id = ? AND hash >= ? AND hash <= ?"
ITEM_KEYS: Final = "SELECT hash, pk, sk FROM item WHERE table_id = ? AND hash >= ? AND hash <= ?"
ENTRY: Final = (
    "SELECT size, body, body_id, CASE WHEN body_id IS NOT NULL THEN (SELECT large_body.body"
    " FROM large_body WHERE large_body.body_id = index_entry.body_id) END FROM index_entry"
    " WHERE index_id = ? AND hash = ? AND pk = ? AND sk = ? AND base_pk = ? AND base_sk = ?"
)
ENTRY_TOTALS: Final = "SELECT count(*), ifnull(sum(size), 0) FROM index_entry WHERE index_id = ?"
ENTRIES: Final = (
    "SELECT hash, pk, sk, base_pk, base_sk FROM index_entry WHERE index_id = ?"
    " ORDER BY hash, pk, sk, base_pk, base_sk"
)
EXPIRY: Final = (
    "SELECT 1 FROM expiry WHERE table_id = ? AND expires_s = ? AND hash = ? AND pk = ? AND sk = ?"
)
EXPIRY_COUNT: Final = "SELECT count(*) FROM expiry WHERE table_id = ?"

# The first owner's id at or after one: a walk over owners, whose rows are contiguous.
ITEM_OWNER: Final = "SELECT table_id FROM item WHERE table_id >= ? ORDER BY table_id LIMIT 1"
ENTRY_OWNER: Final = (
    "SELECT index_id FROM index_entry WHERE index_id >= ? ORDER BY index_id LIMIT 1"
)
EXPIRY_OWNER: Final = "SELECT table_id FROM expiry WHERE table_id >= ? ORDER BY table_id LIMIT 1"
RECORD_OWNER: Final = "SELECT record_id FROM record WHERE record_id >= ? ORDER BY record_id LIMIT 1"

# Bodies out of line, and those who name them: how many, and two sums over their ids that agree only
# if the ids do.
BODY_SUMS: Final = (
    "SELECT count(body_id), ifnull(sum(body_id), 0), ifnull(sum(body_id * body_id % 1000003), 0)"
    " FROM {}"
)
BODIES_UNNAMED: Final = (
    "SELECT body_id FROM large_body WHERE body_id NOT IN"
    " (SELECT body_id FROM item WHERE body_id IS NOT NULL"
    " UNION ALL SELECT body_id FROM index_entry WHERE body_id IS NOT NULL) LIMIT ?"
)
BODIES_SHARED: Final = (
    "SELECT body_id FROM (SELECT body_id FROM item WHERE body_id IS NOT NULL UNION ALL"
    " SELECT body_id FROM index_entry WHERE body_id IS NOT NULL)"
    " GROUP BY body_id HAVING count(*) > 1 LIMIT ?"
)

# Records: those of a shard, newest first.
RECORDS: Final = (
    "SELECT record_id, sequence, created_ms, body FROM record"
    " WHERE record_id >= ? AND record_id < ? ORDER BY record_id DESC"
)
RECORDS_FORWARD: Final = RECORDS.removesuffix(" DESC")

# The rest.
TOKENS: Final = "SELECT token, length(digest), created_ms, reply FROM client_token"
CHECKPOINTS_ASTRAY: Final = (
    "SELECT mapping_id, shard_id FROM checkpoint"
    " WHERE mapping_id NOT IN (SELECT mapping_id FROM mapping) LIMIT ?"
)
CHECKPOINTS_BEYOND: Final = (
    "SELECT mapping_id, shard_id, sequence FROM checkpoint WHERE sequence > ? LIMIT ?"
)
COUNTS: Final[dict[str, str]] = {
    name: f"SELECT count(*) FROM {table}"
    for name, table in (
        ("items", "item"),
        ("entries", "index_entry"),
        ("records", "record"),
        ("bodies", "large_body"),
    )
}
