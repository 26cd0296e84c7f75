"""What a template asks for, as values: tables, functions, mappings, and what to tell about it.

Names of resources are resolved, with one exception: a stream has no ARN before its table exists, so
where a template speaks of one there stands `stream_token(name of the table)`, which `settled`
replaces.

Must not know: SAM, Serverless, stores.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

TOKEN: Final = re.compile("\x00stream ([^\x00]*)\x00")


@dataclass(frozen=True, slots=True)
class TableWanted:
    """A table: the parameters of its CreateTable, and the attribute of its time to live, if any.
    `view_type` is that of its stream, "" for a table without one.
    """

    name: str
    request: dict[str, Any]
    view_type: str = ""
    expires_by: str = ""


@dataclass(frozen=True, slots=True)
class FunctionWanted:
    """A function: `code` is the folder that its `handler` ("folder/module.function") lies in.

    `logical` is its name in the template, by which `sam local start-lambda` knows it. `inline` is
    code that stands in the template itself; `layers` are the folders that layers put on its path.
    """

    logical: str
    name: str
    runtime: str
    handler: str
    code: Path
    environment: dict[str, str] = field(default_factory=dict)
    timeout_seconds: float = 3.0
    memory_mb: int = 128
    inline: str | None = None
    layers: tuple[Path, ...] = ()

    @property
    def is_python(self) -> bool:
        """Whether it can run in this process."""
        return self.runtime.startswith("python")


@dataclass(frozen=True, slots=True)
class MappingWanted:
    """A mapping: `label` says which one to people; `function` is the function's name and `params`
    the other members of a CreateEventSourceMapping, EventSourceArn included.
    """

    label: str
    function: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventsWanted:
    """What is said of a function's asynchronous invocations: `members` are those of a
    PutFunctionEventInvokeConfig, "" as `qualifier` means where no version or alias is named.
    """

    label: str
    function: str
    qualifier: str
    members: dict[str, Any]


@dataclass(slots=True)
class Plan:
    """Everything a template asks for. `notices` are sentences about what is done otherwise, or not
    at all.
    """

    path: Path
    tables: list[TableWanted] = field(default_factory=list)
    functions: list[FunctionWanted] = field(default_factory=list)
    mappings: list[MappingWanted] = field(default_factory=list)
    events: list[EventsWanted] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def failures(self) -> Path:
        """The folder of the files that stand in for queues, topics and buckets."""
        return self.path.parent / ".streamstore"


def stream_token(table: str) -> str:
    """What stands for the ARN of a table's stream."""
    return f"\x00stream {table}\x00"


def settled(value: Any, arn_of: Callable[[str], str]) -> Any:
    """A value with `arn_of(table)` where a stream's token stands."""
    if isinstance(value, str):
        return TOKEN.sub(lambda found: arn_of(found[1]), value)
    if isinstance(value, dict):
        return {name: settled(each, arn_of) for name, each in value.items()}
    if isinstance(value, list):
        return [settled(each, arn_of) for each in value]
    return value
