"""A record's shape on the wire (streams page A.9). Hot: every record that anybody reads is made
here.
"""

from __future__ import annotations

from typing import Any, Final

from ...codec.records import unpack_record
from ...engine.streams.log import Record
from ...engine.streams.sequence import event_id

# The time-to-live service is named as the one who deleted.
_BY_TIME_TO_LIVE: Final = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


def shape_records(
    records: list[Record], *, depth: int, view_type: str, region: str, id_prefix: str
) -> list[dict[str, Any]]:
    """The Records of a GetRecords reply, from rows of one shard.

    `depth` is the shard's, in front of its sequence numbers; `id_prefix` the store's 16 hex digits
    of event ids. Images the view type leaves out are missing; binary values are bytes.
    """
    shaped = []
    for number, created_ms, body in records:
        event_name, size, by_ttl, keys, new, old = unpack_record(body)
        change: dict[str, Any] = {
            "ApproximateCreationDateTime": created_ms // 1000,
            "Keys": keys,
        }
        if new is not None:
            change["NewImage"] = new
        if old is not None:
            change["OldImage"] = old
        change["SequenceNumber"] = f"{depth}{number:020d}"
        change["SizeBytes"] = size
        change["StreamViewType"] = view_type
        record: dict[str, Any] = {
            "eventID": event_id(id_prefix, number),
            "eventName": event_name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": region,
            "dynamodb": change,
        }
        if by_ttl:
            record["userIdentity"] = dict(_BY_TIME_TO_LIVE)
        shaped.append(record)
    return shaped
