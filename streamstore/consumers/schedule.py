"""Who runs the turns: a bounded pool of threads, woken by commits and by the store's clock; or, in
line, whoever asks.

A job is put here when it may have something to do, from any thread and cheaply: commits do it under
the writer's lock. It is then given a turn by a thread of the pool, or by `run_due`. A job is never
queued twice. Deadlines are times of the store's clock; where that clock can be moved by hand,
waiting threads look at it again after a second at most, and only while a deadline is set.

Must not know: what a turn does.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
from collections import deque
from typing import Protocol

from .. import limits
from ..clock import Clock

log = logging.getLogger("streamstore.consumers")


class Job(Protocol):
    """What is given turns.

    `queued` and `timer_ms` (0 for none) are the schedule's; they begin as False and 0. `busy` tells
    that a turn of it is under way which will look for work again, so none needs to be queued.
    """

    queued: bool
    timer_ms: int
    busy: bool

    def turn(self) -> None:
        """Do what is due. Never raises but for interruptions."""
        ...


class Schedule:
    """Jobs that are due and deadlines of others. `threads` 0 is in line."""

    def __init__(self, clock: Clock, threads: int) -> None:
        self._clock = clock
        self._threads_max = threads
        self._ready: deque[Job] = deque()
        self._timers: list[tuple[int, int, Job]] = []
        self._armed = 0
        self._count = itertools.count()
        self._lock = threading.Lock()
        self._bell = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._watching = False  # an idle thread watches the deadlines
        self._stopping = False
        self._pid = os.getpid()

    # Asking for turns.

    def put(self, job: Job) -> None:
        """Give the job a turn soon. Cheap, never raises, from any thread."""
        if job.queued or job.busy:
            return
        with self._lock:
            if job.queued or self._stopping:
                return
            job.queued = True
            self._ready.append(job)
            self._bell.notify()

    def at(self, due_ms: int, job: Job) -> None:
        """Give the job a turn at that time; an earlier deadline that it has stands."""
        with self._lock:
            if job.timer_ms and job.timer_ms <= due_ms:
                return
            if not job.timer_ms:
                self._armed += 1
            job.timer_ms = due_ms
            heapq.heappush(self._timers, (due_ms, next(self._count), job))
            if len(self._timers) > 2 * self._armed + 64:
                self._timers = [each for each in self._timers if each[2].timer_ms == each[0]]
                heapq.heapify(self._timers)
            if self._timers[0][2] is job:
                # Whoever watches the deadlines watches a later one.
                self._bell.notify_all()

    @property
    def inline(self) -> bool:
        """Whether there are no threads."""
        return not self._threads_max

    @property
    def crowded(self) -> bool:
        """Whether jobs wait for a thread."""
        return bool(self._ready)

    def next_due_ms(self) -> int | None:
        """The earliest deadline, None without one."""
        with self._lock:
            self._drop_stale()
            return self._timers[0][0] if self._timers else None

    # In line.

    def run_due(self) -> bool:
        """Run everything that is due now in this thread; whether there was anything."""
        ran = False
        while True:
            with self._lock:
                job = self._take()
            if job is None:
                return ran
            ran = True
            job.turn()

    def _take(self) -> Job | None:
        """The next job that is due. The lock is held."""
        self._drop_stale()
        while self._timers and self._timers[0][0] <= self._clock.now_ms():
            _, _, job = heapq.heappop(self._timers)
            job.timer_ms = 0
            self._armed -= 1
            if not job.queued:
                job.queued = True
                self._ready.append(job)
            self._drop_stale()
        if not self._ready:
            return None
        job = self._ready.popleft()
        job.queued = False
        return job

    def _drop_stale(self) -> None:
        while self._timers and self._timers[0][2].timer_ms != self._timers[0][0]:
            heapq.heappop(self._timers)

    # The pool.

    def start(self) -> None:
        """Let threads run what is due."""
        with self._lock:
            if not self._threads and self._threads_max and not self._stopping:
                self._spawn()

    def stop(self, seconds: float | None = None) -> None:
        """Let the turns under way end, and join the threads, for at most so long. For good."""
        if os.getpid() != self._pid:
            return  # a forked child has none of them, and may hold copies of held locks
        with self._lock:
            self._stopping = True
            self._bell.notify_all()
            threads = list(self._threads)
        ends = None if seconds is None else self._clock.monotonic() + seconds
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(None if ends is None else max(ends - self._clock.monotonic(), 0.0))

    def _spawn(self) -> None:
        thread = threading.Thread(
            target=self._work, name=f"streamstore-consumer-{len(self._threads)}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                job = self._wait()
                if job is None:
                    return
                # Somebody must be there to take what comes while this thread is at work.
                if not self._idle and len(self._threads) < self._threads_max:
                    self._spawn()
                elif self._ready or not self._watching:
                    self._bell.notify()
            try:
                job.turn()
            except Exception:
                log.exception("a consumer's turn failed")

    def _wait(self) -> Job | None:
        """The next job, as soon as there is one; None at the end. The lock is held."""
        while not self._stopping:
            job = self._take()
            if job is not None:
                return job
            self._idle += 1
            try:
                if self._watching or not self._timers:
                    self._bell.wait()
                else:
                    self._watching = True
                    try:
                        due_seconds = (self._timers[0][0] - self._clock.now_ms()) / 1000
                        self._bell.wait(min(due_seconds, limits.CONSUMER_LOOK_SECONDS))
                    finally:
                        self._watching = False
            finally:
                self._idle -= 1
        return None
