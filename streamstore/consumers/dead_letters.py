"""The failures that a store keeps: listed, shown, sent to their functions again, exported.

A failure is what a mapping gave up on, with the whole event (consumers/destinations keeps it). A
redrive invokes the mapping's function, as it is now, with that event; on success the failure is
marked and stays listed until it is too old, otherwise it is left as it was. A function may see the
records of a failure more than once, here as everywhere; `eventID` tells. A transactional function
is an exception: its writes and the mark are one unit.

Reading works on a store that was opened read-only, so beside a live owner too. A redrive needs the
functions, which are in the memory of the process that registered them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import orjson

from .. import limits
from ..errors import ConsumerError, LambdaFault, UnitConflict
from ..storage import statements_consumers as sql
from .delivery import answers
from .delivery.commits import unit_of
from .delivery.retries import Succeeded
from .targets.target import Answered, FunctionError, Invocation, NotInvoked

if TYPE_CHECKING:
    from ..engine.writes.group import Group
    from ..storage.transaction import Row
    from ..store import Store
    from .functions import Function
    from .mapping import Mapping
    from .mappings import Mappings

Outcome = Literal["redriven", "failed", "not-invoked", "already", "missing"]

PAGE_MAX: Final = 100
_PAGE_BYTES_MAX: Final = 8 * limits.MIB


class Letter(NamedTuple):
    """One failure as it is kept. Times are milliseconds since 1970; `redriven_ms` None: it was not.

    `record` is the service's failure record. `payload` is the event's JSON, None where only the
    list was asked for.
    """

    failure_id: int
    uuid: str
    created_ms: int
    redriven_ms: int | None
    record_count: int
    record: dict[str, Any]
    payload: bytes | None = None

    def facts(self) -> dict[str, Any]:
        """As JSON: what a list shows, and with a payload the record and the event too."""
        batch = self.record.get("DDBStreamBatchInfo", {})
        facts: dict[str, Any] = {
            "id": self.failure_id,
            "mapping": self.uuid,
            "createdAt": moment(self.created_ms),
            "redrivenAt": None if self.redriven_ms is None else moment(self.redriven_ms),
            "condition": self.record.get("requestContext", {}).get("condition"),
            "shardId": batch.get("shardId"),
            "recordCount": self.record_count,
        }
        if self.payload is not None:
            facts["record"] = self.record
            facts["payload"] = orjson.loads(self.payload)
        return facts


class Redriven(NamedTuple):
    """What came of a redrive; `reason` is "" where it succeeded."""

    failure_id: int
    outcome: Outcome
    reason: str = ""

    def facts(self) -> dict[str, Any]:
        """As JSON."""
        facts = {"id": self.failure_id, "outcome": self.outcome}
        return facts | {"reason": self.reason} if self.reason else facts


def moment(at_ms: int) -> str:
    """A time as JSON has it."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


