"""Whether a path belongs to a store, found out without harm to anybody who has the file open."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import streamstore
from streamstore.storage.foreign.recognition import names_store

COPY_OF_A_FOREIGN_LOCK = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], timeout=0)
try:
    other.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError:
    print("locked")
else:
    print("free")
"""


@pytest.mark.parametrize("opened", [True, False])
def test_a_store_is_known_under_every_name_and_so_are_the_files_beside_it(
    tmp_path: Path, opened: bool
) -> None:
    path = tmp_path / "shop.db"
    store = streamstore.open(path, background=False)
    if not opened:
        store.close()
        os.link(path, tmp_path / "hard.db")
    os.symlink(path, tmp_path / "soft.db")
    os.symlink(tmp_path / "soft.db", tmp_path / "softer.db")
    names = ["shop.db", "soft.db", "softer.db", "shop.db-wal", "shop.db-shm", "shop.db.lock"]
    for name in names if opened else [*names, "hard.db"]:
        assert names_store(str(tmp_path / name)), name
    store.close()


def test_a_store_that_is_open_here_is_known_by_a_hard_link_made_meanwhile(tmp_path: Path) -> None:
    with streamstore.open(tmp_path / "shop.db", background=False):
        os.link(tmp_path / "shop.db", tmp_path / "hard.db")
        assert names_store(str(tmp_path / "hard.db"))


def test_a_store_that_is_open_here_is_not_opened_to_be_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise AssertionError("it was opened")

    store = streamstore.open(tmp_path / "shop.db", background=False)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        for name in ("shop.db", "shop.db-wal", "shop.db-shm"):
            assert names_store(str(tmp_path / name)), name
    store.close()


def test_other_files_are_no_stores(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE t (a)")
    other.close()
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("SQLite format 3\x00" + "STR1" * 40)
    for name in ("other.db", "other.db-wal", "empty", "text", "nothing", "."):
        assert names_store(str(tmp_path / name)) == (name == "text"), name


def test_looking_at_a_database_drops_no_lock_that_this_process_holds_on_it(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as mine:
        mine.execute("CREATE TABLE t (a)")
    mine.execute("BEGIN IMMEDIATE")
    try:
        assert not names_store(str(path))
        words = [sys.executable, "-c", COPY_OF_A_FOREIGN_LOCK, str(path)]
        told = subprocess.run(words, capture_output=True, text=True, timeout=30)
        assert told.stdout == "locked\n"
    finally:
        mine.close()
