"""Views for people who look inside with the sqlite3 shell: names, wire numbers and times in words.

Plain SQL that SQLite 3.38 and later can run, without functions of ours. Nothing of the store reads
them. A later revision that makes one of their tables anew (batch_alter_table) drops the views of it
first, since SQLite checks every view where a table is renamed.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQL turns a byte into a number by its place among all of them.
_OCTETS = bytes(range(256)).hex()


def upgrade() -> None:
    for name, select in _VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS\n{select.strip()}")


def _time(milliseconds: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {milliseconds} / 1000.0, 'unixepoch')"


def _number(counter: str) -> str:
    return f"depth || printf('%020d', {counter})"


def _key(encoded: str) -> str:
    return (
        f"CASE WHEN substr({encoded}, 1, 1) = x'53' AND instr({encoded}, x'00') = 0\n"
        f"        THEN CAST(substr({encoded}, 2) AS TEXT) ELSE hex(substr({encoded}, 2)) END"
    )


_LIVE_PARTITIONS = """FROM partition
        WHERE partition.table_id = table_def.table_id AND retired_ms IS NULL"""
_OWN_SHARDS = """FROM shard
        WHERE shard.stream_id = stream.stream_id"""

_VIEWS = {
    "view_tables": f"""
-- One row a table; dropped ones until their rows are gone.
SELECT
    name AS table_name,
    table_id,
    {_time("created_ms")} AS created,
    {_time("dropped_ms")} AS dropped,
    (SELECT coalesce(sum(item_count), 0) {_LIVE_PARTITIONS}) AS items,
    (SELECT coalesce(sum(item_bytes), 0) {_LIVE_PARTITIONS}) AS item_bytes,
    (SELECT count(*) {_LIVE_PARTITIONS}) AS partitions,
    (SELECT label FROM stream
        WHERE stream.table_id = table_def.table_id AND disabled_ms IS NULL) AS stream_label
FROM table_def
""",
    "view_indexes": f"""
-- One row a secondary index.
SELECT
    table_def.name AS table_name,
    index_def.name AS index_name,
    index_id,
    {_time("index_def.dropped_ms")} AS dropped,
    entry_count AS entries,
    entry_bytes
FROM index_def LEFT JOIN table_def USING (table_id)
""",
    "view_items": f"""
-- One row an item. A key of one string is text, any other the hex of its order-preserving bytes.
SELECT
    name AS table_name,
    CAST(substr(pk, 1, 1) AS TEXT) AS partition_key_type,
    {_key("pk")} AS partition_key,
    CASE WHEN length(sk) > 0 THEN CAST(substr(sk, 1, 1) AS TEXT) END AS sort_key_type,
    CASE WHEN length(sk) > 0 THEN {_key("sk")} END AS sort_key,
    size AS size_bytes,
    length(coalesce(item.body, large_body.body)) AS stored_bytes,
    lower(hex(hash)) AS hash
FROM item LEFT JOIN table_def USING (table_id) LEFT JOIN large_body USING (body_id)
""",
    "view_streams": f"""
-- One row a stream; disabled ones until their last record is trimmed.
SELECT
    table_name,
    label AS stream_label,
    view_type,
    stream_id,
    {_time("created_ms")} AS created,
    {_time("disabled_ms")} AS disabled,
    (SELECT count(*) {_OWN_SHARDS}) AS shards,
    (SELECT count(*) {_OWN_SHARDS} AND closed_ms IS NULL) AS open_shards,
    (SELECT coalesce(sum(next_ordinal - first_ordinal), 0) {_OWN_SHARDS}) AS records,
    (SELECT coalesce(sum(byte_count), 0) {_OWN_SHARDS}) AS stored_bytes
FROM stream
""",
    "view_shards": f"""
-- One row a shard. Sequence numbers are those of the wire.
SELECT
    table_name,
    label AS stream_label,
    name AS shard_name,
    parent_name,
    shard_id,
    {_time("opened_ms")} AS opened,
    {_time("closed_ms")} AS closed,
    {_number("start_sequence")} AS starting_sequence_number,
    CASE WHEN end_sequence IS NOT NULL THEN {_number("end_sequence")} END
        AS ending_sequence_number,
    {_number("last_sequence")} AS last_sequence_number,
    lower(hex(range_start)) AS hash_from,
    lower(hex(range_end)) AS hash_to,
    next_ordinal - first_ordinal AS records,
    byte_count AS stored_bytes,
    CASE WHEN horizon_sequence > 0 THEN {_number("horizon_sequence")} END
        AS trimmed_to_sequence_number,
    {_time("nullif(horizon_ms, 0)")} AS trimmed_to
FROM shard LEFT JOIN stream USING (stream_id)
""",
    "view_records": f"""
-- One row a change record on disk, its keys as DynamoDB JSON with binary values in "hex".
WITH octets(octet) AS (SELECT x'{_OCTETS}')
SELECT
    table_name,
    label AS stream_label,
    name AS shard_name,
    record_id & 274877906943 AS ordinal,
    sequence,
    {_number("sequence")} AS sequence_number,
    {_time("record.created_ms")} AS created,
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
LEFT JOIN stream USING (stream_id)
""",
    "view_mappings": f"""
-- One row an event source mapping.
SELECT
    uuid,
    function_name,
    stream_arn,
    state,
    {_time("modified_ms")} AS modified
FROM mapping
""",
    "view_checkpoints": f"""
-- One row a mapping and shard: up to which record all is done.
SELECT
    uuid,
    function_name,
    name AS shard_name,
    {_number("sequence")} AS done_to_sequence_number,
    {_time("finished_ms")} AS finished,
    length(progress) AS progress_bytes
FROM checkpoint JOIN mapping USING (mapping_id) JOIN shard USING (shard_id)
""",
    "view_failures": f"""
-- One row a batch that a mapping gave up on, with the failure record as JSON.
SELECT
    failure_id,
    uuid,
    function_name,
    {_time("created_ms")} AS created,
    {_time("redriven_ms")} AS redriven,
    record_count AS records,
    CAST(body AS TEXT) AS failure_record,
    length(payload) AS payload_bytes
FROM failure LEFT JOIN mapping USING (uuid)
""",
}
