"""Names of columns, numbers of SQLite, keys that no index takes."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore import limits
from streamstore.consumers.sinks import Source
from streamstore.consumers.sinks.layout import (
    RESERVED,
    Layout,
    column_name,
    fold,
    key_of,
    key_text,
    loose_number,
)

SOURCE = Source("orders", (("id", "S"),))
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=90)
# Values that exist: 38 digits, exponents within the service's range.
NUMBERS = st.tuples(
    st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-100, 80), st.booleans()
).map(lambda n: format(Decimal(n[0]) if n[2] else Decimal(n[0]).scaleb(n[1]), "f"))


@given(st.lists(NAMES, max_size=12))
def test_names_fit_and_differ_without_regard_to_case(wanted: list[str]) -> None:
    taken = {fold(name) for name in RESERVED}
    for each in wanted:
        name = column_name(each, taken)
        assert 0 < len(name.encode()) <= limits.SINK_NAME_BYTES_MAX
        assert name.isprintable()
        assert "%" not in name
        assert fold(name) not in taken
        taken.add(fold(name))


def test_names_that_can_be_are_the_attributes_own() -> None:
    for name in ("id", "Größe", 'q"uote', "two words", "a.b-c", "x" * 63):
        assert column_name(name, ()) == name
    cut = {column_name("x" * 63 + end, ()) for end in "ab"}
    assert len(cut) == 2
    assert all(name.startswith("x" * 50) for name in cut)


@settings(max_examples=300)
@given(NUMBERS)
def test_a_number_in_sqlite_is_the_very_same_decimal(text: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (n )")
    database.execute("INSERT INTO t VALUES (?)", (loose_number(text),))
    found = database.execute("SELECT n FROM t").fetchone()[0]
    database.close()
    assert Decimal(repr(found) if isinstance(found, float) else found) == Decimal(text)


def test_columns_are_bounded_and_the_rest_is_kept_in_json() -> None:
    layout = Layout(SOURCE, (), loose=True)
    item = {f"a{n}": {"N": "1"} for n in range(limits.SINK_COLUMNS_MAX + 5)}
    row = layout.row({"id": {"S": "x"}, **item})
    assert len(layout.columns) == limits.SINK_COLUMNS_MAX
    assert row["rest"] == '{"a199":1,"a200":1,"a201":1,"a202":1,"a203":1,"a204":1}'
    long_name = {"id": {"S": "x"}, "y" * 256: {"S": "z"}, "none": {"NULL": True}}
    row = Layout(SOURCE, (), loose=True).row(long_name)
    assert row["rest"] == '{"' + "y" * 256 + '":"z","none":null}'


def test_a_copy_grows_alone_and_columns_that_are_known_are_found_again() -> None:
    layout = Layout(SOURCE, (), loose=False)
    grown = layout.copy()
    grown.row({"id": {"S": "x"}, "price": {"N": "1"}})
    grown.row({"id": {"S": "x"}, "price": {"S": "1"}})
    assert [column.name for column in layout.columns] == ["id"]
    assert [column.name for column in grown.columns] == ["id", "price", "price_text"]
    again = Layout(SOURCE, grown.columns, loose=False)
    row = again.row({"id": {"S": "x"}, "price": {"S": "cheap"}, "Price": {"S": "y"}})
    assert row == {"c0": "x", "c1": None, "c2": "cheap", "c3": "y", "rest": None}
    assert again.columns[3].name == "Price_2"


@given(st.dictionaries(NAMES, st.text(st.characters(codec="utf-8")).map(lambda s: {"S": s})))
def test_strings_of_every_kind_make_keys_that_differ(items: dict[str, dict[str, str]]) -> None:
    layout = Layout(SOURCE, (), loose=False)
    keys = {layout.key({"id": {"S": name * 40}}) for name in items}
    assert len(keys) == len({name * 40 for name in items})
    for (key,) in keys:
        assert "\x00" not in key
        assert len(key.encode()) <= limits.SINK_KEY_BYTES_MAX


def test_a_key_that_looks_like_a_stand_in_is_stood_in_for_itself() -> None:
    layout = Layout(SOURCE, (), loose=False)
    (stand_in,) = layout.key({"id": {"S": "x" * 2000}})
    assert layout.key({"id": {"S": stand_in}}) != (stand_in,)
    row = layout.row({"id": {"S": stand_in}})
    assert row["rest"] == '{"id":"' + stand_in + '"}'


def test_a_key_can_be_noted_and_read_again() -> None:
    key = {"a": {"S": "ä\x00"}, "b": {"B": b"\xff\x00"}, "c": {"N": "1.5"}}
    assert key_of(key_text(key)) == key
    assert key_of(key_text(None)) is None
