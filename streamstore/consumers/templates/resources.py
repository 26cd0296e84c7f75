"""The resources of a template: which there are, what they are called here, and the tables among
them.

Names that CloudFormation would generate are the resources' own: a table without TableName is called
by its logical id. Resources that have no counterpart here (roles, alarms, queues) are passed over;
queues, topics and buckets keep their names, because functions and destinations speak of them.

Must not know: functions, events, Serverless.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ...errors import TemplateInvalid
from .intrinsics import Scope, Unresolved
from .plan import Plan, TableWanted, stream_token

TABLE: Final = "AWS::DynamoDB::Table"
GLOBAL_TABLE: Final = "AWS::DynamoDB::GlobalTable"
SIMPLE_TABLE: Final = "AWS::Serverless::SimpleTable"
FUNCTION: Final = "AWS::Serverless::Function"
PLAIN_FUNCTION: Final = "AWS::Lambda::Function"
EVENT_SOURCE_MAPPING: Final = "AWS::Lambda::EventSourceMapping"
EVENT_INVOKE_CONFIG: Final = "AWS::Lambda::EventInvokeConfig"
LAYER: Final = "AWS::Serverless::LayerVersion"
PLAIN_LAYER: Final = "AWS::Lambda::LayerVersion"

# By type: the property that names it, and for each attribute the ARN's or value's form.
_NAMED: Final[dict[str, tuple[str, dict[str, str]]]] = {
    TABLE: ("TableName", {"Arn": "arn:aws:dynamodb:{region}:{account}:table/{name}"}),
    GLOBAL_TABLE: ("TableName", {"Arn": "arn:aws:dynamodb:{region}:{account}:table/{name}"}),
    SIMPLE_TABLE: ("TableName", {"Arn": "arn:aws:dynamodb:{region}:{account}:table/{name}"}),
    FUNCTION: ("FunctionName", {"Arn": "arn:aws:lambda:{region}:{account}:function:{name}"}),
    PLAIN_FUNCTION: ("FunctionName", {"Arn": "arn:aws:lambda:{region}:{account}:function:{name}"}),
    "AWS::SQS::Queue": (
        "QueueName",
        {"Arn": "arn:aws:sqs:{region}:{account}:{name}", "QueueName": "{name}"},
    ),
    "AWS::SNS::Topic": (
        "TopicName",
        {"TopicArn": "arn:aws:sns:{region}:{account}:{name}", "TopicName": "{name}"},
    ),
    "AWS::S3::Bucket": ("BucketName", {"Arn": "arn:aws:s3:::{name}"}),
    LAYER: ("LayerName", {}),
    PLAIN_LAYER: ("LayerName", {}),
}
# What Ref gives where it is not the name.
_LAYER_ARN: Final = "arn:aws:lambda:{region}:{account}:layer:{name}:1"
_REF: Final = {
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    LAYER: _LAYER_ARN,
    PLAIN_LAYER: _LAYER_ARN,
}
_READ: Final = frozenset(
    (
        *(TABLE, GLOBAL_TABLE, SIMPLE_TABLE, FUNCTION, PLAIN_FUNCTION),
        *(EVENT_SOURCE_MAPPING, EVENT_INVOKE_CONFIG, LAYER, PLAIN_LAYER),
    )
)
# Types whose absence nobody notices when handlers run on one machine.
_QUIET: Final = ("AWS::IAM::", "AWS::Logs::", "AWS::SQS::", "AWS::SNS::", "AWS::S3::")

_TABLE_NAME_CHARS_MIN: Final = 3


class Resources:
    """The resources of one template, with the scope their expressions are read in.

    `found` are (type, properties) by logical id, without those whose condition is false, `metadata`
    what is said of them. Problems are collected in `problems`, so that all are told at once.
    """

    def __init__(
        self,
        path: Path,
        template: Mapping[str, Any],
        values: dict[str, Any],
        region: str,
        account: str,
    ) -> None:
        self.plan = Plan(path)
        self.problems: list[str] = []
        self.values = values
        self.attributes: dict[tuple[str, str], str] = {}
        self.scope = Scope(
            values,
            self.attributes,
            self.section(template, "Conditions"),
            self.section(template, "Mappings"),
        )
        self._places = {"region": region, "account": account}
        self.found: dict[str, tuple[str, dict[str, Any]]] = {}
        self.metadata: dict[str, dict[str, Any]] = {}
        for logical, resource in self.section(template, "Resources").items():
            self._take(str(logical), resource)
        self._name_all()
        self._tell_ignored()

    def section(self, template: Mapping[str, Any], name: str) -> dict[str, Any]:
        """A section that is a map, or nothing."""
        found = template.get(name)
        if found is None:
            return {}
        if not isinstance(found, dict):
            self.problems.append(f"{name} must be a map")
            return {}
        return found

    def of(self, *types: str) -> list[tuple[str, dict[str, Any]]]:
        """(logical id, properties) of the resources of some types."""
        return [(name, props) for name, (kind, props) in self.found.items() if kind in types]

    def problem(self, text: str) -> None:
        """Something that makes the template unusable."""
        self.problems.append(text)

    def notice(self, text: str) -> None:
        """Something that is done otherwise, or not at all; told once."""
        if text not in self.plan.notices:
            self.plan.notices.append(text)

    def resolved(self, label: str, value: Any, default: Any = None) -> Any:
        """A value that is needed: what can't be known is a problem."""
        try:
            return self.scope.resolve(value)
        except Unresolved as unresolved:
            self.problem(f"{label}: {unresolved} can't be known here")
            return default

    def refuse_problems(self) -> None:
        """Raise TemplateInvalid if there are any."""
        if self.problems:
            raise TemplateInvalid(self.problems)

    def add_tables(self) -> None:
        """Read the tables into the plan."""
        for logical, props in self.of(TABLE, GLOBAL_TABLE, SIMPLE_TABLE):
            kind = self.found[logical][0]
            resolved = self.resolved(logical, props, {})
            if not isinstance(resolved, dict):
                self.problem(f"{logical}: Properties must be a map")
                continue
            name = str(self.values[logical])
            if kind == SIMPLE_TABLE:
                self.plan.tables.append(self._simple(logical, name, resolved))
            else:
                self.plan.tables.append(self._table(logical, name, resolved, kind))

    def _take(self, logical: str, resource: Any) -> None:
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            self.problem(f"{logical}: a resource is a map with a Type")
            return
        props = resource.get("Properties") or {}
        if not isinstance(props, dict):
            self.problem(f"{logical}: Properties must be a map")
            return
        condition = resource.get("Condition")
        if condition is not None:
            try:
                if not self.scope.holds(condition):
                    return
            except Unresolved as unresolved:
                self.problem(f"{logical}: {unresolved} can't be known here")
                return
        self.found[logical] = (resource["Type"], props)
        metadata = resource.get("Metadata")
        if isinstance(metadata, dict):
            self.metadata[logical] = metadata

    def _name_all(self) -> None:
        """Give every resource its name, as long as naming one helps to name another."""
        waiting = dict(self.found)
        while waiting:
            named = [each for each in waiting if self._name(each, *waiting[each])]
            for logical in named:
                del waiting[logical]
            if not named:
                break
        for logical, (kind, _) in waiting.items():
            prop = _NAMED[kind][0]
            self.notice(f"{logical}: its {prop} can't be known here; it is called {logical}")
            self._name(logical, kind, {})

    def _name(self, logical: str, kind: str, props: dict[str, Any]) -> bool:
        prop, attributes = _NAMED.get(kind, ("", {}))
        name = logical
        if prop and props.get(prop):
            try:
                name = self.scope.text(props[prop])
            except Unresolved:
                return False
        if kind in (TABLE, GLOBAL_TABLE, SIMPLE_TABLE):
            if len(name) < _TABLE_NAME_CHARS_MIN and name == logical:
                name = f"{logical}-table"
            self.attributes[logical, "StreamArn"] = stream_token(name)
        for attribute, form in attributes.items():
            self.attributes[logical, attribute] = form.format(name=name, **self._places)
        self.values[logical] = _REF.get(kind, "{name}").format(name=name, **self._places)
        return True

    def _tell_ignored(self) -> None:
        ignored = Counter(
            kind
            for kind, _ in self.found.values()
            if kind not in _READ and not kind.startswith(_QUIET)
        )
        for kind, count in sorted(ignored.items()):
            self.notice(f"{kind} is not made here ({count} of them)")

    def _table(self, logical: str, name: str, props: dict[str, Any], kind: str) -> TableWanted:
        request: dict[str, Any] = {"TableName": name}
        for member in ("AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes"):
            if member in props:
                request[member] = props[member]
        if kind == GLOBAL_TABLE or props.get("BillingMode") == "PAY_PER_REQUEST":
            request["BillingMode"] = "PAY_PER_REQUEST"
        elif "BillingMode" in props:
            request["BillingMode"] = props["BillingMode"]
        on_demand = request.get("BillingMode") == "PAY_PER_REQUEST"
        if "ProvisionedThroughput" in props and not on_demand:
            request["ProvisionedThroughput"] = self._throughput(logical, props)
        indexes = props.get("GlobalSecondaryIndexes")
        if isinstance(indexes, list):
            request["GlobalSecondaryIndexes"] = [
                self._index(logical, each, on_demand) for each in indexes
            ]
        view = self._member(logical, props, "StreamSpecification").get("StreamViewType", "")
        if view:
            request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
        expiry = self._member(logical, props, "TimeToLiveSpecification")
        expires = str(expiry.get("Enabled", False)).lower() == "true"
        return TableWanted(
            name, request, str(view), str(expiry.get("AttributeName", "")) if expires else ""
        )

    def _index(self, logical: str, index: Any, on_demand: bool) -> Any:
        if not isinstance(index, dict):
            return index
        members = ("IndexName", "KeySchema", "Projection")
        wanted = {member: index[member] for member in members if member in index}
        if "ProvisionedThroughput" in index and not on_demand:
            wanted["ProvisionedThroughput"] = self._throughput(logical, index)
        return wanted

    def _simple(self, logical: str, name: str, props: dict[str, Any]) -> TableWanted:
        key = self._member(logical, props, "PrimaryKey")
        attribute = str(key.get("Name", "id"))
        kinds = {"String": "S", "Number": "N", "Binary": "B"}
        kind = kinds.get(str(key.get("Type", "String")))
        if kind is None:
            self.problem(f"{logical}: PrimaryKey.Type must be String, Number or Binary")
        request: dict[str, Any] = {
            "TableName": name,
            "AttributeDefinitions": [{"AttributeName": attribute, "AttributeType": kind}],
            "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
        }
        if "ProvisionedThroughput" in props:
            request["ProvisionedThroughput"] = self._throughput(logical, props)
        else:
            request["BillingMode"] = "PAY_PER_REQUEST"
        return TableWanted(name, request)

    def _throughput(self, logical: str, props: dict[str, Any]) -> dict[str, Any]:
        found = self._member(logical, props, "ProvisionedThroughput")
        try:
            return {member: int(found[member]) for member in found}
        except (TypeError, ValueError):
            self.problem(f"{logical}: ProvisionedThroughput must hold whole numbers")
            return {}

    def _member(self, logical: str, props: dict[str, Any], name: str) -> dict[str, Any]:
        found = props.get(name) or {}
        if not isinstance(found, dict):
            self.problem(f"{logical}: {name} must be a map")
            return {}
        return found
