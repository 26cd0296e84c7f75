"""A failure, what a mapping gave up on, and the store's own list of them.

The list holds the record that a destination gets and, beside it, the whole event that was not
consumed, so that `streamstore dlq` can show it and send it to the function again. It is bounded by
age, number and bytes (engine/failures removes what is beyond).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ...storage import statements_consumers as sql

if TYPE_CHECKING:
    from ...engine.writes.group import Group


class Failure(NamedTuple):
    """A batch that a mapping gave up on.

    condition     why: "RetryAttemptsExhausted" or "RecordAgeExceeded"
    record        the service's failure record (spec B.8), JSON-like
    payload       JSON of the event that was, or would have been, sent to the function
    record_count  records in that event
    uuid          the mapping's
    shard_name    the shard that the batch came from
    created_ms    when it was given up, by the store's clock
    """

    condition: str
    record: dict[str, Any]
    payload: bytes
    record_count: int
    uuid: str
    shard_name: str
    created_ms: int

    @property
    def key(self) -> str:
        """A text that is the same each time this failure is delivered: mapping, shard, numbers."""
        batch = self.record.get("DDBStreamBatchInfo", {})
        first, last = batch.get("startSequenceNumber"), batch.get("endSequenceNumber")
        return f"{self.uuid}/{self.shard_name}/{first}-{last}"

    @property
    def folder(self) -> str:
        """Where it lies in a bucket."""
        return f"aws/lambda/{self.uuid}/{self.shard_name}"

    @property
    def facts(self) -> dict[str, str | int]:
        """What an item in a table says beside record and payload."""
        return {
            "condition": self.condition,
            "mapping": self.uuid,
            "shard": self.shard_name,
            "recordCount": self.record_count,
        }

    @property
    def in_short(self) -> dict[str, Any]:
        """What a destination gets whose messages are small: the record alone, as always."""
        return self.record

    @property
    def whole(self) -> dict[str, Any]:
        """What a bucket gets: the record with the payload as an escaped JSON string."""
        return {**self.record, "payload": self.payload.decode()}


def keep(group: Group, failure: Failure) -> int:
    """List a failure in the store; returns its id, by which `streamstore dlq` knows it.

    To be called in the unit that moves the checkpoint past the batch: then a batch is either
    before the checkpoint or listed, never both and never neither.
    """
    group.tx.run(
        sql.FAILURE_INSERT,
        (
            failure.uuid,
            failure.created_ms,
            failure.record_count,
            orjson.dumps(failure.record),
            failure.payload,
        ),
    )
    return group.tx.last_rowid()
