"""Whatever is changed in a store's rows is found by a check, and the code says what it is.

Every column of every table is damaged in turn, in several rows. What a check can't know is listed,
with the reason.
"""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.checking import CODES, check, check_transaction
from streamstore.storage import schema

# What any value may stand in, and why.
FREE = {
    "table_def.created_ms": "told nowhere else",
    "table_def.dropped_ms": "a table may be dropped at any time; there is none here",
    "index_def.dropped_ms": "the same",
    "partition.partition_id": "of a retired one that no shard names any more",
    "partition.created_ms": "told nowhere else",
    "partition.retired_ms": "told nowhere else",
    "stream.disabled_ms": "told nowhere else",
    "stream.last_record_ms": "of records that are gone",
    "lineage.table_name": "of a table that is gone",
    "lineage.label_ms": "must only be as great as what is there",
    "lineage.shard_ms": "the same",
    "lineage.depth": "the same",
    "shard.parent_name": "a parent that is gone can be any",
    "shard.closed_ms": "told nowhere else",
    "shard.horizon_ms": "of records that are gone",
    "shard.horizon_sequence": "the same; below the shard's last number",
    "record.created_ms": "only their order is known",
    "client_token.token": "the client's",
    "client_token.created_ms": "told nowhere else",
    "checkpoint.shard_id": "a checkpoint may outlive its shard",
    "checkpoint.finished_ms": "the consumer's",
    "checkpoint.progress": "the consumer's",
    "store_state.value": "of facts of others; ours are below",
    "store_state.name": "the same",
}
# Whole rooms that are the consumers' own.
CONSUMERS = ("mapping", "failure")
# Rows in which a column means something.
ONLY = {
    "partition": "retired_ms IS NULL",
    "shard.shard_id": "next_ordinal > first_ordinal",
}


def meant(table: str, column: str) -> str:
    return ONLY.get(f"{table}.{column}", ONLY.get(table, "1"))


COLUMNS = [
    (table.name, column.name, str(column.type))
    for table in schema.metadata.sorted_tables
    for column in table.columns
    if table.name not in CONSUMERS and f"{table.name}.{column.name}" not in FREE
]
CHANGED = {
    "INTEGER": "{} + 1000",
    "TEXT": "{} || 'x'",
    "BLOB": "CAST({} || x'00' AS BLOB)",
}


def primary_key(table: str) -> str:
    return ", ".join(column.name for column in schema.metadata.tables[table].primary_key)


def row_of(table: str, column: str, offset: int) -> str:
    """SQL that is true of one row, in which the column is not NULL."""
    key = primary_key(table)
    where = f"{column} IS NOT NULL AND {meant(table, column)}"
    return (
        f"({key}) = (SELECT {key} FROM {table} WHERE {where} ORDER BY {key} LIMIT 1"
        f" OFFSET {offset})"
    )


def test_the_store_that_is_damaged_below_is_sound_and_has_a_row_of_everything(life: Any) -> None:
    report = check(life.store)
    assert (report.clean, report.violations) == (True, [])
    assert min(report.facts.values()) > 30
    with life.store.readers.transaction() as rx:
        for table in schema.metadata.sorted_tables:
            if table.name != "failure":
                assert rx.one(f"SELECT 1 FROM {table.name}"), table.name
        (trimmed,) = rx.one("SELECT count(*) FROM shard WHERE first_ordinal > 1")
        assert trimmed > 3


