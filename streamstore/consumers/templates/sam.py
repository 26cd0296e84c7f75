"""SAM and CloudFormation templates as plans.

Globals are merged into the functions as SAM does; a mapping is an event of Type DynamoDB or an
AWS::Lambda::EventSourceMapping. Events of other types, and resources without a counterpart, are
told of and passed over.

Must not know: Serverless, stores, how handlers run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from .code.inline import handler_problem
from .code.layers import Layers
from .intrinsics import NO_VALUE, Unresolved
from .plan import FunctionWanted, Plan
from .resources import (
    EVENT_INVOKE_CONFIG,
    EVENT_SOURCE_MAPPING,
    FUNCTION,
    PLAIN_FUNCTION,
    Resources,
)
from .sources import IGNORED, MEMBERS, Sources

_STACK: Final = "streamstore"


def read_sam(
    path: Path,
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    region: str,
    account: str,
    remote: frozenset[str] = frozenset(),
) -> Plan:
    """The plan of a SAM or CloudFormation template. Raises TemplateInvalid with all its problems.

    `parameters` override the defaults of the template's own; `remote` is as in Sources.
    """
    values, problems = _values(template.get("Parameters"), parameters, region, account)
    resources = Resources(path, template, values, region, account)
    resources.problems[:0] = problems
    resources.add_tables()
    reader = _Sam(resources, Sources(resources, remote), template)
    for logical, props in resources.of(FUNCTION, PLAIN_FUNCTION):
        reader.add_function(logical, props)
    for logical, props in resources.of(EVENT_SOURCE_MAPPING):
        reader.add_mapping(logical, props)
    for logical, props in resources.of(EVENT_INVOKE_CONFIG):
        reader.add_events(logical, props)
    resources.refuse_problems()
    return resources.plan


def pseudo_parameters(region: str, account: str) -> dict[str, Any]:
    """What Ref gives of the names that begin with AWS::."""
    return {
        "AWS::Region": region,
        "AWS::AccountId": account,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": _STACK,
        "AWS::StackId": f"arn:aws:cloudformation:{region}:{account}:stack/{_STACK}/{_STACK}",
        "AWS::NotificationARNs": [],
        "AWS::NoValue": NO_VALUE,
    }


def _values(
    section: Any, given: Mapping[str, str], region: str, account: str
) -> tuple[dict[str, Any], list[str]]:
    """What Ref gives of parameters, and what is wrong with them. A parameter without a value is
    no problem before something needs it.
    """
    values = pseudo_parameters(region, account)
    declared = section if isinstance(section, dict) else {}
    problems = [
        f"there is no parameter {name}; there are {', '.join(sorted(declared)) or 'none'}"
        for name in given
        if name not in declared
    ]
    for name, parameter in declared.items():
        if not isinstance(parameter, dict):
            problems.append(f"{name}: a parameter is a map")
            continue
        value = given.get(name, parameter.get("Default"))
        if value is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        is_list = "List" in str(parameter.get("Type", ""))
        values[name] = [each.strip() for each in text.split(",")] if is_list else text
    return values, problems


class _Sam:
    """Reads functions and their events of one template into its plan."""

    def __init__(self, resources: Resources, sources: Sources, template: Mapping[str, Any]) -> None:
        self._resources = resources
        self._sources = sources
        globals_ = resources.section(template, "Globals")
        found = globals_.get("Function") or {}
        self._globals: dict[str, Any] = found if isinstance(found, dict) else {}
        self._layers = Layers(resources)

    def add_function(self, logical: str, given: dict[str, Any]) -> None:
        """A function, and the mappings of its events."""
        plain = self._resources.found[logical][0] == PLAIN_FUNCTION
        props = given if plain else {**self._globals, **given}
        runtime = self._runtime(logical, props)
        handler = self._text(logical, props, "Handler")
        inline = self._inline(logical, given, plain, handler)
        location = None if inline is not None else props.get("Code" if plain else "CodeUri")
        # SAM adds a function's layers to those of all functions.
        layers = [
            *(() if plain else self._list(logical, self._globals, "Layers")),
            *self._list(logical, given, "Layers"),
        ]
        function = FunctionWanted(
            logical=logical,
            name=str(self._resources.values[logical]),
            runtime=runtime,
            handler=handler,
            code=self._code(logical, location),
            inline=inline,
            layers=self._layers.roots(logical, layers, runtime),
            environment=self._environment(logical, given, plain),
            timeout_seconds=self._number(logical, props, "Timeout", 3),
            memory_mb=int(self._number(logical, props, "MemorySize", 128)),
        )
        self._resources.plan.functions.append(function)
        if not plain and props.get("EventInvokeConfig") is not None:
            alias = self._resources.resolved(logical, props.get("AutoPublishAlias"), "")
            label = f"{logical}.EventInvokeConfig"
            said = props["EventInvokeConfig"]
            self._sources.add_events(label, function.name, str(alias or ""), said)
        events = props.get("Events") or {}
        if plain or not isinstance(events, dict):
            if not isinstance(events, dict):
                self._resources.problem(f"{logical}: Events must be a map")
            return
        for name, event in events.items():
            self._add_event(f"{logical}.{name}", function, event)

    def add_mapping(self, logical: str, props: dict[str, Any]) -> None:
        """An AWS::Lambda::EventSourceMapping."""
        function = self._function(logical, props)
        if function is None:
            return
        source = props.get("EventSourceArn")
        stream = None if source is None else self._sources.stream_of(logical, source)
        if source is None:
            self._resources.problem(f"{logical}: EventSourceArn is needed")
        self._add(logical, function, stream, props, ("FunctionName", "EventSourceArn"))

    def add_events(self, logical: str, props: dict[str, Any]) -> None:
        """An AWS::Lambda::EventInvokeConfig."""
        function = self._function(logical, props)
        if function is not None:
            qualifier = str(self._resources.resolved(logical, props.get("Qualifier"), "") or "")
            self._sources.add_events(logical, function, qualifier, props)

    def _function(self, logical: str, props: dict[str, Any]) -> str | None:
        """The name of the template's function that FunctionName means."""
        named = self._resources.resolved(logical, props.get("FunctionName"))
        if not isinstance(named, str):
            self._resources.problem(f"{logical}: FunctionName is needed")
            return None
        # A name, an ARN, each with or without an alias.
        name = named.split(":function:")[-1].split(":")[0]
        if all(each.name != name for each in self._resources.plan.functions):
            self._resources.problem(f"{logical}: the function {name} is not in the template")
            return None
        return name

    def _add_event(self, label: str, function: FunctionWanted, event: Any) -> None:
        if not isinstance(event, dict) or not isinstance(event.get("Type"), str):
            self._resources.problem(f"{label}: an event is a map with a Type")
            return
        if event["Type"] != "DynamoDB":
            self._resources.notice(f"{label}: events of type {event['Type']} don't come here")
            return
        props = event.get("Properties")
        if not isinstance(props, dict) or "Stream" not in props:
            self._resources.problem(f"{label}: Properties.Stream is needed")
            return
        stream = self._sources.stream_of(label, props["Stream"])
        self._add(label, function.name, stream, props, ("Stream",))

    def _add(
        self,
        label: str,
        function: str,
        stream: str | None,
        props: dict[str, Any],
        own: tuple[str, ...],
    ) -> None:
        self._sources.tell_unknown(label, props, (*own, *MEMBERS, *IGNORED))
        if "StartingPosition" not in props:
            self._resources.problem(f"{label}: StartingPosition is needed")
        if stream is not None:
            members = {name: each for name, each in props.items() if name not in own}
            self._sources.add(label, function, stream, members)

    def _runtime(self, logical: str, props: dict[str, Any]) -> str:
        if props.get("PackageType") == "Image":
            return "an image"
        return self._text(logical, props, "Runtime")

    def _text(self, logical: str, props: dict[str, Any], name: str) -> str:
        if props.get(name) is None:
            if props.get("PackageType") != "Image":
                self._resources.problem(f"{logical}: {name} is needed")
            return ""
        return str(self._resources.resolved(f"{logical}.{name}", props[name], ""))

    def _number(self, logical: str, props: dict[str, Any], name: str, default: float) -> float:
        found = self._resources.resolved(f"{logical}.{name}", props.get(name, default), default)
        try:
            return float(found)
        except (TypeError, ValueError):
            self._resources.problem(f"{logical}: {name} must be a number")
            return default

    def _code(self, logical: str, value: Any) -> Path:
        folder = self._resources.plan.path.parent
        if value is None:
            return folder
        found = self._resources.resolved(f"{logical}: its code", value)
        if isinstance(found, str) and not found.startswith("s3://"):
            return (folder / found).resolve()
        self._resources.problem(f"{logical}: its code must be a folder of this machine")
        return folder

    def _inline(self, logical: str, given: dict[str, Any], plain: bool, handler: str) -> str | None:
        """The code that stands in the template itself, if it does."""
        code = given.get("Code") if plain else given
        found = code.get("ZipFile" if plain else "InlineCode") if isinstance(code, dict) else None
        if found is None:
            return None
        text = str(self._resources.resolved(f"{logical}: its code", found, ""))
        problem = handler_problem(handler)
        if problem is not None:
            self._resources.problem(f"{logical}: {problem}")
        return text

    def _list(self, logical: str, props: dict[str, Any], name: str) -> list[Any]:
        found = props.get(name) or []
        if not isinstance(found, list):
            self._resources.problem(f"{logical}: {name} must be a list")
            return []
        return found

    def _environment(self, logical: str, given: dict[str, Any], plain: bool) -> dict[str, str]:
        """Variables of Globals and of the function, which win."""
        environment: dict[str, str] = {}
        for source in (given,) if plain else (self._globals, given):
            found = source.get("Environment") or {}
            variables = found.get("Variables") if isinstance(found, dict) else None
            for name, value in (variables if isinstance(variables, dict) else {}).items():
                try:
                    if self._resources.scope.resolve(value) is NO_VALUE:
                        environment.pop(name, None)
                    else:
                        environment[str(name)] = self._resources.scope.text(value)
                except Unresolved as unresolved:
                    environment.pop(name, None)
                    self._resources.notice(
                        f"{logical}: the variable {name} is not set, for {unresolved} can't be "
                        "known here"
                    )
        return environment
