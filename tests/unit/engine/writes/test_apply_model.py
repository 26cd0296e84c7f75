"""Random writes against a plain dict: items, index rows, counters, records and large bodies all
follow from it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamstore.codec.items import unpack
from streamstore.codec.keys import encode, encode_many
from streamstore.codec.records import unpack_record
from streamstore.codec.sizes import item_size
from streamstore.engine.tables.items import index_totals, table_totals
from streamstore.engine.tables.pages import scan
from streamstore.engine.writes.apply import apply
from streamstore.engine.writes.transact import transact
from streamstore.errors import ConditionFailed, RequestError

NAMES = st.sampled_from(["a", "b", "c"])
# Bodies end up inline, near the border and out of line.
PADS = st.sampled_from([5, 620, 660, 1500, 1600])
KEYS = st.fixed_dictionaries({"pk": st.sampled_from(["a", "b"]), "sk": st.sampled_from(["a", "b"])})
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "g": NAMES,
        "h": st.integers(-2, 2),
        "l": st.integers(0, 2),
        "kept": NAMES,
        "filler": PADS,
    },
)
WRITES = st.one_of(
    st.tuples(st.just("put"), KEYS, ATTRIBUTES),
    st.tuples(st.just("set"), KEYS, ATTRIBUTES),
    st.tuples(st.just("remove"), KEYS, st.sampled_from(["g", "h", "l", "kept", "filler"])),
    st.tuples(st.just("delete"), KEYS, st.none()),
    st.tuples(st.just("refused"), KEYS, ATTRIBUTES),
)
# A unit is one write, a transaction, or several writes whose unit fails after them.
UNITS = st.one_of(
    st.tuples(st.just("one"), st.lists(WRITES, min_size=1, max_size=1)),
    st.tuples(st.just("transaction"), st.lists(WRITES, min_size=1, max_size=4)),
    st.tuples(st.just("failing"), st.lists(WRITES, min_size=1, max_size=4)),
)

Item = dict[str, Any]


def typed(plain: dict[str, Any]) -> Item:
    item: Item = {}
    for name, value in plain.items():
        if name == "filler":
            item[name] = {"S": "x" * value}
        else:
            item[name] = {"N": str(value)} if isinstance(value, int) else {"S": value}
    return item


def place(key: dict[str, str]) -> tuple[str, str]:
    return key["pk"], key["sk"]


class Model:
    """What the store should hold."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.changes: list[tuple[Item | None, Item | None]] = []

    def write(self, write: tuple[Any, ...]) -> None:
        kind, key, content = write
        old = self.items.get(place(key))
        new: Item | None
        if kind == "put":
            new = {**typed(key), **typed(content)}
        elif kind == "set":
            new = {**(old or typed(key)), **typed(content)}
        elif kind == "remove":
            new = None if old is None else {n: v for n, v in old.items() if n != content}
        else:
            new = None
        if new == old:
            return
        self.changes.append((old, new))
        if new is None:
            del self.items[place(key)]
        else:
            self.items[place(key)] = new


def mutation(world: Any, write: tuple[Any, ...]) -> Any:
    kind, key, content = write
    if kind == "put":
        return world.put_of({**typed(key), **typed(content)})
    if kind == "refused":
        never = world.expression(condition="attribute_exists(nowhere)").condition
        return world.put_of({**typed(key), **typed(content)}, condition=never)
    if kind == "delete":
        return world.delete_of(typed(key))
    if kind == "remove":
        return world.update_of(typed(key), f"REMOVE {content}")
    if not content:
        return world.update_of(typed(key))
    text = "SET " + ", ".join(f"{name} = :{name}" for name in content)
    values = {f":{name}": value for name, value in typed(content).items()}
    return world.update_of(typed(key), text, values)


def unit_of(world: Any, model: Model, unit: tuple[str, list[Any]]) -> Any:
    """The unit as a function of the group; it moves the model as the store should move."""
    kind, writes = unit
    distinct = {place(write[1]): write for write in writes}
    writes = list(distinct.values())
    mutations = [mutation(world, write) for write in writes]
    if kind == "failing":

        def fail(group: Any) -> None:
            for each in mutations:
                try:
                    apply(group, each)
                except ConditionFailed:
                    continue
            raise RuntimeError("the unit fails")

        return fail
    if all(write[0] != "refused" for write in writes):
        for write in writes:
            model.write(write)
    if kind == "transaction":
        return lambda group: transact(group, mutations)
    return lambda group: apply(group, mutations[0])


def check_items(world: Any, model: Model) -> None:
    with world.reading() as rx:
        found = {
            (i["pk"]["S"], i["sk"]["S"]): (i, size) for i, size in scan(rx, world.table(), None)
        }
    assert found == {at: (item, item_size(item)) for at, item in model.items.items()}


