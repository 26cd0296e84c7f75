"""Which requests a rule means, how often it hits, and what it refuses to be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore import limits
from streamstore.control.rules import ERROR_CODES, Rule, Rules, error_of
from streamstore.control.targets import Target
from streamstore.errors import (
    ControlRefused,
    Injected,
    IteratorExpired,
    LimitExceeded,
    RecordsTrimmed,
    Throttled,
    TransactionCanceled,
)
from streamstore.operations.faults import fault_of

HERE = [Target("orders", "a/1")]
THROTTLED = "ThrottlingException"


@pytest.mark.parametrize(
    ("pattern", "operation", "target", "meant"),
    [
        ({}, "PutItem", Target("orders", "a/1"), True),
        ({"operation": "PutItem"}, "PutItem", Target("orders", None), True),
        ({"operation": "PutItem"}, "GetItem", Target("orders", None), False),
        ({"operation": "Get*"}, "GetRecords", Target("orders", None), True),
        ({"operation": "*Item"}, "GetRecords", Target("orders", None), False),
        ({"table": "orders"}, "PutItem", Target("orders", None), True),
        ({"table": "order?"}, "PutItem", Target("orders", None), True),
        ({"table": "Orders"}, "PutItem", Target("orders", None), False),
        ({"table": "orders"}, "PutItem", Target("orders2", None), False),
        ({"table": "o*"}, "ListTables", Target(None, None), False),
        ({"table": "*"}, "ListTables", Target(None, None), True),
        ({"key": "a/*"}, "PutItem", Target("orders", "a/1"), True),
        ({"key": "b/*"}, "PutItem", Target("orders", "a/1"), False),
        ({"key": "*"}, "Query", Target("orders", None), True),
        ({"key": "a*"}, "Query", Target("orders", None), False),
        ({"key": "[ab]/1"}, "PutItem", Target("orders", "b/1"), True),
    ],
)
def test_a_rule_means_what_all_of_its_patterns_match(
    pattern: dict[str, Any], operation: str, target: Target, meant: bool
) -> None:
    rules = Rules()
    rules.add(Rule(**pattern, error=THROTTLED))
    assert (rules.judge(operation, [target]) is not None) is meant


def test_table_and_key_are_matched_together_on_one_of_several_targets() -> None:
    rule = Rule(table="orders", key="b", error=THROTTLED)
    assert not rule.matches("BatchGetItem", [Target("orders", "a"), Target("users", "b")])
    assert rule.matches("BatchGetItem", [Target("users", "b"), Target("orders", "b")])


def test_a_rule_with_a_count_hits_so_often_and_is_then_spent() -> None:
    rules = Rules()
    rules.add(Rule(error=THROTTLED, count=2))
    assert [rules.judge("PutItem", HERE) is not None for _ in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    assert rules.listed()[0]["hits"] == 2


def test_a_request_that_no_rule_means_uses_up_nothing() -> None:
    rules = Rules()
    rules.add(Rule("GetItem", error=THROTTLED, count=1))
    assert rules.judge("PutItem", HERE) is None
    assert rules.judge("GetItem", HERE) is not None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.05, 0.5, 0.9]))
def test_chances_repeat_with_the_seed_and_keep_to_the_probability(
    seed: int, probability: float
) -> None:
    runs = []
    for _ in range(2):
        rules = Rules()
        rules.add(Rule(error=THROTTLED, probability=probability, seed=seed))
        runs.append([rules.judge("PutItem", HERE) is not None for _ in range(400)])
    assert runs[0] == runs[1]
    assert abs(sum(runs[0]) / 400 - probability) < 0.15


def test_a_drawn_seed_is_shown_and_repeats_the_run() -> None:
    first, again = Rules(), Rules()
    first.add(Rule(error=THROTTLED, probability=0.5))
    seen = [first.judge("PutItem", HERE) is not None for _ in range(50)]
    again.add(Rule(error=THROTTLED, probability=0.5, seed=first.listed()[0]["seed"]))
    assert [again.judge("PutItem", HERE) is not None for _ in range(50)] == seen


def test_delays_add_up_until_the_first_rule_with_an_error() -> None:
    rules = Rules()
    rules.add(Rule(delay_seconds=1))
    rules.add(Rule(delay_seconds=0.5))
    verdict = rules.judge("PutItem", HERE)
    assert verdict is not None
    assert (verdict.delay_seconds, verdict.error) == (1.5, None)
    rules.add(Rule(error=THROTTLED, delay_seconds=2))
    rules.add(Rule(error="InternalServerError", delay_seconds=9))
    verdict = rules.judge("PutItem", HERE)
    assert verdict is not None
    assert verdict.delay_seconds == 3.5
    assert isinstance(verdict.error, Throttled)
    assert [shown["hits"] for shown in rules.listed()] == [2, 2, 1, 0]


def test_clearing_takes_one_rule_or_all_and_numbers_are_not_given_again() -> None:
    rules = Rules()
    assert [rules.add(Rule(error=THROTTLED)) for _ in range(3)] == [1, 2, 3]
    assert rules.clear(2) == 1
    assert rules.clear(2) == 0
    assert [shown["id"] for shown in rules.listed()] == [1, 3]
    assert rules.clear() == 2
    assert not rules
    assert rules.add(Rule(error=THROTTLED)) == 4


def test_a_repeat_hits_only_when_it_is_taken() -> None:
    rules = Rules()
    number = rules.add(Rule("GetRecords", effect="repeat", count=1))
    for _ in range(3):
        assert rules.judge("GetRecords", HERE) is not None
    assert rules.take(number)
    assert not rules.take(number)
    assert rules.judge("GetRecords", HERE) is None
    assert not rules.take(99)


def test_there_is_a_bound_on_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RULES_MAX", 2)
    rules = Rules()
    rules.add(Rule(error=THROTTLED))
    rules.add(Rule(error=THROTTLED))
    with pytest.raises(ControlRefused, match="2 rules already"):
        rules.add(Rule(error=THROTTLED))


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"error": "Throttling"}, "no error is called 'Throttling'"),
        ({"operation": "putItem", "error": THROTTLED}, "no operation is called 'putItem'"),
        ({"probability": 0, "error": THROTTLED}, "'probability' must be above 0"),
        ({"probability": 1.01, "error": THROTTLED}, "'probability' must be above 0"),
        ({"probability": float("nan"), "error": THROTTLED}, "'probability' must be above 0"),
        ({"probability": True, "error": THROTTLED}, "'probability' must be a number"),
        ({"probability": "1", "error": THROTTLED}, "'probability' must be a number"),
        ({"count": 0, "error": THROTTLED}, "'count' must be at least 1"),
        ({"count": 1.5, "error": THROTTLED}, "'count' must be a whole number"),
        ({"seed": "x", "error": THROTTLED}, "'seed' must be a whole number"),
        ({"delay_seconds": -1}, "'delay_seconds' must lie in 0..3600"),
        ({"delay_seconds": 3601}, "'delay_seconds' must lie in 0..3600"),
        ({"delay_seconds": float("inf")}, "'delay_seconds' must lie in 0..3600"),
        ({}, "a rule needs an error, an effect or a delay"),
        ({"table": None, "error": THROTTLED}, "'table' must be a text"),
        ({"error": 5}, "'error' must be a text or absent"),
        ({"message": "x", "delay_seconds": 1}, "'message' goes with an error"),
        ({"message": "x", "error": "ExpiredIteratorException"}, "'message' goes with an error"),
        ({"effect": "empty"}, "an effect is GetRecords' alone"),
        ({"operation": "GetRecords", "effect": "half"}, "'effect' must be"),
        (
            {"operation": "GetRecords", "effect": "empty", "error": THROTTLED},
            "an error or an effect, not both",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(members: dict[str, Any], why: str) -> None:
    with pytest.raises(ControlRefused, match=why):
        Rule(**members)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_error_reaches_the_wire_under_its_own_name(code: str) -> None:
    fault = fault_of(error_of(code, None, 2))
    assert fault.code == code
    assert fault.message
    assert fault.status == {"InternalServerError": 500, "ServiceUnavailable": 503}.get(code, 400)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ExpiredIteratorException", IteratorExpired),
        ("LimitExceededException", LimitExceeded),
        ("ProvisionedThroughputExceededException", Injected),
        ("ThrottlingException", Throttled),
        ("TrimmedDataAccessException", RecordsTrimmed),
    ],
)
def test_an_error_is_of_the_class_that_the_store_raises_itself(code: str, kind: type) -> None:
    assert type(error_of(code, None)) is kind


def test_a_text_of_ones_own_is_sent_where_the_error_has_a_free_one() -> None:
    for code in ("ThrottlingException", "RequestLimitExceeded", "ValidationException"):
        Rule(error=code, message="mine")
        assert fault_of(error_of(code, "mine")).message == "mine"


def test_a_cancelled_transaction_has_a_reason_for_each_action() -> None:
    error = error_of("TransactionCanceledException", None, 3)
    assert isinstance(error, TransactionCanceled)
    assert [reason.code for reason in error.reasons] == ["TransactionConflict", "None", "None"]
