"""ListTables: ascending, a page at a time."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = ["aaa", "aab", "b.b", "ccc-1", "ccc_1", "zzz"]


def test_names_come_in_ascending_order_and_the_last_page_says_nothing_of_more(desk: Any) -> None:
    for name in reversed(NAMES):
        desk.table(name)
    assert desk.ask("ListTables") == {"TableNames": sorted(NAMES)}
    assert desk.ask("ListTables", Limit=6) == {"TableNames": sorted(NAMES)}
    first = desk.ask("ListTables", Limit=2)
    assert first == {"TableNames": sorted(NAMES)[:2], "LastEvaluatedTableName": sorted(NAMES)[1]}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(limit=st.integers(1, 8), start=st.sampled_from([*NAMES, "bbb", "000"]))
def test_pages_of_any_size_join_to_what_lies_after_the_start(
    desk: Any, limit: int, start: str
) -> None:
    if not desk.ask("ListTables")["TableNames"]:
        for name in NAMES:
            desk.table(name)
    found: list[str] = []
    after: str | None = start
    while after is not None:
        page = desk.ask("ListTables", Limit=limit, ExclusiveStartTableName=after)
        assert len(page["TableNames"]) <= limit
        found += page["TableNames"]
        after = page.get("LastEvaluatedTableName")
    assert found == [name for name in sorted(NAMES) if name > start]
