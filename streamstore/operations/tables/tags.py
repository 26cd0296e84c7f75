"""TagResource, UntagResource and ListTagsOfResource: labels on a table, kept among its facts.

A resource is a table's ARN; an index's or a stream's is not one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...engine.model import TableInfo
from ...engine.tables import tables
from ...engine.writes.group import Group
from ...errors import ResourceNotFound, ValidationFailed
from ..plan import Ready, Reply, Scope, WritePlan
from ..shapes.nodes import TABLE_ARN
from . import features

if TYPE_CHECKING:
    from collections.abc import Callable

Request = dict[str, Any]
Tags = dict[str, str]


def prepare_tag(params: Request, scope: Scope) -> WritePlan:
    """Adds or replaces tags. The reply is empty."""
    arn = _resource(params)
    if not params["Tags"]:
        raise ValidationFailed("Atleast one Tag needs to be provided as Input.")
    return _changing(arn, scope, lambda tags: features.tags_with(tags, params["Tags"]))


def prepare_untag(params: Request, scope: Scope) -> WritePlan:
    """Removes tags by key; keys that are not there are no error. The reply is empty."""
    arn = _resource(params)
    if not params["TagKeys"]:
        raise ValidationFailed("Atleast one Tag Key needs to be provided as Input.")
    gone = set(params["TagKeys"])
    return _changing(arn, scope, lambda tags: {key: tags[key] for key in tags if key not in gone})


def prepare_list(params: Request, scope: Scope) -> Ready:
    """All tags of a table, in one page."""
    arn = _resource(params)
    table = scope.engine.catalog.find(arn, scope.region, scope.account)
    if table is None:
        raise ResourceNotFound("resource", arn)
    return Ready({"Tags": [{"Key": k, "Value": v} for k, v in _tags(table).items()]})


def _resource(params: Request) -> str:
    arn: str = params["ResourceArn"]
    if not TABLE_ARN.fullmatch(arn):
        raise ValidationFailed(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
    return arn


def _tags(table: TableInfo) -> Tags:
    tags: Tags = table.facts.get(features.TAGS, {})
    return tags


def _changing(arn: str, scope: Scope, change: Callable[[Tags], Tags]) -> WritePlan:
    def apply(group: Group) -> Reply:
        table = group.find_table(arn, scope.region, scope.account)
        if table is None:
            raise ResourceNotFound("resource", arn)
        facts = {features.TAGS: change(_tags(table)) or None}
        tables.update(group, table, facts=facts, is_update=False)
        return {}

    return WritePlan(apply)