class DeadLetters:
    """The failures of an open store. `mappings` holds the functions that a redrive may invoke."""

    def __init__(self, store: Store, mappings: Mappings | None = None) -> None:
        self._store = store
        self._mappings = mappings

    def list(
        self, *, mapping: str | None = None, after: int = 0, limit: int = PAGE_MAX
    ) -> Sequence[Letter]:
        """A page of failures without payloads, ascending by id, from the one after `after`.

        `mapping` is a mapping's UUID. At most PAGE_MAX at once.
        """
        limit = max(1, min(limit, PAGE_MAX))
        with self._store.readers.transaction() as rx:
            if mapping is None:
                rows = rx.all(sql.FAILURES_PAGE, (after, limit))
            else:
                rows = rx.all(sql.FAILURES_OF_PAGE, (mapping, after, limit))
        return [_letter(row) for row in rows]

    def show(self, failure_id: int) -> Letter:
        """One failure with its payload. Raises ConsumerError where there is none."""
        with self._store.readers.transaction() as rx:
            row = rx.one(sql.FAILURE, (failure_id,))
        if row is None:
            raise ConsumerError(f"There is no failure {failure_id}; `list` shows those there are.")
        return _letter(row, row[6])

    def all(self, *, mapping: str | None = None) -> Iterator[Letter]:
        """Every failure without its payload, ascending by id."""
        after = 0
        while page := self.list(mapping=mapping, after=after):
            yield from page
            after = page[-1].failure_id

    def export(
        self,
        *,
        mapping: str | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        after: int = 0,
    ) -> Iterator[Letter]:
        """Every failure with its payload that was given up at `from_ms` or later and before
        `to_ms`, ascending by id. One that is removed meanwhile is left out.
        """
        while page := self.list(mapping=mapping, after=after):
            for letter in page:
                after = letter.failure_id
                if from_ms is not None and letter.created_ms < from_ms:
                    continue
                if to_ms is not None and letter.created_ms >= to_ms:
                    continue
                with self._store.readers.transaction() as rx:
                    row = rx.one(sql.FAILURE, (after,))
                if row is not None:
                    yield letter._replace(payload=row[6])

    def redrive(self, failure_ids: Sequence[int]) -> Sequence[Redriven]:
        """Invoke the functions of these failures with the kept events, one after the other.

        Those that were redriven before are left alone. Raises ConsumerError where this process has
        no functions.
        """
        return [self._redriven(failure_id) for failure_id in failure_ids]

    def redrive_all(self, *, mapping: str | None = None) -> Sequence[Redriven]:
        """The same for every failure that was not redriven."""
        waiting = [each for each in self.all(mapping=mapping) if each.redriven_ms is None]
        return self.redrive([each.failure_id for each in waiting])

    def _redriven(self, failure_id: int) -> Redriven:
        try:
            letter = self.show(failure_id)
        except ConsumerError:
            return Redriven(failure_id, "missing", "There is no such failure.")
        if letter.redriven_ms is not None:
            return Redriven(failure_id, "already", f"at {moment(letter.redriven_ms)}")
        function, mapping, arn = self._function_of(letter)
        if function is None:
            name = arn.rpartition(":function:")[2]
            reason = f"The function {name} is not registered here; register it, or serve it"
            return Redriven(failure_id, "not-invoked", f"{reason} with --function {name}=TARGET.")
        event = orjson.loads(letter.payload or b"{}")
        for _ in range(limits.UNIT_ATTEMPTS_MAX):
            invocation = Invocation(
                str(uuid.uuid4()), arn, event, limits.INVOCATION_SECONDS_MAX, f"dlq/{failure_id}"
            )
            answer = function.invoke(invocation)
            failed = _failure(failure_id, answer, event, mapping)
            if failed is not None:
                return failed
            try:
                self._mark(failure_id, answer)
            except UnitConflict:
                now = self.show(failure_id)
                if now.redriven_ms is not None:
                    return Redriven(failure_id, "already", f"at {moment(now.redriven_ms)}")
                continue
            return Redriven(failure_id, "redriven")
        return Redriven(failure_id, "failed", "Its writes met conflicts again and again.")

    def _function_of(self, letter: Letter) -> tuple[Function | None, Mapping | None, str]:
        """The mapping's function as it is now, or the one of the record where the mapping is gone;
        the mapping; the function's ARN.
        """
        if self._mappings is None:
            raise ConsumerError(
                "This process has no functions to redrive to; redrive where they are registered:"
                " through the server that has them, or with --function NAME=TARGET."
            )
        functions, settings = self._mappings.functions, self._store.settings
        arn = str(letter.record.get("requestContext", {}).get("functionArn", ""))
        try:
            mapping = self._mappings.find(letter.uuid)
        except LambdaFault:
            name, _, qualifier = arn.rpartition(":function:")[2].partition(":")
            return functions.get(name, qualifier), None, arn
        name, qualifier = mapping.function_name, mapping.qualifier
        arn = functions.arn(name, settings.region, settings.account, qualifier)
        return functions.get(name, qualifier), mapping, arn

    def _mark(self, failure_id: int, answer: Any) -> None:
        """Mark a failure, in one unit with what a transactional function wants written."""
        unit = unit_of(answer)

        def work(group: Group) -> None:
            if unit is not None:
                unit(group)
            group.tx.run(sql.FAILURE_REDRIVEN, (group.now_ms, failure_id))
            if unit is not None and not group.tx.changes():
                raise UnitConflict(f"The failure {failure_id}")

        self._store.writer.run(work, getattr(unit, "cost_bytes", 512))

    # What commands and doors ask for, JSON-like.

    def do(self, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        """One of VERBS by its name, JSON in and out, bounded at once: go on after `next`.

        list     {mapping?, after?, limit?} -> {failures, next}
        show     {id} -> the failure
        redrive  {ids} or {mapping?, after?}, the next PAGE_MAX that wait -> {redriven, next}
        export   {mapping?, from_ms?, to_ms?, after?} -> {failures, next}

        Raises ConsumerError for what is not there or can't be read.
        """
        if verb not in VERBS:
            raise ConsumerError(f"No verb {verb!r}; there are {', '.join(VERBS)}.")
        mapping = _given(request, "mapping", str)
        after = _given(request, "after", int) or 0
        if verb == "show":
            return self.show(_given(request, "id", int) or 0).facts()
        if verb == "list":
            page = self.list(
                mapping=mapping, after=after, limit=_given(request, "limit", int) or PAGE_MAX
            )
            return {"failures": [each.facts() for each in page], "next": _next(page)}
        if verb == "export":
            return self._exported(request, mapping, after)
        ids = _given(request, "ids", list)
        if ids is not None:
            if len(ids) > PAGE_MAX or any(type(each) is not int for each in ids):
                raise ConsumerError(f"'ids' must be at most {PAGE_MAX} numbers.")
            return {"redriven": [each.facts() for each in self.redrive(ids)], "next": None}
        page = self.list(mapping=mapping, after=after)
        waiting = [each.failure_id for each in page if each.redriven_ms is None]
        return {
            "redriven": [each.facts() for each in self.redrive(waiting)],
            "next": _next(page),
        }

    def _exported(self, request: dict[str, Any], mapping: str | None, after: int) -> dict[str, Any]:
        failures, held = [], 0
        for letter in self.export(
            mapping=mapping,
            from_ms=_given(request, "from_ms", int),
            to_ms=_given(request, "to_ms", int),
            after=after,
        ):
            failures.append(letter.facts())
            held += len(letter.payload or b"")
            if len(failures) == PAGE_MAX or held > _PAGE_BYTES_MAX:
                return {"failures": failures, "next": letter.failure_id}
        return {"failures": failures, "next": None}


_WORDS: Final = {int: "number", str: "text", list: "list"}
VERBS: Final = ("list", "show", "redrive", "export")


def _letter(row: Row, payload: bytes | None = None) -> Letter:
    failure_id, mapping_uuid, created_ms, redriven_ms, record_count, body = row[:6]
    record = orjson.loads(body)
    return Letter(failure_id, mapping_uuid, created_ms, redriven_ms, record_count, record, payload)


def _next(page: Sequence[Letter]) -> int | None:
    """Where a list goes on, None after its end."""
    return page[-1].failure_id if page else None


def _given(request: dict[str, Any], name: str, kind: type) -> Any:
    value = request.get(name)
    if value is not None and type(value) is not kind:
        raise ConsumerError(f"{name!r} must be a {_WORDS[kind]}.")
    return value


def _failure(
    failure_id: int, answer: Any, event: dict[str, Any], mapping: Mapping | None
) -> Redriven | None:
    """What an answer says against success, or None."""
    if isinstance(answer, NotInvoked):
        return Redriven(failure_id, "not-invoked", answer.reason)
    if isinstance(answer, FunctionError):
        return Redriven(failure_id, "failed", f"{answer.error_type}: {answer.message}")
    value = answer.value
    if mapping is None:
        # Nobody says any more whether reports count; one that is there is not passed over.
        reports = isinstance(value, dict) and "batchItemFailures" in value
    else:
        reports = mapping.report_item_failures
    numbers = [each["dynamodb"]["SequenceNumber"] for each in event.get("Records", ())]
    read = answers.read(Answered(value), numbers, reports=reports)
    if isinstance(read.outcome, Succeeded):
        return None
    return Redriven(failure_id, "failed", "The function reported records that failed.")
