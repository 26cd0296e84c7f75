"""A record of any origin in the form Lambda's events have, which filters are written for.

The Streams wire differs from it in the members of userIdentity; a follower's records hold bytes,
boto3's a datetime as well.

Must not know: where a record comes from; it looks.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from .unmarshal import IMAGES

_IDENTITY = {"PrincipalId": "principalId", "Type": "type"}


def lambda_form(record: dict[str, Any]) -> dict[str, Any]:
    """The record as Lambda gives it to a function: binary as base64 text, times as numbers.

    Whatever is no record comes back with what could be read of it. The argument is left as it is.
    """
    formed = dict(record)
    change = record.get("dynamodb")
    if isinstance(change, dict):
        formed["dynamodb"] = change = dict(change)
        for image in IMAGES:
            if image in change:
                change[image] = _textual(change[image])
        moment = change.get("ApproximateCreationDateTime")
        if isinstance(moment, datetime):
            change["ApproximateCreationDateTime"] = moment.timestamp()
    identity = record.get("userIdentity")
    if isinstance(identity, dict):
        formed["userIdentity"] = {_IDENTITY.get(n, n): value for n, value in identity.items()}
    return formed


def _textual(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _textual(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_textual(each) for each in value]
    value = getattr(value, "value", value)  # of boto3's Binary
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return value
