"""SELECT: the same answer whatever is planned; order, pages, what a page costs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamstore import limits

values = {
    "pk": st.sampled_from(["'a'", "'b'", "'c'", "'d'"]),
    "sk": st.integers(-1, 4).map(str),
    "v": st.sampled_from(["0", "10", "20", "35"]),
    "l": st.sampled_from(["'l0'", "'l2'", "'l9'"]),
}


def terms(name: str) -> st.SearchStrategy[str]:
    value = values[name]
    return st.one_of(
        st.tuples(st.sampled_from(["=", "<", "<=", ">", ">=", "<>"]), value).map(
            lambda t: f"{name} {t[0]} {t[1]}"
        ),
        value.map(lambda v: f"{name} = {v}"),
        st.tuples(value, st.sampled_from(["=", "<", "<=", ">", ">="])).map(
            lambda t: f"{t[0]} {t[1]} {name}"
        ),
        st.lists(value, min_size=1, max_size=3).map(lambda vs: f"{name} IN [{', '.join(vs)}]"),
        st.tuples(value, value).map(lambda t: f"{name} BETWEEN {min(t)} AND {max(t)}"),
    )


wheres = st.recursive(
    st.one_of(terms("pk"), terms("sk"), terms("v"), terms("l"), st.just("g IS NOT MISSING")),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda ts: f"({' AND '.join(ts)})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda ts: f"({' OR '.join(ts)})"),
        inner.map(lambda t: f"NOT {t}"),
    ),
    max_leaves=5,
)


def key(item: Any) -> Any:
    return item["pk"]["S"], int(item["sk"]["N"])


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wheres, st.sampled_from(["", '."by_g"']), st.integers(1, 4), st.booleans())
def test_a_where_selects_what_the_same_filter_leaves_of_a_scan(
    statements: Any, where: str, index: str, limit: int, paged: bool
) -> None:
    if not statements.items("SELECT * FROM plays"):
        statements.fill()
    # The other side of the OR says nothing of a key, so this one is scanned.
    scanned = statements.items(f"SELECT * FROM plays WHERE ({where}) OR nope = 'x'")
    statement = f"SELECT * FROM plays{index} WHERE {where}"
    if not paged:
        found = statements.items(statement)
    else:
        found, token = [], {}
        while True:
            page = statements.run(statement, Limit=limit, **token)
            assert len(page["Items"]) <= limit
            found += page["Items"]
            if "NextToken" not in page:
                assert "LastEvaluatedKey" not in page
                break
            token = {"NextToken": page["NextToken"]}
    assert sorted(found, key=key) == sorted(scanned, key=key)


@pytest.mark.parametrize(
    ("where", "partitions"),
    [("pk = 'a'", 1), ("pk = 'a' AND sk > 1", 1), ("pk IN ['a', 'c', 'a']", 2),
     ("pk = 'a' OR pk = 'b'", 2), ("(pk = 'a' AND v = 1) OR (pk = 'b' AND v = 2)", 2),
     ("pk > 'a'", None), ("v = 1", None), ("pk = 'a' OR v = 1", None)],
)  # fmt: skip
def test_only_the_partitions_that_where_names_are_read(
    statements: Any, where: str, partitions: int | None
) -> None:
    big = {"S": "x" * 4000}
    for pk in "abcdef":
        item = {"pk": {"S": pk}, "sk": {"N": "2"}, "big": big}
        statements.desk.ask("PutItem", TableName="plays", Item=item)
    reply = statements.run(
        f"SELECT pk FROM plays WHERE {where}", ReturnConsumedCapacity="TOTAL", ConsistentRead=True
    )
    assert reply["ConsumedCapacity"] == {
        "TableName": "plays", "CapacityUnits": float(6 if partitions is None else partitions),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tail", "order"),
    [("pk = 'a' ORDER BY sk", "a0 a1 a2 a3"), ("pk = 'a' ORDER BY sk DESC", "a3 a2 a1 a0"),
     ("pk = 'a' ORDER BY pk DESC", "a0 a1 a2 a3"),
     ("pk IN ['c', 'a'] AND sk < 2", "c0 c1 a0 a1"),
     ("pk IN ['c', 'a'] AND sk < 2 ORDER BY pk", "a0 a1 c0 c1"),
     ("pk IN ['a', 'c'] AND sk < 2 ORDER BY pk DESC", "c0 c1 a0 a1"),
     ("pk IN ['a', 'c'] AND sk < 2 ORDER BY pk DESC, sk DESC", "c1 c0 a1 a0"),
     ("pk IN ['c', 'a'] AND sk < 2 ORDER BY sk DESC", "a1 a0 c1 c0")],
)  # fmt: skip
def test_the_order(statements: Any, tail: str, order: str) -> None:
    statements.fill()
    statement = f"SELECT pk, sk FROM plays WHERE {tail}"
    whole = statements.items(statement)
    assert " ".join(f"{item['pk']['S']}{item['sk']['N']}" for item in whole) == order
    pages, token = [], {}
    while True:
        page = statements.run(statement, Limit=1, **token)
        pages += page["Items"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == whole


def test_an_lsi_gives_what_it_does_not_project(statements: Any) -> None:
    statements.fill()
    found = statements.items("SELECT sk, v FROM plays.by_l WHERE pk = 'a' AND l > 'l1'")
    assert found == [
        {"sk": {"N": "1"}, "v": {"N": "10"}}, {"sk": {"N": "0"}, "v": {"N": "0"}},
    ]  # fmt: skip


def test_the_partitions_that_are_named_are_bounded(statements: Any) -> None:
    most = ", ".join(f"'p{at}'" for at in range(limits.SELECTED_PARTITIONS_MAX))
    assert statements.items(f"SELECT * FROM plays WHERE pk IN [{most}]") == []
    code, text = statements.refusal(f"SELECT * FROM plays WHERE pk IN [{most}, 'more']")
    assert (code, "51" in text) == ("ValidationException", True)


def test_a_page_ends_at_a_mebibyte_whatever_it_filters(statements: Any) -> None:
    for sk in range(5):
        item = {"pk": {"S": "a"}, "sk": {"N": str(sk)}, "big": {"S": "x" * 300_000}}
        statements.desk.ask("PutItem", TableName="plays", Item=item)
    first = statements.run("SELECT sk FROM plays WHERE pk = 'a' AND sk <> 0")
    assert [item["sk"]["N"] for item in first["Items"]] == ["1", "2", "3"]
    rest = statements.run(
        "SELECT sk FROM plays WHERE pk = 'a' AND sk <> 0", NextToken=first["NextToken"]
    )
    assert [item["sk"]["N"] for item in rest["Items"]] == ["4"]
    assert "NextToken" not in rest


def test_keys_of_several_parts(statements: Any) -> None:
    names = {"g": "S", "h": "S", "r": "N", "t": "N", "pk": "S"}
    statements.desk.table(
        "parts",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind in names.items()
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_parts",
                "KeySchema": [
                    *({"AttributeName": name, "KeyType": "HASH"} for name in "gh"),
                    *({"AttributeName": name, "KeyType": "RANGE"} for name in "rt"),
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    for at in range(16):
        r, t = divmod(at, 4)
        values = f"{{'pk': 'p{at}', 'g': 'x', 'h': 'y{at % 2}', 'r': {r}, 't': {t}}}"
        statements.run(f"INSERT INTO parts VALUE {values}")
    for where, found in (
        ("g = 'x' AND h = 'y0'", [0, 2, 4, 6, 8, 10, 12, 14]),
        ("g = 'x' AND h = 'y0' AND r = 1", [4, 6]),
        ("g = 'x' AND h = 'y0' AND r = 1 AND t > 0", [6]),
        ("g = 'x' AND h = 'y0' AND r > 1 AND t = 2", [10, 14]),
        ("g = 'x' AND h = 'y0' AND t = 2", [2, 6, 10, 14]),
        ("g = 'x' AND h IN ['y0'] AND r < 1", [0, 2]),
        ("g = 'x'", list(range(16))),
    ):
        items = statements.items(f"SELECT pk FROM parts.by_parts WHERE {where}")
        assert sorted(int(item["pk"]["S"][1:]) for item in items) == found, where
