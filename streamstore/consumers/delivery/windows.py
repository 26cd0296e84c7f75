"""Tumbling windows (spec B.10): where they begin and end, and what a function is told of them.

Windows are aligned to the epoch, and a record belongs to one by its ApproximateCreationDateTime. A
shard has one state at a time. When a window is over, the function is invoked once more, without
records; then the state is dropped. Choices where the service says little: a state that has grown
beyond 1 MB is handed to that last invocation as it is, so that nothing is lost, and what comes
later in the same window begins a state of its own. An answer of a last invocation needs no state.

Must not know: shards, retries, who keeps the state.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from ... import limits
from .progress import Window

FIRST_STATE = b"{}"


def start_of(created_ms: int, seconds: int) -> int:
    """When the window of a record of that time began, in milliseconds since 1970."""
    return created_ms - created_ms % (seconds * 1000)


def end_of(window: Window, seconds: int) -> int:
    """When a window ends: the first millisecond behind it."""
    return window.start_ms + seconds * 1000


def aligned(window: Window | None, seconds: int) -> Window | None:
    """A window that was begun when windows had perhaps another length, as one of `seconds`: what
    it has been told goes into the window of that length in which it began.
    """
    return window and window._replace(start_ms=start_of(window.start_ms, seconds))


def is_too_large(state: bytes) -> bool:
    """Whether a state ends its window early."""
    return len(state) > limits.WINDOW_STATE_BYTES_MAX


def members(
    window: Window, seconds: int, *, shard_name: str, stream_arn: str, last: bool
) -> dict[str, Any]:
    """What an event has beside its records."""
    return {
        "window": {"start": _moment(window.start_ms), "end": _moment(end_of(window, seconds))},
        "state": orjson.loads(window.state),
        "shardId": shard_name,
        "eventSourceARN": stream_arn,
        "isFinalInvokeForWindow": last,
        "isWindowTerminatedEarly": window.early and last,
    }


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
