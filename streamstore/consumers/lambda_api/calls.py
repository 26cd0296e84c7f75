"""How the calls of the door are reached: method, path and, where paths are alike, a header.

Apart from the door itself, so that a server can be wired up without importing what few of its
clients ask for.
"""

from __future__ import annotations

from typing import Final, NamedTuple

SERVICE: Final = "lambda"  # which requests are signed for


class Call(NamedTuple):
    """One call; `name` is the door's method. `header` is a name and how its value begins."""

    method: str
    path: str
    name: str
    header: tuple[str, str] | None = None


_MAPPINGS: Final = "/2015-03-31/event-source-mappings"
_FUNCTIONS: Final = "/2015-03-31/functions"
_TAGS: Final = "/2017-03-31/tags/{arn}"
_INVOCATIONS: Final = _FUNCTIONS + "/{name}/invocations"
_KIND: Final = "x-amz-invocation-type"
_LOG: Final = "x-amz-log-type"
_EVENTS: Final = "/2019-09-25/functions/{name}/event-invoke-config"

ADMIN: Final = Call("POST", "/_streamstore/mappings", "asked")

# With a slash at the end and without one, since clients differ. The first that fits is taken.
CALLS: Final = (
    *(
        Call(method, path + slash, name)
        for slash in ("", "/")
        for method, path, name in (
            ("POST", _MAPPINGS, "create"),
            ("GET", _MAPPINGS, "list"),
            ("GET", _MAPPINGS + "/{uuid}", "get"),
            ("PUT", _MAPPINGS + "/{uuid}", "update"),
            ("DELETE", _MAPPINGS + "/{uuid}", "delete"),
            ("GET", _FUNCTIONS, "functions"),
            ("GET", _FUNCTIONS + "/{name}", "function"),
            ("GET", _FUNCTIONS + "/{name}/configuration", "configuration"),
            ("GET", _TAGS, "tags"),
            ("POST", _TAGS, "tag"),
            ("DELETE", _TAGS, "untag"),
            ("PUT", _EVENTS, "put_event_config"),
            ("POST", _EVENTS, "update_event_config"),
            ("GET", _EVENTS, "event_config"),
            ("DELETE", _EVENTS, "delete_event_config"),
            ("GET", _EVENTS + "/list", "event_configs"),
        )
    ),
    Call("POST", _INVOCATIONS, "send", (_KIND, "event")),
    Call("POST", _INVOCATIONS, "dry_run", (_KIND, "dryrun")),
    # Only what is waited for can be told what the function said.
    Call("POST", _INVOCATIONS, "invoke_with_log", (_LOG, "tail")),
    Call("POST", _INVOCATIONS, "invoke", (_KIND, "requestresponse")),
    Call("POST", _INVOCATIONS, "unknown_kind", (_KIND, "")),
    Call("POST", _INVOCATIONS, "invoke"),
)
