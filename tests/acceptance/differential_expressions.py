"""Asks DynamoDB Local what we answer: the transcript of expressions, and texts made at random.

Not collected by pytest, since it needs Java and the jars of DynamoDB Local:

    python tests/acceptance/differential_expressions.py --jars .../lib [--count 2000] [--seed 1]

It starts a server of its own on a free port, in memory, prints every answer that differs, and ends
the server; it gives up after --seconds. DynamoDB Local binds to all interfaces for that time.
What differs on purpose is named in `expected` and in the transcript's "local:" lines.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
TRANSCRIPT = vars(import_module("tests.scripts.test_expressions"))

MAIN = "software.amazon.dynamodb.services.local.main.ServerRunner"
KEY = TRANSCRIPT["KEY"]
NAMES = {"#n": "a", "#m": "other", "#dot": "x.y"}
VALUES = {
    ":s": {"S": "x"}, ":u": {"S": "y"}, ":e": {"S": ""}, ":ty": {"S": "SS"}, ":n": {"N": "1"},
    ":n0": {"N": "0"}, ":b": {"B": "YQ=="}, ":t": {"BOOL": True}, ":z": {"NULL": True},
    ":ss": {"SS": ["a"]}, ":ns": {"NS": ["1"]}, ":bs": {"BS": ["YQ=="]},
    ":l": {"L": []}, ":m": {"M": {}},
}  # fmt: skip
FUNCTIONS = {
    "attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2,
    "contains": 2, "size": 1, "if_not_exists": 2, "list_append": 2, "foo": 1,
}  # fmt: skip
RUN_TIME = {
    "The provided expression refers to an attribute that does not exist in the item",
    "The document path provided in the update expression is invalid for update",
    "An operand in the update expression has an incorrect data type",
}


class Local:
    """A running DynamoDB Local with one table."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The reply; of a refusal {"message": text}."""
        headers = {
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/dynamodb/"
            "aws4_request, SignedHeaders=host, Signature=abc",
        }
        parameters = {"TableName": "expressions", **parameters}
        self.connection.request("POST", "/", json.dumps(parameters), headers)
        reply = json.loads(self.connection.getresponse().read() or b"{}")
        if "__type" not in reply:
            return reply
        text = reply.get("message", reply.get("Message"))
        return {"message": "failed" if "ConditionalCheckFailed" in reply["__type"] else text}

    def create_table(self) -> None:
        self.call(
            "CreateTable",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def ask(self, kind: str, text: str, given: dict[str, Any]) -> str:
        """Its answer, in the words of the transcript."""
        request: dict[str, Any] = {}
        if given.get("names") is not None:
            request["ExpressionAttributeNames"] = given["names"]
        if given.get("values") is not None:
            request["ExpressionAttributeValues"] = given["values"]
        if kind != "filter" and kind != "key":
            self.call("DeleteItem", Key=KEY)
            if given.get("item") is not None:
                self.call("PutItem", Item={**given["item"], **KEY})
        if kind == "filter":
            return self.call("Scan", FilterExpression=text, **request).get("message", "ok")
        if kind == "key":
            return self.call("Query", KeyConditionExpression=text, **request).get("message", "ok")
        run = "item" in given
        if kind == "condition":
            reply = self.call("DeleteItem", Key=KEY, ConditionExpression=text, **request)
            message = reply.get("message")
            if message not in (None, "failed"):
                return str(message)
            return json.dumps(message is None) if run else "ok"
        if kind == "projection":
            reply = self.call("GetItem", Key=KEY, ProjectionExpression=text, **request)
            shown = reply.get("Item", {})
        else:
            request["ReturnValues"] = "ALL_NEW"
            reply = self.call("UpdateItem", Key=KEY, UpdateExpression=text, **request)
            shown = {k: v for k, v in reply.get("Attributes", {}).items() if k not in KEY}
        if "message" in reply:
            message = str(reply["message"])
            return "ok" if message in RUN_TIME and not run else message
        return TRANSCRIPT["shown"](shown) if run else "ok"


def normal(answer: str) -> str:
    """Without what hangs on the order of a hash table."""

    def ordered(found: re.Match[str]) -> str:
        return "{" + ", ".join(sorted(re.split(", ?", found[1]))) + "}"

    answer = re.sub(r"(?<=keys: )\{(.*)\}", ordered, answer)
    answer = re.sub(r"valid types: \{.*\}|operand type: \{.*\}", "types", answer)
    return re.sub(r"(Two document paths .*), path two: .*", r"\1", answer)


def expected(text: str) -> bool:
    """Texts that DynamoDB Local judges by rules of its own: SIZE and CONVERT aren't reserved
    there, and a value may follow the dot of a path."""
    return bool(re.search(r"\b(size|convert)\b(?!\s*\()|\.\s*:\w", text, re.IGNORECASE))


class Writer:
    """Makes texts: nearly right ones, and some of them mutilated."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def some(self, make: Callable[[], str], most: int, joint: str = ", ") -> str:
        return joint.join(make() for _ in range(self.random.randint(1, most)))

    def often(self, chance: float) -> bool:
        return self.random.random() < chance

    def path(self) -> str:
        text = self.random.choice(["a", "b", "c", "pk", "#n", "#m", "#q", "name", "#dot"])
        while self.often(0.3):
            text += self.random.choice([".a", ".b", ".#n", ".Status", "[0]", "[7]", "[2147483648]"])
        return text

    def enclosed(self, text: str, chance: float = 0.12) -> str:
        return f"({text})" if self.often(chance) else text

    def operand(self, depth: int = 0) -> str:
        if depth < 3 and self.often(0.15):
            text = self.function(depth + 1, "size" if self.often(0.8) else None)
        else:
            text = self.path() if self.often(0.5) else self.random.choice([*VALUES, ":q"])
        return self.enclosed(self.enclosed(text))

    def function(self, depth: int = 0, name: str | None = None) -> str:
        name = name or self.random.choice(list(FUNCTIONS))
        wrong = self.random.choice([-1, 1]) if self.often(0.08) else 0
        count = max(1, FUNCTIONS[name] + wrong)
        rest = [self.operand(depth) for _ in range(count - 1)]
        return (
            f"{name}({', '.join([self.path() if self.often(0.7) else self.operand(depth), *rest])})"
        )

    def condition(self, depth: int = 0) -> str:
        kind = self.random.random()
        if depth < 4 and kind < 0.3:
            joint = self.random.choice([" AND ", " OR ", " or "])
            text = joint.join(self.condition(depth + 1) for _ in range(2))
        elif depth < 4 and kind < 0.4:
            text = "NOT " + self.condition(depth + 1)
        elif kind < 0.65:
            comparator = self.random.choice(["=", "<>", " < ", "<=", ">", " >= "])
            text = self.operand() + comparator + self.operand()
        elif kind < 0.75:
            text = f"{self.operand()} BETWEEN {self.operand()} AND {self.operand()}"
        elif kind < 0.82:
            text = f"{self.operand()} IN ({self.some(self.operand, 3)})"
        else:
            text = self.function()
        return self.enclosed(self.enclosed(text, 0.25), 0.06)

    def key(self) -> str:
        return self.some(self.key_term, 3, " AND ")

    def key_term(self) -> str:
        if self.often(0.2):
            return self.condition(3)
        return f"{self.random.choice(['pk', 'sk', 'a'])} {self.random.choice('=<')} :s"

    def right_side(self) -> str:
        text = self.function() if self.often(0.3) else self.operand()
        if self.often(0.4):
            text += self.random.choice([" + ", "-"]) + self.operand()
        return self.enclosed(self.enclosed(text), 0.05)

    def update(self) -> str:
        make = {
            "SET": lambda: f"{self.path()} = {self.right_side()}",
            "REMOVE": self.path,
            "ADD": lambda: f"{self.path()} {self.random.choice(list(VALUES))}",
            "DELETE": lambda: f"{self.path()} {self.random.choice(list(VALUES))}",
        }
        sections = self.random.choices(list(make), k=self.random.choice([1, 1, 2, 2, 3]))
        return " ".join(f"{section} {self.some(make[section], 3)}" for section in sections)

    def projection(self) -> str:
        return self.some(self.path, 4)

    def text(self, kind: str) -> str:
        text: str = getattr(self, kind)()
        if self.often(0.45):
            tokens = re.findall(r"[A-Za-z0-9_#:]+|<>|<=|>=|\s+|.", text)
            scraps = [
                *'()[],.=<+-@"é#:',
                "AND ",
                " NOT ",
                "((",
                " SET ",
                ":s",
                "a",
                "0",
                "00",
                "size(",
            ]
            for _ in range(self.random.choice([1, 1, 2, 3])):
                at = self.random.randrange(len(tokens) + 1)
                tokens[at : at + self.random.randint(0, 1)] = [
                    self.random.choice([*scraps, *tokens, "", ""]) if tokens else "a"
                ]
            text = "".join(tokens)
        return text


@contextmanager
def running(jars: Path) -> Iterator[Local]:
    """A server that ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["java", "-Xmx512m", f"-Dsqlite4java.library.path={jars}", "-cp", f"{jars}/*", MAIN]
    command += ["-inMemory", "-port", str(port), "-disableTelemetry"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                if server.poll() is not None:
                    raise SystemExit("DynamoDB Local did not start; are these its jars?")
                try:
                    local = Local(port)
                    local.create_table()
                    break
                except OSError:
                    time.sleep(0.3)
            else:
                raise SystemExit("DynamoDB Local did not answer within 30 s")
            yield local
        finally:
            server.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jars", type=Path, required=True, help="folder of DynamoDB Local's jars")
    parser.add_argument("--count", type=int, default=2000, help="texts to make at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=300.0, help="give up after that long")
    chosen = parser.parse_args()
    ends = time.monotonic() + chosen.seconds
    differing = asked = 0
    writer = Writer(chosen.seed)
    with running(chosen.jars.resolve()) as local:

        def compare(kind: str, text: str, given: dict[str, Any], ours: str) -> None:
            nonlocal differing, asked
            theirs = local.ask(kind, text, given)
            asked += 1
            if normal(theirs) != normal(ours):
                differing += 1
                print(
                    f"{kind} {text!r}\n  ours:  {ours}\n  local: {theirs}".encode(
                        "ascii", "backslashreplace"
                    ).decode()
                )

        for entry in TRANSCRIPT["ENTRIES"]:
            compare(entry.kind, entry.asked, entry.given, entry.local or entry.answer)
        for _ in range(chosen.count):
            if time.monotonic() > ends:
                print("out of time")
                break
            kind = writer.random.choice(["condition", "condition", "update", "projection", "key"])
            text = writer.text(kind)
            given = {"names": NAMES} if kind == "projection" else {"names": NAMES, "values": VALUES}
            if text and not expected(text):
                compare(kind, text, given, TRANSCRIPT["ask"](kind, text, given))
    print(f"{asked} asked, {differing} answered otherwise")
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
