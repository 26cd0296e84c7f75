"""What destinations are sent: failures of mappings, and results of asynchronous invocations.

Both are a record in the service's shape with what each kind of destination needs beside it; the
destinations know no more of them than this. `Result` is the second kind (a Failure is the first):
its record holds the event and the answer, so it has no payload beside the record.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol


class Parcel(Protocol):
    """What can be sent to a destination.

    record      JSON-like, what queues and tables get
    payload     JSON beside the record, None where there is none
    created_ms  when it came about, by the store's clock
    """

    @property
    def record(self) -> dict[str, Any]: ...

    @property
    def payload(self) -> bytes | None: ...

    @property
    def created_ms(self) -> int: ...

    @property
    def key(self) -> str:
        """A text that is the same each time this is delivered."""
        ...

    @property
    def folder(self) -> str:
        """Where it lies in a bucket."""
        ...

    @property
    def facts(self) -> dict[str, str | int]:
        """What an item in a table says beside record and payload."""
        ...

    @property
    def in_short(self) -> dict[str, Any]:
        """The record without what may be too large for a small message."""
        ...

    @property
    def whole(self) -> dict[str, Any]:
        """The record with the payload in it."""
        ...


class Result(NamedTuple):
    """What an asynchronous invocation came to: `record` is the service's invocation record."""

    record: dict[str, Any]
    function_name: str
    request_id: str
    created_ms: int

    @property
    def payload(self) -> None:
        """The event stands in the record."""

    @property
    def key(self) -> str:
        """One invocation has one result."""
        return f"{self.function_name}/{self.request_id}"

    @property
    def folder(self) -> str:
        """Where it lies in a bucket."""
        return f"aws/lambda/async/{self.function_name}"

    @property
    def facts(self) -> dict[str, str | int]:
        """What an item in a table says beside the record."""
        return {
            "condition": self.record["requestContext"]["condition"],
            "function": self.function_name,
        }

    @property
    def in_short(self) -> dict[str, Any]:
        """Without the payloads, as the service sends it to a topic that it is too large for."""
        return {name: each for name, each in self.record.items() if not name.endswith("Payload")}

    @property
    def whole(self) -> dict[str, Any]:
        """The record: it holds everything."""
        return self.record
