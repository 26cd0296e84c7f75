"""The event source mappings of a store: made, listed, changed and deleted as the Lambda API does,
and kept as rows.

A row holds the settled state, "Enabled" or "Disabled", for that is what workers act by from COMMIT
on; Creating, Updating and their like are shown by the reply to the change, and for the setting
`transition_seconds` afterwards, as statuses of tables are. Deleting takes the row and its
checkpoints in one unit.

LastProcessingResult moves with every batch, so it lives in memory first and reaches the row when it
has changed, at most once in MAPPING_RESULT_SECONDS; a crash may lose the last one, which is a word
to people and nothing that delivery relies on.

Nothing here may be called inside a unit of the writer. Must not know: workers, targets' insides,
the HTTP server.
"""

from __future__ import annotations

import dataclasses
import threading
import uuid as uuids
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgpack

from .. import limits
from ..errors import Corrupted, LambdaFault
from ..storage import statements_consumers as sql
from .functions import Functions
from .lambda_api import naming, shapes
from .lambda_api.paging import marker_of, position_of
from .lambda_api.parameters import check_tags, invalid, read_create, read_update
from .lambda_api.wording import described
from .mapping import Mapping

if TYPE_CHECKING:
    from ..engine.writes.group import Group
    from ..storage.transaction import ReadTransaction, Row
    from ..store import Store

VERSION: Final = b"\x01"
NOT_FOUND: Final = "The resource you requested does not exist."

# What is in columns of its own, and not in the packed definition.
_COLUMNS: Final = ("mapping_id", "uuid", "stream_arn", "state", "modified_ms")
_FIELDS: Final = frozenset(f.name for f in dataclasses.fields(Mapping)) - set(_COLUMNS)


class _Kept(NamedTuple):
    """A mapping in its settled state, and what it was last on the way through."""

    mapping: Mapping
    transition: str


