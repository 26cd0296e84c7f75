"""The SQL of streams, shards, records and lineage: every text has a name and lives here.

A record's id is `shard_id << RECORD_ORDINAL_BITS | ordinal`; ordinals of a shard run from 1 without
gaps, so that a shard is one contiguous range of ids, a piece of it a range delete, and a position
found by bisection. `first_ordinal` is the oldest one on disk, `next_ordinal` the one that comes
next. The engine composes ids and gives them as bound values; nothing here is built from a request.
"""

from __future__ import annotations

from typing import Final

from .. import limits

_BITS: Final = limits.RECORD_ORDINAL_BITS

# The store's one counter of sequence numbers.
SEQUENCE: Final = "SELECT value FROM store_state WHERE name = 'sequence'"
SEQUENCE_SET: Final = "INSERT OR REPLACE INTO store_state (name, value) VALUES ('sequence', ?)"

# Counters that move with every record: (last_sequence, next_ordinal, byte_count).
SHARD_COUNTERS: Final = (
    "SELECT last_sequence, next_ordinal, byte_count FROM shard WHERE shard_id = ?"
)
SHARD_COUNTERS_SET: Final = (
    "UPDATE shard SET last_sequence = ?, next_ordinal = ?, byte_count = ? WHERE shard_id = ?"
)

# Records.
RECORD_INSERT: Final = (
    "INSERT INTO record (record_id, sequence, created_ms, body) VALUES (?, ?, ?, ?)"
)
RECORD_AT: Final = "SELECT sequence, created_ms FROM record WHERE record_id = ?"
RECORDS_PAGE: Final = (
    "SELECT sequence, created_ms, body FROM record WHERE record_id >= ? AND record_id < ?"
    " ORDER BY record_id LIMIT ?"
)
# length() of a blob column reads the row's header only, so a 400 KB body costs what a small one
# does.
RECORD_LENGTHS: Final = (
    "SELECT length(body) FROM record WHERE record_id >= ? AND record_id < ? ORDER BY record_id"
)
# The catalogue's version, and of these shards (as a JSON array the id that the next record of each
# would have) what there is from there on, each shard's in order
# -> version, NULL, NULL, NULL; then record_id, sequence, created_ms, body of each record
RECORDS_NEW: Final = (
    "SELECT value, NULL, NULL, NULL FROM store_state WHERE name = 'catalogue_version' UNION ALL"
    " SELECT record_id, sequence, created_ms, body FROM json_each(?) AS asked JOIN record"
    f" ON record_id >= asked.value AND record_id < ((asked.value >> {_BITS}) + 1) << {_BITS}"
)
RECORDS_DELETE: Final = "DELETE FROM record WHERE record_id >= ? AND record_id < ?"

# Shards. SHARD_COLUMNS is the order that engine/streams/descriptions unpacks.
_SHARD_COLUMNS: Final = (
    "shard_id, stream_id, partition_id, name, parent_name, depth, range_start, range_end,"
    " opened_ms, start_sequence, closed_ms, end_sequence,"
    " last_sequence, first_ordinal, next_ordinal, byte_count, horizon_sequence, horizon_ms"
)
SHARD_INSERT: Final = (
    "INSERT INTO shard (stream_id, partition_id, name, parent_name, depth, range_start, range_end,"
    " opened_ms, start_sequence, last_sequence, first_ordinal, next_ordinal, byte_count,"
    " horizon_sequence, horizon_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1, 0, 0, 0)"
)
SHARD_CLOSE: Final = "UPDATE shard SET closed_ms = ?, end_sequence = ? WHERE shard_id = ?"
SHARD_TO_READ: Final = (
    "SELECT stream_id, start_sequence, depth, closed_ms, first_ordinal, next_ordinal,"
    " horizon_sequence FROM shard WHERE shard_id = ?"
)
SHARD_BY_NAME: Final = f"SELECT {_SHARD_COLUMNS} FROM shard WHERE stream_id = ? AND name = ?"
SHARDS_OF_STREAM: Final = (
    f"SELECT {_SHARD_COLUMNS} FROM shard WHERE stream_id = ? AND name > ? ORDER BY name LIMIT ?"
)
SHARDS_OF_PARENT: Final = (
    f"SELECT {_SHARD_COLUMNS} FROM shard WHERE stream_id = ? AND parent_name = ? AND name > ?"
    " ORDER BY name LIMIT ?"
)
SHARDS_OPEN: Final = (
    f"SELECT {_SHARD_COLUMNS} FROM shard WHERE closed_ms IS NULL ORDER BY stream_id, range_start"
)
# Of these shards (ids as a JSON array) those that have come beyond a number, are closed or are gone
# -> shard_id, last_sequence, which is NULL where the shard is not open any more
SHARDS_MOVED: Final = (
    "SELECT asked.value, iif(shard.closed_ms IS NULL, shard.last_sequence, NULL)"
    " FROM json_each(?) AS asked LEFT JOIN shard ON shard.shard_id = asked.value"
    " WHERE shard.shard_id IS NULL OR shard.closed_ms IS NOT NULL OR shard.last_sequence > ?"
)
SHARD_DELETE: Final = "DELETE FROM shard WHERE shard_id = ?"

