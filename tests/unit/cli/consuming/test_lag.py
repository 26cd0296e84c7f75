"""`streamstore consumers` on a file that nobody owns, for programs and for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import streamstore
from streamstore.cli.main import main
from streamstore.consumers.functions import Functions


@pytest.fixture
def db(tmp_path: Path, make_mapping: Any) -> tuple[Path, str]:
    """A file with a mapping that is two records behind, and the mapping's UUID."""
    path = tmp_path / "s.db"
    functions = Functions()
    functions.register("f", lambda event, context: None)
    with streamstore.open(path, background=False, split_policy="manual") as store:
        uuid = str(make_mapping(store, functions))
        for key in ("1", "2"):
            store.client.put_item(TableName="tab", Item={"id": {"S": key}})
    return path, uuid


def test_programs_get_json_and_people_a_table(db: tuple[Path, str]) -> None:
    path, uuid = db
    run = CliRunner().invoke(main, ["consumers", "--db", str(path)])
    assert run.exit_code == 0, run.output
    (lag,) = json.loads(run.output)["consumers"]
    assert (lag["uuid"], lag["function"], lag["behind"]) == (uuid, "f", 2)
    assert lag["shard"].startswith("shardId-")
    assert lag["age_seconds"] >= 0
    run = CliRunner().invoke(main, ["consumers", "--db", str(path), "--output", "table"])
    head, row = run.output.splitlines()
    assert head.split() == ["function", "shard", "behind", "age_seconds", "sequence", "uuid"]
    assert row.split()[0] == "f"
    assert row.split()[2] == "2"


def test_beside_an_owner_without_a_door_the_file_is_read(db: tuple[Path, str]) -> None:
    with streamstore.open(db[0], background=False):
        run = CliRunner().invoke(main, ["consumers", "--db", str(db[0])])
    assert run.exit_code == 0, run.output
    assert [each["behind"] for each in json.loads(run.output)["consumers"]] == [2]


def test_no_store_or_two_are_misuse(tmp_path: Path) -> None:
    missing = ["consumers", "--db", str(tmp_path / "none.db")]
    assert CliRunner().invoke(main, missing).exit_code == 1
    assert CliRunner().invoke(main, ["consumers"]).exit_code == 2
    assert CliRunner().invoke(main, [*missing, "--url", "http://127.0.0.1:1"]).exit_code == 2
    dead = ["consumers", "--url", "http://127.0.0.1:1"]
    run = CliRunner().invoke(main, dead)
    assert run.exit_code == 1
    assert "does not answer" in run.output
