"""One invocation and what follows from it: call, read the answer, decide, report, commit.

It carries out what `retries` decides. What is given up goes to the mapping's destination first and
is then listed in the unit of the checkpoint, so a worker killed between the two delivers it again.
No lock is held here; a lane is one thread's while it runs.

Must not know: where records come from, or what else is in the shard.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from ... import limits
from ...errors import StorageError, Throttled, UnitConflict
from ..targets.target import Answered, FunctionError, Invocation, NotInvoked
from . import answers, retries, windows
from .commits import Extras, unit_of
from .lanes import Entry, Lane
from .progress import LaneProgress, Piece, Window
from .reports import Source, failure_of
from .retries import RECORD_AGE_EXCEEDED, Batch, Done, Failed, GiveUp, Outcome, Progress, Split

if TYPE_CHECKING:
    from ...engine.model import StreamInfo
    from ...store import Store
    from ..destinations import Destinations
    from ..functions import Function, Functions
    from ..mapping import Mapping
    from ..schedule import Schedule
    from .lanes import Shape
    from .meters import Meters
    from .retries import Policy
    from .shard import ShardRun

log = logging.getLogger("streamstore.consumers")

OK: Final = "OK"
CALL_FAILED: Final = "PROBLEM: Function call failed"
NO_FUNCTION: Final = "PROBLEM: Function does not exist"
_WEIGHT: Final = 0.2  # of the newest invocation in the moving average
_LOOK_MS: Final = round(limits.CONSUMER_LOOK_SECONDS * 1000)


@dataclass(frozen=True, slots=True)
class Context:
    """What all shards of one mapping share.

    `accepts` is None where every record passes. `note` takes a LastProcessingResult; `moved` is
    called whenever a shard has nothing more to do for now.
    """

    store: Store
    schedule: Schedule
    functions: Functions
    destinations: Destinations
    mapping: Mapping
    stream: StreamInfo
    meters: Meters
    policy: Policy
    shape: Shape
    lanes: int
    accepts: Callable[[dict[str, Any]], bool] | None
    function_arn: str
    note: Callable[[str], None]
    moved: Callable[[], None]


class _Call:
    """What a batch and the end of a window have in common."""

    def __init__(self, run: ShardRun, lane: Lane) -> None:
        self.shard = run
        self.lane = lane
        self.context = run.context
        self.request_id = str(uuid.uuid4())

    def function(self, now_ms: int) -> Function | None:
        """The function; where there is none, the lane looks again later."""
        mapping = self.context.mapping
        found = self.context.functions.get(mapping.function_name, mapping.qualifier)
        if found is None:
            self.context.note(NO_FUNCTION)
            self.shard.hold(self.lane, now_ms + _LOOK_MS)
        return found

    def invoke(self, function: Function, event: dict[str, Any], newest_ms: int | None) -> Any:
        """Call the function; its answer, as its target gives it."""
        context, shard = self.context, self.shard
        invocation = Invocation(
            self.request_id,
            context.function_arn,
            event,
            limits.INVOCATION_SECONDS_MAX,
            f"{context.mapping.uuid}/{shard.info.name}/{self.lane.number}",
        )
        now_ms = context.store.clock.now_ms()
        meters = context.meters
        meters.begin(None if newest_ms is None else now_ms - newest_ms, len(event["Records"]))
        began = perf_counter()
        answer: Any = FunctionError("Unhandled", "Interrupted", "The invocation was interrupted.")
        try:
            answer = function.invoke(invocation)
        finally:
            if isinstance(answer, NotInvoked):
                meters.not_run()
            else:
                seconds = perf_counter() - began
                shard.call_seconds += _WEIGHT * (seconds - shard.call_seconds)
                meters.end(seconds, isinstance(answer, FunctionError))
        return answer

    def call(
        self,
        function: Function,
        event: dict[str, Any],
        newest_ms: int | None,
        read: Callable[[Any], answers.Read],
        done: Callable[[bytes | None, Extras], None],
    ) -> answers.Read | None:
        """Call the function and read its answer. Where the answer brings a unit and means success,
        `done(state, extras)` commits them, and None is returned.
        """
        for _ in range(limits.UNIT_ATTEMPTS_MAX):
            answer = self.invoke(function, event, newest_ms)
            unit = unit_of(answer)
            if unit is None:
                return read(answer)
            found = read(Answered(answer.value))
            if isinstance(found.outcome, Failed):
                return answers.Read(found.outcome._replace(done=0))
            try:
                done(found.state, Extras((), unit))
            except UnitConflict:
                continue
            except (StorageError, Throttled):
                raise
            except Exception as error:
                log.warning("a unit of %s failed: %r", self.context.function_arn, error)
                break
            return None
        return answers.Read(Failed())

    def source(self) -> Source:
        context, info = self.context, self.shard.info
        return Source(
            context.mapping.uuid, context.function_arn, context.stream.arn, info.name, info.depth
        )

    def report(
        self,
        condition: str,
        calls: int,
        outcome: Failed | None,
        event: dict[str, Any],
        sequences: Sequence[int],
        created: Sequence[int],
    ) -> Extras:
        """Send what is given up to its destination; what is to be listed with the checkpoint."""
        context, count = self.context, len(event["Records"])
        failure = failure_of(
            self.source(),
            condition,
            request_id=self.request_id,
            calls=calls,
            outcome=outcome,
            event=event,
            sequences=sequences,
            created=created,
            now_ms=context.store.clock.now_ms(),
        )
        if not context.mapping.destination:
            context.meters.dropped(count)
            return Extras((failure,))
        try:
            context.destinations.deliver(context.mapping.destination, failure)
        except Exception as error:  # DeliveryFailed; whatever it is, it must not block the shard
            log.warning("%s did not take a failure: %r", context.mapping.destination, error)
            context.note(f"PROBLEM: {error}"[:500])
            context.meters.undelivered(count)
        else:
            context.meters.delivered(count)
        return Extras((failure,))


class Delivery(_Call):
    """The delivery of one batch, which is the front of a lane."""

    def __init__(self, run: ShardRun, lane: Lane, batch: list[Entry]) -> None:
        super().__init__(run, lane)
        self.batch = batch
        self.pieces = lane.progress.pieces or (Piece(batch[-1].sequence),)
        self.window = run.window
        seconds = self.context.shape.tumbling_seconds
        if seconds and self.window is None:
            self.window = Window(
                windows.start_of(batch[0].created_ms, seconds), windows.FIRST_STATE
            )

    def event(self) -> dict[str, Any]:
        """What the function is given."""
        event: dict[str, Any] = {"Records": [entry.record for entry in self.batch]}
        if self.window is not None:
            context = self.context
            event |= windows.members(
                self.window,
                context.shape.tumbling_seconds,
                shard_name=self.shard.info.name,
                stream_arn=context.stream.arn,
                last=False,
            )
        return event

    def run(self, now_ms: int) -> None:
        """Invoke the function, and commit what follows."""
        function = self.function(now_ms)
        if function is None:
            return
        event = self.event()
        mapping, batch = self.context.mapping, self.batch
        numbers = [entry.record["dynamodb"]["SequenceNumber"] for entry in batch]
        newest_ms = batch[-1].created_ms

        def read(answer: Any) -> answers.Read:
            return answers.read(
                answer,
                numbers,
                reports=mapping.report_item_failures,
                window=self.window is not None,
            )

        found = self.call(function, event, newest_ms, read, self._done)
        if found is not None:
            self._follow(found.outcome, found.state, event)

    def _follow(self, outcome: Outcome, state: bytes | None, event: dict[str, Any]) -> None:
        """Commit what an invocation means for the batch."""
        context, batch, first = self.context, self.batch, self.pieces[0]
        now_ms = context.store.clock.now_ms()
        tried = Batch(
            len(batch), batch[0].created_ms, first.attempts, first.calls, self.lane.progress.waits
        )
        decision = retries.decide(context.policy, tried, outcome, now_ms)
        if isinstance(decision, Done):
            self._done(state, Extras())
            return
        if isinstance(outcome, Failed):
            context.meters.failed(len(batch))
        context.note(CALL_FAILED)
        before, rest = self.lane.progress.done, self.pieces[1:]
        count, window, extras = 0, self.shard.window, Extras()
        if isinstance(decision, Progress):
            count, window = decision.done, self._next_window(state)
            piece = (Piece(first.through), *rest)
            after = LaneProgress(batch[count - 1].sequence, decision.at_ms, 1, piece)
        elif isinstance(decision, Split):
            halves = (
                Piece(batch[decision.first - 1].sequence, decision.attempts),
                Piece(first.through, decision.attempts),
            )
            after = LaneProgress(before, 0, 0, (*halves, *rest))
        elif isinstance(decision, GiveUp):
            assert isinstance(outcome, Failed)
            count = len(batch)
            after = LaneProgress(batch[-1].sequence, 0, 0, rest)
            extras = self._report(decision.condition, first.calls + 1, outcome, event)
        else:
            piece = (Piece(first.through, decision.attempts, decision.calls), *rest)
            after = LaneProgress(before, decision.at_ms, decision.waits, piece)
        self.shard.settle(self.lane, count, after, window, extras)

    def _done(self, state: bytes | None, extras: Extras) -> None:
        after = LaneProgress(self.batch[-1].sequence, 0, 0, self.pieces[1:])
        count = len(self.batch)
        self.shard.settle(self.lane, count, after, self._next_window(state), extras)
        self.context.note(OK)

    def _next_window(self, state: bytes | None) -> Window | None:
        if self.window is None or state is None:
            return self.window
        return self.window._replace(state=state, early=windows.is_too_large(state))

    def _report(
        self, condition: str, calls: int, outcome: Failed | None, event: dict[str, Any]
    ) -> Extras:
        sequences = [entry.sequence for entry in self.batch]
        created = [entry.created_ms for entry in self.batch]
        return self.report(condition, calls, outcome, event, sequences, created)

    def give_up_aged(self, after: LaneProgress) -> None:
        """Report the batch as too old, without an invocation."""
        extras = self._report(RECORD_AGE_EXCEEDED, self.pieces[0].calls, None, self.event())
        self.shard.settle(self.lane, len(self.batch), after, self.shard.window, extras)


class Ending(_Call):
    """The last invocation of a tumbling window, without records."""

    def run(self, now_ms: int) -> None:
        """Invoke the function, and commit what follows."""
        context, window = self.context, self.shard.window
        assert window is not None
        seconds = context.shape.tumbling_seconds
        event: dict[str, Any] = {"Records": []}
        event |= windows.members(
            window,
            seconds,
            shard_name=self.shard.info.name,
            stream_arn=context.stream.arn,
            last=True,
        )
        ends_ms = windows.end_of(window, seconds)
        progress = self.lane.progress
        piece = window.ending or Piece(progress.done)
        dies_ms = context.policy.dies_ms(ends_ms)
        if dies_ms is not None and now_ms >= dies_ms:
            self._give_up(RECORD_AGE_EXCEEDED, piece.calls, None, event, ends_ms)
            return
        function = self.function(now_ms)
        if function is None:
            return
        after = LaneProgress(progress.done, 0, 0, progress.pieces)

        def done(_: bytes | None, extras: Extras) -> None:
            self.shard.settle(self.lane, 0, after, None, extras)
            context.note(OK)

        found = self.call(
            function, event, None, lambda answer: answers.read(answer, (), reports=False), done
        )
        if found is None:
            return
        outcome = found.outcome
        now_ms = context.store.clock.now_ms()
        tried = Batch(1, ends_ms, piece.attempts, piece.calls, progress.waits)
        decision = retries.decide(context.policy, tried, outcome, now_ms)
        if isinstance(decision, Done):
            done(None, Extras())
            return
        context.note(CALL_FAILED)
        if isinstance(decision, GiveUp):
            assert isinstance(outcome, Failed)
            self._give_up(decision.condition, piece.calls + 1, outcome, event, ends_ms)
            return
        assert isinstance(decision, retries.Retry)
        ending = Piece(piece.through, decision.attempts, decision.calls)
        waiting = after._replace(due_ms=decision.at_ms, waits=decision.waits)
        self.shard.settle(self.lane, 0, waiting, window._replace(ending=ending))

    def _give_up(
        self,
        condition: str,
        calls: int,
        outcome: Failed | None,
        event: dict[str, Any],
        ends_ms: int,
    ) -> None:
        progress = self.lane.progress
        extras = self.report(condition, calls, outcome, event, [progress.done], [ends_ms])
        after = LaneProgress(progress.done, 0, 0, progress.pieces)
        self.shard.settle(self.lane, 0, after, None, extras)


def peel(run: ShardRun, lane: Lane, batch: list[Entry], now_ms: int) -> bool:
    """Move past what is too old at the front of a batch; True if there was anything."""
    context = run.context
    policy = context.policy
    cut_ms = context.store.engine.horizon.cut_ms(context.stream.table_name)
    oldest_ms = batch[0].created_ms
    dies_ms = policy.dies_ms(oldest_ms)
    tried = bool(lane.progress.pieces)
    if not tried and oldest_ms >= cut_ms and (dies_ms is None or now_ms < dies_ms):
        return False
    found = retries.peel(
        policy,
        [entry.created_ms for entry in batch],
        [entry.sequence for entry in batch],
        now_ms=now_ms,
        cut_ms=cut_ms,
        horizon=run.reader.horizon() if tried else 0,
    )
    count = found.gone or found.aged
    if not count:
        return False
    progress = lane.progress
    if count == len(batch):
        after = LaneProgress(batch[-1].sequence, 0, 0, progress.pieces[1:])
    else:
        after = progress._replace(done=batch[count - 1].sequence)
    if found.gone:
        run.settle(lane, count, after, run.window)
        context.meters.expired(count)
    else:
        Delivery(run, lane, batch[:count]).give_up_aged(after)
    return True
