"""GET /streams/<ARN or TABLE>/tail: the records of a stream as server-sent events, live.

    ?from=latest|trim-horizon|SEQUENCE NUMBER|TIME    where to begin; latest if not said
    ?after=SEQUENCE NUMBER, or a Last-Event-ID header  instead: go on after that number

Each record is one event, whose data is the JSON that GetRecords gives plus ShardId, and whose id is
the record's sequence number. All shards come as one line in order of commit (following), so a
client that lost its connection goes on exactly where it was; browsers' EventSource does so by
itself. Ids come with the heartbeats too, every 15 s of silence. An `end` event says that the stream
was disabled and all of it given, an `error` event what went wrong, as the service would word it.
When the server drains, the response just ends.

There are at most TAILERS_MAX at once. On a server with keys the request has to be signed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from ... import limits
from ...errors import StoreError
from ...operations.faults import fault_of
from .. import replies
from ..app import TEXT, Answer, Route

if TYPE_CHECKING:
    from ...following.follower import Follower
    from ...store import Store
    from ..gate import ServerSettings

EVENTS = "text/event-stream"
_FULL = b"Too many streams are followed at once.\n"


def tail_route(store: Store, settings: ServerSettings) -> Route:
    """The route that follows streams of that store, on a server with these settings."""
    tailers: set[object] = set()

    def handler(path: dict[str, str], query: dict[str, str], body: bytes) -> Answer:
        if len(tailers) >= limits.TAILERS_MAX:
            return 503, TEXT, _FULL
        after = query.get("last-event-id") or query.get("after")
        follower = store.follow(path["stream"], query.get("from", "latest"), after=after)
        return 200, EVENTS, _events(follower, tailers)

    access = "signed:dynamodb" if settings.keys else "local"
    return Route("GET", "/streams/{stream:path}/tail", handler, access)


async def _events(follower: Follower, tailers: set[object]) -> AsyncIterator[bytes]:
    me = object()
    if len(tailers) >= limits.TAILERS_MAX:  # others came in between
        yield _event(follower.position, "error", {"message": _FULL.decode().strip()})
        return
    tailers.add(me)
    loop = asyncio.get_running_loop()
    try:
        yield b"retry: 1000\nid: %s\n\n" % follower.position.encode()
        while True:
            piece, count = await loop.run_in_executor(None, _read, follower)
            if count:
                yield piece
            elif follower.ended:
                yield _event(follower.position, "end", {"StreamArn": follower.stream.arn})
                return
            elif not await follower.wait_async(limits.TAIL_HEARTBEAT_SECONDS):
                yield b": alive\nid: %s\n\n" % follower.position.encode()
    except StoreError as error:
        yield _event(follower.position, "error", fault_of(error).body)
    finally:
        tailers.discard(me)


def _read(follower: Follower) -> tuple[bytes, int]:
    """In a thread: what is there now, as events, and how many."""
    records = follower.turn()
    events = [
        b"id: %s\ndata: %s\n\n"
        % (record["dynamodb"]["SequenceNumber"].encode(), replies.encode(record))
        for record in records
    ]
    return b"".join(events), len(events)


def _event(position: str, name: str, data: dict[str, Any]) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (
        position.encode(),
        name.encode(),
        replies.encode(data),
    )
