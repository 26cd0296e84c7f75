"""The events that wait or run: given turns by a schedule of its own, on the store's clock.

Each is a job of the schedule: a turn runs the function once and decides (policy), so it waits as a
deadline and holds no thread. One that is over has its result delivered to the destination that is
named for it, if any; a destination that is a function of this process is sent the record as an
event, at most EVENT_HOPS_MAX times in a chain, as the service stops loops.

Bounded by number and bytes; beyond that nothing is accepted. At `close` what is due may still run,
for a bounded time; then what is left is dropped, and its number logged.

Must not know: who sent an event, or how.
"""

from __future__ import annotations

import logging
import threading
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from ... import limits
from ...errors import DeliveryFailed
from ..destinations import Destinations
from ..functions import LATEST
from ..metering import FunctionMeters
from ..schedule import Schedule
from ..targets.target import Answered, FunctionError, Invocation, NotInvoked, Outcome
from . import policy
from .configs import NOTHING_SAID
from .policy import Again, Tried
from .records import result_of

if TYPE_CHECKING:
    from ...store import Store
    from ..functions import Functions
    from .configs import EventConfig

logger = logging.getLogger("streamstore.functions")


class Full(Exception):
    """No event is accepted; the text says why."""


class Events:
    """Asynchronous invocations of the functions of one process. Thread-safe.

    `inline` has no threads: nothing happens until `run_due` is called.
    """

    def __init__(
        self,
        store: Store,
        functions: Functions,
        *,
        destinations: Destinations | None = None,
        inline: bool = False,
    ) -> None:
        self.functions = functions
        self.clock = store.clock
        self._metrics = store.metrics
        self._destinations = Destinations(store) if destinations is None else destinations
        self._schedule = Schedule(store.clock, 0 if inline else limits.EVENTS_AT_ONCE_MAX)
        self._events: set[_Event] = set()
        self._bytes = 0
        self._busy: set[_Event] = set()  # about to run, or running
        self._closed = False
        self._lock = threading.Lock()
        self._quiet = threading.Condition(self._lock)

    def send(self, function_arn: str, event: Any, *, hops: int = 0) -> str:
        """Have a function run with an event, soon; returns the request's id. The ARN names its
        version or alias. Raises Full.
        """
        sent = _Event(self, function_arn, event, self.clock.now_ms(), hops)
        with self._lock:
            if self._closed:
                raise Full("The process is ending.")
            if len(self._events) >= limits.EVENTS_QUEUED_MAX:
                raise Full(f"{limits.EVENTS_QUEUED_MAX} events are waiting.")
            if self._bytes + sent.size_bytes > limits.EVENTS_QUEUED_BYTES_MAX:
                raise Full(f"{limits.EVENTS_QUEUED_BYTES_MAX} bytes of events are waiting.")
            self._events.add(sent)
            self._busy.add(sent)
            self._bytes += sent.size_bytes
        self.meters(sent.name).add("AsyncEventsReceived", 1)
        self._schedule.start()
        self._schedule.put(sent)
        return sent.request_id

    def meters(self, name: str) -> FunctionMeters:
        """What counts the invocations of the function of that name."""
        return FunctionMeters(self._metrics, self.functions.running, name)

    def run_due(self) -> bool:
        """In line: run what is due now in this thread; whether there was anything."""
        return self._schedule.run_due()

    def __len__(self) -> int:
        """How many wait or run."""
        return len(self._events)

    def close(self) -> None:
        """Let what is due run, at most EVENTS_END_SECONDS_MAX, and drop the rest. Twice is once."""
        with self._lock:
            self._closed = True
            if not self._schedule.inline:
                self._quiet.wait_for(lambda: not self._busy, limits.EVENTS_END_SECONDS_MAX)
            left = len(self._events)
            self._events.clear()
        self._schedule.stop(seconds=0)
        if left:
            logger.warning("%d asynchronous invocations were dropped at the end", left)
        self._destinations.close()

    # For its events.

    def begin(self, event: _Event) -> bool:
        """A turn begins; False where the event was dropped."""
        with self._lock:
            if event not in self._events:
                return False
            self._busy.add(event)
            return True

    def rest(self, event: _Event, at_ms: int | None) -> None:
        """A turn has ended: there is one more at that time, or none."""
        with self._lock:
            self._busy.discard(event)
            if at_ms is None and event in self._events:
                self._events.discard(event)
                self._bytes -= event.size_bytes
            self._quiet.notify_all()
        if at_ms is not None:
            self._schedule.at(at_ms, event)

    def deliver(self, event: _Event, destination: str, condition: str) -> None:
        """Send the event's result to its destination."""
        result = result_of(
            function_name=event.name,
            function_arn=f"{event.bare_arn}:{event.qualifier}",
            request_id=event.request_id,
            condition=condition,
            calls=event.calls,
            event=orjson.loads(event.payload),
            last=event.last,
            now_ms=self.clock.now_ms(),
        )
        try:
            if ":function:" in destination:
                self._pass_on(destination, result.record, event.hops + 1)
            else:
                self._destinations.deliver(destination, result)
        except Exception as error:  # DeliveryFailed; whatever it is, the event is over
            logger.warning("%s did not take a result: %r", destination, error)
            self.meters(event.name).add("DestinationDeliveryFailures", 1)

    def _pass_on(self, function_arn: str, record: dict[str, Any], hops: int) -> None:
        name, qualifier = named(function_arn)
        if self.functions.get(name, qualifier) is None:
            raise DeliveryFailed(f"There is no function {name} here; register it under that name.")
        if hops > limits.EVENT_HOPS_MAX:
            raise DeliveryFailed(
                f"{name} would be the last of {hops} functions that call each other; break the"
                " loop of their destinations."
            )
        try:
            self.send(function_arn, record, hops=hops)
        except Full as full:
            raise DeliveryFailed(f"{name} was not sent the result: {full}") from full


