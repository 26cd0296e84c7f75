"""Which targets are taken, and that no URL whatever opens a store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import streamstore
from streamstore.consumers.sinks.addresses import engine_of
from streamstore.errors import SinkRefused


@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///{0}/shop.db",
        "sqlite+pysqlite:///{0}/shop.db",
        "sqlite:///{0}/../{1}/shop.db",
        "sqlite:///file:{0}/shop.db?uri=true",
        "sqlite:///file:{0}/sh%6Fp.db?uri=true",
        "sqlite:///file://localhost{0}/shop.db?uri=true",
        "sqlite:///{0}/soft.db",
        "sqlite:///{0}/hard.db",
        "sqlite:///file:{0}/hard.db",
        "sqlite:///{0}/shop.db-wal",
        "sqlite:///shop.db",
    ],
)
def test_a_url_that_names_a_store_is_refused_and_the_store_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, opened: bool
) -> None:
    path = tmp_path / "shop.db"
    monkeypatch.chdir(tmp_path)
    store = streamstore.open(path, background=False)
    if not opened:
        store.close()
    os.link(path, tmp_path / "hard.db")
    os.symlink(path, tmp_path / "soft.db")
    with pytest.raises(SinkRefused, match="belongs to a streamstore store"):
        engine_of(url.format(tmp_path, tmp_path.name))
    (tmp_path / "hard.db").unlink()
    if not opened:
        store = streamstore.open(path, background=False)
    assert store.client.list_tables()["TableNames"] == []
    store.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("app.db", "The target is a URL"),
        ("mysql://root@localhost/x", "mysql is no target"),
        ("postgresql+asyncpg://x/y", "no target that this sink knows"),
        ("sqlite://", "A SQLite target is a file"),
        ("sqlite:///:memory:", "A SQLite target is a file"),
        ("sqlite:///file:x?mode=memory&uri=true", "takes no parameters"),
        ("sqlite:///file://elsewhere/x", "no file of this machine"),
        ("sqlite:////nowhere/at/all.db", "does not exist"),
    ],
)
def test_what_is_no_target_is_refused_with_the_reason(url: str, said: str) -> None:
    with pytest.raises(SinkRefused, match=said):
        engine_of(url)


def test_what_is_opened_is_the_path_that_was_looked_at(tmp_path: Path) -> None:
    os.symlink(tmp_path / "50% of it.db", tmp_path / "soft.db")
    engine = engine_of(f"sqlite:///file:{tmp_path}/soft.db?uri=true")
    assert engine.url.database == str(tmp_path / "50% of it.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
    engine.dispose()
    assert (tmp_path / "50% of it.db").stat().st_size > 0


def test_postgresql_is_spoken_to_through_psycopg_by_each_of_its_names() -> None:
    pytest.importorskip("psycopg", reason="PostgreSQL's driver psycopg is not installed")
    for scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        engine = engine_of(f"{scheme}://me@localhost/x")
        assert (engine.dialect.name, engine.dialect.driver) == ("postgresql", "psycopg")
