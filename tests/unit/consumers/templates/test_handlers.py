"""Importing handlers: from their folders, with their environment, again when a file changes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamstore.consumers.templates import environment
from streamstore.consumers.templates.handlers import Handlers, missing_file
from streamstore.consumers.templates.plan import FunctionWanted


def wanted(name: str, code: Path, handler: str = "app.handler") -> FunctionWanted:
    return FunctionWanted(name, name, "python3.12", handler, code)


def write(path: Path, text: str) -> None:
    """Write a file so that its change is seen, however fast this test is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


@pytest.fixture
def made() -> Iterator[Any]:
    """Makes Handlers that are closed at the end, with os.environ looking at who runs."""
    before, path, modules = sys.dont_write_bytecode, sys.path[:], set(sys.modules)
    sys.dont_write_bytecode = True
    open_ones: list[Handlers] = []

    def make(*functions: FunctionWanted) -> Handlers:
        handlers = Handlers(functions, lambda function: {"NAME": function.name})
        open_ones.append(handlers)
        return handlers

    with environment.installed():
        yield make
    for handlers in open_ones:
        handlers.close()
    sys.dont_write_bytecode = before
    assert sys.path == path
    assert set(sys.modules) == modules


def test_a_handler_is_imported_anew_when_a_module_of_its_folder_changes(
    tmp_path: Path, made: Any
) -> None:
    write(tmp_path / "inner" / "deep" / "words.py", "WORD = 'one'")
    write(tmp_path / "app.py", "from inner.deep.words import WORD\ndef handler(e, c): return WORD")
    handlers = made(wanted("f", tmp_path))
    assert [error for _, error in handlers.load()] == [None]
    assert handlers["f"](None, None) == "one"
    assert handlers.reload() == []
    write(tmp_path / "inner" / "deep" / "words.py", "WORD = 'two'")
    assert [error for _, error in handlers.reload()] == [None]
    assert handlers["f"](None, None) == "two"
    assert handlers.reload() == []


def test_the_old_version_stays_while_the_new_one_cannot_be_imported(
    tmp_path: Path, made: Any
) -> None:
    write(tmp_path / "app.py", "def handler(e, c): return 1")
    handlers = made(wanted("f", tmp_path))
    handlers.load()
    write(tmp_path / "app.py", "def handler(e, c: return 2")
    assert [type(error) for _, error in handlers.reload()] == [SyntaxError]
    assert handlers["f"](None, None) == 1
    write(tmp_path / "app.py", "def handler(e, c): return 3")
    handlers.reload()
    assert handlers["f"](None, None) == 3


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import nothing_of_that_name", "nothing_of_that_name"),
        ("def other(e, c): ...", "app has no function handler"),
        ("handler = 5", "app has no function handler"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_a_handler_that_cannot_be_imported_fails_with_the_reason_until_it_is_mended(
    tmp_path: Path, made: Any, source: str, said: str
) -> None:
    write(tmp_path / "app.py", source)
    handlers = made(wanted("f", tmp_path))
    ((function, error),) = handlers.load()
    assert (function.name, error is not None) == ("f", True)
    with pytest.raises(ImportError, match=said):
        handlers["f"](None, None)
    write(tmp_path / "app.py", "def handler(e, c): return 'mended'")
    handlers.reload()
    assert handlers["f"](None, None) == "mended"


def test_functions_of_two_folders_may_have_modules_of_one_name(tmp_path: Path, made: Any) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "words.py", f"WORD = {name!r}")
        source = (
            "import os\nfrom words import WORD\nLOADED = os.environ['NAME']\n"
            "def handler(e, c): return WORD, LOADED, os.environ['NAME']"
        )
        write(tmp_path / name / "app.py", source)
    handlers = made(wanted("one", tmp_path / "a"), wanted("other", tmp_path / "b"))
    handlers.load()
    assert handlers["one"](None, None) == ("a", "one", "one")
    assert handlers["other"](None, None) == ("b", "other", "other")
    write(tmp_path / "a" / "words.py", "WORD = 'new'")
    assert [function.name for function, _ in handlers.reload()] == ["one"]
    assert handlers["one"](None, None)[0] == "new"
    assert handlers["other"](None, None)[0] == "b"


def test_a_module_that_hides_the_folders_own_is_told(tmp_path: Path, made: Any) -> None:
    write(tmp_path / "json.py", "def handler(e, c): ...")
    ((_, error),) = made(wanted("f", tmp_path, "json.handler")).load()
    assert "which hides the one in" in str(error)


