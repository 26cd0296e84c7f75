"""An older file is backed up and brought to the head, or not at all, wherever it is killed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from streamstore.clock import ManualClock
from streamstore.config import Settings
from streamstore.errors import FileTooNew, StorageError
from streamstore.storage import failpoints, files, maintenance, migrate

ROWS = 300
BASE, NEXT = migrate.REVISION, migrate.REVISION + 1
POINTS = [name for name in failpoints.POINTS if name.startswith("migration-")] + [
    "fresh-reserved",
    "backup-copied",
    "fresh-built",
    "file-before-rename",
    "file-after-rename",
]


def upgrade(path: Path, scripts: Path, **options: Any) -> migrate.Opened:
    settings = options.pop("settings", Settings())
    return migrate.open_file(path, settings, ManualClock(), head=NEXT, scripts=scripts, **options)


def close(opened: migrate.Opened) -> None:
    opened.connection.close()
    opened.claim.release()


def check_new(connection: apsw.Connection) -> None:
    """Every step of the next revision has run, and to its end."""

    def all_of(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    assert [text for (text,) in all_of("SELECT text FROM note ORDER BY note_id")] == [
        "a; b", "c", "d?", "e", "it's",
    ]  # fmt: skip
    assert all_of("SELECT count(*), min(CAST(body AS TEXT) LIKE 'body %!') FROM record") == [
        (ROWS, 1)
    ]
    assert all_of("SELECT token, digest, created_ms, reply, account FROM client_token") == [
        ("t", b"\0", 5, b"\1", None),
        ("u", b"\2", 6, b"\3", None),
    ]
    assert maintenance.identity(connection) == (files.APPLICATION_ID, NEXT)
    assert all_of("PRAGMA integrity_check") == [("ok",)]


def check_old(path: Path) -> None:
    opened = migrate.open_file(path, Settings(), ManualClock())
    rows = opened.connection.execute(
        "SELECT count(*), sum(CAST(body AS TEXT) LIKE '%!') FROM record"
    ).fetchall()
    assert rows == [(ROWS, 0)]
    assert maintenance.identity(opened.connection) == (files.APPLICATION_ID, BASE)
    close(opened)


@pytest.mark.parametrize("durability", ["full", "off"])
def test_an_older_file_is_migrated_after_a_backup(
    old: Path, scripts: Path, old_bytes: bytes, durability: Any
) -> None:
    opened = upgrade(old, scripts, settings=Settings(durability=durability))
    check_new(opened.connection)
    assert opened.backup == f"{old}.backup-r{BASE}-{ManualClock().now_ms()}"
    expected = {"full": 2, "off": 0}[durability]
    assert opened.connection.execute("PRAGMA synchronous").fetchall() == [(expected,)]
    close(opened)
    assert stat.S_IMODE(os.stat(opened.backup).st_mode) == 0o600
    check_old(Path(opened.backup))
    # Then it is at the head: no second backup, and the old code refuses it.
    again = upgrade(old, scripts)
    assert again.backup is None
    close(again)
    with pytest.raises(FileTooNew):
        migrate.open_file(old, Settings(), ManualClock())


def test_the_steps_hold_no_transaction_of_their_own_and_no_table_of_alembics(
    scripts: Path,
) -> None:
    text = "\n".join(migrate.render(scripts, BASE, NEXT)).upper()
    assert "RETURNING" in text
    for word in ("BEGIN", "COMMIT", "ALEMBIC_VERSION"):
        assert word not in text


def test_an_undrained_cursor_would_stop_at_returning(old: Path, scripts: Path) -> None:
    """The trap itself: this is why every statement is drained (engine.md 2.10)."""
    connection = apsw.Connection(str(old))
    connection.execute("BEGIN")
    cursor = connection.cursor()
    cursor.execute("\n".join(migrate.render(scripts, BASE, NEXT)))
    assert not connection.table_exists(None, "_alembic_tmp_client_token")
    assert connection.execute(
        "SELECT count(*) FROM record WHERE CAST(body AS TEXT) LIKE '%!'"
    ).fetchall() == [(0,)]
    connection.close(True)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("op.execute('COMMIT')", "ended its own transaction"),
        ("op.execute('INSERT INTO nowhere VALUES (1)')", "no such table"),
        ("op.execute('PRAGMA user_version = 7')", None),
    ],
)
def test_a_migration_that_fails_leaves_the_old_file_and_its_backup(
    old: Path, scripts: Path, step: str, text: str | None
) -> None:
    script = scripts / "versions" / f"{NEXT:04d}_next.py"
    lines = script.read_text().replace("    op.create_index", f"    {step}\n    op.create_index")
    script.write_text(lines)
    if text is None:
        close(upgrade(old, scripts))
        return
    with pytest.raises(StorageError, match=text):
        upgrade(old, scripts)
    assert len(list(old.parent.glob(f"*.backup-r{BASE}-*"))) == 1
    if "COMMIT" not in step:
        check_old(old)


def test_a_missing_script_changes_nothing(old: Path, scripts: Path, old_bytes: bytes) -> None:
    with pytest.raises(Exception, match=f"{NEXT + 1:04d}"):
        migrate.open_file(old, Settings(), ManualClock(), head=NEXT + 1, scripts=scripts)
    assert old.read_bytes() == old_bytes
    assert not list(old.parent.glob("*.backup*"))


def test_a_backup_that_is_not_the_file_stops_the_migration(
    old: Path, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "verify", lambda path: (files.APPLICATION_ID, 5))
    with pytest.raises(StorageError, match="Nothing was migrated"):
        upgrade(old, scripts)
    check_old(old)


# ---- killed ----


def crash() -> None:
    os._exit(77)


def check_either(path: Path, scripts: Path) -> bool:
    """The old file opens, or the new one; then the upgrade comes to its end. True if it was new."""
    connection = apsw.Connection(str(path))
    new = maintenance.identity(connection)[1] == NEXT
    connection.close()
    if not new:
        check_old(path)
    opened = upgrade(path, scripts)
    check_new(opened.connection)
    close(opened)
    return new


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_the_old_file_opens_or_the_new_one(
    old: Path, scripts: Path, old_bytes: bytes, killed: Any, point: str
) -> None:
    pass_by = 0
    while True:
        left = iter(range(pass_by))

        def strike(left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                crash()

        def attempt(strike: Callable[[], None] = strike) -> None:
            failpoints.arm(point, strike)
            close(upgrade(old, scripts))

        struck = killed(attempt)
        new = check_either(old, scripts)
        if not struck:
            break
        assert new == (point == "migration-committed")
        for left_over in old.parent.glob("store.db*"):
            left_over.unlink()
        old.write_bytes(old_bytes)
        pass_by += 1
    assert pass_by >= (6 if point == "migration-statement" else 1)


class DyingFile(apsw.VFSFile):
    """Dies at the n-th change of any file, half of a write being done."""

    left = 0

    def __init__(self, base: str, name: Any, flags: Any) -> None:
        super().__init__(base, name, flags)

    def _count(self) -> bool:
        DyingFile.left -= 1
        return DyingFile.left == 0

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if self._count():
            super().xWrite(bytes(data[: len(data) // 2]), offset)
            crash()
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._count():
            crash()
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        if self._count():
            crash()
        super().xTruncate(size)


class DyingVFS(apsw.VFS):
    def __init__(self) -> None:
        super().__init__("dying", "")

    def xOpen(self, name: Any, flags: Any) -> DyingFile:  # noqa: N802
        return DyingFile("", name, flags)


def test_killed_at_every_write_the_old_file_opens_or_the_new_one(
    old: Path, scripts: Path, old_bytes: bytes, killed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vfs = DyingVFS()
    # Rendering takes longer than the rest, and is the same each time.
    steps = migrate.render(scripts, BASE, NEXT)
    monkeypatch.setattr(migrate, "render", lambda *_: steps)
    outcomes: list[bool] = []
    at = 1
    while True:

        def attempt(at: int = at) -> None:
            DyingFile.left = at
            close(upgrade(old, scripts, vfs="dying"))

        struck = killed(attempt)
        outcomes.append(check_either(old, scripts))
        if not struck:
            break
        for left_over in old.parent.glob("store.db*"):
            left_over.unlink()
        old.write_bytes(old_bytes)
        at += 1
    vfs.unregister()
    assert outcomes.count(False) > 15, "hardly a write was met"
    # The old file until COMMIT's last frame is down, the new one from then on.
    assert outcomes == sorted(outcomes)
