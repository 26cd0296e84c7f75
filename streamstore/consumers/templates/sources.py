"""The mappings that a template's events ask for, in the members of CreateEventSourceMapping, and
what it says of asynchronous invocations, in those of PutFunctionEventInvokeConfig.

Here are the things that SAM, CloudFormation and Serverless have in common: which table a stream is
of, numbers and booleans that are written as text, members nobody knows, and destinations, which in
development are files: a queue of the template does not exist here, and one that exists elsewhere
must not be sent what a program under development gets wrong.

Must not know: how either spells it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any, Final

from .intrinsics import Unresolved
from .plan import TOKEN, EventsWanted, MappingWanted, stream_token
from .resources import Resources

NUMBERS: Final = (
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "ParallelizationFactor",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "TumblingWindowInSeconds",
)
EVENT_NUMBERS: Final = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
SWITCHES: Final = ("BisectBatchOnFunctionError", "Enabled")
MEMBERS: Final = (
    *NUMBERS,
    *SWITCHES,
    "StartingPosition",
    "FunctionResponseTypes",
    "DestinationConfig",
    "FilterCriteria",
)
# Known to the service, without a meaning here.
IGNORED: Final = ("KmsKeyArn", "MetricsConfig", "Tags", "LoggingConfig", "ProvisionedPollerConfig")

_STREAM: Final = re.compile(r"arn:aws[a-z-]*:dynamodb:[^:]*:[^:]*:table/([^/]+)/stream/.+")
_SERVICE: Final = re.compile(r"arn:aws[a-z-]*:(sqs|sns|s3):")
_NOT_IN_A_FILE_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")


class Sources:
    """Reads events of one template. `remote` are the services ("sqs", "sns", "s3") that have an
    endpoint of their own in this environment, whose destinations are left as they are.
    """

    def __init__(self, resources: Resources, remote: frozenset[str] = frozenset()) -> None:
        self._resources = resources
        self._remote = remote

    def stream_of(self, label: str, value: Any) -> str | None:
        """The ARN of a DynamoDB stream, or what stands for it; None for the stream of something
        else, which is told.
        """
        text = self._resources.resolved(label, value)
        if text is None:
            return None
        if not isinstance(text, str):
            self._resources.problem(f"{label}: the stream must be an ARN")
            return None
        token = TOKEN.fullmatch(text)
        literal = _STREAM.fullmatch(text)
        if token is None and literal is None:
            if ":kinesis:" in text:
                self._resources.notice(f"{label}: {text} is no DynamoDB stream; it is left out")
            else:
                self._resources.problem(f"{label}: {text or 'nothing'} is no stream's ARN")
            return None
        name = (token or literal)[1]  # type: ignore[index]
        tables = {table.name: table for table in self._resources.plan.tables}
        if name not in tables:
            self._resources.problem(f"{label}: the table {name} is not in the template")
            return None
        if not tables[name].view_type:
            self._resources.problem(f"{label}: the table {name} has no StreamSpecification")
            return None
        return stream_token(name)

    def add(self, label: str, function: str, stream: str, members: dict[str, Any]) -> None:
        """Add a mapping; `members` are spelt as the service does, Pattern and all."""
        params: dict[str, Any] = {"EventSourceArn": stream}
        for name, value in members.items():
            if value is None or name not in MEMBERS:
                continue
            found = self._read(f"{label}.{name}", name, value)
            if found is not None:
                params[name] = found
        self._resources.plan.mappings.append(MappingWanted(label, function, params))

    def add_events(self, label: str, function: str, qualifier: str, props: Any) -> None:
        """Add what is said of a function's asynchronous invocations, spelt as the service does."""
        if not isinstance(props, dict):
            self._resources.problem(f"{label} must be a map")
            return
        members: dict[str, Any] = {}
        for name in EVENT_NUMBERS:
            if props.get(name) is not None:
                members[name] = self._read(f"{label}.{name}", name, props[name])
        config = props.get("DestinationConfig") or {}
        for name in ("OnSuccess", "OnFailure"):
            found = config.get(name) if isinstance(config, dict) else None
            if not isinstance(found, dict):
                continue
            # SAM makes the queue or topic of a destination that is not named.
            given = found.get("Destination", {"Ref": f"{label}.{name}"})
            destination = self._local(f"{label}.{name}", given, "results")
            if ":events:" in destination:
                self._resources.notice(f"{label}: {name}: there are no event buses here")
                continue
            on = members.setdefault("DestinationConfig", {})
            on[name] = {"Destination": destination}
        if members:
            self._resources.plan.events.append(EventsWanted(label, function, qualifier, members))

    def tell_unknown(self, label: str, names: Iterable[str], known: Iterable[str]) -> None:
        """Tell of members that nobody knows, with what was probably meant."""
        known = tuple(known)
        for name in names:
            if name not in known:
                close = difflib.get_close_matches(str(name), known, 1)
                hint = f"; did you mean {close[0]}?" if close else ""
                self._resources.notice(f"{label}: {name} is not known and is left out{hint}")

    def _read(self, label: str, name: str, value: Any) -> Any:
        if name == "DestinationConfig":
            return self._destination_config(label, value)
        found = self._resources.resolved(label, value)
        try:
            if name in (*NUMBERS, *EVENT_NUMBERS) and found is not None:
                return int(found)
        except (TypeError, ValueError):
            self._resources.problem(f"{label} must be a whole number, not {found!r:.40}")
        if name in SWITCHES and isinstance(found, str):
            if found.lower() not in ("true", "false"):
                self._resources.problem(f"{label} must be true or false, not {found!r:.40}")
            return found.lower() == "true"
        return found

    def _destination_config(self, label: str, value: Any) -> dict[str, Any] | None:
        on_failure = value.get("OnFailure") if isinstance(value, dict) else None
        if not isinstance(on_failure, dict):
            self._resources.problem(f"{label} must be a map with OnFailure")
            return None
        if "Destination" not in on_failure:
            return {"OnFailure": {}}
        return {"OnFailure": {"Destination": self._local(label, on_failure["Destination"])}}

    def _local(self, label: str, destination: Any, what: str = "failures") -> str:
        """The destination as it is in development."""
        try:
            text = self._resources.scope.text(destination)
        except Unresolved:
            text = f"arn:aws:sqs:::{label}"
        service = _SERVICE.match(text)
        if service is None or service[1] in self._remote:
            return text
        name = _NOT_IN_A_FILE_NAME.sub("-", text.rsplit(":", 1)[-1]).strip(".-") or "failures"
        path = (self._resources.plan.failures / f"{name}.jsonl").resolve()
        self._resources.notice(f"{what} for {service[1]} {name} go to {path}")
        return path.as_uri()
