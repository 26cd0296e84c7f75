"""Revision 2, expiries: a store of revision 1 is migrated as it is opened, and its items may expire
then.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import apsw

import streamstore
from streamstore.clock import ManualClock
from streamstore.storage import migrate
from streamstore.storage.schema import views

NOW = 1_700_000_000
TABLE: dict[str, Any] = {
    "TableName": "music",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def old_store(path: Path) -> None:
    """A store with two items, as revision 1 had it: without the table of expiries."""
    with streamstore.open(path, clock=ManualClock(), background=False) as store:
        store.client.create_table(**TABLE)
        for name, second in (("gone", NOW - 1), ("kept", NOW + 100)):
            item = {"pk": {"S": name}, "e": {"N": str(second)}}
            store.client.put_item(TableName="music", Item=item)
    connection = apsw.Connection(str(path))
    for view in views.tables:
        connection.execute(f"DROP VIEW {view}")
    for later in ("expiry", "mapping", "checkpoint", "failure"):
        connection.execute(f"DROP TABLE {later}")
    connection.execute("PRAGMA user_version = 1")
    connection.close()


def test_a_store_of_revision_1_is_migrated_beside_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old_store(path)
    with streamstore.open(path, clock=ManualClock(), background=False) as store:
        client = store.client
        described = client.describe_time_to_live(TableName="music")["TimeToLiveDescription"]
        assert described == {"TimeToLiveStatus": "DISABLED"}
        specification = {"Enabled": True, "AttributeName": "e"}
        client.update_time_to_live(TableName="music", TimeToLiveSpecification=specification)
        while store.tick():
            pass
        left = client.scan(TableName="music")["Items"]
        assert [item["pk"]["S"] for item in left] == ["kept"]
    assert [name for name in os.listdir(tmp_path) if "backup-r1" in name]


def test_the_step_makes_what_the_schema_has() -> None:
    connection = apsw.Connection(":memory:")
    for step in migrate.render(migrate.scripts_folder(), 1, 2):
        connection.execute(step).fetchall()
    made = connection.execute("PRAGMA table_list(expiry)").fetchall()
    columns = connection.execute("PRAGMA table_info(expiry)").fetchall()
    connection.close()
    fresh = migrate.open_in_memory()
    assert fresh.execute("PRAGMA table_list(expiry)").fetchall() == made
    assert fresh.execute("PRAGMA table_info(expiry)").fetchall() == columns
    fresh.close()