class Mappings:
    """The mappings of one open store. Thread-safe.

    `functions` are those that a mapping may name. `version` moves when a row was changed through
    this object, and `on_change` is called after COMMIT of such a change, on the thread that made
    it.
    """

    def __init__(self, store: Store, functions: Functions | None = None) -> None:
        self.store = store
        self.functions = functions if functions is not None else Functions()
        self.functions.give_units(store)
        self.version = 0
        self.on_change: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._results: dict[int, _Result] = {}

    # The calls of the Lambda API. Each raises LambdaFault.

    def create(self, params: dict[str, Any], *, files: bool = True) -> dict[str, Any]:
        """CreateEventSourceMapping. `files` False refuses destinations that are files of this
        machine, as for whoever asks from afar.
        """
        asked = read_create(params, self.functions, self.store.engine.catalog, files=files)
        fresh = asked.changed(uuid=str(uuids.uuid4()))

        def unit(group: Group) -> Mapping:
            self._refuse_taken(group, fresh)
            rows = group.tx.one(sql.MAPPING_COUNT)
            if rows is not None and rows[0] >= limits.MAPPINGS_MAX:
                raise LambdaFault(
                    "TooManyRequestsException",
                    f"A store holds at most {limits.MAPPINGS_MAX} event source mappings.",
                    429,
                )
            made = fresh.changed(modified_ms=group.now_ms)
            name = naming.Named(made.function_name, made.qualifier).text
            row = (made.uuid, made.stream_arn, name, made.state, made.modified_ms)
            group.tx.run(sql.MAPPING_INSERT, (*row, _pack(made, "Creating")))
            return made.changed(mapping_id=group.tx.last_rowid())

        made: Mapping = self._changed(unit)
        return described(made.changed(state="Creating"))

    def get(self, uuid: str) -> dict[str, Any]:
        """GetEventSourceMapping."""
        shapes.read({"UUID": uuid}, shapes.UUID)
        return described(self._shown(self._kept(uuid)))

    def find(self, uuid: str) -> Mapping:
        """The mapping of that UUID, in the state that replies show."""
        return self._shown(self._kept(uuid))

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        """ListEventSourceMappings: pages of at most MAPPINGS_LISTED_MAX, ascending by age.

        A function named without version or alias stands for all of its mappings.
        """
        asked = shapes.read(params, shapes.LIST)
        after = _id_after(asked.get("Marker", ""))
        size = min(asked.get("MaxItems", limits.MAPPINGS_LISTED_MAX), limits.MAPPINGS_LISTED_MAX)
        source = asked.get("EventSourceArn")
        if source is not None:
            stream = self.store.engine.catalog.stream_by_arn(source)
            source = stream.arn if stream is not None else source
        named = naming.read_name(asked["FunctionName"]) if "FunctionName" in asked else None
        found = [
            kept
            for kept in self._all()
            if kept.mapping.mapping_id > after
            and (source is None or kept.mapping.stream_arn == source)
            and (named is None or _is_of(kept.mapping, named))
        ]
        page = [described(self._shown(kept), listed=True) for kept in found[:size]]
        reply: dict[str, Any] = {"EventSourceMappings": page}
        if len(found) > size:
            reply["NextMarker"] = marker_of(str(found[size - 1].mapping.mapping_id))
        return reply

    def update(self, uuid: str, params: dict[str, Any], *, files: bool = True) -> dict[str, Any]:
        """UpdateEventSourceMapping. What is not named stays as it is."""
        shapes.read({"UUID": uuid}, shapes.UUID)
        self._kept(uuid)  # an unknown mapping is told before bad parameters of it
        changes = read_update(params, self.functions, files=files)

        def unit(group: Group) -> Mapping:
            before = self._stable(group, uuid, "update")
            after = before.changed(**changes, modified_ms=group.now_ms)
            if (after.function_name, after.qualifier) != (before.function_name, before.qualifier):
                self._refuse_taken(group, after)
            transition = "Updating"
            if after.state != before.state:
                transition = "Enabling" if after.state == "Enabled" else "Disabling"
            _write(group, after, transition)
            return after.changed(state=transition)

        after: Mapping = self._changed(unit)
        return described(self._with_result(after))

    def delete(self, uuid: str) -> dict[str, Any]:
        """DeleteEventSourceMapping: the row and its checkpoints, in one unit."""
        shapes.read({"UUID": uuid}, shapes.UUID)

        def unit(group: Group) -> Mapping:
            mapping = self._stable(group, uuid, "delete")
            group.tx.run(sql.MAPPING_CHECKPOINTS_DELETE, (mapping.mapping_id,))
            group.tx.run(sql.MAPPING_DELETE, (mapping.mapping_id,))
            return mapping.changed(state="Deleting")

        gone: Mapping = self._changed(unit)
        reply = described(self._with_result(gone))
        with self._lock:
            self._results.pop(gone.mapping_id, None)
        return reply

    # Tags, of mappings alone: functions are not in the store.

    def tags(self, uuid: str) -> dict[str, str]:
        """The tags of a mapping."""
        return dict(self._kept(uuid).mapping.tags)

    def set_tags(self, uuid: str, put: dict[str, str], remove: tuple[str, ...] = ()) -> None:
        """Add tags to a mapping, or replace them, and take others away."""

        def unit(group: Group) -> None:
            kept = _find(group.tx, uuid)
            tags = {k: v for k, v in {**dict(kept.mapping.tags), **put}.items() if k not in remove}
            check_tags(tags)
            tagged = kept.mapping.changed(tags=tuple(sorted(tags.items())))
            _write(group, tagged, kept.transition)

        self._changed(unit)

    # For the runtime.

    def all(self) -> Sequence[Mapping]:
        """Every mapping in its settled state, ascending by age."""
        return [self._with_result(kept.mapping) for kept in self._all()]

    def note_result(self, mapping_id: int, text: str) -> None:
        """What the last batch came to. Cheap while it stays the same; never inside a unit."""
        result = self._results.get(mapping_id)
        if result is not None and result.text == text and result.written:
            return
        now_ms = self.store.clock.now_ms()
        with self._lock:
            if result is None:
                result = self._results.setdefault(mapping_id, _Result())
            result.note(text)
            since_ms = now_ms - result.written_ms
            if 0 <= since_ms < limits.MAPPING_RESULT_SECONDS * 1000:
                return
            result.written, result.written_ms = True, now_ms
        self._write_result(mapping_id, text)

    def flush(self) -> None:
        """Write the results that are in memory only; for whoever stops the workers."""
        with self._lock:
            waiting = [(k, r.text) for k, r in self._results.items() if not r.written]
            for mapping_id, _ in waiting:
                self._results[mapping_id].written = True
        for mapping_id, text in waiting:
            self._write_result(mapping_id, text)

    def _write_result(self, mapping_id: int, text: str) -> None:
        def unit(group: Group) -> None:
            row = group.tx.one(sql.MAPPING_DEFINITION, (mapping_id,))
            if row is not None:
                definition = {**_unpack(row[0]), "last_result": text}
                group.tx.run(sql.MAPPING_DEFINITION_SET, (_packed(definition), mapping_id))

        self.store.writer.run(unit)

    # Inside.

    def _changed(self, unit: Callable[[Group], Any]) -> Any:
        answer = self.store.writer.run(unit)
        with self._lock:
            self.version += 1
        if self.on_change is not None:
            self.on_change()
        return answer

    def _all(self) -> Sequence[_Kept]:
        with self.store.readers.transaction() as rx:
            return [_read(row) for row in rx.all(sql.MAPPINGS)]

    def _kept(self, uuid: str) -> _Kept:
        with self.store.readers.transaction() as rx:
            return _find(rx, uuid)

    def _shown(self, kept: _Kept) -> Mapping:
        """The mapping as replies show it now."""
        settles_ms = kept.mapping.modified_ms + self._transition_ms()
        mapping = self._with_result(kept.mapping)
        if self.store.clock.now_ms() < settles_ms:
            return mapping.changed(state=kept.transition)
        return mapping

    def _transition_ms(self) -> int:
        return round(self.store.settings.transition_seconds * 1000)

    def _with_result(self, mapping: Mapping) -> Mapping:
        result = self._results.get(mapping.mapping_id)
        return mapping if result is None else mapping.changed(last_result=result.text)

    def _stable(self, group: Group, uuid: str, verb: str) -> Mapping:
        kept = _find(group.tx, uuid)
        if group.now_ms < kept.mapping.modified_ms + self._transition_ms():
            raise LambdaFault(
                "ResourceInUseException",
                f"Cannot {verb} the event source mapping because it is in use.",
            )
        return kept.mapping

    @staticmethod
    def _refuse_taken(group: Group, mapping: Mapping) -> None:
        name = naming.Named(mapping.function_name, mapping.qualifier).text
        row = group.tx.one(sql.MAPPING_BY_PAIR, (mapping.stream_arn, name))
        if row is not None:
            raise LambdaFault(
                "ResourceConflictException",
                f'The event source arn (" {mapping.stream_arn} ") and function (" {name} ") '
                "provided mapping already exists. Please update or delete the existing mapping "
                f"with UUID {row[1]}",
                409,
            )


