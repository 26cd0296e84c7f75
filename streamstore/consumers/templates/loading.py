"""A template's text as plain values: YAML with CloudFormation's short forms, or JSON.

`!GetAtt A.B` becomes {"Fn::GetAtt": ["A", "B"]}, `!Sub x` {"Fn::Sub": "x"} and so on, so that only
one spelling is left. Built on PyYAML's SafeLoader: nothing of a template is ever executed. Dates
stay text, as CloudFormation reads them.

Must not know: what the values mean.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from ...errors import TemplateInvalid

# Short forms whose long form is not "Fn::" and the name.
_PLAIN: Final = ("Ref", "Condition")
_FUNCTIONS: Final = (
    *("And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue"),
    *("Join", "Length", "Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform"),
)
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_BYTES_MAX: Final = 4 * 1024 * 1024


class _Loader(yaml.SafeLoader):
    """SafeLoader with the short forms, without dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, found) for tag, found in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _construct(name: str, loader: _Loader, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in _PLAIN else f"Fn::{name}": value}


for _name in (*_PLAIN, *_FUNCTIONS):
    _Loader.add_constructor(f"!{_name}", partial(_construct, _name))


def load(path: Path) -> Any:
    """The values of a file. Raises TemplateInvalid with the place where it can't be read."""
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise TemplateInvalid([f"{path} is larger than {_BYTES_MAX} bytes"])
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise TemplateInvalid([f"can't read {path}: {error.strerror or error}"]) from error
    except UnicodeDecodeError as error:
        raise TemplateInvalid([f"{path} is not UTF-8 text"]) from error
    try:
        return yaml.load(text, _Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise TemplateInvalid([_worded(path, error)]) from error
    except RecursionError as error:
        raise TemplateInvalid([f"{path} is nested too deeply"]) from error


def _worded(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    if "could not determine a constructor for the tag" in problem:
        problem = f"the tag {problem.split(chr(39))[1]} is not known"
    place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    return f"{place}: {problem}"
