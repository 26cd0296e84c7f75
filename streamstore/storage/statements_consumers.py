"""The SQL of consumers: event source mappings, checkpoints and failures. Every text has a name.

One section a room: `mappings` first, then what delivery and the destinations append.
"""

from __future__ import annotations

from typing import Final

# Mappings (consumers/mappings). `function_name` holds the version or alias too, "name:alias", so
# that the unique pair is of the stream and the function as it was named.
_MAPPING: Final = (
    "SELECT mapping_id, uuid, stream_arn, function_name, state, modified_ms, definition"
    " FROM mapping"
)
MAPPINGS: Final = f"{_MAPPING} ORDER BY mapping_id"
MAPPING_BY_UUID: Final = f"{_MAPPING} WHERE uuid = ?"
MAPPING_BY_PAIR: Final = f"{_MAPPING} WHERE stream_arn = ? AND function_name = ?"
MAPPING_COUNT: Final = "SELECT count(*) FROM mapping"
MAPPING_INSERT: Final = (
    "INSERT INTO mapping (uuid, stream_arn, function_name, state, modified_ms, definition)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
MAPPING_SET: Final = (
    "UPDATE mapping SET function_name = ?, state = ?, modified_ms = ?, definition = ?"
    " WHERE mapping_id = ?"
)
MAPPING_DEFINITION: Final = "SELECT definition FROM mapping WHERE mapping_id = ?"
MAPPING_DEFINITION_SET: Final = "UPDATE mapping SET definition = ? WHERE mapping_id = ?"
MAPPING_DELETE: Final = "DELETE FROM mapping WHERE mapping_id = ?"
MAPPING_CHECKPOINTS_DELETE: Final = "DELETE FROM checkpoint WHERE mapping_id = ?"

# --- Checkpoints (consumers/checkpoints) ---

# mapping_id -> shard_id, sequence, finished_ms, progress
CHECKPOINTS: Final = (
    "SELECT shard_id, sequence, finished_ms, progress FROM checkpoint WHERE mapping_id = ?"
)
# mapping_id, shard_id -> shard_id, sequence, finished_ms, progress
CHECKPOINT: Final = f"{CHECKPOINTS} AND shard_id = ?"
# mapping_id, shard_id, sequence
CHECKPOINT_BEGIN: Final = (
    "INSERT OR IGNORE INTO checkpoint (mapping_id, shard_id, sequence) VALUES (?, ?, ?)"
)
# the shard id that is none -> mapping_id of those without that row
CHECKPOINTS_NOT_BEGUN: Final = (
    "SELECT mapping_id FROM mapping WHERE NOT EXISTS (SELECT 1 FROM checkpoint"
    " WHERE checkpoint.mapping_id = mapping.mapping_id AND shard_id = ?)"
)
# mapping_id, shard_id, sequence, finished_ms, progress: of a mapping that is still there
CHECKPOINT_SET: Final = (
    "INSERT INTO checkpoint (mapping_id, shard_id, sequence, finished_ms, progress)"
    " SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM mapping WHERE mapping_id = ?1)"
    " ON CONFLICT (mapping_id, shard_id) DO UPDATE SET sequence = excluded.sequence,"
    " finished_ms = excluded.finished_ms, progress = excluded.progress"
)
# mapping_id, the shard id that is none
CHECKPOINTS_CLEAR: Final = (
    "DELETE FROM checkpoint WHERE mapping_id = ? AND shard_id <> ?"
    " AND shard_id NOT IN (SELECT shard_id FROM shard)"
)
# mapping_id
CHECKPOINTS_FORGET: Final = "DELETE FROM checkpoint WHERE mapping_id = ?"

# --- Failures (consumers/destinations, consumers/dead_letters; engine/failures removes them) ---

# uuid, created_ms, record_count, body, payload
FAILURE_INSERT: Final = (
    "INSERT INTO failure (uuid, created_ms, record_count, body, payload) VALUES (?, ?, ?, ?, ?)"
)
_FAILURE_LISTED: Final = "failure_id, uuid, created_ms, redriven_ms, record_count, body"
# failure_id -> as a page, and the payload
FAILURE: Final = f"SELECT {_FAILURE_LISTED}, payload FROM failure WHERE failure_id = ?"
# failure_id after, rows -> failure_id, uuid, created_ms, redriven_ms, record_count, body
FAILURES_PAGE: Final = (
    f"SELECT {_FAILURE_LISTED} FROM failure WHERE failure_id > ? ORDER BY failure_id LIMIT ?"
)
# uuid, failure_id after, rows -> the same of one mapping
FAILURES_OF_PAGE: Final = (
    f"SELECT {_FAILURE_LISTED} FROM failure WHERE uuid = ? AND failure_id > ?"
    " ORDER BY failure_id LIMIT ?"
)
# redriven_ms, failure_id
FAILURE_REDRIVEN: Final = (
    "UPDATE failure SET redriven_ms = ? WHERE failure_id = ? AND redriven_ms IS NULL"
)
# created_ms before -> 1 if any failure is older
FAILURE_OLD: Final = "SELECT 1 FROM failure WHERE created_ms < ? LIMIT 1"
# created_ms before, rows: the oldest of those that are older
FAILURES_EXPIRE: Final = (
    "DELETE FROM failure WHERE failure_id IN"
    " (SELECT failure_id FROM failure WHERE created_ms < ? ORDER BY created_ms LIMIT ?)"
)
# rows kept, bytes kept -> the newest failure_id that is beyond either, or NULL
FAILURES_BEYOND: Final = (
    "SELECT max(failure_id) FROM (SELECT failure_id, row_number() OVER newest_first AS place,"
    " sum(length(body) + length(payload)) OVER newest_first AS bytes FROM failure"
    " WINDOW newest_first AS (ORDER BY failure_id DESC ROWS UNBOUNDED PRECEDING))"
    " WHERE place > ? OR bytes > ?"
)
# failure_id up to, rows
FAILURES_REMOVE: Final = (
    "DELETE FROM failure WHERE failure_id IN"
    " (SELECT failure_id FROM failure WHERE failure_id <= ? ORDER BY failure_id LIMIT ?)"
)
