"""Rules across parameters: the texts name what was given, in the service's order."""

from __future__ import annotations

from typing import Any

import pytest

from streamstore.errors import ValidationFailed
from streamstore.operations import parameters as rules

GIVEN = {
    "PutItem": rules.PUT_OR_DELETE,
    "UpdateItem": rules.UPDATE,
    "GetItem": rules.GET,
    "Query": rules.QUERY,
    "Scan": rules.SCAN,
}


@pytest.mark.parametrize("operation", GIVEN)
def test_mixing_everything_names_everything_in_order(operation: str) -> None:
    each = GIVEN[operation]
    given: dict[str, Any] = dict.fromkeys((*each.expressions, *each.legacy)[::-1], 1)
    with pytest.raises(ValidationFailed) as caught:
        rules.refuse_mixing(given, each)
    assert caught.value.prefixed
    assert caught.value.message == (
        "Can not use both expression and non-expression parameters in the same request:"
        f" Non-expression parameters: {{{', '.join(each.legacy)}}}"
        f" Expression parameters: {{{', '.join(each.expressions)}}}"
    )


def test_key_conditions_count_only_beside_their_own_expression() -> None:
    rules.refuse_mixing({"KeyConditions": {}, "FilterExpression": "a"}, rules.QUERY)
    with pytest.raises(ValidationFailed, match="Can not use both"):
        rules.refuse_mixing({"KeyConditions": {}, "KeyConditionExpression": "a"}, rules.QUERY)


def test_predecessors_alone_are_no_mixture() -> None:
    rules.refuse_mixing({"AttributesToGet": ["a"]}, rules.GET)
    rules.refuse_mixing({"Expected": {}, "ConditionalOperator": "OR"}, rules.UPDATE)


@pytest.mark.parametrize(
    ("operation", "given", "text"),
    [
        ("PutItem", {"ExpressionAttributeValues": {}}, "ConditionExpression is null"),
        (
            "UpdateItem",
            {"ExpressionAttributeValues": {}},
            "UpdateExpression and ConditionExpression are null",
        ),
        (
            "Query",
            {"ExpressionAttributeValues": {}},
            "FilterExpression and KeyConditionExpression are null",
        ),
        (
            "Scan",
            {"ExpressionAttributeValues": {}, "ProjectionExpression": "a"},
            "FilterExpression is null",
        ),
        ("GetItem", {"ExpressionAttributeNames": {}}, None),
        ("Scan", {"ExpressionAttributeNames": {}, "ExpressionAttributeValues": {}}, None),
    ],
)
def test_stray_placeholders(operation: str, given: Any, text: str | None) -> None:
    with pytest.raises(ValidationFailed) as caught:
        rules.refuse_stray_placeholders(given, GIVEN[operation])
    assert caught.value.prefixed
    if text is None:
        expected = "ExpressionAttributeNames can only be specified when using expressions"
    else:
        expected = f"ExpressionAttributeValues can only be specified when using expressions: {text}"
    assert caught.value.message == expected


@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("PutItem", {}),
        (
            "PutItem",
            {
                "ConditionExpression": "a",
                "ExpressionAttributeNames": {},
                "ExpressionAttributeValues": {},
            },
        ),
        ("GetItem", {"ProjectionExpression": "a", "ExpressionAttributeNames": {}}),
        ("Query", {"FilterExpression": "a", "ExpressionAttributeValues": {}}),
    ],
)
def test_placeholders_with_an_expression_are_left_to_the_language(
    operation: str, given: Any
) -> None:
    rules.refuse_stray_placeholders(given, GIVEN[operation])
