"""Records and batches in Lambda's form (spec B.9): what a function is given.

It differs from GetRecords' form in three things: binary values are base64 text, the time is a
float, and who deleted an item is spelt in small letters. Hot: everything that is delivered is made
here.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final

import orjson

from ... import limits
from ...codec.records import unpack_record
from ...engine.streams.log import Record
from ...engine.streams.sequence import event_id

Shaped = dict[str, Any]

# What an event has for its records.
EVENT_RECORDS_BYTES: Final = limits.INVOCATION_BYTES_MAX - limits.EVENT_BESIDE_BYTES

_BY_TIME_TO_LIVE: Final = {"principalId": "dynamodb.amazonaws.com", "type": "Service"}
# The type keys of binary values as msgpack writes them. A body without either has none.
_B_PACKED: Final = b"\xa1B"
_BS_PACKED: Final = b"\xa2BS"
# JSON writes a character of a text with at most six bytes, and everything else with less for each
# byte of the packed form; the rest of a record is numbers and names of ours.
_JSON_FACTOR: Final = 6
_JSON_BESIDE: Final = 600


def lambda_records(
    records: list[Record],
    *,
    depth: int,
    view_type: str,
    region: str,
    id_prefix: str,
    stream_arn: str,
) -> list[Shaped]:
    """The Records of an event, from rows of one shard; arguments as `images.shape_records`."""
    shaped = []
    for number, created_ms, body in records:
        event_name, size, by_ttl, keys, new, old = unpack_record(body)
        if _B_PACKED in body or _BS_PACKED in body:
            keys = _texts(keys)
            new = None if new is None else _texts(new)
            old = None if old is None else _texts(old)
        change: Shaped = {"ApproximateCreationDateTime": float(created_ms // 1000), "Keys": keys}
        if new is not None:
            change["NewImage"] = new
        if old is not None:
            change["OldImage"] = old
        change["SequenceNumber"] = f"{depth}{number:020d}"
        change["SizeBytes"] = size
        change["StreamViewType"] = view_type
        record: Shaped = {
            "eventID": event_id(id_prefix, number),
            "eventName": event_name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": region,
            "dynamodb": change,
            "eventSourceARN": stream_arn,
        }
        if by_ttl:
            record["userIdentity"] = dict(_BY_TIME_TO_LIVE)
        shaped.append(record)
    return shaped


def json_bytes(record: Shaped, body: bytes, batch_size: int) -> int:
    """What to reckon with as a record's size in an event, in bytes, commas included.

    A generous bound by its stored body where so many of that bound fit into an event, else exact:
    measuring takes as long as writing the JSON does.
    """
    most = len(body) * _JSON_FACTOR + _JSON_BESIDE + len(record["eventSourceARN"])
    if most * batch_size <= EVENT_RECORDS_BYTES:
        return most
    return len(orjson.dumps(record)) + 1


def _texts(item: dict[str, Any]) -> dict[str, Any]:
    """An item with its binary values as base64 text. Nesting is bounded by the item's own rules."""
    return {name: _text(value) for name, value in item.items()}


def _text(value: dict[str, Any]) -> dict[str, Any]:
    [(kind, inner)] = value.items()
    if kind == "B":
        return {"B": b64encode(inner).decode()}
    if kind == "BS":
        return {"BS": [b64encode(each).decode() for each in inner]}
    if kind == "M":
        return {"M": _texts(inner)}
    if kind == "L":
        return {"L": [_text(each) for each in inner]}
    return value
