"""A backup of an older revision is migrated on its way back, without another copy beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import apsw
import pytest

import streamstore
from streamstore import restoring
from streamstore.clock import ManualClock
from streamstore.storage import copies, migrate

TABLE: dict[str, Any] = {
    "TableName": "music",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}
NAMES = "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'table') ORDER BY type DESC"


def make_older(path: Path, revision: int) -> None:
    """Take away what later revisions have made."""
    then = apsw.Connection(":memory:")
    for step in migrate.render(migrate.scripts_folder(), 0, revision):
        then.execute(step).fetchall()
    connection = apsw.Connection(str(path))
    known = set(then.execute(NAMES))
    for kind, name in connection.execute(NAMES).fetchall():
        if (kind, name) not in known:
            connection.execute(f"DROP {kind} {name}")
    connection.execute(f"PRAGMA user_version = {revision}")
    connection.close()
    then.close()


@pytest.mark.parametrize("revision", range(1, migrate.REVISION))
def test_a_backup_of_an_older_revision_is_restored_at_the_head(
    tmp_path: Path, revision: int
) -> None:
    clock = ManualClock()
    path = tmp_path / "store.db"
    with streamstore.open(path, clock=clock, background=False) as store:
        store.client.create_table(**TABLE)
        store.client.put_item(TableName="music", Item={"pk": {"S": "kept"}})
    make_older(path, revision)
    backup = copies.back_up(str(path), tmp_path / "backup.db")
    assert backup.revision == revision
    restored = restoring.restore(backup.path, tmp_path / "new.db", clock=clock)
    with copies.reading(restored.path) as reading:
        assert copies.verified(reading)[0] == migrate.REVISION
    assert not [name for name in os.listdir(tmp_path) if "backup-r" in name]
    with streamstore.open(restored.path, clock=clock, background=False) as store:
        assert store.client.scan(TableName="music")["Count"] == 1
        assert len(restored.streams) == 1
