"""What the layers of a template put on a function's path: AWS::Serverless::LayerVersion and
AWS::Lambda::LayerVersion whose content is a folder of this machine.

On the service the layers are laid over each other in /opt, a later one over an earlier one, and
`python/lib/pythonX/site-packages` is searched before `python`; so the folders of later layers come
first here. A layer that `sam build` would make (Metadata.BuildMethod) has its modules at the top
of its folder.

Layers that are somewhere else are told of: what they hold is to be installed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ..resources import LAYER, PLAIN_LAYER, Resources

_CONTENT: Final = {LAYER: "ContentUri", PLAIN_LAYER: "Content"}
_FOLDER: Final = "python"


class Layers:
    """The layers of one template."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        found = resources.of(LAYER, PLAIN_LAYER)
        self._by_name = {
            str(resources.values[logical]): (logical, props) for logical, props in found
        }

    def roots(self, label: str, given: Iterable[Any], runtime: str) -> tuple[Path, ...]:
        """The folders that the layers `given` put on a function's path, the first to be searched
        first.
        """
        libraries: list[Path] = []
        own: list[Path] = []
        for value in given:
            folder = self._folder(f"{label}.Layers", value)
            if folder is None:
                continue
            top, is_built = folder
            python = top / _FOLDER
            if not python.is_dir():
                if is_built:
                    own.insert(0, top)
                else:
                    self._resources.notice(f"{label}: the layer {top} has no folder {_FOLDER}")
                continue
            own.insert(0, python)
            library = python / "lib" / runtime / "site-packages"
            if library.is_dir():
                libraries.insert(0, library)
        return (*libraries, *own)

    def _folder(self, label: str, value: Any) -> tuple[Path, bool] | None:
        """The folder of a layer, and whether it is to be built; None where it isn't here."""
        name = self._resources.resolved(label, value)
        if name is None:
            return None
        if name not in self._by_name:
            self._resources.notice(f"{label}: {name} is not in the template; it is left out")
            return None
        logical, props = self._by_name[name]
        kind, _ = self._resources.found[logical]
        content = self._resources.resolved(logical, props.get(_CONTENT[kind]))
        if not isinstance(content, str) or content.startswith("s3://"):
            self._resources.notice(f"{logical}: its content is not on this machine")
            return None
        folder = (self._resources.plan.path.parent / content).resolve()
        if not folder.is_dir():
            self._resources.problem(f"{logical}: there is no folder {folder}")
            return None
        return folder, "BuildMethod" in self._resources.metadata.get(logical, {})
