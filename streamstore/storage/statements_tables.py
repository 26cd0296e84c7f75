"""SQL of tables: the catalogue's rows, items, index entries, expiries, large bodies, client
tokens.

Each statement has a name and lives here only; engine/tables and engine/writes run them. Values are
always bound. The comment above a statement names its parameters and, after the arrow, its columns.
Ranges of rows are given by keys (row values compared with a bound), never by OFFSET; the range
statements are held to the primary key by a test.

A body of more than INLINE_BODY_BYTES_MAX is a row of large_body, whose id the item or entry
carries; statements that read bodies fetch it by a subquery, which costs the others nothing.
"""

from __future__ import annotations

from typing import Final

# Catalogue. Names in table_def are qualified by account and region where regions are isolated.
# -> table_id, definition
TABLES: Final = (
    "SELECT table_id, definition FROM table_def WHERE dropped_ms IS NULL ORDER BY table_id"
)
# name, created_ms, definition
TABLE_INSERT: Final = "INSERT INTO table_def (name, created_ms, definition) VALUES (?, ?, ?)"
# definition, table_id
TABLE_SET: Final = "UPDATE table_def SET definition = ? WHERE table_id = ?"
# dropped_ms, table_id
TABLE_DROP: Final = "UPDATE table_def SET dropped_ms = ? WHERE table_id = ?"
# -> table_id of one dropped table whose rows are still there
TABLE_DROPPED: Final = (
    "SELECT table_id FROM table_def WHERE dropped_ms IS NOT NULL ORDER BY table_id LIMIT 1"
)
# table_id
TABLE_DELETE: Final = "DELETE FROM table_def WHERE table_id = ?"

# -> table_id, index_id, definition
INDEXES: Final = (
    "SELECT table_id, index_id, definition FROM index_def"
    " WHERE dropped_ms IS NULL ORDER BY index_id"
)
# table_id, name, definition
INDEX_INSERT: Final = (
    "INSERT INTO index_def (table_id, name, entry_count, entry_bytes, definition)"
    " VALUES (?, ?, 0, 0, ?)"
)
# definition, index_id
INDEX_SET: Final = "UPDATE index_def SET definition = ? WHERE index_id = ?"
# dropped_ms, index_id
INDEX_DROP: Final = "UPDATE index_def SET dropped_ms = ? WHERE index_id = ?"
# dropped_ms, table_id
INDEXES_DROP: Final = (
    "UPDATE index_def SET dropped_ms = ? WHERE table_id = ? AND dropped_ms IS NULL"
)
# -> index_id of one dropped index whose entries are still there
INDEX_DROPPED: Final = (
    "SELECT index_id FROM index_def WHERE dropped_ms IS NOT NULL ORDER BY index_id LIMIT 1"
)
# index_id
INDEX_DELETE: Final = "DELETE FROM index_def WHERE index_id = ?"
# index_id -> entry_count, entry_bytes
INDEX_COUNTERS: Final = "SELECT entry_count, entry_bytes FROM index_def WHERE index_id = ?"
# entry_count, entry_bytes, index_id
INDEX_COUNTERS_SET: Final = (
    "UPDATE index_def SET entry_count = ?, entry_bytes = ? WHERE index_id = ?"
)

