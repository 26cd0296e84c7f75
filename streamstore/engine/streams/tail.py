"""Who waits for records, and the newest sequence number of every shard since the store was opened.

After COMMIT the group publishes the shards that moved, and whoever waits for one of them wakes:
threads on a lock, asyncio callers through their loop. Waking is a hint and no more: a woken reader
reads in a transaction of its own, and only what it finds there decides (engine.md 3.1). So it is
harmless that a shard which closed reports an endless number, which lets every waiter of it look
again, and that numbers from before the store was opened are not known here.

Publishing takes no lock while nobody waits. A waiter registers first and looks at the numbers
afterwards, the publisher sets the numbers first and looks for waiters afterwards, so that one of
the two sees the other.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..writes.group import ShardCounters

_ENDLESS: Final = 2**63


class Bell:
    """What one waiting thread sleeps on. Any thread may ring it, one waits; rung before the wait,
    it returns at once. A bare lock: an Event's own lock and list of waiters cost 5 µs more.
    """

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def ring(self) -> None:
        """Wake the waiter, now or as soon as it waits."""
        with suppress(RuntimeError):  # it has been rung already
            self._lock.release()

    def clear(self) -> None:
        """Forget that it was rung."""
        self._lock.acquire(blocking=False)

    def wait(self, timeout: float) -> bool:
        """Sleep until it is rung, at most `timeout` seconds; False if it was not."""
        return self._lock.acquire(timeout=timeout)


class Tail:
    """In-memory wake-ups. Thread-safe; `publish`, `closed` and `forget` never raise."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        # For each shard who waits for it: what rings the waiter, and the number it has read up to.
        self._waiting: dict[int, dict[Callable[[], None], int]] = {}
        self._lock = threading.Lock()
        self._stopped = False

    # The committing side.

    def publish(self, shards: Collection[ShardCounters]) -> None:
        """Tell of shards whose counters moved; called after COMMIT."""
        last = self._last
        for shard in shards:
            last[shard.shard_id] = shard.last_sequence
        if self._waiting:
            self._wake([shard.shard_id for shard in shards])

    def closed(self, shard_id: int) -> None:
        """Tell that a shard was closed: whoever waits for it looks again, now and later."""
        self._last[shard_id] = _ENDLESS
        if self._waiting:
            self._wake([shard_id])

    def forget(self, shard_id: int) -> None:
        """Drop a shard that is gone."""
        self._last.pop(shard_id, None)

    def stop(self) -> None:
        """Wake everybody; nobody waits any more. The store is closing."""
        self._stopped = True
        with self._lock:
            rings = {ring for waiters in self._waiting.values() for ring in waiters}
        for ring in rings:
            ring()

    # The waiting side.

    def last_sequence(self, shard_id: int) -> int | None:
        """The newest number committed to that shard since the store was opened; None if none
        was.
        """
        last = self._last.get(shard_id)
        return None if last == _ENDLESS else last

    def moved(self, shard_ids: Iterable[int], after: int) -> bool:
        """Whether one of the shards has, or may have, something beyond the number `after`."""
        last = self._last
        return self._stopped or any(last.get(shard_id, 0) > after for shard_id in shard_ids)

    def wait_for(
        self,
        shard_ids: Iterable[int],
        after: int,
        timeout: float,
        bell: Bell | None = None,
    ) -> bool:
        """Block this thread until one of the shards has something beyond `after`, at most `timeout`
        seconds.

        True if there may be something to read, False if time ran out. `bell`, if given, ends the
        wait when somebody else sets it.
        """
        ids = tuple(shard_ids)
        bell = bell or Bell()
        self._register(ids, bell.ring, after)
        try:
            return self.moved(ids, after) or bell.wait(timeout)
        finally:
            self._withdraw(ids, bell.ring)

    async def wait_for_async(self, shard_ids: Iterable[int], after: int, timeout: float) -> bool:
        """The same for a coroutine; the loop goes on meanwhile."""
        ids = tuple(shard_ids)
        loop = asyncio.get_running_loop()
        bell = asyncio.Event()

        def ring() -> None:
            try:
                loop.call_soon_threadsafe(bell.set)
            except RuntimeError:
                # The loop was closed with its waiter on it: there is nobody left to wake.
                return

        self._register(ids, ring, after)
        try:
            if not self.moved(ids, after):
                await asyncio.wait_for(bell.wait(), timeout)
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._withdraw(ids, ring)

    def watch(self, shard_id: int, ring: Callable[[], None], after: int) -> None:
        """Have `ring` called by each commit that takes the shard beyond `after`, until `unwatch`.

        It is called by the committing thread, under the writer's lock: it only wakes somebody.
        Watching again with another number replaces the first. Look at `moved` afterwards.
        """
        self._register((shard_id,), ring, after)

    def unwatch(self, shard_id: int, ring: Callable[[], None]) -> None:
        """End a watch; nothing where there is none."""
        self._withdraw((shard_id,), ring)

    def _register(self, shard_ids: tuple[int, ...], ring: Callable[[], None], after: int) -> None:
        with self._lock:
            for shard_id in shard_ids:
                self._waiting.setdefault(shard_id, {})[ring] = after

    def _withdraw(self, shard_ids: tuple[int, ...], ring: Callable[[], None]) -> None:
        with self._lock:
            for shard_id in shard_ids:
                waiters = self._waiting.get(shard_id)
                if waiters is not None:
                    waiters.pop(ring, None)
                    if not waiters:
                        del self._waiting[shard_id]

    def _wake(self, shard_ids: Iterable[int]) -> None:
        """Ring those whom the shards' numbers concern; a shard that was only trimmed wakes
        nobody.
        """
        with self._lock:
            rings = {
                ring
                for shard_id in shard_ids
                for ring, after in self._waiting.get(shard_id, {}).items()
                if after < self._last.get(shard_id, 0)
            }
        for ring in rings:
            ring()
