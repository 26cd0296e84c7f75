"""The hands as JSON: what each verb takes and answers, and that nonsense is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.control import verbs
from streamstore.errors import ControlRefused
from streamstore.store import Store


def test_every_verb_does_what_its_name_says(store: Store, put: Any) -> None:
    put(1)
    control = store.control
    shard = store.shards("orders")[0].info.name
    before = store.clock.now_ms()
    assert verbs.do(control, "clock", {"advance_seconds": 1}) == {"now_ms": before + 1000}
    successor = verbs.do(control, "roll", {"table": "orders", "shard": shard})["successor"]
    trimmed = verbs.do(control, "trim", {"table": "orders", "shard": shard, "forget": True})
    assert trimmed == {"records": 1, "shards": [shard]}
    children = verbs.do(control, "split", {"table": "orders", "shard": None})["children"]
    assert [s.info.name for s in store.shards("orders")] == [successor, *children]
    assert verbs.do(control, "expire-iterators", {}) == {"issued_before_ms": before + 1001}
    rule = verbs.do(control, "rules-add", {"operation": "Get*", "delay_seconds": 1, "seed": 5})
    assert (rule["id"], rule["seed"], rule["hits"]) == (1, 5, 0)
    assert verbs.do(control, "rules-list", {}) == {"rules": [rule]}
    assert verbs.do(control, "rules-clear", {"id": 9}) == {"cleared": 0}
    assert verbs.do(control, "rules-clear", {}) == {"cleared": 1}
    played = verbs.do(control, "scenario", {"name": "throttled", "table": "orders"})
    assert played["table"] == "orders"
    assert verbs.do(control, "reset", {}) == {"tables": 1, "streams": 1}
    assert store.rules is None


@pytest.mark.parametrize(
    ("verb", "request_", "why"),
    [
        ("tidy", {}, "no verb is called 'tidy'"),
        ("roll", {"table": "orders"}, "'shard' must be a text"),
        ("roll", {"table": 5, "shard": "s"}, "'table' must be a text"),
        ("split", {"table": "orders", "into": 3}, "split doesn't take into"),
        ("trim", {"table": "orders", "forget": "yes"}, "'forget' must be true or false"),
        ("trim", {"table": "orders", "through": "1"}, "name the shard"),
        ("clock", {}, "'advance_seconds' must be a number"),
        ("clock", {"advance_seconds": True}, "'advance_seconds' must be a number"),
        ("rules-clear", {"id": "1"}, "'id' must be a whole number"),
        ("rules-add", {"error": "Nope"}, "no error is called 'Nope'"),
        ("rules-add", {"op": "x"}, "rules-add doesn't take op"),
        (
            "scenario",
            {"name": "storm"},
            "no scenario is called 'storm'; there are expired-iterator",
        ),
        ("scenario", {}, "'name' must be a text"),
    ],
)
def test_nonsense_is_refused_with_the_reason(
    store: Store, verb: str, request_: dict[str, Any], why: str
) -> None:
    with pytest.raises(ControlRefused, match=why):
        verbs.do(store.control, verb, request_)


def test_what_lives_in_memory_needs_somebody_who_has_the_store_open() -> None:
    live = {verb for verb in verbs.VERBS if verbs.is_live(verb, {})}
    assert live == {"clock", "rules-add", "rules-list", "rules-clear"}
    assert verbs.is_live("scenario", {"name": "throttled"})
    assert not verbs.is_live("scenario", {"name": "shard-gone"})
