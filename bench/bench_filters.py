"""What a filter costs a record: the goal is 5 µs.

    pytest bench/bench_filters.py --benchmark-only

Each row judges a hundred records in Lambda's form, as a mapping does.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamstore.consumers.filters import compile_filters

RECORDS: list[dict[str, Any]] = [
    {
        "eventID": f"{number:032x}",
        "eventName": "MODIFY" if number % 3 else "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1664559083.0 + number,
            "Keys": {"id": {"S": f"order#{number}"}},
            "NewImage": {
                "id": {"S": f"order#{number}"},
                "status": {"S": "paid" if number % 2 else "open"},
                "total": {"N": str(number)},
                "address": {"M": {"city": {"S": "Oslo"}, "ip": {"S": f"10.0.{number}.1"}}},
                "lines": {"L": [{"M": {"sku": {"S": f"sku-{line}"}}} for line in range(3)]},
            },
            "SequenceNumber": f"{number:021d}",
            "SizeBytes": 300,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/x",
    }
    for number in range(100)
]


def image(**attributes: Any) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": attributes}}


PATTERNS: dict[str, list[Any]] = {
    "event name": [{"eventName": ["INSERT"]}],
    "attribute": [image(status={"S": ["paid"]})],
    "four conditions": [
        {
            "eventName": ["INSERT", "MODIFY"],
            "dynamodb": {
                "ApproximateCreationDateTime": [{"numeric": [">", 0]}],
                "NewImage": {"status": {"S": ["paid"]}, "gone": {"S": [{"exists": False}]}},
            },
        }
    ],
    "or": [{"$or": [{"eventName": ["REMOVE"]}, image(total={"N": [{"anything-but": "5"}]})]}],
    "wildcard": [image(id={"S": [{"wildcard": "*order#*5*"}]})],
    "ignoring case": [image(address={"M": {"city": {"S": [{"equals-ignore-case": "OSLO"}]}}})],
    "cidr": [image(address={"M": {"ip": {"S": [{"cidr": "10.0.0.0/20"}]}}})],
    "array": [image(lines={"L": {"M": {"sku": {"S": ["sku-2"]}}}})],
    "five filters": [image(status={"S": [word]}) for word in ("a", "b", "c", "d", "open")],
}


@pytest.mark.parametrize("name", PATTERNS)
def test_bench_filter(benchmark: Any, name: str) -> None:
    matches = compile_filters([json.dumps(pattern) for pattern in PATTERNS[name]])
    assert matches is not None

    def hundred() -> int:
        return sum(map(matches, RECORDS))

    assert benchmark(hundred) > 0
    if benchmark.stats is not None:  # None with --benchmark-disable
        benchmark.extra_info["us_a_record"] = benchmark.stats.stats.median * 1e4
