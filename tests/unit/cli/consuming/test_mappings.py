"""`streamstore mappings` on a file: nobody's, and one that another store of this process owns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import streamstore
from streamstore.cli.main import main
from streamstore.consumers.functions import Functions

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def db(tmp_path: Path, make_mapping: Any) -> tuple[Path, str]:
    """A file with a mapping, and the mapping's UUID."""
    path = tmp_path / "s.db"
    functions = Functions()
    functions.register("f", lambda event, context: None)
    with streamstore.open(path, background=False) as store:
        return path, str(make_mapping(store, functions))


def run(*arguments: str) -> tuple[int, Any]:
    """Exit code, and the JSON or text of the output."""
    result = CliRunner().invoke(main, ["mappings", *arguments])
    try:
        return result.exit_code, json.loads(result.output)
    except ValueError:
        return result.exit_code, result.output


def test_a_mapping_is_listed_shown_paused_resumed_and_deleted(db: tuple[Path, str]) -> None:
    at = ("--db", str(db[0]))
    uuid = db[1]
    code, listed = run("list", *at)
    assert code == 0
    assert [each["UUID"] for each in listed["EventSourceMappings"]] == [uuid]
    for verb, reply, settled in (
        ("pause", "Disabling", "Disabled"),
        ("pause", "Updating", "Disabled"),
        ("resume", "Enabling", "Enabled"),
    ):
        code, answer = run(verb, uuid, *at)
        assert (code, answer["State"]) == (0, reply)
        assert run("show", uuid, *at)[1]["State"] == settled
    assert run("delete", uuid, *at)[1]["State"] == "Deleting"
    assert run("list", *at) == (0, {"EventSourceMappings": []})


def test_beside_an_owner_without_a_door_reading_works_and_changing_names_the_owner(
    db: tuple[Path, str],
) -> None:
    at = ("--db", str(db[0]))
    with streamstore.open(db[0], background=False):
        assert run("show", db[1], *at)[1]["UUID"] == db[1]
        assert run("list", *at)[0] == 0
        for verb in ("pause", "resume", "delete"):
            code, said = run(verb, db[1], *at)
            assert code == 1
            assert "embeds the store and has no door" in said
    assert run("show", db[1], *at)[1]["State"] == "Enabled"


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "delete"])
def test_what_is_not_there_ends_with_1(db: tuple[Path, str], verb: str) -> None:
    at = ("--db", str(db[0]))
    code, said = run(verb, NOWHERE, *at)
    assert (code, "does not exist" in said) == (1, True)
    assert run(verb, "short", *at)[0] == 1
    assert run(verb, NOWHERE, "--db", str(db[0]) + ".none")[0] == 1
    assert run(verb, NOWHERE)[0] == 2
    assert run(verb, NOWHERE, *at, "--url", "http://127.0.0.1:1")[0] == 2
    code, said = run(verb, NOWHERE, "--url", "http://127.0.0.1:1")
    assert (code, "does not answer" in said) == (1, True)
