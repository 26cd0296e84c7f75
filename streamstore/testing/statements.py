"""The SQL that campaigns bring themselves: rows of other rooms, files of older revisions."""

from __future__ import annotations

from typing import Final

# A mapping that consumers' checkpoints belong to. mapping_id
MAPPING_ONCE: Final = (
    "INSERT OR IGNORE INTO mapping"
    " (mapping_id, uuid, stream_arn, function_name, state, modified_ms, definition)"
    " VALUES (?, 'u', 'a', 'f', 'Enabled', 0, x'80')"
)

# A store of an older revision, filled from one of today's; `{0}` is the name of one of its tables,
# `{1}` the names of the columns that it has already.
OLD_PRAGMAS: Final = ("PRAGMA page_size=4096", "PRAGMA auto_vacuum=INCREMENTAL")
ATTACH_SOURCE: Final = "ATTACH ? AS source"
DETACH_SOURCE: Final = "DETACH source"
OLD_TABLES: Final = (
    "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
)
OLD_EMPTY: Final = "DELETE FROM main.{0}"
OLD_COLUMNS: Final = "SELECT group_concat(name, ', ') FROM pragma_table_info(?, 'main')"
OLD_FILL: Final = "INSERT INTO main.{0} ({1}) SELECT {1} FROM source.{0}"
OLD_WAL: Final = "PRAGMA journal_mode=WAL"
