"""Random item requests to a store in memory and to DynamoDB Local, and where their answers differ.

Not collected by pytest: run it by hand with DynamoDB Local's port, a seed and a number of requests,

    java -Djava.library.path=LIB -cp 'LIB/*' \
        software.amazon.dynamodb.services.local.main.ServerRunner -inMemory -port 8803
    python tests/differential/against_dynamodb_local.py 8803 1 5000

Differences are grouped by operation and by both answers with names and numbers left out. Local is
not the service: the specification names what it gets wrong, and that is left out below.
"""

from __future__ import annotations

import json
import random
import re
import sys
import urllib.error
import urllib.request
from collections import Counter
from decimal import Decimal
from typing import Any

import streamstore
from streamstore.errors import StoreError
from streamstore.operations.faults import fault_of
from streamstore.operations.plan import Scope
from streamstore.server.replies import encode

TABLES = {
    "ttt": {
        "AttributeDefinitions": [
            {"AttributeName": n, "AttributeType": t}
            for n, t in (("pk", "S"), ("sk", "S"), ("g", "S"), ("n", "N"), ("l", "S"))
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "gs1",
                "KeySchema": [
                    {"AttributeName": "g", "KeyType": "HASH"},
                    {"AttributeName": "n", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a"]},
            },
            {
                "IndexName": "gs2",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
        "LocalSecondaryIndexes": [
            {
                "IndexName": "ls1",
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "l", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    },
    "num": {
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "N"},
            {"AttributeName": "bin", "AttributeType": "B"},
        ],
        "KeySchema": [
            {"AttributeName": "id", "KeyType": "HASH"},
            {"AttributeName": "bin", "KeyType": "RANGE"},
        ],
    },
    "solo": {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    },
}


FAULTY = (
    {"SS": []},
    {"NS": ["1", "1.0"]},
    {"N": "x"},
    {},
    {"S": "a", "N": "1"},
    {"N": "1" * 39},
    {"NULL": False},
    {"SS": ["a", "a"]},
    {"N": "1e126"},
)
PATHS = [
    "a",
    "b",
    "c",
    "d",
    "m",
    "m.x",
    "m.y",
    "a[0]",
    "a[1]",
    "b.x",
    "g",
    "n",
    "#h",
    "l",
    "zz",
    "m.x[0]",
    "d[2]",
]


class Local:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"

    def call(self, operation: str, params: Any) -> Any:
        request = urllib.request.Request(
            self.url,
            json.dumps(params).encode(),
            {
                "X-Amz-Target": f"DynamoDB_20120810.{operation}",
                "Content-Type": "application/x-amz-json-1.0",
                "Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20200101/us-east-1/dynamodb/"
                "aws4_request, SignedHeaders=host, Signature=abc",
                "X-Amz-Date": "20200101T000000Z",
            },
        )
        try:
            with urllib.request.urlopen(request) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())


class Ours:
    def __init__(self) -> None:
        self.store = streamstore.open(":memory:", background=False)
        own = self.store.scope
        self.scope = Scope(own.engine, own.region, own.account, True)

    def call(self, operation: str, params: Any) -> Any:
        try:
            reply = self.store.call(operation, params, self.scope)
        except StoreError as error:
            reply = fault_of(error).body
        return json.loads(encode(reply))


class Requests:
    """Random requests: mostly sound, now and then with a fault."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self) -> tuple[str, dict[str, Any]]:
        make = self.random.choices(
            [self.put, self.update, self.delete, self.get, self.query, self.scan,
             self.batch_get, self.batch_write, self.transact_write, self.transact_get],
            [20, 25, 6, 8, 22, 8, 3, 4, 8, 3],
        )[0]  # fmt: skip
        return make()

    def pick(self, *options: Any) -> Any:
        return self.random.choice(options)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def scalar(self) -> Any:
        return self.pick(
            {"S": self.pick("", "a", "b", "ab", "é😀", "zz")},
            {"N": self.pick("0", "1", "1.0", "-3", "2.50", "1e2", "12345678901234567890")},
            {"B": self.pick("YQ==", "YWI=", "/w==")},
            {"BOOL": self.chance(0.5)},
            {"NULL": True},
        )

    def value(self, depth: int = 0) -> Any:
        if self.chance(0.02):
            return self.pick(*FAULTY)
        if depth < 3 and self.chance(0.3):
            return self.pick(
                {"L": [self.value(depth + 1) for _ in range(self.random.randrange(4))]},
                {"M": {k: self.value(depth + 1) for k in self.random.sample("xyz", 2)}},
                {"SS": self.random.sample(["a", "b", "c"], 2)},
                {"NS": self.random.sample(["1", "2", "3.0"], 2)},
                {"BS": ["YQ==", "Yg=="]},
            )
        return self.scalar()

    def key(self, table: str) -> dict[str, Any]:
        if table == "ttt":
            key = {"pk": {"S": self.pick("p", "q")}, "sk": {"S": self.pick("1", "2", "3", "33")}}
        elif table == "num":
            key = {"id": {"N": self.pick("1", "1.0", "2")}, "bin": {"B": self.pick("YQ==", "/w==")}}
        else:
            key = {"pk": {"S": self.pick("p", "q", "r")}}
        if self.chance(0.04):
            name = self.pick(*key)
            fault = self.pick("gone", "extra", "type", "empty")
            if fault == "gone":
                del key[name]
            elif fault == "extra":
                key["other"] = {"S": "x"}
            else:
                key[name] = {"BOOL": True} if fault == "type" else {next(iter(key[name])): ""}
        return key

    def table(self) -> str:
        return self.pick("ttt", "ttt", "ttt", "num", "solo") if self.chance(0.99) else "nope"

    def item(self, table: str) -> dict[str, Any]:
        item = self.key(table)
        for name in "abcdm":
            if self.chance(0.4):
                item[name] = self.value()
        if self.chance(0.7):
            item["g"] = {"S": self.pick("g1", "g2")} if self.chance(0.97) else self.scalar()
        if self.chance(0.7):
            item["n"] = {"N": self.pick("1", "2", "10")} if self.chance(0.97) else self.scalar()
        if self.chance(0.7):
            item["l"] = {"S": self.pick("l1", "l2")} if self.chance(0.97) else self.scalar()
        return item

    def path(self) -> str:
        return self.pick(*PATHS, "pk" if self.chance(0.1) else "c")

    def operand(self, values: dict[str, Any]) -> str:
        if self.chance(0.25):
            return self.path()
        if self.chance(0.1):
            return f"size({self.path()})"
        name = f":v{len(values)}"
        values[name] = self.value(1)
        return name

    def condition(self, values: dict[str, Any], depth: int = 0) -> str:
        if depth < 2 and self.chance(0.3):
            left, right = (self.condition(values, depth + 1) for _ in range(2))
            joined = f"{left} {self.pick('AND', 'OR')} {right}"
            return self.pick(f"({joined})", joined, f"NOT ({joined})")
        path = self.path()
        form = self.pick(
            "cmp", "cmp", "exists", "not", "begins", "contains", "type", "between", "in"
        )
        if form == "cmp":
            return f"{path} {self.pick('=', '<>', '<', '<=', '>', '>=')} {self.operand(values)}"
        if form == "exists":
            return f"attribute_exists({path})"
        if form == "not":
            return f"attribute_not_exists({path})"
        if form == "between":
            return f"{path} BETWEEN {self.operand(values)} AND {self.operand(values)}"
        if form == "in":
            return f"{path} IN ({self.operand(values)}, {self.operand(values)})"
        if form == "type":
            name = f":v{len(values)}"
            values[name] = {"S": self.pick("S", "N", "L", "SS", "Q")}
            return f"attribute_type({path}, {name})"
        return (
            f"{'begins_with' if form == 'begins' else 'contains'}({path}, {self.operand(values)})"
        )

    def update_text(self, values: dict[str, Any]) -> str:
        sections = []
        if self.chance(0.75):
            sets = []
            for _ in range(self.random.randrange(1, 3)):
                right = self.pick(
                    "value", "value", "plus", "minus", "append", "if", "path",
                )  # fmt: skip
                one = self.operand(values)
                if right == "plus":
                    one = f"{self.path()} + {one}"
                elif right == "minus":
                    one = f"{one} - {self.operand(values)}"
                elif right == "append":
                    one = f"list_append({self.path()}, {one})"
                elif right == "if":
                    one = f"if_not_exists({self.path()}, {one})"
                elif right == "path":
                    one = self.path()
                sets.append(f"{self.path()} = {one}")
            sections.append("SET " + ", ".join(sets))
        if self.chance(0.3):
            sections.append("REMOVE " + ", ".join({self.path() for _ in range(2)}))
        for word in ("ADD", "DELETE"):
            if self.chance(0.15):
                name = f":v{len(values)}"
                values[name] = self.pick(
                    {"N": "1"}, {"SS": ["a", "q"]}, {"NS": ["1"]}, self.value()
                )
                sections.append(f"{word} {self.path()} {name}")
        self.random.shuffle(sections)
        return " ".join(sections)

    def finish(self, params: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Names and values as the texts need them."""
        texts = " ".join(v for k, v in params.items() if k.endswith("Expression"))
        used = {name: value for name, value in values.items() if re.search(name + r"\b", texts)}
        if used:
            params["ExpressionAttributeValues"] = used
        if "#h" in texts:
            params["ExpressionAttributeNames"] = {"#h": self.pick("h", "a", "m")}
        if self.chance(0.01):
            params["ExpressionAttributeNames"] = self.pick({}, {"#u": "u"}, {"bad": "u"})
        return params

    def returned(self, params: dict[str, Any], *modes: str) -> None:
        if self.chance(0.5):
            params["ReturnValues"] = self.pick(*modes)
        if self.chance(0.4):
            params["ReturnConsumedCapacity"] = self.pick("TOTAL", "INDEXES", "NONE")
        if self.chance(0.2):
            params["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"

    def put(self) -> tuple[str, dict[str, Any]]:
        table, values = self.table(), {}
        params: dict[str, Any] = {"TableName": table, "Item": self.item(table)}
        if self.chance(0.3):
            params["ConditionExpression"] = self.condition(values)
        self.returned(params, "ALL_OLD", "NONE")
        return "PutItem", self.finish(params, values)

    def update(self) -> tuple[str, dict[str, Any]]:
        table, values = self.table(), {}
        params: dict[str, Any] = {"TableName": table, "Key": self.key(table)}
        if text := self.update_text(values):
            params["UpdateExpression"] = text
        if self.chance(0.3):
            params["ConditionExpression"] = self.condition(values)
        self.returned(params, "ALL_OLD", "NONE", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
        return "UpdateItem", self.finish(params, values)

    def delete(self) -> tuple[str, dict[str, Any]]:
        table, values = self.table(), {}
        params: dict[str, Any] = {"TableName": table, "Key": self.key(table)}
        if self.chance(0.4):
            params["ConditionExpression"] = self.condition(values)
        self.returned(params, "ALL_OLD", "NONE")
        return "DeleteItem", self.finish(params, values)

    def projection(self, params: dict[str, Any], share: float = 0.3) -> None:
        if self.chance(share):
            paths = [self.path() for _ in range(self.random.randrange(1, 4))]
            params["ProjectionExpression"] = ", ".join(paths)

    def get(self) -> tuple[str, dict[str, Any]]:
        table = self.table()
        params: dict[str, Any] = {"TableName": table, "Key": self.key(table)}
        self.projection(params, 0.5)
        if self.chance(0.3):
            params["ConsistentRead"] = self.chance(0.5)
            params["ReturnConsumedCapacity"] = "TOTAL"
        return "GetItem", self.finish(params, {})

    def paged(self, params: dict[str, Any]) -> None:
        if self.chance(0.4):
            params["Limit"] = self.random.randrange(1, 5)
        if self.chance(0.3):
            params["ReturnConsumedCapacity"] = self.pick("TOTAL", "INDEXES")
        if self.chance(0.15):
            params["ConsistentRead"] = self.chance(0.5)
        if self.chance(0.3):
            params["Select"] = self.pick(
                "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES"
            )

    def start(self, params: dict[str, Any]) -> None:
        if not self.chance(0.2):
            return
        start = self.key(params["TableName"] if params["TableName"] != "nope" else "ttt")
        index = params.get("IndexName")
        if index in ("gs1", "gs2") and self.chance(0.95):
            start["g"] = {"S": self.pick("g1", "g2")}
        if index == "gs1" and self.chance(0.95):
            start["n"] = {"N": self.pick("1", "2")}
        if index == "ls1" and self.chance(0.95):
            start["l"] = {"S": self.pick("l1", "l2")}
        params["ExclusiveStartKey"] = start

    def query(self) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {}
        table = self.pick("ttt", "ttt", "num", "solo")
        params: dict[str, Any] = {"TableName": table}
        hash_name, hash_value = ("id", {"N": "1"}) if table == "num" else ("pk", {"S": "p"})
        range_name, low, high = {
            "ttt": ("sk", {"S": "1"}, {"S": "3"}),
            "num": ("bin", {"B": "YQ=="}, {"B": "/w=="}),
            "solo": ("sk", {"S": "1"}, {"S": "2"}),
        }[table]
        if table == "ttt" and self.chance(0.5):
            params["IndexName"] = index = self.pick("gs1", "gs2", "ls1")
            if index != "ls1":
                hash_name, hash_value = "g", {"S": self.pick("g1", "g2")}
                range_name, low, high = "n", {"N": "1"}, {"N": "10"}
            else:
                range_name, low, high = "l", {"S": "l1"}, {"S": "l2"}
        values[":h"], values[":lo"], values[":hi"] = hash_value, low, high
        if self.chance(0.03):
            values[":lo"] = self.scalar()
        second = self.pick(
            "", "", f"{range_name} {self.pick('=', '<', '<=', '>', '>=')} :lo",
            f"{range_name} BETWEEN :lo AND :hi", f"begins_with({range_name}, :lo)",
            f":lo <= {range_name}", f"{self.pick(range_name, 'zz')} <> :lo",
        )  # fmt: skip
        first = f"{hash_name} = :h"
        params["KeyConditionExpression"] = f"{first} AND {second}" if second else first
        if self.chance(0.3):
            params["FilterExpression"] = self.condition(values)
        self.projection(params)
        self.paged(params)
        if self.chance(0.3):
            params["ScanIndexForward"] = self.chance(0.5)
        self.start(params)
        return "Query", self.finish(params, values)

    def scan(self) -> tuple[str, dict[str, Any]]:
        values: dict[str, Any] = {}
        params: dict[str, Any] = {"TableName": self.table()}
        if params["TableName"] == "ttt" and self.chance(0.5):
            params["IndexName"] = self.pick("gs1", "gs2", "ls1")
        if self.chance(0.4):
            params["FilterExpression"] = self.condition(values)
        self.projection(params)
        if self.chance(0.3):
            params["Select"] = self.pick("COUNT", "ALL_ATTRIBUTES", "SPECIFIC_ATTRIBUTES")
        if self.chance(0.3):
            params["ReturnConsumedCapacity"] = self.pick("TOTAL", "INDEXES")
        return "Scan", self.finish(params, values)

    def batch_get(self) -> tuple[str, dict[str, Any]]:
        requests: dict[str, Any] = {}
        for table in {self.table() for _ in range(2)}:
            request: dict[str, Any] = {"Keys": [self.key(table) for _ in range(2)]}
            self.projection(request)
            requests[table] = self.finish(request, {})
        return "BatchGetItem", {"RequestItems": requests}

    def batch_write(self) -> tuple[str, dict[str, Any]]:
        requests: dict[str, Any] = {}
        for table in {self.table() for _ in range(2)}:
            requests[table] = [
                {"PutRequest": {"Item": self.item(table)}}
                if self.chance(0.6)
                else {"DeleteRequest": {"Key": self.key(table)}}
                for _ in range(self.random.randrange(1, 3))
            ]
        params: dict[str, Any] = {"RequestItems": requests}
        if self.chance(0.4):
            params["ReturnConsumedCapacity"] = self.pick("TOTAL", "INDEXES")
        return "BatchWriteItem", params

    def transact_write(self) -> tuple[str, dict[str, Any]]:
        elements = []
        for _ in range(self.random.randrange(1, 4)):
            operation, params = self.pick(self.put, self.update, self.delete)()
            for name in ("ReturnValues", "ReturnConsumedCapacity"):
                params.pop(name, None)
            if operation == "UpdateItem" and "UpdateExpression" not in params:
                continue
            if operation == "DeleteItem" and "ConditionExpression" in params and self.chance(0.5):
                operation = "ConditionCheckItem"
            elements.append({operation.removesuffix("Item"): params})
        return "TransactWriteItems", {"TransactItems": elements or [{"Put": self.put()[1]}]}

    def transact_get(self) -> tuple[str, dict[str, Any]]:
        elements = []
        for _ in range(self.random.randrange(1, 4)):
            params = self.get()[1]
            for name in ("ConsistentRead", "ReturnConsumedCapacity"):
                params.pop(name, None)
            elements.append({"Get": params})
        return "TransactGetItems", {"TransactItems": elements}


def canonical(part: Any) -> Any:
    """An answer without what the service leaves open: the order of sets, and of items of a Scan
    or BatchGetItem; numbers in normal form, which Local forgets inside documents."""
    if isinstance(part, dict):
        if len(part) == 1 and isinstance(part.get("N"), str):
            return {"N": str(Decimal(part["N"]).normalize())}
        out = {}
        for name, value in part.items():
            if name in ("SS", "BS") and isinstance(value, list):
                value = sorted(value)
            if name == "NS" and isinstance(value, list):
                value = sorted(str(Decimal(each).normalize()) for each in value)
            if name in ("Items", "Responses") and isinstance(value, list | dict):
                value = unordered(value)
            out[name] = canonical(value)
        return out
    return [canonical(each) for each in part] if isinstance(part, list) else part


def unordered(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: unordered(value) for name, value in part.items()}
    if all("Item" in each or not each for each in part):
        return [{} if each == {"Item": {}} else each for each in part]  # TransactGetItems
    return sorted(part, key=lambda each: json.dumps(canonical(each), sort_keys=True))


def shape(answer: Any) -> str:
    """An answer with what varies left out: for errors the text, for replies the members."""
    if "__type" in answer:
        text = str(answer.get("message", answer.get("Message")))
        text = text.removeprefix("1 validation error detected: ")
        text = re.sub(r"token: .*", "token...", text)
        text = re.sub(r"path one.*", "paths..", text)
        text = re.sub(r"\[[^\]]*\]|\{[^}]*\}", "[..]", text)
        return f"{answer['__type'].rpartition('#')[2]}: {text}"
    return "reply"


# Texts of Local's own for key faults and missing tables, which it also tells in another order.
LOCAL_ONLY = (
    "Cannot do operations on a non-existent table",
    "The number of conditions on the keys is invalid",
    "One of the required keys was not given a value",
    "Invalid attribute value type",
    "Type mismatch for attribute",
    "cannot be converted into a number",
    "precision up to 38 digits",
    "contains duplicates",
    "The provided starting key does not match the range key predicate",
    "Secondary index ls1 does not project one or more filter attributes",
    "Query key condition not supported",
    "Invalid operator used in KeyConditionExpression",
)
# Ours, which come before what Local tells first.
OURS_FIRST = (
    "choosing to get",
    "can be used only when Querying using an IndexName",
    "Provided list of item keys contains duplicates",
)


def excused(operation: str, difference: list[str], mine: Any, other: Any) -> bool:
    """Whether replies differ only where Local is known to be wrong."""
    if difference == ["ConsumedCapacity"]:
        # It leaks units of a DeleteItem, counts a batch's missing items twice, transactions by
        # other rules, an item with half an index key as an entry, and nothing for an empty page.
        return operation not in ("GetItem", "UpdateItem", "Query", "Scan") or not mine.get("Count")
    # It leaves out the key after the one item that a Query of a table without sort key can find.
    return difference == ["LastEvaluatedKey"] and "LastEvaluatedKey" not in other


def known(ours: str, theirs: str) -> bool:
    if ours.startswith("reply"):
        return False
    if theirs == "reply":
        return "contains duplicates" in ours or "can only be specified when using" in ours
    return any(text in theirs for text in LOCAL_ONLY) or any(text in ours for text in OURS_FIRST)


def main(port: int, seed: int, count: int) -> int:
    ours, local, requests = Ours(), Local(port), Requests(seed)
    for name, definition in TABLES.items():
        params = {"TableName": name, "BillingMode": "PAY_PER_REQUEST", **definition}
        local.call("DeleteTable", {"TableName": name})
        for side in (ours, local):
            reply = side.call("CreateTable", params)
            assert "TableDescription" in reply, reply
    groups: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], tuple[Any, Any, Any]] = {}
    for _ in range(count):
        operation, params = requests.one()
        mine, other = ours.call(operation, params), local.call(operation, params)
        if canonical(mine) == canonical(other):
            continue
        group = (operation, shape(mine), shape(other))
        if group[1] == group[2] != "reply" or known(group[1], group[2]):
            continue
        if group[1] == group[2] == "reply":
            difference = sorted(
                name
                for name in mine.keys() | other.keys()
                if canonical(mine.get(name)) != canonical(other.get(name))
            )
            if excused(operation, difference, mine, other):
                continue
            group = (operation, f"reply {difference}", "reply")
        groups[group] += 1
        examples.setdefault(group, (params, mine, other))
        resync(ours, local)
    for group, times in groups.most_common():
        params, mine, other = examples[group]
        print(f"\n{times} x {group[0]}\n  ours : {group[1]}\n  local: {group[2]}")
        print(f"  asked {json.dumps(params)[:900]}")
        print(f"  ours  {json.dumps(mine)[:600]}\n  local {json.dumps(other)[:600]}")
    print(f"\n{count} requests, {sum(groups.values())} differences in {len(groups)} groups")
    return 1 if groups else 0


def resync(ours: Ours, local: Local) -> None:
    """Make the store hold what Local holds, so that one difference doesn't make others."""
    for name, definition in TABLES.items():
        names = [key["AttributeName"] for key in definition["KeySchema"]]
        held = {repr(i): i for i in ours.call("Scan", {"TableName": name})["Items"]}
        wanted = {repr(i): i for i in local.call("Scan", {"TableName": name})["Items"]}
        for item in held.values():
            ours.call("DeleteItem", {"TableName": name, "Key": {n: item[n] for n in names}})
        for item in wanted.values():
            if "__type" in ours.call("PutItem", {"TableName": name, "Item": item}):
                # Local let something in that we refuse.
                local.call("DeleteItem", {"TableName": name, "Key": {n: item[n] for n in names}})


if __name__ == "__main__":
    sys.exit(main(*(int(each) for each in sys.argv[1:4])))
