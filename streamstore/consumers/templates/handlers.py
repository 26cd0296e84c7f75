"""Handlers of a template's Python functions: imported from their folders, and again when a file
changes.

A folder's modules are its own: they are imported with the folder first on sys.path, and taken out
of sys.modules before they are imported anew; so are those of another folder that have the same
name, so that two functions may each have an `app`. An import inside a handler's body then finds the
module that was imported last.

The folders of a function's layers are searched behind its own. What is imported from them stays as
it is until a file of theirs changes, `site-packages` never; they are on the path of all functions,
since there is one process, those of the function that is being imported first.

A handler that can't be imported fails its invocations with the reason, as on Lambda, until a change
of a file mends it; meanwhile a new version that can't be imported leaves the old one in place.

Must not know: who calls, and what is shown of it.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from ... import limits
from . import environment
from .plan import FunctionWanted

# The folder of a function's code, and those that its layers put on its path.
Roots = tuple[Path, ...]

_PASSED_OVER: Final = frozenset(("node_modules", "site-packages", "venv", "__pycache__"))


class Loaded(NamedTuple):
    """What came of importing one function; `error` is None where it went well."""

    function: FunctionWanted
    error: BaseException | None


class Handler:
    """One function, callable as `handler(event, context)` whatever version of it is loaded."""

    def __init__(self, wanted: FunctionWanted, variables: dict[str, str]) -> None:
        self.wanted = wanted
        self.variables = variables
        self._current: Callable[[Any, Any], Any] | None = None
        self._failure = "it was never loaded"

    def __call__(self, event: Any, context: Any) -> Any:
        current = self._current
        if current is None:
            raise ImportError(self._failure)
        with environment.of(self.variables):
            return current(event, context)

    def load(self) -> BaseException | None:
        """Import the handler; what went wrong, or None."""
        try:
            with environment.of(self.variables):
                self._current = self._imported()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._failure = f"Unable to import {self.wanted.handler}: {error!r}"
            return error
        return None

    def _imported(self) -> Callable[[Any, Any], Any]:
        module_name, name = split_handler(self.wanted.handler)
        module = importlib.import_module(module_name)
        if not any(lies_in(module, root) for root in roots_of(self.wanted)):
            raise ImportError(
                f"{module_name} is {getattr(module, '__file__', 'built in')}, which hides the one "
                f"in {self.wanted.code}; give the module another name"
            )
        found = getattr(module, name, None)
        if not callable(found):
            raise ImportError(f"{module_name} has no function {name}")
        handler: Callable[[Any, Any], Any] = found
        return handler


class Folder:
    """A folder of code and those of its layers, `roots`, with its functions, loaded together;
    `every` are the roots of all.
    """

    def __init__(self, roots: Roots, handlers: list[Handler], every: Iterable[Path]) -> None:
        self.code = roots[0]
        self.handlers = handlers
        self._roots = roots
        self._every = tuple(every)
        self._seen = {root: _stamps(root) for root in roots}
        self._stale: set[Path] = set()

    def changed(self) -> bool:
        """Whether a file was changed, added or removed since the last look."""
        seen, self._seen = self._seen, {root: _stamps(root) for root in self._roots}
        changed = {root for root in self._roots if seen[root] != self._seen[root]}
        self._stale |= changed
        return bool(changed)

    def load(self) -> list[Loaded]:
        """Import every handler anew, and what has changed of the layers."""
        self._forget(self._stale | {self.code})
        self._stale.clear()
        sys.path[:] = [*map(str, self._roots), *self._rest_of_path()]
        importlib.invalidate_caches()
        return [Loaded(handler.wanted, handler.load()) for handler in self.handlers]

    def close(self) -> None:
        """Take the modules of the folder and its layers out of the process."""
        self._forget(set(self._roots))
        sys.path[:] = self._rest_of_path()

    def _rest_of_path(self) -> list[str]:
        return [each for each in sys.path if each not in map(str, self._roots)]

    def _forget(self, roots: set[Path]) -> None:
        # All are found before one is taken out, since a module may ask for its package's path.
        modules = list(sys.modules.items())
        found = [name for name, module in modules if self._is_to_go(name, module, roots)]
        for name in found:
            del sys.modules[name]

    def _is_to_go(self, name: str, module: ModuleType, roots: set[Path]) -> bool:
        if any(lies_in(module, root) for root in roots):
            return True
        if not any(lies_in(module, root) for root in self._every):
            return False
        own = self._root_of(name)
        return own is not None and not lies_in(module, own)

    def _root_of(self, module: str) -> Path | None:
        """The root that has the module, or the package that it is in, if any has."""
        for root in self._roots:
            place = root / module.partition(".")[0]
            if place.is_dir() or place.with_suffix(".py").is_file():
                return root
        return None


def _stamps(root: Path) -> dict[str, tuple[int, int]]:
    """What changes when a file of a folder is written; of installed libraries nothing does."""
    stamps = {}
    if root.name not in _PASSED_OVER:
        for path in python_files(root):
            try:
                found = os.stat(path)
            except OSError:
                continue
            stamps[path] = (found.st_mtime_ns, found.st_size)
    return stamps


class Handlers:
    """Every Python function of a plan. `variables_of` gives the environment of each."""

    def __init__(
        self,
        functions: Iterable[FunctionWanted],
        variables_of: Callable[[FunctionWanted], dict[str, str]],
    ) -> None:
        self._by_name = {each.name: Handler(each, variables_of(each)) for each in functions}
        by_roots: dict[Roots, list[Handler]] = {}
        for handler in self._by_name.values():
            by_roots.setdefault(roots_of(handler.wanted), []).append(handler)
        every = {root: None for roots in by_roots for root in roots}
        self._folders = [Folder(roots, found, every) for roots, found in by_roots.items()]
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Handler:
        return self._by_name[name]

    def load(self) -> list[Loaded]:
        """Import all of them."""
        with self._lock:
            return [each for folder in self._folders for each in folder.load()]

    def reload(self) -> list[Loaded]:
        """Import those again whose folder has changed since the last look."""
        with self._lock:
            changed = [folder for folder in self._folders if folder.changed()]
            return [each for folder in changed for each in folder.load()]

    def close(self) -> None:
        """Take their modules out of the process."""
        for folder in self._folders:
            folder.close()


def roots_of(wanted: FunctionWanted) -> Roots:
    """The folders that a function's modules are looked for in: its code's, then its layers'."""
    return (wanted.code, *wanted.layers)