@pytest.mark.parametrize(("table", "column", "kind"), COLUMNS)
def test_a_changed_column_is_found(
    life: Any, damage: Any, table: str, column: str, kind: str
) -> None:
    with life.store.readers.transaction() as rx:
        rows = rx.one(f"SELECT count({column}) FROM {table} WHERE {meant(table, column)}")[0]
    assert rows, "nothing to damage"
    for offset in sorted({0, rows // 3, rows // 2, rows - 1}):
        where = row_of(table, column, offset)
        codes = damage(
            f"UPDATE {table} SET {column} = {CHANGED[kind].format(column)} WHERE {where}"
        )
        assert codes, offset
        assert codes <= CODES.keys()


# One row less, and what that is.
LOST = {
    "store_state": {"schema"},
    "table_def": {"I-5"},
    "index_def": {"I-5"},
    "item": {"I-2"},
    "index_entry": {"I-11", "I-2"},
    "expiry": {"expiry"},
    "large_body": {"I-5"},
    "partition": {"I-15"},
    "stream": {"I-5"},
    "record": {"I-23", "I-2"},
    "mapping": {"I-5"},
}


@pytest.mark.parametrize("table", LOST)
def test_a_lost_row_is_found_for_what_it_is(life: Any, damage: Any, table: str) -> None:
    key = primary_key(table).split(", ")[0]
    name = "name = 'store_id'" if table == "store_state" else row_of(table, key, 1)
    if table == "mapping":
        name = "1"
    assert LOST[table] <= damage(f"DELETE FROM {table} WHERE {name}")


FIRST_OPEN = "shard_id = (SELECT min(shard_id) FROM shard WHERE closed_ms IS NULL)"
FIRST_CLOSED = "shard_id = (SELECT min(shard_id) FROM shard WHERE closed_ms IS NOT NULL)"
WITH_CHILD = (
    "shard_id = (SELECT p.shard_id FROM shard p JOIN shard c ON c.parent_name = p.name"
    " AND c.stream_id = p.stream_id ORDER BY p.shard_id LIMIT 1)"
)
NEWEST = "SELECT max(sequence) FROM record"
OLDEST = "SELECT min(record_id) FROM record"
STRAY = (
    "index_id, hash, pk, x'53', base_pk, base_sk, size, body, NULL FROM index_entry"
    " WHERE body_id IS NULL LIMIT 1"
)
HALF_OF_A_SPLIT = (
    "shard_id = (SELECT max(c.shard_id) FROM shard c JOIN shard p ON c.parent_name = p.name"
    " AND c.stream_id = p.stream_id WHERE c.range_end < p.range_end)"
)


FAR = "last_sequence = last_sequence + 5e9, end_sequence = end_sequence + 5e9"
DAMAGE = [
    ("I-12", "UPDATE store_state SET value = 5 WHERE name = 'sequence'"),
    ("schema", "UPDATE store_state SET value = x'00' WHERE name = 'iterator_key'"),
    ("schema", "UPDATE store_state SET value = '7' WHERE name = 'sequence'"),
    ("schema", "UPDATE store_state SET name = 'x' WHERE name = 'catalogue_version'"),
    ("I-2", "UPDATE partition SET item_count = item_count + 1 WHERE retired_ms IS NULL"),
    ("I-15", f"DELETE FROM shard WHERE {FIRST_OPEN}"),
    ("I-15", f"UPDATE shard SET closed_ms = 9e15, end_sequence = last_sequence WHERE {FIRST_OPEN}"),
    ("I-15", "UPDATE partition SET retired_ms = 1 WHERE retired_ms IS NULL AND range_end > x'ff'"),
    ("I-16", f"UPDATE shard SET closed_ms = NULL, end_sequence = NULL WHERE {WITH_CHILD}"),
    ("I-16", f"UPDATE shard SET {FAR} WHERE {WITH_CHILD}"),
    ("I-16", f"UPDATE shard SET parent_name = NULL WHERE {HALF_OF_A_SPLIT}"),
    ("I-16", f"UPDATE shard SET range_start = zeroblob(16) WHERE {HALF_OF_A_SPLIT}"),
    ("I-17", f"UPDATE shard SET end_sequence = NULL WHERE {FIRST_CLOSED}"),
    ("I-17", f"UPDATE shard SET end_sequence = last_sequence WHERE {FIRST_OPEN}"),
    ("I-17", f"UPDATE shard SET depth = depth + 1 WHERE {WITH_CHILD}"),
    ("I-23", "UPDATE shard SET first_ordinal = first_ordinal - 1 WHERE first_ordinal > 2"),
    ("I-23", "UPDATE shard SET horizon_sequence = last_sequence + 1"),
    ("I-12", f"UPDATE record SET sequence = ({NEWEST}) WHERE record_id = ({OLDEST})"),
    ("I-12", f"UPDATE record SET created_ms = created_ms + 1e12 WHERE record_id = ({OLDEST})"),
    ("I-5", "INSERT INTO large_body (body) VALUES (x'01')"),
    ("I-5", "INSERT INTO record VALUES (1, 1, 1, x'00')"),
    ("I-5", "INSERT INTO item VALUES (99, x'00', x'00', x'', 1, x'0180', NULL)"),
    ("I-5", "UPDATE item SET body_id = (SELECT min(body_id) FROM item) WHERE body_id IS NOT NULL"),
    ("I-5", "UPDATE item SET body = x'0180' WHERE body_id IS NOT NULL"),
    ("expiry", "INSERT INTO expiry SELECT table_id, 7, hash, pk, sk FROM item LIMIT 1"),
    ("I-11", f"INSERT INTO index_entry SELECT {STRAY}"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "statement"), DAMAGE)
def test_each_kind_of_damage_has_its_code(damage: Any, code: str, statement: str) -> None:
    assert code in damage(statement)


def test_tables_that_are_missing_or_not_ours_are_named(damage: Any, life: Any) -> None:
    with life.store.writer.holding(True) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("DROP INDEX failure_created")
            connection.execute("CREATE TABLE foreign_one (x)")
            connection.execute("CREATE TABLE _litestream_seq (x)")
            texts = [v.text for v in check_transaction(connection) if v.code == "schema"]
        finally:
            connection.execute("ROLLBACK")
    assert len(texts) == 2
    assert "index failure_created is missing" in texts[0]
    assert "foreign_one" in texts[1]
