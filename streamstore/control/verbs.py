"""The hands as requests: a verb, a JSON object in, a JSON object out. What the doors share.

The server's admin door and the command line give what they were given; every member is checked
here, unknown ones are refused, and what is refused is a ControlRefused with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

from ..errors import ControlRefused
from .control import Control
from .rules import Rule
from .scenarios import RULED

Request = dict[str, Any]

# What lives in the memory of the process that has the store open; on a closed file it is nothing.
_LIVE: Final = frozenset(("clock", "rules-add", "rules-list", "rules-clear"))
_RULE_MEMBERS: Final = tuple(field.name for field in fields(Rule))


def do(control: Control, verb: str, request: Request) -> Request:
    """Do one verb. Raises ControlRefused, and RequestErrors of what it does."""
    known = VERBS.get(verb)
    if known is None:
        raise ControlRefused(f"no verb is called {verb!r}; there are {', '.join(VERBS)}")
    action, members = known
    unknown = sorted(set(request) - set(members))
    if unknown:
        raise ControlRefused(f"{verb} doesn't take {', '.join(unknown)}")
    return action(control, {name: value for name, value in request.items() if value is not None})


def is_live(verb: str, request: Request) -> bool:
    """Whether it makes sense only for a store that somebody has open."""
    return verb in _LIVE or (verb == "scenario" and request.get("name") in RULED)


def _text(request: Request, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise ControlRefused(f"{name!r} must be a text")
    return value


def _text_or_none(request: Request, name: str) -> str | None:
    return _text(request, name) if name in request else None


def _number_or_none(request: Request, name: str) -> int | None:
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int | None):
        raise ControlRefused(f"{name!r} must be a whole number or absent")
    return value


def _clock(control: Control, request: Request) -> Request:
    seconds = request.get("advance_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ControlRefused("'advance_seconds' must be a number of seconds, not negative")
    return {"now_ms": control.advance(seconds)}


def _split(control: Control, request: Request) -> Request:
    return {"children": control.split(_text(request, "table"), _text_or_none(request, "shard"))}


def _roll(control: Control, request: Request) -> Request:
    return {"successor": control.roll(_text(request, "table"), _text(request, "shard"))}


def _trim(control: Control, request: Request) -> Request:
    forget = request.get("forget", False)
    if not isinstance(forget, bool):
        raise ControlRefused("'forget' must be true or false")
    return control.trim(
        _text(request, "table"),
        _text_or_none(request, "shard"),
        through=_text_or_none(request, "through"),
        forget=forget,
    )


def _expire(control: Control, request: Request) -> Request:
    return {"issued_before_ms": control.expire_iterators()}


def _reset(control: Control, request: Request) -> Request:
    return dict(control.reset())


def _add(control: Control, request: Request) -> Request:
    return control.add_rule(Rule(**request))


def _list(control: Control, request: Request) -> Request:
    return {"rules": control.list_rules()}


def _clear(control: Control, request: Request) -> Request:
    return {"cleared": control.clear_rules(_number_or_none(request, "id"))}


def _scenario(control: Control, request: Request) -> Request:
    return control.scenario(_text(request, "name"), _text_or_none(request, "table"))


# A verb's function and the members that it takes.
VERBS: Final[dict[str, tuple[Callable[[Control, Request], Request], tuple[str, ...]]]] = {
    "clock": (_clock, ("advance_seconds",)),
    "split": (_split, ("table", "shard")),
    "roll": (_roll, ("table", "shard")),
    "trim": (_trim, ("table", "shard", "through", "forget")),
    "expire-iterators": (_expire, ()),
    "reset": (_reset, ()),
    "rules-add": (_add, _RULE_MEMBERS),
    "rules-list": (_list, ()),
    "rules-clear": (_clear, ("id",)),
    "scenario": (_scenario, ("name", "table")),
}
