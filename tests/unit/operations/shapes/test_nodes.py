"""Trees: the generated model with the hand-kept facts over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamstore.operations.shapes.nodes import Node, model, tree
from streamstore.operations.shapes.orders import (
    ADDED_MEMBERS,
    ENUM_ORDER,
    MEMBER_ORDER,
    TIGHTENED,
)

OPERATIONS = sorted(model()["operations"])


def nodes_of(node: Node) -> Iterator[Node]:
    yield node
    for member in node.members.values():
        yield from nodes_of(member)
    for inner in (node.member, node.key):
        if inner is not None:
            yield from nodes_of(inner)


def test_every_hand_kept_order_names_only_members_that_the_model_or_an_addition_has() -> None:
    shapes = model()["shapes"]
    for structure, order in MEMBER_ORDER.items():
        known = {*shapes[structure]["members"], *ADDED_MEMBERS.get(structure, ())}
        assert set(order) <= known, structure
        assert len(set(order)) == len(order), structure


def test_every_hand_kept_enum_order_is_a_permutation_of_the_model_s_values() -> None:
    for name, order in ENUM_ORDER.items():
        assert sorted(order) == sorted(model()["shapes"][name]["enum"]), name


def test_every_tightened_place_exists() -> None:
    for structure, member in TIGHTENED:
        assert member in model()["shapes"][structure]["members"], (structure, member)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_tree_keeps_every_member_of_the_model_and_all_its_bounds(operation: str) -> None:
    root = tree(operation)
    shape = model()["shapes"][model()["operations"][operation]]
    assert set(root.members) >= set(shape["members"])
    for node in nodes_of(root):
        if node.kind == "structure":
            assert set(node.required) <= set(node.members)
        if node.kind in ("list", "map"):
            assert node.element is not None
        if node.enum:
            assert set(node.enum) <= set(model()["shapes"][node.shape]["enum"])


def test_members_stand_in_the_service_s_order_and_newer_ones_behind_them() -> None:
    assert list(tree("PutItem").members)[:7] == [
        "ReturnConsumedCapacity",
        "TableName",
        "Item",
        "ConditionalOperator",
        "Expected",
        "ReturnValues",
        "ReturnItemCollectionMetrics",
    ]
    throughput = tree("CreateTable").members["ProvisionedThroughput"]
    assert list(throughput.members) == ["WriteCapacityUnits", "ReadCapacityUnits"]
