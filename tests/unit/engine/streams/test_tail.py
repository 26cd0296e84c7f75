"""Waking those who wait for records: threads, coroutines, closing, and no wake-up that gets
lost.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from streamstore.engine.streams.tail import Tail
from streamstore.engine.writes.group import ShardCounters

LONG = 30.0


def counters(shard_id: int, last: int) -> list[ShardCounters]:
    return [ShardCounters(shard_id, last, 1, 0)]


def waiting(tail: Tail, *shard_ids: int, after: int) -> tuple[threading.Thread, list[bool]]:
    """A thread that waits, once it does."""
    answers: list[bool] = []
    thread = threading.Thread(
        target=lambda: answers.append(tail.wait_for(shard_ids, after, LONG)), daemon=True
    )
    thread.start()
    while not all(shard_id in tail._waiting for shard_id in shard_ids):
        pass
    return thread, answers


def test_what_is_there_already_needs_no_waiting() -> None:
    tail = Tail()
    tail.publish(counters(1, 10))
    assert tail.wait_for([1], 9, 0)
    assert tail.last_sequence(1) == 10
    assert tail.last_sequence(2) is None


def test_time_runs_out_where_nothing_new_comes() -> None:
    tail = Tail()
    tail.publish(counters(1, 10))
    assert not tail.wait_for([1, 2], 10, 0.001)
    assert not asyncio.run(tail.wait_for_async([1, 2], 10, 0.001))
    assert tail._waiting == {}


def test_a_thread_wakes_for_each_shard_it_waits_for_and_for_no_other() -> None:
    tail = Tail()
    thread, answers = waiting(tail, 1, 2, after=10)
    tail.publish(counters(3, 99))
    tail.publish(counters(2, 10))
    (ring,) = tail._waiting[2]
    assert ring.__self__._lock.locked()  # type: ignore[attr-defined]
    tail.publish(counters(2, 11))
    thread.join(LONG)
    assert answers == [True]
    assert tail._waiting == {}


def wakes(act: Callable[[Tail], None]) -> None:
    tail = Tail()
    thread, answers = waiting(tail, 1, after=10)
    act(tail)
    thread.join(LONG)
    assert answers == [True]


def test_closing_a_shard_wakes_and_so_does_closing_the_store() -> None:
    wakes(lambda tail: tail.closed(1))
    wakes(lambda tail: tail.stop())


def test_a_closed_shard_is_never_waited_for() -> None:
    tail = Tail()
    tail.closed(1)
    assert tail.wait_for([1], 2**62, 0)
    assert tail.last_sequence(1) is None
    tail.forget(1)
    assert not tail.wait_for([1], 0, 0)


def test_coroutines_wake_from_another_thread() -> None:
    tail = Tail()

    async def scene() -> list[bool]:
        waiters = [asyncio.create_task(tail.wait_for_async([n], 10, LONG)) for n in (1, 2)]
        while len(tail._waiting) < 2:
            await asyncio.sleep(0)
        await asyncio.to_thread(tail.publish, counters(1, 11) + counters(2, 12))
        return await asyncio.gather(*waiters)

    assert asyncio.run(scene()) == [True, True]
    assert tail._waiting == {}


def test_a_cancelled_coroutine_and_a_closed_loop_harm_nobody() -> None:
    tail = Tail()

    async def cancelled() -> None:
        task = asyncio.create_task(tail.wait_for_async([1], 10, LONG))
        while not tail._waiting:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())
    assert tail._waiting == {}

    loop = asyncio.new_event_loop()
    wait = tail.wait_for_async([1], 10, LONG)
    task = loop.create_task(wait)
    loop.run_until_complete(asyncio.sleep(0))
    task.cancel()
    rings = list(tail._waiting[1])
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    for ring in rings:
        ring()
    tail.publish(counters(1, 11))


def test_no_wake_up_is_lost_in_a_race_of_publisher_and_waiter() -> None:
    tail = Tail()
    rounds = 3000
    seen: list[int] = []

    def follow() -> None:
        after = 0
        while after < rounds:
            if not tail.wait_for([1], after, LONG):
                return
            after = tail.last_sequence(1) or after
            seen.append(after)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    for number in range(1, rounds + 1):
        tail.publish(counters(1, number))
    thread.join(LONG)
    assert seen[-1] == rounds


def test_a_watch_rings_at_each_commit_beyond_its_number_until_it_ends() -> None:
    tail = Tail()
    rung: list[int] = []

    def ring() -> None:
        rung.append(1)

    tail.watch(1, ring, after=10)
    for shard_id, last in ((1, 10), (2, 99), (1, 11), (1, 12)):
        tail.publish(counters(shard_id, last))
    assert len(rung) == 2
    tail.watch(1, ring, after=12)
    tail.publish(counters(1, 12))
    assert len(rung) == 2
    tail.closed(1)
    assert len(rung) == 3
    tail.unwatch(1, ring)
    tail.publish(counters(1, 99))
    tail.unwatch(1, ring)
    assert len(rung) == 3
    assert tail._waiting == {}
