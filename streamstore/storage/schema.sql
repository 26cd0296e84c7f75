-- Revision 4, as the migrations make it. A test holds this file equal to them and to storage/schema.py.
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
CREATE VIEW view_tables AS
-- One row a table; dropped ones until their rows are gone.
SELECT
    name AS table_name,
    table_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', created_ms / 1000.0, 'unixepoch') AS created,
    strftime('%Y-%m-%dT%H:%M:%fZ', dropped_ms / 1000.0, 'unixepoch') AS dropped,
    (SELECT coalesce(sum(item_count), 0) FROM partition
        WHERE partition.table_id = table_def.table_id AND retired_ms IS NULL) AS items,
    (SELECT coalesce(sum(item_bytes), 0) FROM partition
        WHERE partition.table_id = table_def.table_id AND retired_ms IS NULL) AS item_bytes,
    (SELECT count(*) FROM partition
        WHERE partition.table_id = table_def.table_id AND retired_ms IS NULL) AS partitions,
    (SELECT label FROM stream
        WHERE stream.table_id = table_def.table_id AND disabled_ms IS NULL) AS stream_label
FROM table_def;
CREATE VIEW view_indexes AS
-- One row a secondary index.
SELECT
    table_def.name AS table_name,
    index_def.name AS index_name,
    index_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', index_def.dropped_ms / 1000.0, 'unixepoch') AS dropped,
    entry_count AS entries,
    entry_bytes
FROM index_def LEFT JOIN table_def USING (table_id);
CREATE VIEW view_items AS
-- One row an item. A key of one string is text, any other the hex of its order-preserving bytes.
SELECT
    name AS table_name,
    CAST(substr(pk, 1, 1) AS TEXT) AS partition_key_type,
    CASE WHEN substr(pk, 1, 1) = x'53' AND instr(pk, x'00') = 0
        THEN CAST(substr(pk, 2) AS TEXT) ELSE hex(substr(pk, 2)) END AS partition_key,
    CASE WHEN length(sk) > 0 THEN CAST(substr(sk, 1, 1) AS TEXT) END AS sort_key_type,
    CASE WHEN length(sk) > 0 THEN CASE WHEN substr(sk, 1, 1) = x'53' AND instr(sk, x'00') = 0
        THEN CAST(substr(sk, 2) AS TEXT) ELSE hex(substr(sk, 2)) END END AS sort_key,
    size AS size_bytes,
    length(coalesce(item.body, large_body.body)) AS stored_bytes,
    lower(hex(hash)) AS hash
FROM item LEFT JOIN table_def USING (table_id) LEFT JOIN large_body USING (body_id);
CREATE VIEW view_streams AS
-- One row a stream; disabled ones until their last record is trimmed.
SELECT
    table_name,
    label AS stream_label,
    view_type,
    stream_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', created_ms / 1000.0, 'unixepoch') AS created,
    strftime('%Y-%m-%dT%H:%M:%fZ', disabled_ms / 1000.0, 'unixepoch') AS disabled,
    (SELECT count(*) FROM shard
        WHERE shard.stream_id = stream.stream_id) AS shards,
    (SELECT count(*) FROM shard
        WHERE shard.stream_id = stream.stream_id AND closed_ms IS NULL) AS open_shards,
    (SELECT coalesce(sum(next_ordinal - first_ordinal), 0) FROM shard
        WHERE shard.stream_id = stream.stream_id) AS records,
    (SELECT coalesce(sum(byte_count), 0) FROM shard
        WHERE shard.stream_id = stream.stream_id) AS stored_bytes
FROM stream;
CREATE VIEW view_shards AS
-- One row a shard. Sequence numbers are those of the wire.
SELECT
    table_name,
    label AS stream_label,
    name AS shard_name,
    parent_name,
    shard_id,
    strftime('%Y-%m-%dT%H:%M:%fZ', opened_ms / 1000.0, 'unixepoch') AS opened,
    strftime('%Y-%m-%dT%H:%M:%fZ', closed_ms / 1000.0, 'unixepoch') AS closed,
    depth || printf('%020d', start_sequence) AS starting_sequence_number,
    CASE WHEN end_sequence IS NOT NULL THEN depth || printf('%020d', end_sequence) END
        AS ending_sequence_number,
    depth || printf('%020d', last_sequence) AS last_sequence_number,
    lower(hex(range_start)) AS hash_from,
    lower(hex(range_end)) AS hash_to,
    next_ordinal - first_ordinal AS records,
    byte_count AS stored_bytes,
    CASE WHEN horizon_sequence > 0 THEN depth || printf('%020d', horizon_sequence) END
        AS trimmed_to_sequence_number,
    strftime('%Y-%m-%dT%H:%M:%fZ', nullif(horizon_ms, 0) / 1000.0, 'unixepoch') AS trimmed_to
