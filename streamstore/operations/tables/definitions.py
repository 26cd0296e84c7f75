"""Key schemas, attribute definitions, indexes and projections of a CreateTable request (spec C.2,
lines 4 to 16), and the one index that UpdateTable may add.

Checked in the service's order and with its texts, then turned into the engine's KeySchema and
IndexInfo. Nothing here looks at tables that exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ... import limits
from ...engine.model import IndexInfo, KeyPart, KeySchema, KeyType
from ...errors import ValidationFailed
from .throughput import Billing, check_index_throughput, index_units

Request = dict[str, Any]

PARAMETERS: Final = "One or more parameter values were invalid: "
_SAME_NAME: Final = (
    "Both the Hash Key and the Range Key element in the KeySchema have the same name"
)


@dataclass(frozen=True, slots=True)
class Definition:
    """What a table is made of: its keys, the types of all key attributes, its indexes (ids still
    0).
    """

    keys: KeySchema
    attribute_types: dict[str, KeyType]
    indexes: tuple[IndexInfo, ...]


def read_definition(params: Request, billing: Billing) -> Definition:
    """The checked definition of a CreateTable request; ValidationFailed for the first fault in the
    service's order.
    """
    types: dict[str, KeyType] = {}
    for each in params["AttributeDefinitions"]:
        types.setdefault(each["AttributeName"], each["AttributeType"])
    schema = params["KeySchema"]
    local = params.get("LocalSecondaryIndexes")
    world = params.get("GlobalSecondaryIndexes")
    _check_table_keys(schema, params["AttributeDefinitions"], types)
    _check_all_used(params, types)
    if local is not None and not local:
        raise ValidationFailed(PARAMETERS + "List of LocalSecondaryIndexes is empty")
    if world is not None and not world:
        raise ValidationFailed(PARAMETERS + "List of GlobalSecondaryIndexes is empty")
    names: set[str] = set()
    if local:
        _check_local(local, schema, types, names)
    if world:
        _check_world(world, types, names, billing)
    _check_non_key_attributes([*(local or ()), *(world or ())])
    indexes = [_index(each, "LSI", types) for each in local or ()]
    indexes += [_index(each, "GSI", types) for each in world or ()]
    return Definition(_keys(schema, types), types, tuple(indexes))


def read_added_index(
    index: Request,
    requested: dict[str, KeyType],
    stored: Mapping[str, KeyType],
    billing: Billing,
) -> IndexInfo:
    """A GSI that UpdateTable adds (spec C.3): its keys must be defined in the request, and keep the
    types that the table has for them.
    """
    check_world_keys(index["KeySchema"], requested)
    _check_projection(index["Projection"])
    check_index_throughput(index, billing)
    return _index(index, "GSI", {**requested, **stored})


def _check_table_keys(
    schema: list[Request], definitions: list[Request], types: dict[str, KeyType]
) -> None:
    if len(schema) > len(definitions):
        raise ValidationFailed("Invalid KeySchema: Some index key attribute have no definition")
    _check_pair(schema, types)


def _check_pair(schema: list[Request], types: dict[str, KeyType]) -> None:
    """A table's or LSI's keys: defined, distinct, hash before range."""
    _check_defined(schema, types)
    if len(schema) == 2 and schema[0]["AttributeName"] == schema[1]["AttributeName"]:
        raise ValidationFailed(_SAME_NAME)
    if schema[0]["KeyType"] != "HASH":
        raise ValidationFailed(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        )
    if len(schema) == 2 and schema[1]["KeyType"] != "RANGE":
        raise ValidationFailed(
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"
        )


def _check_defined(schema: list[Request], types: dict[str, KeyType]) -> None:
    if any(each["AttributeName"] not in types for each in schema):
        keys = _listed(each["AttributeName"] for each in schema)
        raise ValidationFailed(
            f"{PARAMETERS}Some index key attributes are not defined in AttributeDefinitions."
            f" Keys: {keys}, AttributeDefinitions: {_listed(types)}"
        )


def _check_all_used(params: Request, types: dict[str, KeyType]) -> None:
    schema = params["KeySchema"]
    indexes = [params.get("LocalSecondaryIndexes"), params.get("GlobalSecondaryIndexes")]
    if indexes == [None, None]:
        if len(schema) != len(params["AttributeDefinitions"]):
            raise ValidationFailed(
                f"{PARAMETERS}Number of attributes in KeySchema does not exactly match number of"
                " attributes defined in AttributeDefinitions"
            )
        return
    used = [each["AttributeName"] for each in schema]
    for index in (each for kind in indexes for each in kind or ()):
        used += [each["AttributeName"] for each in index["KeySchema"]]
    if any(name not in used for name in types):
        raise ValidationFailed(
            f"{PARAMETERS}Some AttributeDefinitions are not used."
            f" AttributeDefinitions: {_listed(types)}, keys used: {_listed(dict.fromkeys(used))}"
        )


def _check_local(
    indexes: list[Request], schema: list[Request], types: dict[str, KeyType], names: set[str]
) -> None:
    if len(schema) < 2:
        raise ValidationFailed(
            f"{PARAMETERS}Table KeySchema does not have a range key, which is required when"
            " specifying a LocalSecondaryIndex"
        )
    table_hash = schema[0]["AttributeName"]
    for index in indexes:
        keys, name = index["KeySchema"], index["IndexName"]
        _check_pair(keys, types)
        if len(keys) < 2:
            raise ValidationFailed(
                f"{PARAMETERS}Index KeySchema does not have a range key for index: {name}"
            )
        if keys[0]["AttributeName"] != table_hash:
            raise ValidationFailed(
                f"{PARAMETERS}Index KeySchema does not have the same leading hash key as table"
                f" KeySchema for index: {name}. index hash key: {keys[0]['AttributeName']},"
                f" table hash key: {table_hash}"
            )
        _check_projection(index["Projection"])
        _check_new_name(name, names)
    if len(indexes) > limits.LSI_MAX:
        raise ValidationFailed(
            f"{PARAMETERS}Number of LocalSecondaryIndexes exceeds per-table limit of"
            f" {limits.LSI_MAX}"
        )


def _check_world(
    indexes: list[Request], types: dict[str, KeyType], names: set[str], billing: Billing
) -> None:
    for index in indexes:
        check_world_keys(index["KeySchema"], types)
        _check_projection(index["Projection"])
        _check_new_name(index["IndexName"], names)
        check_index_throughput(index, billing)
    if len(indexes) > limits.GSI_MAX:
        raise ValidationFailed(
            f"{PARAMETERS}GlobalSecondaryIndex count exceeds the per-table limit of"
            f" {limits.GSI_MAX}"
        )


def check_world_keys(schema: list[Request], types: dict[str, KeyType]) -> None:
    """A GSI's keys: one to four HASH elements, then none to four RANGE elements, all distinct and
    defined.
    """
    if len(schema) <= 2 and not _has_two_of_a_kind(schema):
        _check_pair(schema, types)
        return
    _check_defined(schema, types)
    names = [each["AttributeName"] for each in schema]
    if len(set(names)) != len(names):
        raise ValidationFailed(_SAME_NAME)
    kinds = [each["KeyType"] for each in schema]
    if kinds[0] != "HASH":
        raise ValidationFailed("The first KeySchemaElement is not a HASH key type")
    if kinds != sorted(kinds):  # "HASH" sorts before "RANGE"
        raise ValidationFailed(
            "All HASH key attributes must precede RANGE key attributes in the KeySchema"
        )
    for kind in ("HASH", "RANGE"):
        if kinds.count(kind) > limits.INDEX_KEY_PARTS_MAX:
            raise ValidationFailed(
                f"The KeySchema exceeds the maximum allowed number of {kind} key attributes"
            )


def _has_two_of_a_kind(schema: list[Request]) -> bool:
    return len(schema) == 2 and schema[0]["KeyType"] == schema[1]["KeyType"] == "HASH"


def _check_projection(projection: Request) -> None:
    kind = projection.get("ProjectionType")
    attributes = projection.get("NonKeyAttributes")
    if kind is None:
        raise ValidationFailed(PARAMETERS + "Unknown ProjectionType: null")
    if kind != "INCLUDE" and attributes is not None:
        raise ValidationFailed(
            f"{PARAMETERS}ProjectionType is {kind}, but NonKeyAttributes is specified"
        )
    if kind == "INCLUDE" and attributes is None:
        raise ValidationFailed(
            f"{PARAMETERS}ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
        )
    if attributes is not None and not attributes:
        raise ValidationFailed(PARAMETERS + "NonKeyAttributes must not be empty")


def _check_new_name(name: str, names: set[str]) -> None:
    if name in names:
        raise ValidationFailed(f"{PARAMETERS}Duplicate index name: {name}")
    names.add(name)


def _check_non_key_attributes(indexes: list[Request]) -> None:
    total = sum(len(each["Projection"].get("NonKeyAttributes", ())) for each in indexes)
    if total > limits.NON_KEY_ATTRIBUTES_MAX:
        raise ValidationFailed(
            f"{PARAMETERS}Number of NonKeyAttributes in all indexes exceeds per-table limit of"
            f" {limits.NON_KEY_ATTRIBUTES_MAX}"
        )


def _index(index: Request, kind: Any, types: dict[str, KeyType]) -> IndexInfo:
    read, write = index_units(index)
    projection = index["Projection"]
    facts = {
        name: index[name] for name in ("OnDemandThroughput", "WarmThroughput") if index.get(name)
    }
    return IndexInfo(
        index_id=0,
        name=index["IndexName"],
        kind=kind,
        keys=_keys(index["KeySchema"], types),
        projection=projection["ProjectionType"],
        non_key_attributes=tuple(dict.fromkeys(projection.get("NonKeyAttributes", ()))),
        read_units=read,
        write_units=write,
        facts=facts,
    )


def _keys(schema: list[Request], types: dict[str, KeyType]) -> KeySchema:
    parts = [
        (each["KeyType"], KeyPart(each["AttributeName"], types[each["AttributeName"]]))
        for each in schema
    ]
    return KeySchema(
        tuple(part for kind, part in parts if kind == "HASH"),
        tuple(part for kind, part in parts if kind == "RANGE"),
    )


def _listed(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"
