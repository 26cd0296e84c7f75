"""The table of contents of operations: complete, importable, and the one way in."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from streamstore.errors import SerializationFailed, UnknownOperation, ValidationFailed
from streamstore.operations import registry
from streamstore.operations.plan import Ready, Scope
from streamstore.operations.shapes.nodes import model


def test_every_operation_has_a_shape_and_every_shape_an_operation() -> None:
    assert set(registry.OPERATIONS) == set(model()["operations"])


def test_every_operation_is_planned_by_a_function_of_its_own() -> None:
    homes = {}
    for name, operation in registry.OPERATIONS.items():
        assert operation.name == name
        home = f"{operation.prepare.__module__}.{operation.prepare.__qualname__}"  # type: ignore[attr-defined]
        assert home not in homes, f"{name} and {homes[home]} share {home}"
        homes[home] = name


def test_operations_of_the_service_are_served_or_listed_as_absent_never_both() -> None:
    loader = pytest.importorskip("botocore.loaders").Loader()
    known: dict[str, str] = {}
    for service in ("dynamodb", "dynamodbstreams"):
        description = loader.load_service_model(service, "service-2", "2012-08-10")
        prefix = description["metadata"]["targetPrefix"]
        known.update(dict.fromkeys(description["operations"], prefix))
    assert not set(registry.OPERATIONS) & set(registry.ABSENT)
    assert set(registry.OPERATIONS) | set(registry.ABSENT) == set(known)
    for name, operation in registry.OPERATIONS.items():
        assert operation.target_prefix == known[name]


def test_importing_the_registry_imports_no_operation() -> None:
    script = (
        "import sys, streamstore.operations.registry as r; "
        "rooms = ('items', 'tables', 'streams', 'ttl', 'shapes'); "
        "early = [m for m in sys.modules if m.startswith('streamstore.operations.')"
        " and m.split('.')[2] in rooms]; "
        "r.preload(); "
        "print(len(early), 'streamstore.operations.items.query' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["0", "True"]


@pytest.mark.parametrize("name", ["Nonsense", "putitem", "", "CreateBackup"])
def test_an_operation_that_is_not_served_is_unknown(desk: Any, name: str) -> None:
    with pytest.raises(UnknownOperation):
        registry.prepare(name, {}, desk.scope)


def test_a_request_is_checked_for_its_shape_before_its_operation_sees_it(desk: Any) -> None:
    with pytest.raises(SerializationFailed):
        registry.prepare("ListTables", {"Limit": "x"}, desk.scope)
    with pytest.raises(ValidationFailed, match="less than or equal to 100"):
        registry.prepare("ListTables", {"Limit": 101}, desk.scope)
    plan = registry.prepare("ListTables", {"Limit": None, "Other": 1}, desk.scope)
    assert isinstance(plan, Ready)


def test_both_doors_have_a_check_of_their_own_spelling_of_binary_values(desk: Any) -> None:
    wire = Scope(desk.engine, desk.scope.region, desk.scope.account, base64_binary=True)
    desk.table(AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "B"}])
    embedded = {"TableName": "music", "Item": {"pk": {"B": b"ab"}}}
    on_wire = {"TableName": "music", "Item": {"pk": {"B": "YWI="}}}
    for params, good, bad in ((embedded, desk.scope, wire), (on_wire, wire, desk.scope)):
        registry.prepare("PutItem", params, good)
        with pytest.raises(SerializationFailed):
            registry.prepare("PutItem", params, bad)
