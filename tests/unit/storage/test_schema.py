"""The catalogue of what is on disk says of each table and view who, key, value and lifetime."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from streamstore.storage.schema import CATALOGUE_FACTS, metadata, views


@pytest.mark.parametrize("table", [*metadata.tables.values(), *views.tables.values()], ids=str)
def test_every_table_and_view_has_its_entry_in_the_catalogue(table: sa.Table) -> None:
    facts = dict(table.info or {})
    assert set(facts) == set(CATALOGUE_FACTS)
    assert all(len(text) > 4 for text in facts.values())


@pytest.mark.parametrize("table", metadata.tables.values(), ids=str)
def test_ids_that_are_persisted_are_never_given_twice(table: sa.Table) -> None:
    ids = [column for column in table.primary_key if column.autoincrement is True]
    assert bool(ids) == table.dialect_options["sqlite"]["autoincrement"]
    if ids:
        assert len(table.primary_key.columns) == 1
    if table.name in ("table_def", "index_def", "partition", "stream", "shard"):
        assert ids, "a successor must not get this id"
