"""What is said of a function's asynchronous invocations: Put-, Update-, Get-, Delete- and
ListFunctionEventInvokeConfig.

Put says everything anew, Update what it names; a destination that is empty is none. What is said is
kept where the functions are, in memory (asynchronous/configs).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...clock import Clock
from ...errors import LambdaFault, MappingInvalid
from ..asynchronous.configs import NOTHING_SAID, EventConfig
from ..destinations.naming import check_destination
from ..functions import LATEST
from . import shapes
from .paging import marker_of, position_of
from .parameters import invalid

if TYPE_CHECKING:
    from .invoking import Invoking
    from .naming import Named

_FUNCTION: Final = re.compile(r"arn:aws[a-z-]*:lambda:[^:]*:[0-9]*:function:[^:]+(:[^:]+)?")


class EventCalls:
    """The five calls, each a request's members in and a reply's out. LambdaFault."""

    def __init__(self, invoking: Invoking, clock: Clock) -> None:
        self._invoking = invoking
        self._configs = invoking.functions.event_configs
        self._clock = clock

    def put(self, request: dict[str, Any]) -> dict[str, Any]:
        """PutFunctionEventInvokeConfig."""
        return self._say(request, anew=True)

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateFunctionEventInvokeConfig."""
        return self._say(request, anew=False)

    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetFunctionEventInvokeConfig."""
        named = self._named(request)
        found = self._configs.get(named.name, named.qualifier)
        if found is None:
            raise self._nothing(named)
        return self._described(named, found)

    def delete(self, request: dict[str, Any]) -> None:
        """DeleteFunctionEventInvokeConfig."""
        named = self._named(request)
        if not self._configs.remove(named.name, named.qualifier):
            raise self._nothing(named)

    def list(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListFunctionEventInvokeConfigs: pages ascending by version or alias."""
        asked = shapes.read(request, shapes.EVENT_CONFIGS, ("FunctionName",))
        named, _ = self._invoking.named({"FunctionName": asked["FunctionName"]})
        after = position_of(asked.get("Marker", ""))
        size = asked.get("MaxItems", limits.EVENT_CONFIGS_LISTED_MAX)
        found = [each for each in self._configs.of(named.name) if each[0] > after]
        reply: dict[str, Any] = {
            "FunctionEventInvokeConfigs": [
                self._described(named._replace(qualifier=qualifier), config)
                for qualifier, config in found[:size]
            ]
        }
        if len(found) > size:
            reply["NextMarker"] = marker_of(found[size - 1][0])
        return reply

    def _say(self, request: dict[str, Any], *, anew: bool) -> dict[str, Any]:
        named = self._named(request)
        changes = read_changes(request)
        before = NOTHING_SAID if anew else self._configs.get(named.name, named.qualifier)
        if before is None:
            raise self._nothing(named)
        config = before._replace(modified_ms=self._clock.now_ms(), **changes)
        self._configs.put(named.name, named.qualifier, config)
        return self._described(named, config)

    def _named(self, request: dict[str, Any]) -> Named:
        """The function that is meant, which must be there, with its version or alias."""
        members = ("FunctionName", "Qualifier")
        named, _ = self._invoking.named({n: request[n] for n in members if n in request})
        return named._replace(qualifier=named.qualifier or LATEST)

    def _nothing(self, named: Named) -> LambdaFault:
        return LambdaFault(
            "ResourceNotFoundException",
            f"The function {self._invoking.arn(named)} doesn't have an EventInvokeConfig",
            404,
        )

    def _described(self, named: Named, config: EventConfig) -> dict[str, Any]:
        members: dict[str, Any] = {
            "LastModified": config.modified_ms / 1000,
            "FunctionArn": self._invoking.arn(named),
            "DestinationConfig": {
                "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
                "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
            },
        }
        if config.retries is not None:
            members["MaximumRetryAttempts"] = config.retries
        if config.age_seconds_max is not None:
            members["MaximumEventAgeInSeconds"] = config.age_seconds_max
        return members


def read_changes(request: dict[str, Any], *, files: bool = False) -> dict[str, Any]:
    """The fields of an EventConfig that a request sets, at least one. `files` as in shapes.read.
    LambdaFault.
    """
    asked = shapes.read(request, shapes.EVENT_CONFIG, files=files)
    if not asked:
        raise invalid("You must specify at least one of error handling or destination setting.")
    changes: dict[str, Any] = {}
    if "MaximumRetryAttempts" in asked:
        changes["retries"] = asked["MaximumRetryAttempts"]
    if "MaximumEventAgeInSeconds" in asked:
        changes["age_seconds_max"] = asked["MaximumEventAgeInSeconds"]
    destinations = asked.get("DestinationConfig", {})
    for member, field in (("OnSuccess", "on_success"), ("OnFailure", "on_failure")):
        if member in destinations:
            arn = destinations[member].get("Destination", "")
            _check_destination(member, arn)
            changes[field] = arn
    return changes


def _check_destination(member: str, arn: str) -> None:
    """Refuse what no result could be delivered to."""
    if _FUNCTION.fullmatch(arn):
        return
    if member == "OnSuccess" and re.match(r"arn:aws[a-z-]*:s3:", arn):
        raise invalid("The destination ARN of OnSuccess must not be an S3 bucket.")
    try:
        check_destination(arn)
    except MappingInvalid as refusal:
        raise invalid(str(refusal)) from refusal