# Streams.
STREAMS_ALL: Final = (
    "SELECT stream_id, table_id, label, view_type, created_ms, disabled_ms, definition FROM stream"
    " ORDER BY stream_id"
)
STREAM_INSERT: Final = (
    "INSERT INTO stream (table_id, table_name, label, view_type, created_ms, last_record_ms,"
    " definition) VALUES (?, ?, ?, ?, ?, 0, ?)"
)
STREAM_DISABLE: Final = "UPDATE stream SET disabled_ms = ? WHERE stream_id = ?"
STREAM_DELETE: Final = "DELETE FROM stream WHERE stream_id = ?"
STREAMS_TO_FORGET: Final = (
    "SELECT stream_id, table_id FROM stream WHERE disabled_ms <= ?"
    " AND NOT EXISTS (SELECT 1 FROM shard WHERE shard.stream_id = stream.stream_id) LIMIT ?"
)
# The newest creation time that any record of the stream ever had: of records still there, of
# trimmed ones (their shard's horizon) and of those whose shard is gone (kept in the stream's row).
STREAM_LAST_RECORD: Final = (
    "SELECT max(stream.last_record_ms, ifnull((SELECT max(max(shard.horizon_ms, ifnull("
    "(SELECT created_ms FROM record WHERE record_id ="
    f" (shard.shard_id << {_BITS} | (shard.next_ordinal - 1))), 0)))"
    " FROM shard WHERE shard.stream_id = stream.stream_id), 0))"
    " FROM stream WHERE stream_id = ?"
)
STREAM_LAST_RECORD_RAISE: Final = (
    "UPDATE stream SET last_record_ms = max(last_record_ms, ?) WHERE stream_id = ?"
)

# What a table name has used up, kept for ever: label and shard times, shard depth (engine.md 5.1,
# 5.4).
LINEAGE: Final = "SELECT label_ms, shard_ms, depth FROM lineage WHERE table_name = ?"
LINEAGE_SET: Final = (
    "INSERT OR REPLACE INTO lineage (table_name, label_ms, shard_ms, depth) VALUES (?, ?, ?, ?)"
)

# Partitions, as far as a split changes them.
PARTITION_ITEMS: Final = (
    "SELECT count(*), ifnull(sum(size), 0) FROM item WHERE table_id = ? AND hash >= ? AND hash <= ?"
)
PARTITIONS_FORGET: Final = (
    "DELETE FROM partition WHERE retired_ms <= ?"
    " AND partition_id NOT IN (SELECT partition_id FROM shard)"
)

# Retention: shards in order of id with what decides about their trimming.
SHARDS_TO_TRIM: Final = (
    "SELECT shard_id, stream_id, stream.table_name, closed_ms, first_ordinal, next_ordinal,"
    " horizon_sequence, horizon_ms FROM shard JOIN stream USING (stream_id)"
    " WHERE shard_id > ? ORDER BY shard_id LIMIT ?"
)
SHARD_HORIZON_SET: Final = (
    "UPDATE shard SET horizon_sequence = ?, horizon_ms = ? WHERE shard_id = ?"
)
SHARD_FIRST_ORDINAL_SET: Final = "UPDATE shard SET first_ordinal = ? WHERE shard_id = ?"
