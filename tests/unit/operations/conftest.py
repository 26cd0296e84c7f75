"""A desk in front of the operations: a store in memory that is asked as both doors ask it.

What it does is what the store does with a plan, without threads: a real writer's connection, a real
engine, a clock that moves when told.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from streamstore.clock import ManualClock
from streamstore.config import Settings
from streamstore.engine.engine import Engine
from streamstore.errors import StoreError
from streamstore.operations import registry
from streamstore.operations.faults import fault_of
from streamstore.operations.plan import ReadPlan, Ready, Scope
from streamstore.storage.connection import open_memory
from streamstore.storage.transaction import ReadTransaction
from streamstore.storage.writer import Writer

ACCOUNT = "000000000000"
REGION = "us-east-1"


class Desk:
    """Ask by operation name; the answer is the reply, or the error is raised."""

    def __init__(self, clock: ManualClock | None = None, **settings: Any) -> None:
        self.clock = clock or ManualClock()
        self.connection = open_memory()
        self.connection.execute(files("streamstore.storage").joinpath("schema.sql").read_text())
        self.engine = Engine.load(self._reading(), Settings(**settings), self.clock)
        self.writer = Writer(self.connection, self.engine.open_group, self.clock, durable=False)
        self.scope = Scope(self.engine, REGION, ACCOUNT, False)

    def _reading(self) -> ReadTransaction:
        return ReadTransaction(self.connection)

    def ask(self, operation: str, scope: Scope | None = None, **params: Any) -> Any:
        plan = registry.prepare(operation, params, scope or self.scope)
        if isinstance(plan, Ready):
            return plan.reply
        if isinstance(plan, ReadPlan):
            return plan.read(self._reading())
        return self.writer.run(plan.apply, plan.cost_bytes)

    def refusal(self, operation: str, scope: Scope | None = None, **params: Any) -> tuple[str, str]:
        """(code, text) of the error that the request meets."""
        try:
            reply = self.ask(operation, scope, **params)
        except StoreError as error:
            fault = fault_of(error)
            return fault.code, fault.message or ""
        raise AssertionError(f"{operation} was not refused: {reply}")

    def table(self, name: str = "music", **changes: Any) -> dict[str, Any]:
        """Make a table with a string hash key; returns its description as CreateTable shows it."""
        params: dict[str, Any] = {
            "TableName": name,
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            **changes,
        }
        made: dict[str, Any] = self.ask("CreateTable", **params)["TableDescription"]
        return made

    def described(self, name: str = "music") -> dict[str, Any]:
        found: dict[str, Any] = self.ask("DescribeTable", TableName=name)["Table"]
        return found


@pytest.fixture
def desk() -> Desk:
    """A desk with the default settings."""
    return Desk()


@pytest.fixture
def make_desk() -> type[Desk]:
    """Desks with settings of the test's own: `make_desk(transition_seconds=5)`."""
    return Desk
