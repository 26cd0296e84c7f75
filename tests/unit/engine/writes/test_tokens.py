"""Client tokens: ten minutes of the store's clock, other content refused, swept in pieces."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore import limits
from streamstore.engine.writes.tokens import claim, digest_of, expire_due, expire_tick, remember
from streamstore.errors import IdempotencyMismatch

ASKED = digest_of([{"Put": {"S": "x"}}])
FACTS = [["t", 2.0, [["index", 1.0]]]]


def test_a_token_is_new_once_and_then_answered_from_its_facts(world: Any) -> None:
    assert world.run(lambda group: claim(group, "token", ASKED)) is None
    world.run(lambda group: remember(group, "token", ASKED, FACTS))
    assert world.run(lambda group: claim(group, "token", ASKED)) == FACTS
    world.reopen()
    assert world.run(lambda group: claim(group, "token", ASKED)) == FACTS


def test_a_token_of_other_content_is_refused(world: Any) -> None:
    world.run(lambda group: remember(group, "token", ASKED, FACTS))
    with pytest.raises(IdempotencyMismatch) as refused:
        world.run(lambda group: claim(group, "token", digest_of(["else"])))
    assert refused.value.token == "token"


def test_a_token_whose_unit_failed_is_still_new(world: Any) -> None:
    def fails(group: Any) -> None:
        remember(group, "token", ASKED, FACTS)
        raise RuntimeError("after remembering")

    with pytest.raises(RuntimeError):
        world.run(fails)
    assert world.run(lambda group: claim(group, "token", ASKED)) is None


def test_a_token_runs_out_after_ten_minutes_and_may_then_stand_for_other_content(
    world: Any,
) -> None:
    world.run(lambda group: remember(group, "token", ASKED, FACTS))
    world.clock.advance(limits.CLIENT_TOKEN_LIFE_SECONDS - 0.001)
    assert world.run(lambda group: claim(group, "token", ASKED)) == FACTS
    world.clock.advance(0.001)
    other = digest_of(["else"])
    assert world.run(lambda group: claim(group, "token", other)) is None
    world.run(lambda group: remember(group, "token", other, []))
    assert world.run(lambda group: claim(group, "token", other)) == []


def test_tokens_that_have_run_out_are_swept_in_bounded_pieces(world: Any) -> None:
    def many(group: Any) -> None:
        for number in range(limits.TICK_ROWS_MAX + 5):
            remember(group, f"old-{number}", ASKED, FACTS)

    def due() -> bool:
        with world.reading() as rx:
            return expire_due(rx, world.clock.now_ms())

    assert not due()
    world.run(many)
    world.clock.advance(limits.CLIENT_TOKEN_LIFE_SECONDS)
    world.run(lambda group: remember(group, "young", ASKED, FACTS))
    assert due()
    assert world.run(expire_tick) is True
    assert len(world.rows("SELECT 1 FROM client_token")) == 6
    assert world.run(expire_tick) is False
    assert world.rows("SELECT token FROM client_token") == [("young",)]
    assert not due()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, True),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}, True),
        ([1, 2], [2, 1], False),
        ({"B": b"\xff"}, {"B": b"\xfe"}, False),
        ({"S": "1"}, {"N": "1"}, False),
        ({"a": None}, {}, False),
    ],
)
def test_a_digest_tells_content_and_not_the_order_of_maps(one: Any, other: Any, same: bool) -> None:
    assert (digest_of(one) == digest_of(other)) is same
