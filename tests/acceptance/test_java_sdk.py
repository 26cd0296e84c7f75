"""The AWS SDK for Java 2 keeps a shop here: its enhanced client with indexes, versions, counters,
batches and transactions, its asynchronous client, its streams client, and its retries.

`java_sdk/Shop.java` is the application: it says what it found, one line each. What it needs is
fetched by Maven and compiled once into a cache folder outside of the repository. Skipped where
Java, Maven or the artifacts are missing.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parent / "java_sdk"
RUN_SECONDS_MAX = 50

FOUND = """\
created twice: Table already exists: orders
has a request id: true
found: [[gift], Main Street, [0, -1], 5]
first version and counter: [1, 10]
next version and counter: [2, 12]
stale: The conditional request failed
put in the end: 1
cancelled: [None, ConditionalCheckFailed]
found instead: 2
after the transaction: [3, 7, true]
unwritten: 0
pages of the batch: 2
items of the batch: 60
pages by size: true
pages by limit: [2, 0]
between: [10, 11, 12]
global index, backwards: [58, 56, 54]
local index, keys only: [000 null, 001 null]
segments: 63
crowd in order: true
counted: 100
no table: ResourceNotFoundException
events: {INSERT=164, MODIFY=101}
ann's totals: [5, 6, 2, 7]
"""


def test_a_shop_on_the_java_sdk_finds_what_it_left(
    own_desk: Any, java_classes: Callable[[Path], Path], tmp_path: Path
) -> None:
    classes = java_classes(SOURCES)
    throttle = {
        "operation": "PutItem",
        "key": "throttled*",
        "error": "ProvisionedThroughputExceededException",
        "count": 2,
    }
    own_desk.admin("control/rules-add", **throttle)
    done = subprocess.run(
        ["java", "-Xmx256m", "-cp", f"{classes}:{classes}/*", "Shop", own_desk.server.url],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        cwd=tmp_path,
    )
    assert done.stdout == FOUND, done.stderr[-4000:]
    assert done.returncode == 0
    (rule,) = own_desk.admin("control/rules-list")["rules"]
    assert rule["hits"] == 2
    kept = own_desk.server.client(region_name="us-east-1").get_item(
        TableName="orders", Key={"customer": {"S": "ann"}, "id": {"S": "1"}}
    )["Item"]
    assert kept == {
        "customer": {"S": "ann"},
        "id": {"S": "1"},
        "version": {"N": "3"},
        "saved": {"N": "14"},
        "status": {"S": "new"},
        "total": {"N": "7"},
        "tags": {"SS": ["gift"]},
        "address": {"M": {"street": {"S": "Main Street"}}},
        "picture": {"B": b"\x00\xff"},
    }
