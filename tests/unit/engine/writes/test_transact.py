"""Transactions: all or none, every action judged, the reasons in order."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.engine.tables.items import get
from streamstore.engine.writes.mutation import Mutation
from streamstore.engine.writes.transact import transact
from streamstore.errors import ResourceNotFound, TransactionCanceled, ValidationFailed


def key(name: str) -> Any:
    return {"pk": {"S": name}, "sk": {"S": "s"}}


@pytest.fixture
def streamed(world: Any) -> Any:
    world.create(view_type="NEW_AND_OLD_IMAGES")
    world.put({**key("there"), "n": {"S": "text"}})
    return world


def check(world: Any, name: str, condition: str) -> Mutation:
    judged = world.expression(condition=condition).condition
    return Mutation(world.table(), world.key_of(key(name)), "check", condition=judged)


def test_every_action_is_judged_and_nothing_is_done_when_one_is_refused(streamed: Any) -> None:
    never = streamed.expression(condition="attribute_not_exists(pk)").condition
    mistyped = ValidationFailed("The provided key element does not match the schema")
    mutations = [
        streamed.put_of(key("new")),
        streamed.put_of(key("there"), condition=never),
        check(streamed, "absent", "attribute_exists(pk)"),
        mistyped,
        streamed.update_of(key("there"), "SET n = n + :one", {":one": {"N": "1"}}),
        streamed.update_of(key("other"), "SET a.b = :one", {":one": {"N": "1"}}),
        check(streamed, "there", "attribute_exists(pk)"),
    ]
    before = streamed.rows("SELECT * FROM item"), streamed.engine.sequence
    with pytest.raises(TransactionCanceled) as canceled:
        streamed.run(lambda group: transact(group, mutations))
    assert [(r.code, r.message) for r in canceled.value.reasons] == [
        ("None", None),
        ("ConditionalCheckFailed", "The conditional request failed"),
        ("ConditionalCheckFailed", "The conditional request failed"),
        ("ValidationError", mistyped.message),
        ("ValidationError", "An operand in the update expression has an incorrect data type"),
        (
            "ValidationError",
            "The document path provided in the update expression is invalid for update",
        ),
        ("None", None),
    ]
    items = [reason.item for reason in canceled.value.reasons]
    assert items == [None, {**key("there"), "n": {"S": "text"}}, None, None, None, None, None]
    assert (streamed.rows("SELECT * FROM item"), streamed.engine.sequence) == before
    assert len(streamed.rows("SELECT * FROM record")) == 1


def test_effective_actions_make_records_with_one_run_of_numbers_in_their_order(
    streamed: Any,
) -> None:
    other = streamed.create("other", view_type="KEYS_ONLY")
    before = streamed.engine.sequence
    mutations = [
        streamed.put_of(key("c")),
        check(streamed, "there", "attribute_exists(n)"),
        streamed.put_of(key("a"), table=other),
        streamed.put_of({**key("there"), "n": {"S": "text"}}),
        streamed.delete_of(key("nowhere")),
        streamed.update_of(key("b"), "SET n = :n", {":n": {"N": "1"}}),
    ]
    applied = streamed.run(lambda group: transact(group, mutations))
    assert [each.changed for each in applied] == [True, False, True, False, False, True]
    sequences = [row[0] for row in streamed.rows("SELECT sequence FROM record ORDER BY sequence")]
    assert sequences[1:] == [before + 1, before + 2, before + 3]
    with streamed.reading() as rx:
        for mutation, each in zip(mutations, applied, strict=True):
            found = get(rx, each.table, mutation.key)
            assert (None if found is None else found[0]) == each.new


def test_a_check_alone_changes_nothing_and_tells_what_it_saw(streamed: Any) -> None:
    seen = check(streamed, "there", "attribute_exists(n)")
    (applied,) = streamed.run(lambda group: transact(group, [seen]))
    assert not applied.changed
    assert applied.old == applied.new == {**key("there"), "n": {"S": "text"}}
    assert applied.old_size == applied.new_size > 0


def test_a_table_that_has_gone_is_no_reason_but_an_error(streamed: Any) -> None:
    mutations = [streamed.put_of(key("a"))]
    streamed.delete()
    with pytest.raises(ResourceNotFound):
        streamed.run(lambda group: transact(group, mutations))