FROM shard LEFT JOIN stream USING (stream_id);
CREATE VIEW view_records AS
-- One row a change record on disk, its keys as DynamoDB JSON with binary values in "hex".
WITH octets(octet) AS (SELECT x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff')
SELECT
    table_name,
    label AS stream_label,
    name AS shard_name,
    record_id & 274877906943 AS ordinal,
    sequence,
    depth || printf('%020d', sequence) AS sequence_number,
    strftime('%Y-%m-%dT%H:%M:%fZ', record.created_ms / 1000.0, 'unixepoch') AS created,
    CASE substr(body, 1, 3) WHEN x'019600' THEN 'INSERT' WHEN x'019601' THEN 'MODIFY'
        WHEN x'019602' THEN 'REMOVE' END AS event_name,
    CASE substr(body, 4, 1)
        WHEN x'cd' THEN 256 * instr(octet, substr(body, 5, 1))
            + instr(octet, substr(body, 6, 1)) - 257
        WHEN x'ce' THEN 16777216 * instr(octet, substr(body, 5, 1))
            + 65536 * instr(octet, substr(body, 6, 1)) + 256 * instr(octet, substr(body, 7, 1))
            + instr(octet, substr(body, 8, 1)) - 16843009
        ELSE instr(octet, substr(body, 4, 1)) - 1 END AS size_bytes,
    substr(body, CASE substr(body, 4, 1) WHEN x'cd' THEN 7 WHEN x'ce' THEN 9 ELSE 5 END, 1)
        = x'c3' AS by_time_to_live,
    (
        -- The keys as msgpack has them: of each a name, a map of one, a type and a value.
        WITH RECURSIVE token(place, start, length) AS (
            SELECT -1, CASE substr(body, 4, 1) WHEN x'cd' THEN 9 WHEN x'ce' THEN 11 ELSE 7 END, 0
            UNION ALL
            SELECT
                place + 1,
                start + length + CASE
                    WHEN substr(body, start + length, 1) IN (x'd9', x'c4') THEN 2
                    WHEN substr(body, start + length, 1) IN (x'da', x'c5') THEN 3
                    ELSE 1 END,
                CASE
                    WHEN substr(body, start + length, 1) IN (x'd9', x'c4')
                        THEN instr(octet, substr(body, start + length + 1, 1)) - 1
                    WHEN substr(body, start + length, 1) IN (x'da', x'c5')
                        THEN 256 * instr(octet, substr(body, start + length + 1, 1))
                            + instr(octet, substr(body, start + length + 2, 1)) - 257
                    WHEN substr(body, start + length, 1) BETWEEN x'a0' AND x'bf'
                        THEN instr(octet, substr(body, start + length, 1)) - 161
                    ELSE 0 END
            FROM token
            WHERE place < 4 * instr(x'8182838485868788', substr(body,
                CASE substr(body, 4, 1) WHEN x'cd' THEN 8 WHEN x'ce' THEN 10 ELSE 6 END, 1)) - 1
        )
        SELECT json_group_object(CAST(name AS TEXT), CASE type
            WHEN x'42' THEN json_object('hex', hex(value))
            ELSE json_object(CAST(type AS TEXT), CAST(value AS TEXT)) END)
        FROM (
            SELECT
                max(CASE place % 4 WHEN 0 THEN substr(body, start, length) END) AS name,
                max(CASE place % 4 WHEN 2 THEN substr(body, start, length) END) AS type,
                max(CASE place % 4 WHEN 3 THEN substr(body, start, length) END) AS value
            FROM token WHERE place >= 0 GROUP BY place / 4
        )
    ) AS keys,
    length(body) AS stored_bytes
FROM octets CROSS JOIN shard CROSS JOIN record
    ON record_id >= shard_id << 38 AND record_id < (shard_id + 1) << 38
LEFT JOIN stream USING (stream_id);
CREATE VIEW view_mappings AS
-- One row an event source mapping.
SELECT
    uuid,
    function_name,
    stream_arn,
    state,
    strftime('%Y-%m-%dT%H:%M:%fZ', modified_ms / 1000.0, 'unixepoch') AS modified
FROM mapping;
CREATE VIEW view_checkpoints AS
-- One row a mapping and shard: up to which record all is done.
SELECT
    uuid,
    function_name,
    name AS shard_name,
    depth || printf('%020d', sequence) AS done_to_sequence_number,
    strftime('%Y-%m-%dT%H:%M:%fZ', finished_ms / 1000.0, 'unixepoch') AS finished,
    length(progress) AS progress_bytes
FROM checkpoint JOIN mapping USING (mapping_id) JOIN shard USING (shard_id);
CREATE VIEW view_failures AS
-- One row a batch that a mapping gave up on, with the failure record as JSON.
SELECT
    failure_id,
    uuid,
    function_name,
    strftime('%Y-%m-%dT%H:%M:%fZ', created_ms / 1000.0, 'unixepoch') AS created,
    strftime('%Y-%m-%dT%H:%M:%fZ', redriven_ms / 1000.0, 'unixepoch') AS redriven,
    record_count AS records,
    CAST(body AS TEXT) AS failure_record,
    length(payload) AS payload_bytes
FROM failure LEFT JOIN mapping USING (uuid);