LAYERED = "import os\nfrom words import WORD\ndef handler(e, c): return WORD"


def layered(name: str, code: Path, *layers: Path, handler: str = "app.handler") -> FunctionWanted:
    return FunctionWanted(name, name, "python3.12", handler, code, layers=layers)


def test_modules_come_from_the_folder_then_from_its_layers_in_their_order(
    tmp_path: Path, made: Any
) -> None:
    for place in ("one", "two"):
        write(tmp_path / place / "words.py", f"WORD = {place!r}")
    write(tmp_path / "src" / "app.py", LAYERED)
    one, two, src = tmp_path / "one", tmp_path / "two", tmp_path / "src"
    handlers = made(layered("a", src, one, two), layered("b", src, two, one), layered("c", src))
    assert [error for _, error in handlers.load()] == [None, None, None]
    assert [handlers[name](None, None) for name in "ab"] == ["one", "two"]
    write(src / "words.py", "WORD = 'own'")
    handlers.reload()
    assert [handlers[name](None, None) for name in "abc"] == ["own", "own", "own"]


def test_a_change_of_a_layer_is_called_next_by_the_functions_that_have_it(
    tmp_path: Path, made: Any
) -> None:
    write(tmp_path / "layer" / "words.py", "WORD = 'old'")
    write(tmp_path / "layer" / "kept.py", "import words\nMADE = object()")
    for name in ("a", "b"):
        write(tmp_path / name / "app.py", "from kept import MADE\n" + LAYERED)
    write(tmp_path / "c" / "app.py", "def handler(e, c): return 'c'")
    layer = tmp_path / "layer"
    handlers = made(
        *(layered(name, tmp_path / name, layer) for name in "ab"), layered("c", tmp_path / "c")
    )
    handlers.load()
    kept = sys.modules["kept"]
    write(tmp_path / "a" / "app.py", LAYERED)
    assert [function.name for function, _ in handlers.reload()] == ["a"]
    assert sys.modules["kept"] is kept
    write(layer / "words.py", "WORD = 'new'")
    assert [function.name for function, _ in handlers.reload()] == ["a", "b"]
    assert [handlers[name](None, None) for name in "abc"] == ["new", "new", "c"]


def test_libraries_of_a_layer_are_imported_once_and_a_handler_may_be_one(
    tmp_path: Path, made: Any
) -> None:
    libraries = tmp_path / "layer" / "lib" / "python3.12" / "site-packages"
    write(libraries / "library.py", "RUNS = []\ndef handler(e, c): RUNS.append(e); return RUNS")
    write(tmp_path / "src" / "app.py", "from library import RUNS\ndef handler(e, c): return RUNS")
    src = tmp_path / "src"
    in_library = layered("b", src, libraries, handler="library.handler")
    assert missing_file(in_library) is None
    handlers = made(layered("a", src, libraries), in_library)
    assert [error for _, error in handlers.load()] == [None, None]
    assert handlers["b"](1, None) == [1]
    write(libraries / "library.py", "changed = 1")
    assert handlers.reload() == []
    write(src / "app.py", "from library import RUNS\ndef handler(e, c): return RUNS + [2]")
    handlers.reload()
    assert handlers["a"](None, None) == [1, 2]


def test_libraries_in_the_folder_are_neither_watched_nor_imported_anew(
    tmp_path: Path, made: Any
) -> None:
    for folder in (".venv", "node_modules", "x/site-packages"):
        write(tmp_path / folder / "lib.py", "")
    write(tmp_path / "app.py", "def handler(e, c): ...")
    handlers = made(wanted("f", tmp_path))
    handlers.load()
    write(tmp_path / ".venv" / "lib.py", "changed = 1")
    assert handlers.reload() == []


@pytest.mark.parametrize(
    ("handler", "problem"),
    [
        ("app.handler", None),
        ("src/app.handler", None),
        ("package.handler", None),
        ("no.handler", "there is no file .*no.py for no.handler"),
        ("handler", "is not module.function"),
        ("", "is not module.function"),
        (".x", "is not module.function"),
    ],
)
def test_a_handler_without_a_file_is_told_before_anything_is_imported(
    tmp_path: Path, handler: str, problem: str | None
) -> None:
    for place in ("app.py", "src/app.py", "package/__init__.py"):
        write(tmp_path / place, "1 / 0")
    found = missing_file(wanted("f", tmp_path, handler))
    assert found is None if problem is None else re.search(problem, str(found))
    assert "there is no folder" in str(missing_file(wanted("f", tmp_path / "no")))