class _Event:
    """A Job: one event on its way. It is kept as JSON, whose bytes are what the bound counts."""

    def __init__(
        self, owner: Events, function_arn: str, event: Any, now_ms: int, hops: int
    ) -> None:
        self.queued = self.busy = False
        self.timer_ms = 0
        self.hops = hops
        self.request_id = str(uuid.uuid4())
        self.function_arn = function_arn
        self.name, self.qualifier = named(function_arn)
        self.bare_arn = ":".join(function_arn.split(":")[:7])
        self.calls = 0
        self.last: Answered | FunctionError | None = None
        self._owner = owner
        self._sent_ms = now_ms
        self._tried = Tried(now_ms)
        self.payload = orjson.dumps(event)
        self.size_bytes = len(self.payload)

    def turn(self) -> None:
        """Try it once, or give it up."""
        owner = self._owner
        if not owner.begin(self):
            return
        at_ms: int | None = None
        try:
            at_ms = self._try()
        except Exception:
            logger.exception("an event of %s was dropped", self.name)
        finally:
            owner.rest(self, at_ms)

    def _try(self) -> int | None:
        """One try; when there is another one."""
        owner = self._owner
        config = owner.functions.event_configs.get(self.name, self.qualifier) or NOTHING_SAID
        if owner.clock.now_ms() >= policy.dies_ms(config, self._tried):
            self._finish(config, policy.EVENT_AGE_EXCEEDED)
            return None
        function = owner.functions.get(self.name, self.qualifier)
        if function is None:
            outcome: Outcome = NotInvoked(f"There is no function {self.name}.")
        else:
            seconds = function.timeout_seconds or limits.FUNCTION_SECONDS_MAX
            event = orjson.loads(self.payload)
            invocation = Invocation(self.request_id, self.function_arn, event, seconds)
            meters = owner.meters(self.name)
            meters.add("AsyncEventAge", max(owner.clock.now_ms() - self._sent_ms, 0))
            outcome = meters.invoke(function, invocation)
        if isinstance(outcome, NotInvoked):
            logger.info("an event of %s was not run: %s", self.name, outcome.reason)
        else:
            self.calls += 1
            self.last = outcome
        decision = policy.decide(config, self._tried, outcome, owner.clock.now_ms())
        if isinstance(decision, Again):
            self._tried = decision.tried
            return decision.at_ms
        self._finish(config, decision.condition)
        return None

    def _finish(self, config: EventConfig, condition: str) -> None:
        destination = config.on_success if condition == policy.SUCCESS else config.on_failure
        if condition != policy.SUCCESS:
            how = self.last.error_type if isinstance(self.last, FunctionError) else "it never ran"
            self._owner.meters(self.name).add("AsyncEventsDropped", 1)
            logger.error("an event of %s was given up, %s: %s", self.name, condition, how)
        if destination:
            self._owner.deliver(self, destination, condition)


def named(function_arn: str) -> tuple[str, str]:
    """Name and version or alias of a function's ARN."""
    fields = function_arn.split(":")
    return fields[6], fields[7] if len(fields) > 7 else LATEST
