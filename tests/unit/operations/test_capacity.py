"""ConsumedCapacity and ItemCollectionMetrics in the shapes of spec I.3 and I.4."""

from __future__ import annotations

import pytest

from streamstore.engine.model import IndexInfo, KeyPart, KeySchema, TableInfo
from streamstore.operations.capacity import Tally, collection_metrics, consumed

KEYS = KeySchema((KeyPart("pk", "S"),), (KeyPart("sk", "S"),))
GSI = IndexInfo(1, "world", "GSI", KEYS, "ALL")
LSI = IndexInfo(2, "local", "LSI", KEYS, "ALL")
GIB = 1024**3


def table(*indexes: IndexInfo) -> TableInfo:
    return TableInfo(
        1, 1, "abc", "u", "r", "a", KEYS, {"pk": "S", "sk": "S"}, "PAY_PER_REQUEST", 0, 0,
        indexes=indexes,
    )  # fmt: skip


@pytest.mark.parametrize("mode", [None, "NONE"])
def test_nothing_is_told_where_nothing_was_asked(mode: str | None) -> None:
    assert consumed(mode, "abc", 1.0) is None
    tally = Tally(mode)
    tally.add("abc", 1.0)
    assert tally.entries() is None


def test_total_is_one_number_over_table_and_indexes() -> None:
    entry = consumed("TOTAL", "arn:given", 1, [(GSI, 2.0), (LSI, 0.5)])
    assert entry == {"TableName": "arn:given", "CapacityUnits": 3.5}
    assert isinstance(consumed("TOTAL", "abc", 1)["CapacityUnits"], float)  # type: ignore[index]


def test_indexes_are_told_apart_by_kind_and_only_the_touched_ones() -> None:
    assert consumed("INDEXES", "abc", 1.0) == {
        "TableName": "abc",
        "CapacityUnits": 1.0,
        "Table": {"CapacityUnits": 1.0},
    }
    assert consumed("INDEXES", "abc", 1.0, [(GSI, 1.0), (LSI, 2.0), (GSI, 1.0)]) == {
        "TableName": "abc",
        "CapacityUnits": 5.0,
        "Table": {"CapacityUnits": 1.0},
        "GlobalSecondaryIndexes": {"world": {"CapacityUnits": 2.0}},
        "LocalSecondaryIndexes": {"local": {"CapacityUnits": 2.0}},
    }


def test_a_transaction_repeats_its_units_by_direction_on_top_and_for_the_table() -> None:
    tally = Tally("INDEXES", "Write")
    tally.add("abc", 2.0, [(GSI, 1.0)])
    tally.add("xyz", 4.0)
    tally.add("abc", 2.0, [(GSI, 1.0)])
    assert tally.entries() == [
        {
            "TableName": "abc",
            "CapacityUnits": 6.0,
            "WriteCapacityUnits": 6.0,
            "Table": {"CapacityUnits": 4.0, "WriteCapacityUnits": 4.0},
            "GlobalSecondaryIndexes": {"world": {"CapacityUnits": 2.0}},
        },
        {
            "TableName": "xyz",
            "CapacityUnits": 4.0,
            "WriteCapacityUnits": 4.0,
            "Table": {"CapacityUnits": 4.0, "WriteCapacityUnits": 4.0},
        },
    ]


def test_collection_metrics_come_only_when_asked_and_only_with_a_local_index() -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}, "x": {"N": "1"}}
    assert collection_metrics(None, table(LSI), item, 5) is None
    assert collection_metrics("NONE", table(LSI), item, 5) is None
    assert collection_metrics("SIZE", table(GSI), item, 5) is None
    assert collection_metrics("SIZE", table(GSI, LSI), item, 5) == {
        "ItemCollectionKey": {"pk": {"S": "a"}},
        "SizeEstimateRangeGB": [0.0, 1.0],
    }


@pytest.mark.parametrize(("size", "low"), [(GIB - 1, 0.0), (GIB, 1.0), (3 * GIB + 5, 3.0)])
def test_a_collection_s_size_lies_in_the_range_that_is_told(size: int, low: float) -> None:
    metrics = collection_metrics("SIZE", table(LSI), {"pk": {"S": "a"}}, size)
    assert metrics is not None
    assert metrics["SizeEstimateRangeGB"] == [low, low + 1.0]
