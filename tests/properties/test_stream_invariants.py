"""A state machine over writer and engine: streams against a plain model of what was written.

Tables come and go, items are put, deleted and put again with nothing changed, shards split and
roll, streams are enabled and disabled, the clock moves both ways, records are trimmed, the store is
opened anew; a follower of every stream reads in pages all the while, as a consumer would: parents
before children, iterators that expire, checkpoints.

The invariants are those of the reliability page, by number, each where it is checked: I-6 to I-10
(records against items), I-12 to I-18 (numbers, order, shards), I-19 (followers), I-20 (numbers
after a restart), I-22 and I-23 (retention).
"""

from __future__ import annotations

import runpy
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from streamstore import limits
from streamstore.codec import hashing, sizes
from streamstore.codec.keys import encode
from streamstore.codec.records import unpack_record
from streamstore.engine import background
from streamstore.engine.model import KeyPart, KeySchema, StreamInfo, TableInfo
from streamstore.engine.streams import (
    descriptions,
    iterators,
    log,
    positions,
    retention,
    sequence,
    shards,
)
from streamstore.engine.streams.change import VIEW_TYPES
from streamstore.engine.tables import pages, tables
from streamstore.engine.writes.apply import apply
from streamstore.engine.writes.mutation import Mutation, encode_key
from streamstore.engine.writes.transact import transact
from streamstore.errors import IteratorExpired, RecordsTrimmed, ResourceNotFound, ValidationFailed

LAB = SimpleNamespace(
    **runpy.run_path(str(Path(__file__).parents[1] / "unit" / "engine" / "streams" / "lab.py"))
)
RETENTION_SECONDS = 1000
NAMES = st.sampled_from(["left", "right"])
KEYS = st.integers(0, 15)
VALUES = st.sampled_from(
    [0, 1, 2, 3, None]
)  # None deletes; few values, so that some writes change nothing
WRITES = st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=12)
PICK = st.integers(0, 2**16)
VIEWS = st.sampled_from(["NEW_AND_OLD_IMAGES", *VIEW_TYPES])
SELDOM = st.integers(0, 5).map(lambda number: number == 3)
Item = dict[str, Any]


@dataclass
class Entry:
    """One effective write, as the stream should tell of it."""

    number: int
    key: int
    old: Item | None
    new: Item | None
    created_ms: int


@dataclass
class Follower:
    """A consumer of one stream: for each shard an iterator, or None when it has ended, and a
    checkpoint.
    """

    iterators: dict[str, str | None] = field(default_factory=dict)
    checkpoints: dict[str, str] = field(default_factory=dict)
    seen: list[Entry] = field(default_factory=list)


@dataclass
class StreamModel:
    info: StreamInfo
    entries: list[Entry] = field(default_factory=list)
    follower: Follower = field(default_factory=Follower)
    closed: dict[str, Any] = field(default_factory=dict)
    last_ms: int = 0
    whole: bool = False  # it was there before the first item


