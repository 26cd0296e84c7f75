-- Revision 3, as the migrations make it. A test holds this file equal to them and to storage/schema.py.
CREATE TABLE store_state (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB
) WITHOUT ROWID;
CREATE TABLE table_def (
    table_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    dropped_ms INTEGER,
    definition BLOB NOT NULL
);
CREATE UNIQUE INDEX table_def_live_name ON table_def (name) WHERE dropped_ms IS NULL;
CREATE TABLE index_def (
    index_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    table_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    dropped_ms INTEGER,
    entry_count INTEGER NOT NULL,
    entry_bytes INTEGER NOT NULL,
    definition BLOB NOT NULL
);
CREATE INDEX index_def_table ON index_def (table_id);
CREATE TABLE item (
    table_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    pk BLOB NOT NULL,
    sk BLOB NOT NULL,
    size INTEGER NOT NULL,
    body BLOB,
    body_id INTEGER,
    PRIMARY KEY (table_id, hash, pk, sk)
) WITHOUT ROWID;
CREATE TABLE index_entry (
    index_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    pk BLOB NOT NULL,
    sk BLOB NOT NULL,
    base_pk BLOB NOT NULL,
    base_sk BLOB NOT NULL,
    size INTEGER NOT NULL,
    body BLOB,
    body_id INTEGER,
    PRIMARY KEY (index_id, hash, pk, sk, base_pk, base_sk)
) WITHOUT ROWID;
CREATE TABLE expiry (
    table_id INTEGER NOT NULL,
    expires_s INTEGER NOT NULL,
    hash BLOB NOT NULL,
    pk BLOB NOT NULL,
    sk BLOB NOT NULL,
    PRIMARY KEY (table_id, expires_s, hash, pk, sk)
) WITHOUT ROWID;
CREATE TABLE large_body (
    body_id INTEGER PRIMARY KEY NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE partition (
    partition_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    table_id INTEGER NOT NULL,
    range_start BLOB NOT NULL,
    range_end BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    retired_ms INTEGER,
    item_count INTEGER NOT NULL,
    item_bytes INTEGER NOT NULL
);
CREATE INDEX partition_table ON partition (table_id);
CREATE TABLE stream (
    stream_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    table_id INTEGER NOT NULL,
    table_name TEXT NOT NULL,
    label TEXT NOT NULL,
    view_type TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    disabled_ms INTEGER,
    last_record_ms INTEGER NOT NULL,
    definition BLOB NOT NULL
);
CREATE UNIQUE INDEX stream_label ON stream (table_name, label);
CREATE TABLE lineage (
    table_name TEXT NOT NULL PRIMARY KEY,
    label_ms INTEGER NOT NULL,
    shard_ms INTEGER NOT NULL,
    depth INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE shard (
    shard_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    stream_id INTEGER NOT NULL,
    partition_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    parent_name TEXT,
    depth INTEGER NOT NULL,
    range_start BLOB NOT NULL,
    range_end BLOB NOT NULL,
    opened_ms INTEGER NOT NULL,
    closed_ms INTEGER,
    start_sequence INTEGER NOT NULL,
    end_sequence INTEGER,
    last_sequence INTEGER NOT NULL,
    first_ordinal INTEGER NOT NULL,
    next_ordinal INTEGER NOT NULL,
    byte_count INTEGER NOT NULL,
    horizon_sequence INTEGER NOT NULL,
    horizon_ms INTEGER NOT NULL
);
CREATE UNIQUE INDEX shard_name ON shard (stream_id, name);
CREATE TABLE record (
    record_id INTEGER PRIMARY KEY NOT NULL,
    sequence INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE client_token (
    token TEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    reply BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX client_token_created ON client_token (created_ms);
CREATE TABLE mapping (
    mapping_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    uuid TEXT NOT NULL,
    stream_arn TEXT NOT NULL,
    function_name TEXT NOT NULL,
    state TEXT NOT NULL,
    modified_ms INTEGER NOT NULL,
    definition BLOB NOT NULL
);
CREATE UNIQUE INDEX mapping_uuid ON mapping (uuid);
CREATE UNIQUE INDEX mapping_pair ON mapping (stream_arn, function_name);
CREATE TABLE checkpoint (
    mapping_id INTEGER NOT NULL,
    shard_id INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    finished_ms INTEGER,
    progress BLOB,
    PRIMARY KEY (mapping_id, shard_id)
) WITHOUT ROWID;
CREATE TABLE failure (
    failure_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    uuid TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    redriven_ms INTEGER,
    record_count INTEGER NOT NULL,
    body BLOB NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX failure_mapping ON failure (uuid, failure_id);
CREATE INDEX failure_created ON failure (created_ms);
