"""Consumers: the workers of one open store.

    consumers = Consumers(store)

    @consumers.on("orders", batch_size=50)
    def handle(event, context):
        ...

    with consumers:
        ...

Every enabled mapping of the store is worked on, whoever made it; a mapping whose function is not
registered here waits. Records are delivered at least once, in order for each item. Commits wake the
workers, so nothing is polled.

In line (`inline=True`) there is no thread: nothing happens until `run_due` or `drain` is called,
and everything happens in the caller's thread, on the store's clock. That is how tests are written.

Not here: what a mapping is and how it is kept (mappings), which shards are read (mapped), how they
are delivered (delivery), who runs the turns (schedule).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from .. import limits
from ..clock import ManualClock, ShiftedClock
from ..engine.streams.positions import committed_counter
from ..errors import StoreClosed, StoreError
from ..following.starts import stream_named
from .destinations import Destinations
from .functions import Functions
from .listening import Listening
from .mapped import Lag, Lagging, MappingRun, Parts, fix_starts, same_work
from .mappings import Mappings
from .schedule import Schedule

if TYPE_CHECKING:
    from ..store import Store
    from .dead_letters import DeadLetters
    from .mapping import Mapping

_MEMBERS: Final = {
    "batch_size": "BatchSize",
    "window_seconds": "MaximumBatchingWindowInSeconds",
    "parallelization_factor": "ParallelizationFactor",
    "bisect": "BisectBatchOnFunctionError",
    "retry_attempts_max": "MaximumRetryAttempts",
    "record_age_seconds_max": "MaximumRecordAgeInSeconds",
    "tumbling_window_seconds": "TumblingWindowInSeconds",
    "starting_position": "StartingPosition",
}
_LOOK_MS: Final = round(limits.CONSUMER_LOOK_SECONDS * 1000)


class Consumers:
    """The workers of one open store; see the module. Thread-safe.

    threads   how many run at most, in 1..CONSUMER_THREADS_MAX
    inline    no threads at all
    """

    def __init__(
        self,
        store: Store,
        *,
        functions: Functions | None = None,
        mappings: Mappings | None = None,
        destinations: Destinations | None = None,
        threads: int = limits.CONSUMER_THREADS_DEFAULT,
        inline: bool = False,
    ) -> None:
        if not 1 <= threads <= limits.CONSUMER_THREADS_MAX:
            raise ValueError(f"threads must lie in 1..{limits.CONSUMER_THREADS_MAX}")
        if mappings is not None and functions is None:
            functions = mappings.functions
        self.store = store
        self.functions = functions if functions is not None else Functions()
        self.mappings = mappings if mappings is not None else Mappings(store, self.functions)
        self.inline = inline
        self._schedule = Schedule(store.clock, 0 if inline else threads)
        self._parts = Parts(
            store,
            self._schedule,
            self.functions,
            destinations if destinations is not None else Destinations(store),
            self.functions.running,
            self.mappings.note_result,
            self._moved,
        )
        self._progress = threading.Condition()
        self._steps = 0
        self._runs: dict[int, MappingRun] = {}
        self._looking = threading.Lock()
        self._job = _Look(self)
        self._started = self._stopped = False
        self.mappings.on_change = self._changed

    # Life cycle.

    def start(self) -> None:
        """Begin to work on every enabled mapping."""
        if self._stopped:
            raise StoreClosed("These consumers were stopped; make new ones.")
        if self._started:
            return
        self._started = True
        self._schedule.put(self._job)
        self._schedule.start()

    def stop(self) -> None:
        """End the workers; invocations under way are finished first. For good; twice is once."""
        if self._stopped:
            return
        self._stopped = True
        self.mappings.on_change = None
        with self._looking:
            for run in self._runs.values():
                run.retire()
        self._schedule.stop()
        try:
            for run in self._runs.values():
                run.keep()
            self.mappings.flush()
        except StoreError:
            # The store is closed, or refuses writes: what was to be kept is read again.
            pass
        self._parts.destinations.close()
        self._moved()

    def __enter__(self) -> Consumers:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Functions in Python.

    def on(
        self,
        table_or_arn: str,
        *,
        name: str | None = None,
        transactional: bool = False,
        **parameters: Any,
    ) -> Listening:
        """Have a function called with the records of a table's stream: registers it under `name`,
        or its own name, and makes its mapping, or changes the one that is there.

        `parameters` are fields of Mapping: batch_size, window_seconds, starting_position,
        parallelization_factor, bisect, retry_attempts_max, record_age_seconds_max,
        tumbling_window_seconds, report_item_failures, filters (patterns, as JSON texts),
        destination, event_count_metrics. A mapping that is there keeps its starting position.
        The function has the mapping as `.mapping`. With `transactional`, or decorated by
        `.transactional` of what this returns, it is given a unit of work as well: see listening.
        Raises ResourceNotFound where the table has no
        stream, LambdaFault for a parameter that is out of its bounds.
        """
        members = _members(parameters)
        arn = stream_named(self.store.engine, table_or_arn).arn

        def register(function: Any, in_units: bool) -> None:
            called = name if name is not None else function.__name__
            target = function
            if in_units:
                from .transactional import TransactionalTarget

                target = TransactionalTarget(self.store, function)
            self.functions.register(called, target)
            function.mapping = self._mapped(arn, called, members)

        return Listening(register, transactional)

    @property
    def dead_letters(self) -> DeadLetters:
        """What the mappings gave up on, to be shown and sent to these functions again."""
        from .dead_letters import DeadLetters

        return DeadLetters(self.store, self.mappings)

    def _mapped(self, arn: str, name: str, members: dict[str, Any]) -> Mapping:
        def find() -> Mapping | None:
            for mapping in self.mappings.all():
                if (mapping.stream_arn, mapping.function_name, mapping.qualifier) == (
                    arn,
                    name,
                    "",
                ):
                    return mapping
            return None

        found = find()
        if found is None:
            asked = {"EventSourceArn": arn, "FunctionName": name, **members}
            asked.setdefault("StartingPosition", "TRIM_HORIZON")
            self.mappings.create(asked)
            found = find()
            assert found is not None
            fix_starts(self.store)
            return found
        changes = {key: value for key, value in members.items() if key != "StartingPosition"}
        self.mappings.update(found.uuid, {"Enabled": True, **changes})
        return find() or found

    # In line.

    def run_due(self) -> bool:
        """Do everything that is due now, in this thread; True if there was anything."""
        if not self.inline:
            raise ValueError("these consumers have threads of their own: use drain")
        self.start()
        return self._schedule.run_due()

    def drain(self, timeout: float = 10.0, *, advance: bool = False) -> None:
        """Return when every enabled mapping has consumed, or given up on, what was committed
        before the call. One whose function is not registered here is somebody else's, and is not
        waited for.

        Raises TimeoutError, which names who is behind, after `timeout` seconds; in line, on a clock
        that stands still, as soon as nothing is due. With `advance` such a clock is moved from
        deadline to deadline: through waits between tries and through windows.
        """
        self.start()
        with self.store.readers.transaction() as rx:
            target = committed_counter(rx)
        ends = self.store.clock.monotonic() + timeout
        behind: list[Lagging] = []
        while True:
            steps = self._steps
            if self.inline:
                self._schedule.run_due()
            # Where only filtered records went by the checkpoint follows now and then: now.
            self._keep(behind)
            behind = self._behind(target, behind)
            if not behind:
                return
            left = ends - self.store.clock.monotonic()
            if left <= 0 or self._stopped:
                raise TimeoutError(_told(behind))
            if self.inline:
                self._pass_time(left, behind, advance)
                continue
            with self._progress:
                if self._steps == steps:
                    self._progress.wait(min(left, limits.DRAIN_LOOK_SECONDS))

    def _keep(self, behind: list[Lagging]) -> None:
        """Commit what is only in memory, of those that were behind, or of all."""
        if not behind:
            for run in list(self._runs.values()):
                run.keep()
        for each in behind:
            if each.run is not None:
                each.run.keep()

    def _pass_time(self, left: float, behind: list[Lagging], advance: bool) -> None:
        """In line: get to the next deadline."""
        clock = self.store.clock
        due_ms = self._schedule.next_due_ms()
        if due_ms is None:
            raise TimeoutError(_told(behind))
        wait = max(due_ms - clock.now_ms(), 0) / 1000
        if isinstance(clock, ManualClock | ShiftedClock) and advance:
            clock.advance(wait)
        elif isinstance(clock, ManualClock):
            raise TimeoutError(_told(behind))
        else:
            threading.Event().wait(min(wait, left))

    # Telling.

    def lag(self) -> list[Lag]:
        """How far each enabled mapping has come in each shard that it is not done with."""
        return [each.lag for each in self._lagging()]

    def _lagging(self, *, registered: bool = False) -> list[Lagging]:
        """Of every enabled mapping, or of those alone whose function is registered here."""
        now_ms = self.store.clock.now_ms()
        mappings = [
            mapping
            for mapping in self.mappings.all()
            if mapping.enabled
            and (
                not registered
                or self.functions.get(mapping.function_name, mapping.qualifier) is not None
            )
        ]
        with self.store.readers.transaction() as rx:
            return [
                each for mapping in mappings for each in self._run_of(mapping).lagging(rx, now_ms)
            ]

    def _behind(self, target: int, before: list[Lagging]) -> list[Lagging]:
        """Those that have not come to the counter `target`, where there is anything before it.
        Those of `before` are asked first, which is cheap.
        """
        if not all(each.caught_up(target) for each in before):
            return before
        return [
            each
            for each in self._lagging(registered=True)
            if each.lag.behind and int(each.lag.sequence[-20:]) < target
        ]

    def _run_of(self, mapping: Mapping) -> MappingRun:
        found = self._runs.get(mapping.mapping_id)
        return found if found is not None else MappingRun(self._parts, mapping, self._look_again)

    # Mappings.

    def _changed(self) -> None:
        """A mapping was made or changed; LATEST is now, not when somebody comes to look."""
        fix_starts(self.store)
        self._look_again()

    def _look_again(self) -> None:
        self._schedule.put(self._job)

    def _moved(self) -> None:
        with self._progress:
            self._steps += 1
            self._progress.notify_all()

    def look(self) -> None:
        """Make the workers be those of the mappings as they are now. Raises StoreError."""
        with self._looking:
            wanted = {m.mapping_id: m for m in self.mappings.all() if m.enabled}
            for mapping_id, run in list(self._runs.items()):
                mapping = wanted.get(mapping_id)
                if mapping is not None and not run.retired and same_work(mapping, run.mapping):
                    continue
                if run.retire():
                    # What went by filtered stays so, though the filters may be others now.
                    run.keep()
                    del self._runs[mapping_id]
                # Otherwise its last turn calls back.
            for mapping_id, mapping in wanted.items():
                if mapping_id not in self._runs and not self._stopped:
                    run = MappingRun(self._parts, mapping, self._look_again)
                    run.begin()
                    self._runs[mapping_id] = run
        self._moved()


class _Look:
    """A Job: looks at the mappings, and again a second later where that failed."""

    def __init__(self, owner: Consumers) -> None:
        self.queued = self.busy = False
        self.timer_ms = 0
        self._owner = owner

    def turn(self) -> None:
        owner = self._owner
        try:
            owner.look()
        except StoreError:
            owner._schedule.at(owner.store.clock.now_ms() + _LOOK_MS, self)


def _members(parameters: dict[str, Any]) -> dict[str, Any]:
    """Fields of Mapping as members of the Lambda API. Raises TypeError for what is none."""
    members: dict[str, Any] = {}
    for field, value in parameters.items():
        if field in _MEMBERS:
            members[_MEMBERS[field]] = value
        elif field == "report_item_failures":
            members["FunctionResponseTypes"] = ["ReportBatchItemFailures"] if value else []
        elif field == "filters":
            members["FilterCriteria"] = {"Filters": [{"Pattern": text} for text in value]}
        elif field == "destination":
            members["DestinationConfig"] = {"OnFailure": {"Destination": value}}
        elif field == "event_count_metrics":
            members["MetricsConfig"] = {"Metrics": ["EventCount"] if value else []}
        else:
            raise TypeError(f"a mapping has no parameter {field!r}")
    return members


def _told(behind: list[Lagging]) -> str:
    shown = [
        f"{lag.function_name} is {lag.behind} records behind in {lag.shard}"
        for lag, _, _ in behind[:5]
    ]
    more = f", and {len(behind) - 5} more" if len(behind) > 5 else ""
    return "not consumed in time: " + ", ".join(shown) + more