class _Result:
    """The last result of one mapping; `written` once the row has it or is being given it."""

    __slots__ = ("text", "written", "written_ms")

    def __init__(self) -> None:
        self.text = ""
        self.written = False
        self.written_ms = -(10**15)

    def note(self, text: str) -> None:
        if text != self.text:
            self.text, self.written = text, False


def _find(rx: ReadTransaction, uuid: str) -> _Kept:
    row = rx.one(sql.MAPPING_BY_UUID, (uuid,))
    if row is None:
        raise LambdaFault("ResourceNotFoundException", NOT_FOUND, 404)
    return _read(row)


def _write(group: Group, mapping: Mapping, transition: str) -> None:
    name = naming.Named(mapping.function_name, mapping.qualifier).text
    group.tx.run(
        sql.MAPPING_SET,
        (
            name,
            mapping.state,
            mapping.modified_ms,
            _pack(mapping, transition),
            mapping.mapping_id,
        ),
    )


def _pack(mapping: Mapping, transition: str) -> bytes:
    definition = {name: getattr(mapping, name) for name in sorted(_FIELDS)}
    return _packed({**definition, "transition": transition})


def _packed(definition: dict[str, Any]) -> bytes:
    packed: bytes = msgpack.packb(definition)
    return VERSION + packed


def _unpack(blob: bytes) -> dict[str, Any]:
    if blob[:1] != VERSION:
        raise Corrupted(f"a mapping's definition begins with {blob[:1]!r}")
    try:
        definition = msgpack.unpackb(blob[1:], use_list=False)
    except ValueError as error:
        raise Corrupted(f"a mapping's definition can't be read: {error}") from error
    if not isinstance(definition, dict):
        raise Corrupted("a mapping's definition is no map")
    return definition


def _read(row: Row) -> _Kept:
    """A row as a value. Keys that this version doesn't know are passed over, absent ones have their
    default.
    """
    mapping_id, uuid, stream_arn, _, state, modified_ms, blob = row
    definition = _unpack(blob)
    known = {name: value for name, value in definition.items() if name in _FIELDS}
    mapping = Mapping(
        mapping_id=mapping_id,
        uuid=uuid,
        stream_arn=stream_arn,
        state=state,
        modified_ms=modified_ms,
        **known,
    )
    return _Kept(mapping, str(definition.get("transition", state)))


def _is_of(mapping: Mapping, named: naming.Named) -> bool:
    return mapping.function_name == named.name and named.qualifier in ("", mapping.qualifier)


def _id_after(marker: str) -> int:
    position = position_of(marker)
    if not position:
        return 0
    if not (position.isascii() and position.isdecimal() and len(position) < 19):
        raise invalid("Invalid pagination token.")
    return int(position)
