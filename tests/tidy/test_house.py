"""The law of the house, read off the source: layers, sizes, names and who may touch what.

Each rule names its exceptions with a reason. The rules are those of streamstore/README.md.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "streamstore"

# Rooms from the bottom up; a room imports only rooms of a lower number. Rooms of one number are
# strangers.
LEVELS = {
    "errors": 0,
    "limits": 0,
    "clock": 0,
    "config": 0,
    "metrics": 0,
    "codec": 1,
    "storage": 2,
    "expressions": 2,
    "engine": 3,
    "operations": 4,
    "keeper": 5,
    "leading": 5,
    "opening": 5,
    "calls": 5,
    "following": 5,
    "control": 5,
    "client": 5,
    "table": 6,
    "store": 7,
    "server": 9,
    "cloudwatch": 9,
    "consumers": 9,
    "console": 9,
    "checking": 8,
    "restoring": 8,
    "boto": 9,
    "testing": 10,
    "cli": 11,
}
LEAVES_MAY_IMPORT_LEAVES = {("config", "limits"), ("metrics", "limits")}
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
ROOM_FILES_MAX = 12
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


@cache
def sources() -> tuple[tuple[Path, ast.Module], ...]:
    return tuple((p, ast.parse(p.read_text(), str(p))) for p in sorted(PACKAGE.rglob("*.py")))


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports_of(path: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of every import, those under TYPE_CHECKING included."""
    package = ("streamstore", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *(node.module.split(".") if node.module else ())))
            if node.level or module.startswith("streamstore"):
                for alias in node.names:
                    yield node.lineno, f"{module}.{alias.name}"
            else:
                yield node.lineno, module


def test_imports_go_down_the_house_and_rooms_of_one_level_are_strangers() -> None:
    broken = []
    for path, tree in sources():
        room = room_of(path)
        if room in ("__init__", "__main__"):
            continue
        assert room in LEVELS, (
            f"{path}: the room {room!r} has no level; add it to the drawing first"
        )
        for line, name in imports_of(path, tree):
            parts = name.split(".")
            if parts[0] != "streamstore" or len(parts) < 2 or parts[1] not in LEVELS:
                continue
            other = parts[1]
            if other == room or (room, other) in LEAVES_MAY_IMPORT_LEAVES:
                continue
            if LEVELS[other] >= LEVELS[room]:
                broken.append(f"{path.relative_to(ROOT)}:{line} {room} imports {other}")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("apsw", ("storage", "testing")),
        ("sqlalchemy", ("storage/schema.py", "consumers/sinks")),
        ("sqlite3", ()),
        ("alembic", ("storage/migrate.py", "storage/render.py")),
        ("botocore", ("boto.py", "operations/shapes/generate.py", "consumers/destinations")),
        ("boto3", ("boto.py", "consumers/destinations", "testing/kit/plugin.py")),
        ("uvicorn", ("server",)),
        ("starlette", ("server", "console")),
        ("click", ("cli",)),
        (
            "orjson",
            ("server", "cli", "operations", "engine", "codec", "consumers", "console", "boto.py"),
        ),
    ],
)
def test_a_library_is_imported_only_where_it_lives(library: str, homes: tuple[str, ...]) -> None:
    strays = []
    for path, tree in sources():
        relative = path.relative_to(PACKAGE).as_posix()
        if any(relative == home or relative.startswith(home + "/") for home in homes):
            continue
        for line, name in imports_of(path, tree):
            if name == library or name.startswith(library + "."):
                strays.append(f"{relative}:{line}")
    assert not strays, f"{library} is imported in {', '.join(strays)}"


# time.perf_counter measures a duration and tells no time; it is not reading the time.
TIME_READERS = {"time", "time_ns", "monotonic", "monotonic_ns", "clock_gettime", "clock_gettime_ns"}


def test_only_the_clock_reads_the_time() -> None:
    strays = []
    for path, tree in sources():
        if path.name == "clock.py" and path.parent == PACKAGE:
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and (
                    (node.value.id == "time" and node.attr in TIME_READERS | {"sleep"})
                    or (node.value.id == "datetime" and node.attr in ("now", "utcnow", "today"))
                )
            ):
                strays.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.value.id}.{node.attr}")
    assert not strays, "\n".join(strays)


# Files that are not a store's: what they open is named beside them.
MAY_OPEN = {
    "storage/files.py": "creation, sniffing before apsw opens, the WAL of engine.md 2.2",
    "cli/demo/feed.py": "change feeds and trees, never a store file",
    "cli/demo/follower.py": "the copies that followers collect, never a store file",
    "operations/shapes/generate.py": "writes the generated table of shapes, at build time",
}


def test_nothing_opens_a_file_by_itself_but_the_listed_modules() -> None:
    strays = []
    for path, tree in sources():
        if path.relative_to(PACKAGE).as_posix() in MAY_OPEN:
            continue
        for line, name in imports_of(path, tree):
            if name == "shutil":
                strays.append(f"{path.relative_to(ROOT)}:{line} shutil")
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "open"
            ):
                strays.append(f"{path.relative_to(ROOT)}:{node.lineno} open()")
    assert not strays, "\n".join(strays)


def test_functions_and_files_and_rooms_stay_small() -> None:
    large = []
    for path, tree in sources():
        lines = len(path.read_text().splitlines())
        if lines > FILE_LINES_MAX:
            large.append(f"{path.relative_to(ROOT)} has {lines} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                length = node.end_lineno - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    large.append(
                        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines"
                    )
    for room in {path.parent for path, _ in sources()} - {PACKAGE}:
        files = len(list(room.glob("*.py"))) - 1
        if files > ROOM_FILES_MAX:
            large.append(f"{room.relative_to(ROOT)} has {files} files")
    assert not large, "\n".join(large)


def test_no_file_or_room_is_named_after_nothing() -> None:
    named = [p for p, _ in sources() if {p.stem, *p.relative_to(PACKAGE).parts} & FORBIDDEN_NAMES]
    assert not named, f"a name that says nothing: {named}"


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(p.relative_to(ROOT)) for p, tree in sources() if not ast.get_docstring(tree)]
    assert not silent, f"without a docstring: {silent}"


def test_the_top_level_holds_what_the_project_fixed() -> None:
    fixed = {"streamstore", "migrations", "bench", "tests"}
    ignored = {"build", "dist"}  # what building a wheel leaves behind
    folders = {
        p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")
    } - ignored
    assert folders == fixed, f"other folders at the top: {folders ^ fixed}"


def test_the_core_depends_on_nothing_but_what_it_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {d.split(">")[0].split("=")[0].split("[")[0] for d in project["dependencies"]}
    assert names == {
        "apsw", "msgpack", "sqlalchemy", "alembic",  # the store
        "orjson", "httptools", "uvloop", "uvicorn", "starlette",  # the wire
        "click",  # the command line
    }  # fmt: skip


def test_public_names_are_sorted_and_all_there() -> None:
    import streamstore

    assert list(streamstore.__all__) == sorted(streamstore.__all__)
    for name in streamstore.__all__:
        assert getattr(streamstore, name) is not None
