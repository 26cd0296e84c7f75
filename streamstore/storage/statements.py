"""The SQL that storage itself needs, each text under a name.

Owns: transactions, savepoints, pragmas and the store_state table. The tables of items and streams
have their texts in statements_tables and statements_streams. SQL text is nowhere else in the
package; whatever comes from a request is bound, never formatted in. The few texts with `{}` take
numbers that limits.py holds.
"""

from __future__ import annotations

from typing import Final

from .. import limits

# Transactions.
BEGIN: Final = "BEGIN"
BEGIN_IMMEDIATE: Final = "BEGIN IMMEDIATE"
COMMIT: Final = "COMMIT"
ROLLBACK: Final = "ROLLBACK"
SAVEPOINT: Final = "SAVEPOINT unit"
RELEASE: Final = "RELEASE unit"
ROLLBACK_TO: Final = "ROLLBACK TO unit"

# store_state: one row a fact of the whole store.
STATE_GET: Final = "SELECT value FROM store_state WHERE name = ?"
STATE_PUT: Final = (
    "INSERT INTO store_state (name, value) VALUES (?, ?)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)

# What a restore ends names the mappings of: uuid, function_name, stream_arn.
MAPPING_STREAMS: Final = "SELECT uuid, function_name, stream_arn FROM mapping ORDER BY mapping_id"

# Facts of the file.
TOUCH: Final = "SELECT count(*) FROM sqlite_schema"
SCHEMA: Final = (
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY 1, 2"
)
APPLICATION_ID_GET: Final = "PRAGMA application_id"
APPLICATION_ID_SET: Final = "PRAGMA application_id = {:d}"
REVISION_GET: Final = "PRAGMA user_version"
REVISION_SET: Final = "PRAGMA user_version = {:d}"
DATA_VERSION: Final = "PRAGMA data_version"
PAGE_COUNT: Final = "PRAGMA page_count"
FREE_PAGES: Final = "PRAGMA freelist_count"
QUICK_CHECK: Final = "PRAGMA quick_check(1)"
INTEGRITY_CHECK: Final = "PRAGMA integrity_check"

# A pragma a connection is given: its name, the value set, the value that must be read back.
Pragma = tuple[str, str, object]

PAGE_SIZE: Final[Pragma] = ("page_size", str(limits.PAGE_SIZE_BYTES), limits.PAGE_SIZE_BYTES)
# Must come before journal_mode: after it, it silently stays 0 (engine.md 2.1).
AUTO_VACUUM: Final[Pragma] = ("auto_vacuum", "INCREMENTAL", 2)
JOURNAL_IN_MEMORY: Final[Pragma] = ("journal_mode", "MEMORY", "memory")
JOURNAL_WAL: Final[Pragma] = ("journal_mode", "WAL", "wal")
QUERY_ONLY: Final[Pragma] = ("query_only", "ON", 1)
EVERY_CONNECTION: Final[tuple[Pragma, ...]] = (
    ("trusted_schema", "OFF", 0),
    ("mmap_size", "0", 0),
    ("wal_autocheckpoint", "0", 0),
    ("temp_store", "MEMORY", 2),
    ("foreign_keys", "OFF", 0),
)
# F_FULLFSYNC where the system has it (macOS); elsewhere it changes nothing.
WRITER: Final[tuple[Pragma, ...]] = (
    ("fullfsync", "ON", 1),
    ("checkpoint_fullfsync", "ON", 1),
    ("journal_size_limit", str(limits.JOURNAL_SIZE_LIMIT_BYTES), limits.JOURNAL_SIZE_LIMIT_BYTES),
    ("cache_size", str(-limits.WRITER_CACHE_BYTES // 1024), -limits.WRITER_CACHE_BYTES // 1024),
)
READER: Final[tuple[Pragma, ...]] = (
    ("cache_size", str(-limits.READER_CACHE_BYTES // 1024), -limits.READER_CACHE_BYTES // 1024),
)
SYNCHRONOUS: Final[dict[str, Pragma]] = {
    "full": ("synchronous", "FULL", 2),
    "normal": ("synchronous", "NORMAL", 1),
    "off": ("synchronous", "OFF", 0),
}
PRAGMA_SET: Final = "PRAGMA {} = {}"
PRAGMA_GET: Final = "PRAGMA {}"
JOURNAL_MODE_GET: Final = "PRAGMA journal_mode"

# Giving the disk back.
INCREMENTAL_VACUUM: Final = f"PRAGMA incremental_vacuum({limits.VACUUM_PAGES_MAX})"
VACUUM_INTO: Final = "VACUUM INTO ?"
