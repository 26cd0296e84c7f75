"""Random requests in the spelling that came before expressions (spec J), to a store in memory and
to DynamoDB Local, and where their answers differ.

Run by hand as against_dynamodb_local.py, whose harness this is:

    python tests/differential/legacy_parameters.py 8803 1 5000

What Local is known to get wrong is left out: it prints long names of types (STRING for S), creates
items by an update that only deletes, does nothing where Action is absent, and tells faults of
Expected and of filters before mixing and faults of updates after the condition.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import against_dynamodb_local as harness

NAMES = ["a", "b", "c", "d", "m", "g", "n", "l", "zz"]
OPERATORS = [
    "EQ",
    "NE",
    "LE",
    "LT",
    "GE",
    "GT",
    "NULL",
    "NOT_NULL",
    "CONTAINS",
    "NOT_CONTAINS",
    "BEGINS_WITH",
    "IN",
    "BETWEEN",
]
LONG = {
    "STRING": "S", "NUMBER": "N", "BINARY": "B", "BOOLEAN": "BOOL", "LIST": "L", "MAP": "M",
}  # fmt: skip


class Requests(harness.Requests):
    """Conditions, updates and key conditions as maps of attributes."""

    def one(self) -> tuple[str, dict[str, Any]]:
        make = self.random.choices(
            [self.put, self.update, self.delete, self.get, self.query, self.scan],
            [20, 30, 6, 4, 25, 15],
        )[0]
        return make()

    def comparison(self, simple: bool = False) -> dict[str, Any]:
        operator = self.pick(*OPERATORS)
        count = {"NULL": 0, "NOT_NULL": 0, "BETWEEN": 2, "IN": self.pick(1, 2, 3)}.get(operator, 1)
        if self.chance(0.03):
            count = self.random.randrange(4)
        if self.chance(0.6):
            kind = self.pick(
                [{"S": "a"}, {"S": "ab"}, {"S": "b"}, {"S": "g1"}],
                [{"N": "0"}, {"N": "1"}, {"N": "2.5"}, {"N": "10"}],
                [{"B": "YQ=="}, {"B": "YWI="}, {"B": "/w=="}],
            )
            values = [self.pick(*kind) for _ in range(count)]
        else:
            values = [self.value(1) for _ in range(count)]
        made: dict[str, Any] = {"ComparisonOperator": operator}
        if values or self.chance(0.2):
            made["AttributeValueList"] = values
        if not simple and len(values) == 1 and self.chance(0.3):
            made["Value"] = made.pop("AttributeValueList")[0]
        return made

    def expectation(self) -> dict[str, Any]:
        if self.chance(0.5):
            made = self.comparison()
        else:
            made = self.pick({"Exists": False}, {"Exists": True}, {})
            if made.get("Exists") is not False:
                made["Value"] = self.value(1)
        if self.chance(0.05):
            made[self.pick("Exists", "Exists")] = self.chance(0.5)
        if self.chance(0.05):
            made["Value"] = self.value(1)
        if self.chance(0.05):
            made["AttributeValueList"] = [self.value(1)]
        return made

    def some(self, make: Any, most: int = 3) -> dict[str, Any]:
        count = self.random.randrange(1, most + 1)
        return {name: make() for name in self.random.sample(NAMES, count)}

    def operator(self, params: dict[str, Any]) -> None:
        if self.chance(0.4):
            params["ConditionalOperator"] = self.pick("AND", "OR")

    def conditional(self, params: dict[str, Any], share: float) -> dict[str, Any]:
        if self.chance(share):
            params["Expected"] = self.some(self.expectation)
            self.operator(params)
        if self.chance(0.02):
            self.operator(params)
        if self.chance(0.02):
            params["ConditionExpression"] = "attribute_exists(a)"
        return params

    def put(self) -> tuple[str, dict[str, Any]]:
        table = self.table()
        params: dict[str, Any] = {"TableName": table, "Item": self.item(table)}
        self.returned(params, "ALL_OLD", "NONE")
        return "PutItem", self.conditional(params, 0.6)

    def delete(self) -> tuple[str, dict[str, Any]]:
        table = self.table()
        params: dict[str, Any] = {"TableName": table, "Key": self.key(table)}
        self.returned(params, "ALL_OLD", "NONE")
        return "DeleteItem", self.conditional(params, 0.8)

    def change(self) -> dict[str, Any]:
        action = self.pick("PUT", "ADD", "DELETE")
        made: dict[str, Any] = {"Action": action}
        if action == "ADD":
            made["Value"] = self.pick(
                {"N": "1"}, {"N": "-2.5"}, {"SS": ["a", "q"]}, {"NS": ["1"]},
                {"L": [{"S": "x"}]}, self.value(),
            )  # fmt: skip
        elif action == "DELETE":
            if self.chance(0.6):
                made["Value"] = self.pick(
                    {"SS": ["a"]}, {"SS": ["a", "b", "c"]}, {"NS": ["1"]}, self.value()
                )
        elif self.chance(0.97):
            made["Value"] = self.value()
        return made

    def update(self) -> tuple[str, dict[str, Any]]:
        table = self.table()
        params: dict[str, Any] = {"TableName": table, "Key": self.key(table)}
        if self.chance(0.95):
            params["AttributeUpdates"] = self.some(self.change)
        if self.chance(0.02):
            params["AttributeUpdates"] = {"pk": {"Value": {"S": "x"}}}
        self.returned(params, "ALL_OLD", "NONE", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
        return "UpdateItem", self.conditional(params, 0.3)

    def get(self) -> tuple[str, dict[str, Any]]:
        table = self.table()
        params: dict[str, Any] = {"TableName": table, "Key": self.key(table)}
        self.picked(params)
        return "GetItem", params

    def picked(self, params: dict[str, Any]) -> None:
        if self.chance(0.4):
            params["AttributesToGet"] = self.random.sample([*NAMES, "pk"], 2)

    def filtered(self, params: dict[str, Any], name: str) -> None:
        if self.chance(0.5):
            params[name] = self.some(lambda: self.comparison(simple=True))
            self.operator(params)
        if self.chance(0.02):
            params["FilterExpression"] = "attribute_exists(a)"
        self.picked(params)

    def query(self) -> tuple[str, dict[str, Any]]:
        table = self.pick("ttt", "ttt", "num", "solo")
        params: dict[str, Any] = {"TableName": table}
        first, value = ("id", {"N": "1"}) if table == "num" else ("pk", {"S": "p"})
        second, low, high = {
            "ttt": ("sk", {"S": "1"}, {"S": "3"}),
            "num": ("bin", {"B": "YQ=="}, {"B": "/w=="}),
            "solo": ("sk", {"S": "1"}, {"S": "2"}),
        }[table]
        if table == "ttt" and self.chance(0.4):
            params["IndexName"] = index = self.pick("gs1", "gs2", "ls1")
            second, low, high = "n", {"N": "1"}, {"N": "10"}
            if index == "ls1":
                second, low, high = "l", {"S": "l1"}, {"S": "l2"}
            else:
                first, value = "g", {"S": self.pick("g1", "g2")}
        keys: dict[str, Any] = {first: {"ComparisonOperator": "EQ", "AttributeValueList": [value]}}
        if self.chance(0.03):
            keys[first] = self.comparison(simple=True)
        if self.chance(0.5):
            operator = self.pick("EQ", "LT", "LE", "GT", "GE", "BEGINS_WITH", "BETWEEN")
            values = [low, high] if operator == "BETWEEN" else [low]
            keys[second] = {"ComparisonOperator": operator, "AttributeValueList": values}
            if self.chance(0.1):
                keys[second] = self.comparison(simple=True)
        if self.chance(0.02):
            keys.update(self.some(lambda: self.comparison(simple=True)))
        params["KeyConditions"] = keys
        self.filtered(params, "QueryFilter")
        self.paged(params)
        if self.chance(0.3):
            params["ScanIndexForward"] = self.chance(0.5)
        self.start(params)
        return "Query", params

    def scan(self) -> tuple[str, dict[str, Any]]:
        params: dict[str, Any] = {"TableName": self.table()}
        if params["TableName"] == "ttt" and self.chance(0.5):
            params["IndexName"] = self.pick("gs1", "gs2", "ls1")
        self.filtered(params, "ScanFilter")
        return "Scan", params


def shape(answer: Any, told: Any = harness.shape) -> str:
    """As the harness has it, with short names of types."""
    return re.sub(r"\b(STRING|NUMBER|BINARY|BOOLEAN|LIST|MAP)$", lambda m: LONG[m[0]], told(answer))


if __name__ == "__main__":
    harness.Requests = Requests  # type: ignore[misc]
    harness.shape = shape
    harness.LOCAL_ONLY += (
        "Cannot have two attributes with the same name",
        "Only scalar types can be used as",
        "Updates on index keys must be of the same data type as the key attribute",
        "Exclusive Start Key must have same size as table's key schema",
        "Consistent reads are not supported on global secondary indexes",
        "Type mismatch for Index Key",
        "for a key attribute cannot contain an empty",
    )
    harness.OURS_FIRST += (
        "Can not use both expression and non-expression parameters",
        "ConditionalOperator can only be used",
        "is not an indexable operation",
    )
    sys.exit(harness.main(*(int(each) for each in sys.argv[1:4])))
