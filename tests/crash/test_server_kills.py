"""The campaign that kills a real server under load, for a few seconds; and that it can fail."""

from __future__ import annotations

import shutil
from random import Random

import apsw

from streamstore.testing import campaigns
from streamstore.testing.campaigns import Report
from streamstore.testing.server_kills import Lives

SECONDS = 6


def test_killed_again_and_again_under_load_a_server_keeps_its_word() -> None:
    told: list[str] = []
    report = campaigns.run("server", 20, SECONDS, told.append)
    assert [violation.what for violation in report.violations] == []
    figures = report.figures
    assert figures["kills"] >= 2
    assert figures["acknowledged"] >= 50
    assert figures["records"] >= figures["acknowledged"]
    assert figures["served"] > 0
    assert len(told) == figures["kills"]


def harmed(statement: str) -> list[str]:
    """What the campaign says of a file of which somebody took something after a kill."""

    def tamper(db: str) -> None:
        connection = apsw.Connection(db)
        connection.execute(statement)
        assert connection.changes()
        connection.close()

    report = Report("server", 1)
    lives = Lives(report, Random(4), [], lambda line: None, tamper)
    with lives:
        lives.run(0.0, lives_max=1)
    shutil.rmtree(lives.folder)
    assert all(it.history["kept"] == lives.db for it in report.violations)
    return [violation.what for violation in report.violations]


def test_an_item_or_a_record_that_is_taken_from_the_file_is_missed() -> None:
    newest = "record_id = (SELECT max(record_id) FROM record)"
    assert any("records" in what for what in harmed(f"DELETE FROM record WHERE {newest}"))
    item = "SELECT table_id, hash, pk, sk FROM item LIMIT 1"
    assert any(
        "items are not what the records say" in what
        for what in harmed(f"DELETE FROM item WHERE (table_id, hash, pk, sk) IN ({item})")
    )
