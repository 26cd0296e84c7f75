"""CloudFormation's intrinsic functions, as far as names and settings need them.

A `Scope` knows the values that Ref and Fn::GetAtt may name: parameters, pseudo parameters, and what
the template's resources are called here. What nobody here can know (an import of another stack, an
attribute of a resource that is not made) raises Unresolved with its name, and whoever asked decides
whether that matters.

Must not know: which resources there are kinds of; they come as names and attributes.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_DEPTH_MAX: Final = 100
_SUBSTITUTED: Final = re.compile(r"\$\{(!?)([^}]*)\}")


class Unresolved(Exception):
    """A value can't be known here; the text names what is asked for."""


class _NoValue:
    """The type of NO_VALUE."""


NO_VALUE: Final = _NoValue()
"""What {"Ref": "AWS::NoValue"} is: the property is not there."""


class Scope:
    """What a template's expressions may name.

    `values` are what Ref gives, `attributes` what Fn::GetAtt gives by (resource, attribute),
    `conditions` and `tables` the sections Conditions and Mappings.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        attributes: Mapping[tuple[str, str], str],
        conditions: Mapping[str, Any] | None = None,
        tables: Mapping[str, Any] | None = None,
    ) -> None:
        self.values = values
        self.attributes = attributes
        self.conditions = conditions or {}
        self.tables = tables or {}

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """A value without intrinsic functions. Raises Unresolved."""
        if depth > _DEPTH_MAX:
            raise Unresolved("a value that is nested too deeply, or refers to itself")
        if isinstance(value, list):
            found = [self.resolve(each, depth + 1) for each in value]
            return [each for each in found if each is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            function = _FUNCTIONS.get(name)
            if function is not None:
                return function(self, argument, depth + 1)
            if isinstance(name, str) and name.startswith("Fn::"):
                raise Unresolved(f"the function {name}")
        resolved = {name: self.resolve(each, depth + 1) for name, each in value.items()}
        return {name: each for name, each in resolved.items() if each is not NO_VALUE}

    def text(self, value: Any, depth: int = 0) -> str:
        """A value that must be text, or a number or a boolean that CloudFormation reads as one."""
        found = self.resolve(value, depth)
        if isinstance(found, bool):
            return "true" if found else "false"
        if not isinstance(found, str | int | float):
            raise Unresolved(f"text in place of {_brief(value)}")
        return str(found)

    def holds(self, name: Any, depth: int = 0) -> bool:
        """Whether a condition of the section Conditions is true."""
        if depth > _DEPTH_MAX:
            raise Unresolved(f"the condition {name}, which refers to itself")
        if name not in self.conditions:
            raise Unresolved(f"the condition {name}")
        return self.resolve(self.conditions[name], depth + 1) is True

    def named(self, name: Any) -> Any:
        """What Ref gives."""
        if not isinstance(name, str) or name not in self.values:
            raise Unresolved(f"!Ref {_brief(name)}")
        return self.values[name]

    def attribute(self, resource: str, attribute: str) -> str:
        """What Fn::GetAtt gives."""
        try:
            return self.attributes[resource, attribute]
        except KeyError:
            raise Unresolved(f"!GetAtt {resource}.{attribute}") from None


def _brief(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _arguments(name: str, argument: Any, *counts: int) -> list[Any]:
    if not isinstance(argument, list) or (counts and len(argument) not in counts):
        raise Unresolved(f"{name} with {_brief(argument)}")
    return argument


def _get_att(scope: Scope, argument: Any, depth: int) -> Any:
    if isinstance(argument, str):
        argument = argument.split(".", 1)
    resource, *rest = _arguments("Fn::GetAtt", argument)
    if not rest:
        raise Unresolved(f"Fn::GetAtt with {_brief(argument)}")
    return scope.attribute(
        scope.text(resource, depth), ".".join(scope.text(each, depth) for each in rest)
    )


def _sub(scope: Scope, argument: Any, depth: int) -> str:
    local: dict[str, str] = {}
    if isinstance(argument, list):
        text, given = _arguments("Fn::Sub", argument, 2)
        if not isinstance(given, dict):
            raise Unresolved(f"Fn::Sub with {_brief(argument)}")
        local = {name: scope.text(each, depth) for name, each in given.items()}
    else:
        text = argument
    if not isinstance(text, str):
        raise Unresolved(f"Fn::Sub with {_brief(argument)}")

    def value(found: re.Match[str]) -> str:
        name = found[2].strip()
        if found[1]:
            return f"${{{found[2]}}}"
        if name in local:
            return local[name]
        if "." in name and name not in scope.values:
            return scope.attribute(*name.split(".", 1))
        return scope.text({"Ref": name}, depth)

    return _SUBSTITUTED.sub(value, text)


def _join(scope: Scope, argument: Any, depth: int) -> str:
    separator, parts = _arguments("Fn::Join", argument, 2)
    found = scope.resolve(parts, depth)
    if isinstance(found, str):
        return found
    return scope.text(separator, depth).join(
        scope.text(each, depth) for each in _arguments("Fn::Join", found)
    )


def _select(scope: Scope, argument: Any, depth: int) -> Any:
    index, choices = _arguments("Fn::Select", argument, 2)
    found = scope.resolve(choices, depth)
    try:
        return _arguments("Fn::Select", found)[int(scope.text(index, depth))]
    except (ValueError, IndexError):
        raise Unresolved(f"Fn::Select with {_brief(argument)}") from None


def _split(scope: Scope, argument: Any, depth: int) -> list[str]:
    separator, text = _arguments("Fn::Split", argument, 2)
    if not separator:
        raise Unresolved("Fn::Split without a separator")
    return scope.text(text, depth).split(scope.text(separator, depth))


def _find_in_map(scope: Scope, argument: Any, depth: int) -> Any:
    keys = [scope.text(each, depth) for each in _arguments("Fn::FindInMap", argument)[:3]]
    found: Any = scope.tables
    for key in keys:
        if not isinstance(found, Mapping) or key not in found:
            raise Unresolved(f"Fn::FindInMap of {'.'.join(keys)}")
        found = found[key]
    return found


def _if(scope: Scope, argument: Any, depth: int) -> Any:
    condition, yes, no = _arguments("Fn::If", argument, 3)
    return scope.resolve(yes if scope.holds(condition, depth) else no, depth)


def _equals(scope: Scope, argument: Any, depth: int) -> bool:
    one, other = _arguments("Fn::Equals", argument, 2)
    return _comparable(scope.resolve(one, depth)) == _comparable(scope.resolve(other, depth))


def _comparable(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=repr)


def _all(scope: Scope, argument: Any, depth: int) -> bool:
    return all(scope.resolve(each, depth) is True for each in _arguments("Fn::And", argument))


def _any(scope: Scope, argument: Any, depth: int) -> bool:
    return any(scope.resolve(each, depth) is True for each in _arguments("Fn::Or", argument))


def _not(scope: Scope, argument: Any, depth: int) -> bool:
    return scope.resolve(_arguments("Fn::Not", argument, 1)[0], depth) is not True


def _condition(scope: Scope, argument: Any, depth: int) -> Any:
    # In the section Conditions this names another condition; elsewhere it is a policy's.
    return scope.holds(argument, depth) if isinstance(argument, str) else argument


def _ref(scope: Scope, argument: Any, depth: int) -> Any:
    return scope.named(argument)


def _base64(scope: Scope, argument: Any, depth: int) -> str:
    return base64.b64encode(scope.text(argument, depth).encode()).decode()


def _json(scope: Scope, argument: Any, depth: int) -> str:
    return json.dumps(scope.resolve(argument, depth), separators=(",", ":"))


def _length(scope: Scope, argument: Any, depth: int) -> int:
    return len(_arguments("Fn::Length", scope.resolve(argument, depth)))


_FUNCTIONS: Final[dict[str, Callable[[Scope, Any, int], Any]]] = {
    "Ref": _ref,
    "Condition": _condition,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::FindInMap": _find_in_map,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::And": _all,
    "Fn::Or": _any,
    "Fn::Not": _not,
    "Fn::Base64": _base64,
    "Fn::ToJsonString": _json,
    "Fn::Length": _length,
}
