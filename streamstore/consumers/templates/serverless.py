"""serverless.yml as a plan.

Events `- stream:` become mappings, in the framework's spelling (camelCase, filterPatterns,
functionResponseType, destinations) and with its defaults: batches of 10, from TRIM_HORIZON. Tables
are those of `resources`, CloudFormation as it is. Functions are called service-stage-name, as the
framework calls them.

Must not know: SAM, stores, how handlers run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ...errors import TemplateInvalid
from .intrinsics import Unresolved
from .plan import FunctionWanted, Plan
from .resources import FUNCTION, Resources
from .sam import pseudo_parameters
from .sources import Sources
from .variables import Variables

_SPELT: Final = {
    "batchSize": "BatchSize",
    "startingPosition": "StartingPosition",
    "batchWindow": "MaximumBatchingWindowInSeconds",
    "enabled": "Enabled",
    "parallelizationFactor": "ParallelizationFactor",
    "maximumRetryAttempts": "MaximumRetryAttempts",
    "maximumRecordAgeInSeconds": "MaximumRecordAgeInSeconds",
    "bisectBatchOnFunctionError": "BisectBatchOnFunctionError",
    "tumblingWindowInSeconds": "TumblingWindowInSeconds",
}
# What a function says of its asynchronous invocations.
_SAID: Final = {
    "maximumRetryAttempts": "MaximumRetryAttempts",
    "maximumEventAge": "MaximumEventAgeInSeconds",
}
_OWN: Final = ("type", "arn", "destinations", "filterPatterns", "functionResponseType")
_DEFAULTS: Final = {"BatchSize": 10, "StartingPosition": "TRIM_HORIZON"}
_TIMEOUT_SECONDS: Final = 6
_MEMORY_MB: Final = 1024


def read_serverless(
    path: Path,
    config: Mapping[str, Any],
    options: Mapping[str, str],
    environment: Mapping[str, str],
    load: Callable[[Path], Any],
    account: str,
    remote: frozenset[str] = frozenset(),
    region: str = "us-east-1",
) -> Plan:
    """The plan of a serverless.yml. Raises TemplateInvalid with all its problems.

    `options` are stage, and param.NAME for each parameter; `load` reads files that variables name.
    """
    variables = Variables(config, path.parent, options, environment, load)
    try:
        resolved = {
            name: variables.resolve(config[name])
            for name in ("service", "provider", "functions", "resources")
            if name in config
        }
        stage = variables.stage()
    except Unresolved as unresolved:
        raise TemplateInvalid([f"{unresolved} can't be known here"]) from unresolved
    return _Serverless(path, resolved, stage, region, account, remote).plan()


class _Serverless:
    """Reads one configuration, whose variables are resolved."""

    def __init__(
        self,
        path: Path,
        config: dict[str, Any],
        stage: str,
        region: str,
        account: str,
        remote: frozenset[str],
    ) -> None:
        service = config.get("service")
        if isinstance(service, dict):
            service = service.get("name")
        self._prefix = f"{service}-{stage}"
        self._provider = _map(config.get("provider"))
        self._functions = _functions(config.get("functions"))
        template = {
            "Resources": {**_resources(config.get("resources")), **self._logical()},
            "Conditions": _sections(config.get("resources"), "Conditions"),
            "Mappings": _sections(config.get("resources"), "Mappings"),
        }
        values = pseudo_parameters(region, account)
        self._resources = Resources(path, template, values, region, account)
        self._sources = Sources(self._resources, remote)
        if not isinstance(service, str):
            self._resources.problem("service is needed: the name of the service")

    def plan(self) -> Plan:
        """Everything read. Raises TemplateInvalid."""
        self._resources.add_tables()
        for name, function in self._functions.items():
            if isinstance(function, dict):
                self._add_function(str(name), function)
            else:
                self._resources.problem(f"{name}: a function is a map")
        self._resources.refuse_problems()
        return self._resources.plan

    def _logical(self) -> dict[str, Any]:
        """The functions as the resources that the framework makes of them."""
        return {
            _logical_id(str(name)): {
                "Type": FUNCTION,
                "Properties": {"FunctionName": self._name(str(name), function)},
            }
            for name, function in self._functions.items()
        }

    def _name(self, name: str, function: Any) -> str:
        given = function.get("name") if isinstance(function, dict) else None
        return given if isinstance(given, str) else f"{self._prefix}-{name}"

    def _add_function(self, name: str, function: dict[str, Any]) -> None:
        handler = function.get("handler")
        image = function.get("image")
        if not isinstance(handler, str) and image is None:
            self._resources.problem(f"{name}: handler is needed")
            return
        runtime = function.get("runtime", self._provider.get("runtime"))
        if runtime is None and image is None:
            self._resources.problem(f"{name}: runtime is needed, here or in provider")
            return
        wanted = FunctionWanted(
            logical=_logical_id(name),
            name=self._name(name, function),
            runtime="an image" if image is not None else str(runtime),
            handler=handler or "",
            code=self._resources.plan.path.parent.resolve(),
            environment=self._environment(name, function),
            timeout_seconds=self._number(name, function, "timeout", _TIMEOUT_SECONDS),
            memory_mb=int(self._number(name, function, "memorySize", _MEMORY_MB)),
        )
        self._resources.plan.functions.append(wanted)
        said = {_SAID[name]: each for name, each in function.items() if name in _SAID}
        if "destinations" in function:
            said["DestinationConfig"] = self._destinations(function["destinations"])
        if said:
            self._sources.add_events(name, wanted.name, "", said)
        events = function.get("events") or []
        if not isinstance(events, list):
            self._resources.problem(f"{name}: events must be a list")
            return
        for number, event in enumerate(events, 1):
            self._add_event(f"{name}.events[{number}]", wanted, event)

    def _add_event(self, label: str, function: FunctionWanted, event: Any) -> None:
        if not isinstance(event, dict) or "stream" not in event:
            kind = next(iter(event), "nothing") if isinstance(event, dict) else event
            self._resources.notice(f"{label}: events of type {kind} don't come here")
            return
        given = event["stream"]
        if not isinstance(given, dict) or "arn" not in given:
            # The short form: the ARN itself, an intrinsic function perhaps.
            given = {"arn": given}
        if given.get("type", "dynamodb") != "dynamodb":
            self._resources.notice(f"{label}: streams of type {given['type']} don't come here")
            return
        stream = self._sources.stream_of(label, given["arn"])
        if stream is None:
            return
        self._sources.tell_unknown(label, given, (*_OWN, *_SPELT))
        members: dict[str, Any] = {
            **_DEFAULTS,
            **{_SPELT[name]: each for name, each in given.items() if name in _SPELT},
        }
        if "functionResponseType" in given:
            members["FunctionResponseTypes"] = [given["functionResponseType"]]
        if "filterPatterns" in given:
            members["FilterCriteria"] = self._filters(label, given["filterPatterns"])
        if "destinations" in given:
            members["DestinationConfig"] = self._destination(label, given["destinations"])
        self._sources.add(label, function.name, stream, members)

    def _destinations(self, given: Any) -> dict[str, Any]:
        """Those of a function: functions of the service by name, ARNs, or a map with one."""
        found = {}
        for name, spelt in (("onSuccess", "OnSuccess"), ("onFailure", "OnFailure")):
            destination = _map(given).get(name)
            if isinstance(destination, dict) and "arn" in destination:
                destination = destination["arn"]
            if isinstance(destination, str) and destination in self._functions:
                destination = {"Fn::GetAtt": [_logical_id(destination), "Arn"]}
            if destination is not None:
                found[spelt] = {"Destination": destination}
        return found

    def _filters(self, label: str, patterns: Any) -> dict[str, Any] | None:
        if not isinstance(patterns, list):
            self._resources.problem(f"{label}: filterPatterns must be a list")
            return None
        try:
            return {"Filters": [{"Pattern": json.dumps(each)} for each in patterns]}
        except (TypeError, ValueError) as error:
            self._resources.problem(f"{label}: filterPatterns: {error}")
            return None

    def _destination(self, label: str, destinations: Any) -> dict[str, Any] | None:
        found = destinations.get("onFailure") if isinstance(destinations, dict) else None
        if found is None:
            self._resources.problem(f"{label}: destinations must be a map with onFailure")
            return None
        if isinstance(found, dict) and "arn" in found:
            found = found["arn"]
        return {"OnFailure": {"Destination": found}}

    def _environment(self, name: str, function: dict[str, Any]) -> dict[str, str]:
        found = {**_map(self._provider.get("environment")), **_map(function.get("environment"))}
        environment = {}
        for variable, value in found.items():
            if value is None:
                continue
            try:
                environment[str(variable)] = self._resources.scope.text(value)
            except Unresolved as unresolved:
                self._resources.notice(
                    f"{name}: the variable {variable} is not set, for {unresolved} can't be known "
                    "here"
                )
        return environment

    def _number(self, name: str, function: dict[str, Any], member: str, default: float) -> float:
        value = function.get(member, self._provider.get(member, default))
        try:
            return float(value)
        except (TypeError, ValueError):
            self._resources.problem(f"{name}: {member} must be a number")
            return default


def _map(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _functions(found: Any) -> dict[str, Any]:
    """The functions, from a map or from a list of maps, which the framework merges."""
    if isinstance(found, list):
        return {name: each for part in found for name, each in _map(part).items()}
    return _map(found)


def _resources(found: Any) -> dict[str, Any]:
    return _sections(found, "Resources")


def _sections(found: Any, section: str) -> dict[str, Any]:
    parts = found if isinstance(found, list) else [found]
    return {name: each for part in parts for name, each in _map(_map(part).get(section)).items()}


def _logical_id(name: str) -> str:
    """The logical id that the framework gives a function's resource."""
    spelt = name.replace("-", "Dash").replace("_", "Underscore")
    return f"{spelt[:1].upper()}{spelt[1:]}LambdaFunction"
