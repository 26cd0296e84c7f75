"""The quick look for what is new in every shard at once: it says what the slow one says, or
nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore import limits
from streamstore.clock import ManualClock
from streamstore.errors import RecordsTrimmed
from streamstore.following import follower as following
from streamstore.following.sources import news

from .conftest import Shop

DAY = 24 * 3600

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 9)),
        st.tuples(st.just("split"), st.just(0)),
        st.tuples(st.just("roll"), st.just(0)),
        st.tuples(st.just("turn"), st.just(0)),
        st.tuples(st.just("trim"), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_a_follower_gives_every_record_once_in_order_whatever_happens_between_its_turns(
    steps: list[tuple[str, int]],
) -> None:
    shop = Shop(":memory:", ManualClock(), split_policy="manual", first_partitions=4)
    with shop.store:
        live = shop.follow()
        written: list[str] = []
        seen: list[str] = []
        for kind, count in steps:
            if kind == "put":
                labels = [f"{len(written)}-{n}" for n in range(count)]
                shop.put(*labels)
                written += labels
            elif kind == "turn":
                seen += shop.ids(live.turn())
            elif kind == "trim":
                seen += shop.rest(live)
                shop.clock.advance(DAY + 1)
                shop.trim()
            else:
                getattr(shop, kind)()
        assert seen + shop.rest(live) == written


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each quick look answered."""
    answered: list[bool] = []

    def watched(*given: Any) -> Any:
        found = news(*given)
        answered.append(found is not None)
        return found

    monkeypatch.setattr(following, "news", watched)
    return answered


def test_a_follower_that_keeps_up_looks_quickly_and_after_a_split_once_slowly(
    shop: Any, quick: list[bool]
) -> None:
    live = shop.follow()
    assert shop.rest(live) == []
    for n in range(3):
        shop.put(f"a{n}", f"b{n}")
        assert shop.rest(live) == [f"a{n}", f"b{n}"]
    assert all(quick)
    assert len(quick) >= 3
    quick.clear()
    shop.split()
    shop.put("c", "d")
    assert shop.rest(live) == ["c", "d"]
    assert quick[0] is False
    quick.clear()
    shop.put("e")
    assert shop.rest(live) == ["e"]
    assert quick
    assert all(quick)


def test_more_than_a_page_is_left_to_the_slow_look(
    shop: Any, quick: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = shop.follow()
    assert shop.rest(live) == []
    monkeypatch.setattr(limits, "FOLLOW_RECORDS_MAX", 3)
    labels = [str(n) for n in range(4)]
    shop.put(*labels)
    assert shop.ids(live.turn()) == labels[:3]
    assert quick == [False]
    assert shop.rest(live) == labels[3:]


def test_records_past_the_horizon_are_not_given_by_the_quick_look_either(
    shop: Any, quick: list[bool]
) -> None:
    live = shop.follow()
    assert shop.rest(live) == []
    shop.put("old")
    shop.clock.advance(DAY + 1)
    with pytest.raises(RecordsTrimmed):
        live.turn()
    assert quick[-1] is False
