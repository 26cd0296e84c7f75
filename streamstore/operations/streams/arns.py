"""Which stream a request means: its ARN, checked for form first and looked up afterwards."""

from __future__ import annotations

import re
from typing import Final

from ...engine.model import StreamInfo
from ...errors import ResourceNotFound, ValidationFailed
from ..plan import Scope

# arn:partition:dynamodb:region:account:table/name/stream/label
_STREAM_ARN: Final = re.compile(
    r"arn:[a-z0-9-]+:dynamodb:[a-z0-9-]*:[a-zA-Z0-9]*:table/[a-zA-Z0-9_.-]{3,255}/stream/[0-9A-Za-z:.-]+"
)


def check_form(arn: str) -> str:
    """`arn` itself; ValidationFailed when it is no stream's ARN."""
    if not _STREAM_ARN.fullmatch(arn):
        raise ValidationFailed(f"Invalid StreamArn: {arn}")
    return arn


def stream_of(scope: Scope, arn: str) -> StreamInfo:
    """The stream of that ARN, enabled or not. ValidationFailed for a bad form, ResourceNotFound for
    an unknown one.
    """
    stream = scope.engine.catalog.stream_by_arn(check_form(arn))
    if stream is None:
        raise ResourceNotFound("stream", arn)
    return stream
