"""Our answers held against botocore's models: what a client would stumble over.

A good reply holds only members that the operation's output shape knows, all that it requires, each
of the type and enum modelled; an error is one that the operation declares, or one that every
operation may meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.loaders import Loader
from case import Case, Params
from servers import Answer

UNDECLARED = {"ValidationException", "SerializationException"}
# The service sends it, its model doesn't know it (spec C.4).
UNMODELLED = {"TableThroughputModeSummary"}
TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,), "map": (dict,), "list": (list,), "string": (str,), "blob": (str,),
    "integer": (int,), "long": (int,), "double": (int, float), "timestamp": (int, float),
    "boolean": (bool,),
}  # fmt: skip


@cache
def model_of(operation: str) -> tuple[Params, Params]:
    """(shapes, the operation's own entry)."""
    for service in ("dynamodb", "dynamodbstreams"):
        model: Params = Loader().load_service_model(service, "service-2", "2012-08-10")
        if operation in model["operations"]:
            return model["shapes"], model["operations"][operation]
    raise KeyError(operation)


def deviations(case: Case, answer: Answer) -> Iterator[str]:
    """What in an answer of ours is not as modelled, a line each."""
    shapes, operation = model_of(case.operation)
    status, body = answer
    if status == 200:
        if "output" in operation:
            yield from _of(shapes, operation["output"]["shape"], body, case.operation)
        elif body:
            yield f"{case.operation} has no output"
        return
    kind = str(body.get("__type")).rpartition("#")[2] if isinstance(body, dict) else str(body)
    declared = {error["shape"] for error in operation.get("errors", ())}
    if status != 400 or kind not in declared | UNDECLARED:
        yield f"{case.operation} answers {status} {kind}"


def _of(shapes: Params, name: str, value: Any, at: str) -> Iterator[str]:
    shape = shapes[name]
    kind = shape["type"]
    is_flag = isinstance(value, bool)
    if not isinstance(value, TYPES[kind]) or is_flag != (kind == "boolean"):
        yield f"{at} is no {kind}"
    elif kind == "structure":
        for each in shape.get("required", ()):
            if each not in value:
                yield f"{at}.{each} is missing"
        for member, inner in value.items():
            facts = shape["members"].get(member)
            if facts is not None:
                yield from _of(shapes, facts["shape"], inner, f"{at}.{member}")
            elif member not in UNMODELLED:
                yield f"{at}.{member} is unknown"
    elif kind == "list":
        for inner in value:
            yield from _of(shapes, shape["member"]["shape"], inner, f"{at}[]")
    elif kind == "map":
        for inner in value.values():
            yield from _of(shapes, shape["value"]["shape"], inner, f"{at}{{}}")
    elif kind == "string" and value not in shape.get("enum", (value,)):
        yield f"{at} is {value!r}"
