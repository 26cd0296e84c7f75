"""Markers of listings: opaque to whoever gets one, an id or a name to whoever made it."""

from __future__ import annotations

import base64
import binascii

from ...errors import LambdaFault


def marker_of(position: str) -> str:
    """The marker of a page that ended at `position`."""
    return base64.urlsafe_b64encode(position.encode()).decode()


def position_of(marker: str) -> str:
    """Where the page before ended, "" for the first page. LambdaFault where it was not ours."""
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error) as error:
        raise LambdaFault("InvalidParameterValueException", "Invalid pagination token.") from error
