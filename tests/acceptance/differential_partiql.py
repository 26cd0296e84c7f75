"""Asks DynamoDB Local what we answer: the transcript of statements of PartiQL.

Not collected by pytest, since it needs Java and the jars of DynamoDB Local:

    python tests/acceptance/differential_partiql.py --jars .../lib

It starts a server of its own on a free port, in memory, prints every answer that is neither the
transcript's nor what stands there as Local's, and ends the server; --port asks one that is up.
"""

from __future__ import annotations

import argparse
import http.client
import json
import runpy
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
SCRIPT = vars(import_module("tests.scripts.test_partiql"))
EXPRESSIONS = runpy.run_path(str(ROOT / "tests/acceptance/differential_expressions.py"))


class Asking:
    """A server on the loopback that is asked by the transcript."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for table in SCRIPT["TABLES"]:
            self.call("CreateTable", table)

    def call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """The reply; of a refusal {"Error": "Code: text"}."""
        headers = {
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/dynamodb/"
            "aws4_request, SignedHeaders=host, Signature=abc",
        }
        self.connection.request("POST", "/", json.dumps(params), headers)
        response = self.connection.getresponse()
        body = response.read()
        try:
            reply: dict[str, Any] = json.loads(body or b"{}")
        except ValueError:
            return {"Error": f"{response.status}"}
        if response.status == 200:
            return reply
        code = reply.pop("__type", "").rpartition("#")[2]
        text = reply.pop("message", None) or reply.pop("Message", None)
        reply.pop("Message", None)
        return {"Error": f"{code}: {text}", **reply}


def differences(asking: Asking) -> dict[int, str]:
    """What the server answers, by the entry's line, where it is not the transcript's answer."""
    found = {}
    for entry in SCRIPT["ENTRIES"]:
        answer = SCRIPT["ask"](asking.call, entry)
        if answer != entry.answer:
            found[entry.line] = answer
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jars", type=Path, help="folder of DynamoDB Local's jars")
    parser.add_argument("--port", type=int, help="of a server that is up, instead")
    chosen = parser.parse_args()
    if chosen.port:
        found = differences(Asking(chosen.port))
    elif chosen.jars:
        with EXPRESSIONS["running"](chosen.jars) as local:
            found = differences(Asking(local.connection.port))
    else:
        parser.error("give --jars or --port")
    unknown = 0
    for entry in SCRIPT["ENTRIES"]:
        answer = found.get(entry.line, entry.answer)
        if answer != (entry.local or entry.answer):
            unknown += 1
            print(f"line {entry.line}: {entry.kind} {json.dumps(entry.asked)}")
            print(f"  recorded {entry.local or entry.answer}\n  answered {answer}")
    print(f"{len(SCRIPT['ENTRIES'])} asked, {unknown} answered otherwise than recorded")
    return min(unknown, 1)


if __name__ == "__main__":
    sys.exit(main())
