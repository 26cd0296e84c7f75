"""Makes model.json, the compact table of request shapes, out of botocore's own service models.

Run by hand when a newer botocore is installed: `python -m streamstore.operations.shapes.generate`.
Nothing imports this at run time; the test of it regenerates the table and compares, so that drift
is seen.

One shape a line. A structure is `{"type": "structure", "members": {name: shape}, "required":
[name]}`, a list or map names its member, key and value shapes, and scalars carry `min`, `max`,
`pattern` and `enum` where the model has them. Only the shapes that requests of the served
operations reach are kept; documentation is dropped.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

SERVICES = {
    "dynamodb": """
        PutItem GetItem UpdateItem DeleteItem Query Scan
        BatchGetItem BatchWriteItem TransactWriteItems TransactGetItems
        ExecuteStatement BatchExecuteStatement ExecuteTransaction
        CreateTable UpdateTable DeleteTable DescribeTable ListTables
        TagResource UntagResource ListTagsOfResource DescribeLimits DescribeEndpoints
        DescribeContinuousBackups UpdateContinuousBackups
        UpdateTimeToLive DescribeTimeToLive
    """,
    "dynamodbstreams": "ListStreams DescribeStream GetShardIterator GetRecords",
}
_SCALAR_FACTS = ("min", "max", "pattern", "enum")
TARGET = Path(__file__).with_name("model.json")


def generate() -> dict[str, Any]:
    """The table as botocore has it now: {"operations": {name: shape}, "shapes": {name: facts}}."""
    loader = importlib.import_module("botocore.loaders").Loader()
    operations: dict[str, str] = {}
    shapes: dict[str, Any] = {}
    for service, names in SERVICES.items():
        model = loader.load_service_model(service, "service-2", "2012-08-10")
        for name in names.split():
            operations[name] = model["operations"][name]["input"]["shape"]
            _collect(model["shapes"], operations[name], shapes, set())
    return {"operations": operations, "shapes": dict(sorted(shapes.items()))}


def _collect(model: dict[str, Any], name: str, kept: dict[str, Any], seen: set[str]) -> None:
    if name in seen:
        return
    seen.add(name)
    facts = _compact(model[name])
    if kept.setdefault(name, facts) != facts:
        raise ValueError(f"the services differ on the shape {name}, so one table can't hold both")
    for reached in _reached(facts):
        _collect(model, reached, kept, seen)


def _compact(shape: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"type": shape["type"]}
    if shape["type"] == "structure":
        facts["members"] = {name: member["shape"] for name, member in shape["members"].items()}
        facts["required"] = list(shape.get("required", ()))
    elif shape["type"] == "list":
        facts["member"] = shape["member"]["shape"]
    elif shape["type"] == "map":
        facts["key"] = shape["key"]["shape"]
        facts["value"] = shape["value"]["shape"]
    facts.update({fact: shape[fact] for fact in _SCALAR_FACTS if fact in shape})
    return facts


def _reached(facts: dict[str, Any]) -> list[str]:
    reached = list(facts.get("members", {}).values())
    return reached + [facts[role] for role in ("member", "key", "value") if role in facts]


def render(table: dict[str, Any]) -> str:
    """The table as the text of model.json: one operation, one shape a line."""
    lines = ["{"]
    for part, entries in table.items():
        lines.append(f"{json.dumps(part)}: {{")
        lines.append(",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in entries.items()))
        lines.append("}" if part == "shapes" else "},")
    lines.append("}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(render(generate()), encoding="utf-8")
