"""Serverless Framework's variables: ${self:custom.x}, ${opt:stage, 'dev'}, ${env:NAME} and others.

A whole value that is one variable becomes what the variable is, a map too; within text it becomes
text. What needs an account (cf, ssm, s3, aws) or a script can't be known here, and its fallback
after a comma is taken, if there is one.

Must not know: what the configuration means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from .intrinsics import Unresolved

_VARIABLE: Final = re.compile(r"\$\{((?:self|opt|env|sls|file|param|cf|ssm|s3|aws)[:(][^{}]*)\}")
_FILE: Final = re.compile(r"file\(([^)]*)\)(?::(.+))?")
_ROUNDS_MAX: Final = 100
_DEPTH_MAX: Final = 100


class Variables:
    """Resolves the variables of one configuration. `options` are those of the command line."""

    def __init__(
        self,
        config: Any,
        folder: Path,
        options: Mapping[str, str],
        environment: Mapping[str, str],
        load: Callable[[Path], Any],
    ) -> None:
        self._config = config
        self._folder = folder
        self._options = options
        self._environment = environment
        self._load = load
        self._reads_stage = False

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """A value without variables. Raises Unresolved with the variable that can't be known."""
        if depth > _DEPTH_MAX:
            raise Unresolved("a value that is nested too deeply, or refers to itself")
        if isinstance(value, dict):
            return {name: self.resolve(each, depth + 1) for name, each in value.items()}
        if isinstance(value, list):
            return [self.resolve(each, depth + 1) for each in value]
        if not isinstance(value, str):
            return value
        # Innermost first, so that a variable may be part of another one's address.
        for _ in range(_ROUNDS_MAX):
            found = _VARIABLE.search(value)
            if found is None:
                return value
            inner = self._variable(found[1])
            if found.span() == (0, len(value)):
                return self.resolve(inner, depth + 1)
            if isinstance(inner, bool):
                inner = str(inner).lower()
            if not isinstance(inner, str | int | float):
                raise Unresolved(f"text in place of ${{{found[1]}}}")
            value = value[: found.start()] + str(inner) + value[found.end() :]
        raise Unresolved(f"{value!r:.80}, which refers to itself")

    def _variable(self, text: str) -> Any:
        first, *fallbacks = (each.strip() for each in text.split(","))
        found = self._known(first)
        for fallback in fallbacks:
            if found is not None:
                break
            if fallback[:1] in ("'", '"'):
                return fallback.strip("'\"")
            found = self._known(fallback) if re.match(r"\w+[:(]", fallback) else _plain(fallback)
        if found is None:
            raise Unresolved(f"${{{text}}}")
        return found

    def _known(self, address: str) -> Any:
        """What an address stands for, None where it is not known."""
        of_file = _FILE.fullmatch(address)
        if of_file is not None:
            path = self._folder / of_file[1].strip()
            if path.suffix not in (".yml", ".yaml", ".json") or not path.is_file():
                return None
            return _walked(self._load(path), of_file[2])
        source, _, name = address.partition(":")
        if source == "self":
            return _walked(self._config, name)
        if source == "opt":
            return self._options.get(name)
        if source == "env":
            return self._environment.get(name)
        if source == "sls":
            known = {"stage": self.stage(), "instanceId": "local"}
            return known.get(name)
        if source == "param":
            return self._options.get(f"param.{name}")
        return None

    def stage(self) -> str:
        """--stage, or the provider's, or dev. Raises Unresolved."""
        if "stage" in self._options:
            return self._options["stage"]
        given = _walked(self._config, "provider.stage")
        if given is None or self._reads_stage:
            return "dev"
        self._reads_stage = True  # the provider's stage must not be made of the stage
        try:
            return str(self.resolve(given))
        finally:
            self._reads_stage = False


def _walked(found: Any, path: str | None) -> Any:
    for name in path.split(".") if path else ():
        if isinstance(found, dict):
            found = found.get(name)
        elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _plain(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d+", text) else text or None