def expected_entry(index: Any, item: Item) -> tuple[bytes, bytes, Item] | None:
    """(pk, sk, projection) of an item's entry by the plain meaning of its definition."""
    if not all(part.name in item for part in index.keys.parts):
        return None
    pk = encode_many([item[part.name] for part in index.keys.hash])
    sk = encode_many([item[part.name] for part in index.keys.range])
    if index.projection == "ALL":
        return pk, sk, item
    names = {"pk", "sk", *index.keys.names, *index.non_key_attributes}
    return pk, sk, {name: value for name, value in item.items() if name in names}


def check_indexes(world: Any, model: Model) -> None:
    for index in world.table().indexes:
        expected = {}
        for (pk, sk), item in model.items.items():
            entry = expected_entry(index, item)
            if entry is not None:
                own = encode({"S": pk}), encode({"S": sk})
                expected[(*entry[:2], *own)] = (item_size(entry[2]), entry[2])
        rows = world.rows(
            "SELECT pk, sk, base_pk, base_sk, size, coalesce(body, (SELECT b.body FROM large_body b"
            " WHERE b.body_id = e.body_id)) FROM index_entry e WHERE index_id = ?",
            index.index_id,
        )
        assert {row[:4]: (row[4], unpack(row[5])) for row in rows} == expected
        with world.reading() as rx:
            totals = index_totals(rx, index)
        assert totals == (len(expected), sum(size for size, _ in expected.values()))


def check_records(world: Any, model: Model) -> None:
    rows = world.rows("SELECT sequence, record_id, body FROM record ORDER BY sequence")
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    images = [unpack_record(row[2]) for row in rows]
    assert [(old, new) for _, _, _, _, new, old in images] == model.changes
    for event, size, _, keys, new, old in images:
        assert event == ("INSERT" if old is None else "REMOVE" if new is None else "MODIFY")
        assert size == sum(item_size(part) for part in (keys, old, new) if part is not None)
    by_shard: dict[int, list[int]] = {}
    for _, record_id, _ in rows:
        by_shard.setdefault(record_id >> 38, []).append(record_id & (1 << 38) - 1)
    for ordinals in by_shard.values():
        assert ordinals == list(range(1, len(ordinals) + 1))
    stored = dict(world.rows("SELECT shard_id, next_ordinal FROM shard"))
    assert {s: n - 1 for s, n in stored.items() if n > 1} == {
        s: len(o) for s, o in by_shard.items()
    }


def check_bodies_and_counters(world: Any, model: Model) -> None:
    owned = world.rows(
        "SELECT body_id FROM item WHERE body_id IS NOT NULL"
        " UNION ALL SELECT body_id FROM index_entry WHERE body_id IS NOT NULL"
    )
    assert sorted(owned) == sorted(world.rows("SELECT body_id FROM large_body"))
    assert not world.rows("SELECT 1 FROM item WHERE (body IS NULL) = (body_id IS NULL)")
    with world.reading() as rx:
        totals = table_totals(rx, world.table())
    assert totals == (len(model.items), sum(map(item_size, model.items.values())))
    sums = {row[0]: (0, 0) for row in world.rows("SELECT partition_id FROM partition")}
    for partition_id, count, size in world.rows(
        "SELECT partition_id, count(*), sum(size) FROM item JOIN partition"
        " ON item.table_id = partition.table_id AND hash BETWEEN range_start AND range_end"
        " GROUP BY partition_id"
    ):
        sums[partition_id] = (count, size)
    rows = world.rows("SELECT partition_id, item_count, item_bytes FROM partition")
    assert {row[0]: row[1:] for row in rows} == sums


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(groups=st.lists(st.lists(UNITS, min_size=1, max_size=6), min_size=1, max_size=6))
def test_items_entries_counters_and_records_follow_from_the_writes(
    worlds: Any, groups: list[list[Any]]
) -> None:
    world = worlds()
    world.create(
        indexes=(
            world.index("all", world.keys("g")),
            world.index("some", world.keys("h:N", "g"), "INCLUDE", "kept"),
            world.index("local", world.keys("pk", "l:N"), "KEYS_ONLY", kind="LSI"),
            world.index("several", world.keys("g", "h:N", "l:N", hashes=2)),
        ),
        view_type="NEW_AND_OLD_IMAGES",
    )
    model = Model()
    for group in groups:
        units = [(unit_of(world, model, unit), 1) for unit in group]
        for (kind, _), outcome in zip(group, world.writer.run_many(units), strict=True):
            if kind == "failing":
                assert isinstance(outcome.error, RuntimeError)
            else:
                assert outcome.error is None or isinstance(outcome.error, RequestError)
    for check in (check_items, check_indexes, check_records, check_bodies_and_counters):
        check(world, model)
    world.reopen()
    check_items(world, model)