def split_handler(handler: str) -> tuple[str, str]:
    """ "folder/module.function" as an importable name and the function's. ValueError."""
    module, dot, name = handler.rpartition(".")
    if not dot or not module or not name:
        raise ValueError(f"the handler {handler!r} is not module.function")
    return module.replace("/", ".").strip("."), name


def missing_file(wanted: FunctionWanted) -> str | None:
    """Why a function can't be there at all, before anything is imported; None if it may be."""
    if not wanted.code.is_dir():
        return f"{wanted.name}: there is no folder {wanted.code}"
    try:
        module, _ = split_handler(wanted.handler)
    except ValueError as error:
        return f"{wanted.name}: {error}"
    places = [root.joinpath(*module.split(".")) for root in roots_of(wanted)]
    for place in places:
        if place.with_suffix(".py").is_file() or (place / "__init__.py").is_file():
            return None
    return f"{wanted.name}: there is no file {places[0].with_suffix('.py')} for {wanted.handler}"


def lies_in(module: ModuleType, code: Path) -> bool:
    """Whether a module is one of a folder's own, and not of a library that is kept in it."""
    place: Any = getattr(module, "__file__", None)
    if place is None:
        # A folder without __init__.py is a module too; only its path says where it is.
        place = next(iter(vars(module).get("__path__", ())), None)
    elif not place.endswith(".py"):
        return False
    try:
        inner = Path(place).resolve().relative_to(code)
    except (ValueError, TypeError):
        return False
    return not any(part in _PASSED_OVER or part.startswith(".") for part in inner.parts)


def python_files(code: Path) -> Iterator[str]:
    """The folder's own Python files, a bounded number of them."""
    left = limits.TEMPLATE_FILES_MAX
    for folder, inner, names in os.walk(code):
        inner[:] = [name for name in inner if name[0] != "." and name not in _PASSED_OVER]
        for name in names:
            if name.endswith(".py"):
                yield os.path.join(folder, name)
                left -= 1
                if not left:
                    return