class Streams(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.lab = LAB.Lab(retention_seconds=RETENTION_SECONDS, open_shards_max=8)
        self.items: dict[str, dict[int, Item]] = {}
        self.streams: dict[str, StreamModel] = {}
        self.enabled: dict[str, StreamModel] = {}
        self.labels: set[tuple[str, str]] = set()
        self.newest = 0
        self.refused = 0  # how often followers were told that records are trimmed
        self.cut_ms = 0  # the latest horizon there has been: nothing younger may ever be missing

    # Writing.

    def table(self, name: str) -> TableInfo:
        table: TableInfo = self.lab.engine.catalog.table(name)
        return table

    @initialize(views=st.tuples(VIEWS, VIEWS))
    def begin(self, views: tuple[Any, Any]) -> None:
        self.create("left", views[0], 1)
        self.create("right", views[1], 3)

    @precondition(lambda self: len(self.items) < 2)
    @rule(name=NAMES, view=st.none() | VIEWS, partitions=st.integers(1, 3))
    def create_again(self, name: str, view: Any, partitions: int) -> None:
        if name not in self.items:
            self.create(name, view, partitions)

    def create(self, name: str, view: Any, partitions: int) -> None:
        keys = KeySchema((KeyPart("pk", "S"),))
        self.lab.run(
            lambda group: tables.create(
                group,
                name=name,
                region="us-east-1",
                account="000000000000",
                keys=keys,
                attribute_types={"pk": "S"},
                billing_mode="PROVISIONED",
                write_units=1000 * partitions,
                view_type=view,
            )
        )
        self.items[name] = {}
        if view is not None:
            self.began(name).whole = True

    @rule(name=NAMES, really=SELDOM)
    def delete(self, name: str, really: bool) -> None:
        if really and name in self.items:
            self.lab.run(lambda group: tables.delete(group, group.find_table(name)))
            del self.items[name]
            self.enabled.pop(name, None)

    @rule(name=NAMES, view=VIEWS, really=SELDOM)
    def toggle(self, name: str, view: Any, really: bool) -> None:
        if name not in self.items:
            return
        if name in self.enabled:
            if not really:
                return
            self.lab.change(shards.disable_stream, name=name)
            del self.enabled[name]
        else:
            self.lab.change(shards.enable_stream, view, name=name)
            self.began(name).whole = not self.items[name]

    def began(self, name: str) -> StreamModel:
        stream = self.table(name).stream
        assert stream is not None
        assert (name, stream.label) not in self.labels, "a label came back"
        self.labels.add((name, stream.label))
        model = self.streams[stream.arn] = self.enabled[name] = StreamModel(stream)
        return model

    @rule(name=NAMES, writes=WRITES)
    def write_some(self, name: str, writes: list[tuple[int, int | None]]) -> None:
        self.write(name, writes, False)

    @rule(name=NAMES, writes=WRITES, together=st.booleans())
    def write(self, name: str, writes: list[tuple[int, int | None]], together: bool) -> None:
        if name not in self.items:
            return
        if together:
            writes = list({key: (key, value) for key, value in writes}.values())
        mutations = [self.mutation(name, key, value) for key, value in writes]
        before = self.lab.engine.sequence
        if together:
            self.lab.run(lambda group: transact(group, mutations))
        else:
            units = [(lambda group, m=mutation: apply(group, m), 1) for mutation in mutations]
            outcomes = self.lab.writer.run_many(units)
            assert [outcome.error for outcome in outcomes] == [None] * len(outcomes)
        self.expect(name, writes, before)

    @rule(name=NAMES, writes=WRITES, pick=PICK, verb=st.sampled_from(["split", "roll", "disable"]))
    def fail(self, name: str, writes: list[tuple[int, int | None]], pick: int, verb: str) -> None:
        """A unit that writes, changes shards and then fails, between two that succeed."""
        if name not in self.items:
            return
        table = self.table(name)

        def failing(group: Any) -> None:
            for key, value in writes:
                apply(group, self.mutation(name, key, value))
            if table.stream is not None:
                shard = table.open_shards[pick % len(table.open_shards)].name
                if verb == "disable":
                    shards.disable_stream(group, group.find_table(name))
                elif verb == "roll":
                    shards.roll(group, group.find_table(name), shard)
                elif len(table.partitions) < 8:
                    shards.split(group, group.find_table(name), shard)
            for key, value in reversed(writes):
                apply(group, self.mutation(name, key, value))
            raise LookupError

        first = self.mutation(name, *writes[0])
        before = self.lab.engine.sequence
        outcomes = self.lab.writer.run_many(
            [
                (lambda group: apply(group, first), 1),
                (failing, 1),
                (lambda group: apply(group, first), 1),
            ]
        )
        # A range of a single hash can't be split, so that unit fails by itself.
        assert isinstance(outcomes[1].error, LookupError | ValidationFailed)
        assert (outcomes[0].error, outcomes[2].error) == (None, None)
        self.expect(name, writes[:1], before)
        assert self.table(name) == table  # I-18: nothing of the failed change is left

    def mutation(self, name: str, key: int, value: int | None) -> Mutation:
        table = self.table(name)
        key_item = {"pk": {"S": str(key)}}
        encoded = encode_key(table, key_item)
        if value is None:
            return Mutation(table, encoded, "delete")
        item = {**key_item, "v": {"N": str(value)}}
        return Mutation(table, encoded, "put", item=item, item_size=sizes.item_size(item))

    def expect(self, name: str, writes: list[tuple[int, int | None]], before: int) -> None:
        """I-9: one number for each effective write, in commit order, and none for the others."""
        stream = self.enabled.get(name)
        number = before
        for key, value in writes:
            old = self.items[name].pop(key, None)
            new = None if value is None else {"pk": {"S": str(key)}, "v": {"N": str(value)}}
            if new is not None:
                self.items[name][key] = new
            if old == new or stream is None:
                continue
            number += 1
            stream.last_ms = max(stream.last_ms, self.lab.clock.now_ms())
            stream.entries.append(Entry(number, key, old, new, stream.last_ms))
        # Without a stream a group that changes items still uses a number, so that its loss shows.
        if stream is None:
            assert number <= self.lab.engine.sequence <= number + len(writes)
        else:
            assert self.lab.engine.sequence == number

    # Shards.

    @rule(name=NAMES, pick=PICK, boundary=st.none() | st.binary(min_size=16, max_size=16))
    def split(self, name: str, pick: int, boundary: bytes | None) -> None:
        if name not in self.items:
            return
        table = self.table(name)
        if len(table.partitions) >= 8:
            return
        shard = table.open_shards[pick % len(table.open_shards)].name if table.stream else None
        try:
            self.lab.change(shards.split, shard, boundary, name=name)
        except ValidationFailed:
            assert self.table(name) == table

    @rule(name=NAMES, pick=PICK)
    def roll(self, name: str, pick: int) -> None:
        if name in self.enabled:
            opened = self.table(name).open_shards
            self.lab.change(shards.roll, opened[pick % len(opened)].name, name=name)

    # Time.

    @rule(seconds=st.sampled_from([0.001, 1, 30, 100, 400, 1001, 90_000, -1, -50, -3000]))
    def advance(self, seconds: float) -> None:
        self.lab.advance(seconds)

    @rule()
    def trim_piece(self) -> None:
        self.saw_the_time()
        self.lab.run(retention.trim_tick)

    @rule()
    def grow_old(self) -> None:
        self.lab.advance(RETENTION_SECONDS / 2)
        self.trim_piece()

    @rule()
    def tick(self) -> None:
        self.saw_the_time()
        store = SimpleNamespace(
            engine=self.lab.engine,
            writer=self.lab.writer,
            readers=self.lab.readers,
            maintenance=None,
        )
        while background.run_due(store):
            pass

    @rule()
    def reopen(self) -> None:
        self.lab.reopen()
        assert self.lab.engine.sequence >= self.newest  # I-20

    def saw_the_time(self) -> None:
        """Somebody looks at records by the clock as it is now: what is old by it may be gone
        from here on.
        """
        self.cut_ms = max(self.cut_ms, self.lab.clock.now_ms() - RETENTION_SECONDS * 1000)

    # Reading.

    @precondition(lambda self: self.streams)
    @rule(which=PICK, pick=PICK, limit=st.integers(1, 5), turns=st.integers(1, 4))
    def follow(self, which: int, pick: int, limit: int, turns: int) -> None:
        model = list(self.streams.values())[which % len(self.streams)]
        for turn in range(turns):
            ready = self.ready(model)
            if ready:
                self.read(model, ready[(pick + turn) % len(ready)], limit)

    def ready(self, model: StreamModel) -> list[descriptions.ShardState]:
        """Shards that may be read: neither ended, nor the child of one that hasn't ended."""
        found = self.lab.shards(model.info)
        ended = {name for name, text in model.follower.iterators.items() if text is None}
        alive = {shard.info.name for shard in found} - ended
        return [
            shard
            for shard in found
            if shard.info.name in alive and shard.info.parent_name not in alive
        ]

    def read(self, model: StreamModel, shard: descriptions.ShardState, limit: int) -> None:
        """One page of one shard, by the follower's iterator; after a refusal it begins anew at
        the horizon.
        """
        self.saw_the_time()
        engine, now_ms, follower = self.lab.engine, self.lab.clock.now_ms(), model.follower
        name = shard.info.name
        with self.lab.reading() as rx:
            try:
                text = follower.iterators.get(name)
                if text is None:
                    raise IteratorExpired(0)
                arn, position = iterators.decode(engine.iterator_key, text, now_ms)
                assert arn == model.info.arn
            except IteratorExpired:
                position = self.resume(rx, model, shard)
            try:
                page = log.read_page(rx, engine, model.info, position, limit)
            except RecordsTrimmed:
                follower.iterators.pop(name, None)
                follower.checkpoints.pop(name, None)
                self.refused += 1
                return
        for record in page.records:
            entry = self.check_record(model, shard, record)
            if follower.seen:
                numbers = [seen.number for seen in follower.seen if seen.key == entry.key]
                assert all(number < entry.number for number in numbers)  # I-13, I-19
            assert all(seen.number != entry.number for seen in follower.seen)  # I-19
            follower.seen.append(entry)
        if page.records:
            follower.checkpoints[name] = sequence.wire(page.depth, page.records[-1][0])
        if page.next is None:
            assert shard.info.closed_ms is not None  # I-19: only a closed shard ends
            follower.iterators[name] = None
        else:
            key = engine.iterator_key
            follower.iterators[name] = iterators.encode(key, model.info.arn, page.next, now_ms)

    def resume(
        self, rx: Any, model: StreamModel, shard: descriptions.ShardState
    ) -> positions.Position:
        checkpoint = model.follower.checkpoints.get(shard.info.name)
        if checkpoint is not None:
            try:
                return positions.after_sequence(rx, self.lab.engine, model.info, shard, checkpoint)
            except RecordsTrimmed:
                pass
        return positions.trim_horizon(shard)

    def check_record(
        self, model: StreamModel, shard: descriptions.ShardState, record: log.Record
    ) -> Entry:
        number, created_ms, body = record
        entry = next(entry for entry in model.entries if entry.number == number)
        event, size, ttl, keys, new, old = unpack_record(body)
        view = model.info.view_type
        names = {(True, False): "INSERT", (True, True): "MODIFY", (False, True): "REMOVE"}
        assert event == names[entry.new is not None, entry.old is not None]  # I-8
        assert keys == {"pk": {"S": str(entry.key)}}  # I-10
        assert new == (entry.new if view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES") else None)
        assert old == (entry.old if view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES") else None)  # I-7
        images = [image for image in (keys, new, old) if image is not None]
        assert size == sum(map(sizes.item_size, images))
        assert not ttl
        assert created_ms == entry.created_ms
        assert created_ms >= self.lab.clock.now_ms() - RETENTION_SECONDS * 1000
        place = hashing.partition_hash(encode(keys["pk"]))
        assert shard.info.range_start <= place <= shard.info.range_end  # I-14
        return entry

    @precondition(lambda self: any(model.entries for model in self.streams.values()))
    @rule(which=PICK, at=PICK)
    def probe(self, which: int, at: int) -> None:
        """I-23: a number is where it was, or the reader is told that it is trimmed."""
        models = [model for model in self.streams.values() if model.entries]
        model = models[which % len(models)]
        entry = model.entries[at % len(model.entries)]
        place = hashing.partition_hash(encode({"S": str(entry.key)}))
        self.saw_the_time()
        for shard in self.lab.shards(model.info):
            info = shard.info
            end = info.end_sequence if info.end_sequence is not None else self.lab.engine.sequence
            if (
                not info.start_sequence < entry.number <= end
                or not info.range_start <= place <= info.range_end
            ):
                continue
            text = sequence.wire(info.depth, entry.number)
            with self.lab.reading() as rx:
                try:
                    position = positions.at_sequence(rx, self.lab.engine, model.info, shard, text)
                    page = log.read_page(rx, self.lab.engine, model.info, position, 1)
                except RecordsTrimmed:
                    assert entry.created_ms < self.cut_ms
                else:
                    assert page.records[0][0] == entry.number
            return
        assert entry.created_ms < self.cut_ms

    # What holds after every step.

    @invariant()
    def shards_are_sound(self) -> None:
        for model in self.streams.values():
            found = {shard.info.name: shard for shard in self.lab.shards(model.info)}
            assert list(found) == sorted(found)
            self.newest = max([self.newest, *(s.last_sequence for s in found.values())])
            for name, shard in found.items():
                info = shard.info
                assert (info.closed_ms is None) == (info.end_sequence is None)  # I-17
                assert info.start_sequence <= shard.last_sequence
                if info.end_sequence is not None:
                    facts = (info, shard.last_sequence, shard.next_ordinal)
                    assert model.closed.setdefault(name, facts) == facts  # I-17
                    assert info.end_sequence == shard.last_sequence
                parent = found.get(info.parent_name or "")
                if parent is not None:  # I-16
                    assert parent.info.end_sequence is not None
                    assert parent.info.end_sequence < info.start_sequence
                    assert parent.info.depth + 1 == info.depth
                    assert parent.info.range_start <= info.range_start
                    assert info.range_end <= parent.info.range_end
            self.open_shards_cover(model, found)

    def open_shards_cover(self, model: StreamModel, found: dict[str, Any]) -> None:
        """I-15, I-16: open shards of an enabled stream are the hash space; those of others are
        none.
        """
        opened = [s.info for s in found.values() if s.info.closed_ms is None]
        if model not in self.enabled.values():
            assert opened == []
            return
        opened.sort(key=lambda info: info.range_start)
        assert opened[0].range_start == hashing.HASH_MIN
        assert opened[-1].range_end == hashing.HASH_MAX
        for left, right in pairwise(opened):
            assert hashing.successor(left.range_end) == right.range_start
        assert tuple(opened) == self.table(model.info.table_name).open_shards

    @invariant()
    def records_on_disk_are_those_that_should_be(self) -> None:
        for model in self.streams.values():
            found = self.lab.shards(model.info)
            on_disk: list[int] = []
            with self.lab.reading() as rx:
                for shard in found:
                    start = shard.info.shard_id << limits.RECORD_ORDINAL_BITS
                    rows = rx.all(
                        "SELECT record_id - ?1, sequence, length(body) FROM record"
                        " WHERE record_id >= ?1 AND record_id < ?2 ORDER BY record_id",
                        (start, start + (1 << limits.RECORD_ORDINAL_BITS)),
                    )
                    ordinals = range(shard.first_ordinal, shard.next_ordinal)
                    assert [row[0] for row in rows] == list(ordinals)  # I-23: a prefix went
                    numbers = [row[1] for row in rows]
                    assert numbers == sorted(set(numbers))  # I-12
                    assert sum(row[2] for row in rows) == shard.byte_count
                    on_disk += numbers
            known = {entry.number for entry in model.entries}
            young = {e.number for e in model.entries if e.created_ms >= self.cut_ms}
            assert young <= set(on_disk) <= known  # I-22
            assert len(on_disk) == len(set(on_disk))

    @invariant()
    def items_are_those_of_the_model(self) -> None:
        for name, expected in self.items.items():
            with self.lab.reading() as rx:
                stored = [item for item, _ in pages.scan(rx, self.table(name), None)]
                count, size = tables_totals(rx, self.table(name))
            assert sorted(map(repr, stored)) == sorted(map(repr, expected.values()))
            assert (count, size) == (len(stored), sum(map(sizes.item_size, stored)))

    def progress(self, model: StreamModel) -> tuple[int, set[str]]:
        ended = {name for name, text in model.follower.iterators.items() if text is None}
        return len(model.follower.seen), ended

    def teardown(self) -> None:
        """I-19, I-6: drained followers have all that is not too old, and replaying it makes the
        table.
        """
        for model in self.streams.values():
            before = None
            while before != (before := self.progress(model)) or self.refused:
                self.refused = 0
                for shard in self.ready(model):
                    self.read(model, shard, 3)
            seen = {entry.number for entry in model.follower.seen}
            young = {e.number for e in model.entries if e.created_ms >= self.cut_ms}
            assert young <= seen
            name = model.info.table_name
            if model.whole and self.enabled.get(name) is model and len(seen) == len(model.entries):
                replayed: dict[int, Item] = {}
                for entry in model.follower.seen:
                    replayed.pop(entry.key, None)
                    if entry.new is not None:
                        replayed[entry.key] = entry.new
                assert replayed == self.items[name]


def tables_totals(rx: Any, table: TableInfo) -> tuple[int, int]:
    from streamstore.engine.tables.items import table_totals

    return table_totals(rx, table)


Streams.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestStreams = Streams.TestCase


def test_an_unknown_stream_has_no_shards() -> None:
    """The follower above would pass on a store that lists nothing; this one would not."""
    lab = LAB.Lab()
    lab.create()
    assert len(lab.shards()) == 1
    try:
        lab.change(shards.roll, "shardId-0")
    except ResourceNotFound:
        return
    raise AssertionError
