"""Every entry comes exactly once, however the pages and the cuts fall."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamstore.client.paging import PAGED, Paginator


class Pages:
    """A Query over numbered items, with keys of binary values, that answers a bounded page."""

    def __init__(self, count: int, page_max: int) -> None:
        self.count, self.page_max = count, page_max
        self.calls: list[dict[str, Any]] = []

    def query(self, **params: Any) -> dict[str, Any]:
        self.calls.append(params)
        start = params.get("ExclusiveStartKey")
        first = 0 if start is None else int.from_bytes(start["id"]["B"]) + 1
        end = min(self.count, first + min(params.get("Limit", self.page_max), self.page_max))
        page: dict[str, Any] = {
            "Items": list(range(first, end)),
            "Count": end - first,
            "ScannedCount": end - first,
        }
        if end < self.count:
            page["LastEvaluatedKey"] = {"id": {"B": (end - 1).to_bytes(2)}, "base64": {"S": "x"}}
        return page

    def paginator(self) -> Paginator:
        return Paginator(self.query, PAGED["query"])


@given(st.integers(0, 40), st.integers(1, 12), st.integers(1, 15))
def test_all_entries_come_once_over_pages(count: int, page_max: int, page_size: int) -> None:
    pages = Pages(count, page_max)
    iterator = pages.paginator().paginate(TableName="t", PaginationConfig={"PageSize": page_size})
    assert [n for page in iterator for n in page["Items"]] == list(range(count))
    assert iterator.resume_token is None
    assert all(call["Limit"] == page_size and call["TableName"] == "t" for call in pages.calls)
    whole = pages.paginator().paginate().build_full_result()
    assert whole == {"Items": list(range(count)), "Count": count, "ScannedCount": count}


@given(st.integers(0, 30), st.integers(1, 7), st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_max_items_cuts_and_its_token_takes_up_where_it_cut(
    count: int, page_max: int, cuts: list[int]
) -> None:
    seen: list[int] = []
    token = None
    for cut in [*cuts, 1000]:
        config = {"MaxItems": cut, "StartingToken": token}
        full = Pages(count, page_max).paginator().paginate(PaginationConfig=config)
        part = full.build_full_result()
        assert len(part["Items"]) <= cut
        seen += part["Items"]
        token = part.get("NextToken")
        assert token == full.resume_token
        if token is None:
            break
        assert len(part["Items"]) == cut
    assert seen == list(range(count))


def test_iterating_twice_starts_anew() -> None:
    iterator = Pages(5, 2).paginator().paginate()
    assert [page["Items"] for page in iterator] == [page["Items"] for page in iterator]


def test_pages_that_only_count_are_passed_on() -> None:
    pages = iter([{"Count": 2, "ScannedCount": 2, "LastEvaluatedKey": {"a": 1}}, {"Count": 1}])
    paginator = Paginator(lambda **_: next(pages), PAGED["query"])
    config = {"MaxItems": 1}
    assert [page["Count"] for page in paginator.paginate(PaginationConfig=config)] == [2, 1]


@pytest.mark.parametrize("token", ["", "AAAA", "e30=", "not base64!"])
def test_a_bad_starting_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="Bad starting token"):
        Pages(1, 1).paginator().paginate(PaginationConfig={"StartingToken": token})
