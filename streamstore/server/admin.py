"""The admin door, /_streamstore/: what a command does to a store that a server owns. For this
machine only.

Each is a POST with a JSON object (info is a GET); errors come as {"message": ...} with status
400. A JSON content type is not asked for by form posts of a browser's page, so those are refused
by it; foreign Origins are refused before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from ..clock import ManualClock, ShiftedClock
from ..errors import RequestError, StorageError
from ..operations.faults import fault_of
from . import replies
from .app import JSON, Handler, Route
from .protocol import read_json

if TYPE_CHECKING:
    from ..store import Store

_SECONDS_MAX = 100 * 366 * 86400


class _RefusedError(Exception):
    """The request can't be done; the text says why."""


def admin_routes(store: Store) -> tuple[Route, ...]:
    """The routes of the admin door of one store."""

    def compact(request: dict[str, Any]) -> dict[str, Any]:
        return {"records_removed": store.compact().records_removed}

    def split(request: dict[str, Any]) -> dict[str, Any]:
        table = request.get("table")
        shard = request.get("shard")
        if not isinstance(table, str) or not isinstance(shard, str | None):
            raise _RefusedError("'table' must be a table's name and 'shard' a shard id or absent")
        return {"children": store.split_shard(table, shard)}

    def roll(request: dict[str, Any]) -> dict[str, Any]:
        table = request.get("table")
        shard = request.get("shard")
        if not isinstance(table, str) or not isinstance(shard, str):
            raise _RefusedError("'table' must be a table's name and 'shard' a shard id")
        return {"successor": store.roll_shard(table, shard)}

    def clock(request: dict[str, Any]) -> dict[str, Any]:
        seconds = request.get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            seconds = -1
        if not 0 <= seconds <= _SECONDS_MAX:
            raise _RefusedError("'advance_seconds' must be a number of seconds, not negative")
        if not isinstance(store.clock, ManualClock | ShiftedClock):
            raise _RefusedError(
                "this server's clock is the machine's; it was not started to be moved"
            )
        now_ms = store.clock.advance(seconds)
        store.tick()
        return {"now_ms": now_ms}

    def info(request: dict[str, Any]) -> dict[str, Any]:
        latched = store.latched
        return {
            "pid": os.getpid(),
            "path": store.path,
            "durability": durability(store),
            "now_ms": store.clock.now_ms(),
            "latched": None if latched is None else str(latched),
        }

    return (
        _route("POST", "compact", compact),
        _route("POST", "split", split),
        _route("POST", "roll", roll),
        _route("POST", "clock", clock),
        _route("GET", "info", info),
    )


def durability(store: Store) -> str:
    """What the store promises of acknowledged writes, by its setting's name; "none" in memory."""
    return "none" if store.path == ":memory:" else store.settings.durability


def _route(method: str, name: str, do: Callable[[dict[str, Any]], dict[str, Any]]) -> Route:
    return Route(method, f"/_streamstore/{name}", _handler(method, do), "local")


def _handler(method: str, do: Callable[[dict[str, Any]], dict[str, Any]]) -> Handler:
    def handler(path: dict[str, str], query: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        try:
            request = read_json(body) if body else {}
        except orjson.JSONDecodeError:
            request = None
        if not isinstance(request, dict):
            return 400, JSON, replies.encode({"message": "the body must be a JSON object"})
        try:
            return 200, JSON, replies.encode(do(request))
        except _RefusedError as error:
            return 400, JSON, replies.encode({"message": str(error)})
        except (RequestError, StorageError) as error:
            fault = fault_of(error)
            return fault.status, JSON, replies.encode(fault.body)

    return handler