# Partitions. -> table_id, partition_id, range_start, range_end, created_ms
PARTITIONS: Final = (
    "SELECT table_id, partition_id, range_start, range_end, created_ms FROM partition"
    " WHERE retired_ms IS NULL ORDER BY table_id, range_start"
)
# table_id, range_start, range_end, created_ms, item_count, item_bytes
PARTITION_INSERT: Final = (
    "INSERT INTO partition"
    " (table_id, range_start, range_end, created_ms, item_count, item_bytes)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
# retired_ms, partition_id
PARTITION_RETIRE: Final = "UPDATE partition SET retired_ms = ? WHERE partition_id = ?"
# partition_id -> item_count, item_bytes
# Moves with every change of tables, indexes, partitions, shards or streams, for readers of other
# processes (Engine.reload).
CATALOGUE_VERSION: Final = "SELECT value FROM store_state WHERE name = 'catalogue_version'"
CATALOGUE_MOVE: Final = "UPDATE store_state SET value = value + 1 WHERE name = 'catalogue_version'"

PARTITION_COUNTERS: Final = "SELECT item_count, item_bytes FROM partition WHERE partition_id = ?"
# item_count, item_bytes, partition_id
PARTITION_COUNTERS_SET: Final = (
    "UPDATE partition SET item_count = ?, item_bytes = ? WHERE partition_id = ?"
)
# table_id -> item_count, item_bytes over the live partitions
TABLE_COUNTERS: Final = (
    "SELECT coalesce(sum(item_count), 0), coalesce(sum(item_bytes), 0) FROM partition"
    " WHERE table_id = ? AND retired_ms IS NULL"
)
# table_id
PARTITIONS_DELETE: Final = "DELETE FROM partition WHERE table_id = ?"

# Items: table_id, hash, pk, sk -> ...
_ITEM_BODY: Final = (
    "coalesce(body, (SELECT large_body.body FROM large_body"
    " WHERE large_body.body_id = item.body_id))"
)
_ITEM_KEY: Final = "table_id = ? AND hash = ? AND pk = ? AND sk = ?"
# -> size, body, body_id
ITEM: Final = f"SELECT size, {_ITEM_BODY}, body_id FROM item WHERE {_ITEM_KEY}"
# table_id, hash, pk, sk, size, body, body_id
ITEM_INSERT: Final = (
    "INSERT INTO item (table_id, hash, pk, sk, size, body, body_id) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
# size, body, body_id, then the key
ITEM_UPDATE: Final = f"UPDATE item SET size = ?, body = ?, body_id = ? WHERE {_ITEM_KEY}"
ITEM_DELETE: Final = f"DELETE FROM item WHERE {_ITEM_KEY}"
# table_id, hash, pk, sk from, sk before -> size, body
ITEMS_FORWARD: Final = (
    f"SELECT size, {_ITEM_BODY} FROM item"
    " WHERE table_id = ? AND hash = ? AND pk = ? AND sk >= ? AND sk < ? ORDER BY sk"
)
ITEMS_BACKWARD: Final = ITEMS_FORWARD + " DESC"
# table_id, (hash, pk, sk) from, last hash -> size, body
ITEMS_SCAN: Final = (
    f"SELECT size, {_ITEM_BODY} FROM item"
    " WHERE table_id = ? AND (hash, pk, sk) >= (?, ?, ?) AND hash <= ? ORDER BY hash, pk, sk"
)
# table_id, (hash, pk, sk) from, rows -> hash, pk, sk, size, body: a piece of a backfill
ITEMS_PIECE: Final = (
    f"SELECT hash, pk, sk, size, {_ITEM_BODY} FROM item"
    " WHERE table_id = ? AND (hash, pk, sk) >= (?, ?, ?) ORDER BY hash, pk, sk LIMIT ?"
)
# table_id, rows -> hash, pk, sk, size, body_id: a piece of a removal
ITEMS_LEFT: Final = (
    "SELECT hash, pk, sk, size, body_id FROM item WHERE table_id = ? ORDER BY hash, pk, sk LIMIT ?"
)
# table_id, (hash, pk, sk) last
ITEMS_REMOVE: Final = "DELETE FROM item WHERE table_id = ? AND (hash, pk, sk) <= (?, ?, ?)"
# table_id, hash, pk, rows -> bytes of at most that many items of one partition key
COLLECTION_BYTES: Final = (
    "SELECT coalesce(sum(size), 0) FROM"
    " (SELECT size FROM item WHERE table_id = ? AND hash = ? AND pk = ? LIMIT ?)"
)

# Index entries: index_id, hash, pk, sk, base_pk, base_sk -> ...
_ENTRY_BODY: Final = (
    "coalesce(body, (SELECT large_body.body FROM large_body"
    " WHERE large_body.body_id = index_entry.body_id))"
)
_ENTRY_KEY: Final = (
    "index_id = ? AND hash = ? AND pk = ? AND sk = ? AND base_pk = ? AND base_sk = ?"
)
_ENTRY_ORDER: Final = "hash, pk, sk, base_pk, base_sk"
# index_id, hash, pk, sk, base_pk, base_sk, size, body, body_id
ENTRY_INSERT: Final = (
    "INSERT INTO index_entry (index_id, hash, pk, sk, base_pk, base_sk, size, body, body_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# size, body, body_id, then the key
ENTRY_UPDATE: Final = f"UPDATE index_entry SET size = ?, body = ?, body_id = ? WHERE {_ENTRY_KEY}"
# size, body, then the key; touches only an entry whose body is inline
ENTRY_UPDATE_INLINE: Final = (
    f"UPDATE index_entry SET size = ?, body = ? WHERE {_ENTRY_KEY} AND body_id IS NULL"
)
# -> body_id
ENTRY_BODY_ID: Final = f"SELECT body_id FROM index_entry WHERE {_ENTRY_KEY}"
# -> body_id of the row that went
ENTRY_DELETE: Final = f"DELETE FROM index_entry WHERE {_ENTRY_KEY} RETURNING body_id"
# index_id, hash, pk, (sk, base_pk, base_sk) from, sk before -> size, body, base_sk
ENTRIES_FORWARD: Final = (
    f"SELECT size, {_ENTRY_BODY}, base_sk FROM index_entry"
    " WHERE index_id = ? AND hash = ? AND pk = ?"
    " AND (sk, base_pk, base_sk) >= (?, ?, ?) AND sk < ? ORDER BY sk, base_pk, base_sk"
)
# index_id, hash, pk, (sk, base_pk, base_sk) before, sk from -> size, body, base_sk
ENTRIES_BACKWARD: Final = (
    f"SELECT size, {_ENTRY_BODY}, base_sk FROM index_entry"
    " WHERE index_id = ? AND hash = ? AND pk = ?"
    " AND (sk, base_pk, base_sk) < (?, ?, ?) AND sk >= ?"
    " ORDER BY sk DESC, base_pk DESC, base_sk DESC"
)
# index_id, (hash, pk, sk, base_pk, base_sk) from, last hash -> size, body, hash, base_pk, base_sk
ENTRIES_SCAN: Final = (
    f"SELECT size, {_ENTRY_BODY}, hash, base_pk, base_sk FROM index_entry"
    f" WHERE index_id = ? AND ({_ENTRY_ORDER}) >= (?, ?, ?, ?, ?) AND hash <= ?"
    f" ORDER BY {_ENTRY_ORDER}"
)
# index_id, rows -> hash, pk, sk, base_pk, base_sk, size, body_id: a piece of a removal
ENTRIES_LEFT: Final = (
    f"SELECT {_ENTRY_ORDER}, size, body_id FROM index_entry"
    f" WHERE index_id = ? ORDER BY {_ENTRY_ORDER} LIMIT ?"
)
# index_id, (hash, pk, sk, base_pk, base_sk) last
ENTRIES_REMOVE: Final = (
    f"DELETE FROM index_entry WHERE index_id = ? AND ({_ENTRY_ORDER}) <= (?, ?, ?, ?, ?)"
)
# index_id, hash, pk, rows -> bytes of at most that many entries of one partition key
ENTRIES_COLLECTION_BYTES: Final = (
    "SELECT coalesce(sum(size), 0) FROM"
    " (SELECT size FROM index_entry WHERE index_id = ? AND hash = ? AND pk = ? LIMIT ?)"
)

# The same for pages that are fetched at once: one more value, how many rows.
LIMITED: Final = {
    statement: statement + " LIMIT ?"
    for statement in (
        ITEMS_FORWARD,
        ITEMS_BACKWARD,
        ITEMS_SCAN,
        ENTRIES_FORWARD,
        ENTRIES_BACKWARD,
        ENTRIES_SCAN,
    )
}

# Expiries: table_id, expires_s, hash, pk, sk.
# An item that is moved twice within a group may find its row there.
EXPIRY_INSERT: Final = (
    "INSERT OR IGNORE INTO expiry (table_id, expires_s, hash, pk, sk) VALUES (?, ?, ?, ?, ?)"
)
EXPIRY_DELETE: Final = (
    "DELETE FROM expiry WHERE table_id = ? AND expires_s = ? AND hash = ? AND pk = ? AND sk = ?"
)
# table_id, first and last expires_s, rows -> expires_s, pk, sk
EXPIRIES_DUE: Final = (
    "SELECT expires_s, pk, sk FROM expiry WHERE table_id = ? AND expires_s BETWEEN ? AND ?"
    " ORDER BY expires_s, hash, pk, sk LIMIT ?"
)
# table_id, rows -> expires_s, hash, pk, sk, and as ITEMS_LEFT a size (of the row) and no body_id
EXPIRIES_LEFT: Final = (
    "SELECT expires_s, hash, pk, sk, 64, NULL FROM expiry WHERE table_id = ?"
    " ORDER BY expires_s, hash, pk, sk LIMIT ?"
)
# table_id, (expires_s, hash, pk, sk) last
EXPIRIES_REMOVE: Final = (
    "DELETE FROM expiry WHERE table_id = ? AND (expires_s, hash, pk, sk) <= (?, ?, ?, ?)"
)

# Bodies out of line.
BODY_INSERT: Final = "INSERT INTO large_body (body) VALUES (?)"
# body, body_id
BODY_UPDATE: Final = "UPDATE large_body SET body = ? WHERE body_id = ?"
BODY_DELETE: Final = "DELETE FROM large_body WHERE body_id = ?"

# Client tokens of transactions.
# token -> digest, created_ms, reply
TOKEN: Final = "SELECT digest, created_ms, reply FROM client_token WHERE token = ?"
# token, digest, created_ms, reply
TOKEN_SET: Final = (
    "INSERT OR REPLACE INTO client_token (token, digest, created_ms, reply) VALUES (?, ?, ?, ?)"
)
# created at or before (ms), rows
TOKENS_EXPIRE: Final = (
    "DELETE FROM client_token WHERE token IN"
    " (SELECT token FROM client_token WHERE created_ms <= ? ORDER BY created_ms LIMIT ?)"
)
TOKENS_FORGET: Final = "DELETE FROM client_token"
# -> the oldest token's created_ms
TOKEN_OLDEST: Final = "SELECT min(created_ms) FROM client_token"
