"""Tables that statements are asked about: one with a hash key, one with both and two indexes."""

from __future__ import annotations

from typing import Any

import pytest


class Statements:
    """A desk with the tables "music" (pk) and "plays" (pk, sk; indexes by_g and by_l)."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        desk.table("music", StreamSpecification=stream)
        desk.table(
            "plays",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kind}
                for name, kind in (("pk", "S"), ("sk", "N"), ("g", "S"), ("l", "S"))
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_g",
                    "KeySchema": [
                        {"AttributeName": "g", "KeyType": "HASH"},
                        {"AttributeName": "sk", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            LocalSecondaryIndexes=[
                {
                    "IndexName": "by_l",
                    "KeySchema": [
                        {"AttributeName": "pk", "KeyType": "HASH"},
                        {"AttributeName": "l", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            StreamSpecification=stream,
        )

    def run(self, statement: str, *parameters: Any, **given: Any) -> Any:
        """The reply to a statement."""
        return self.desk.ask("ExecuteStatement", **self._params(statement, parameters, given))

    def items(self, statement: str, *parameters: Any, **given: Any) -> list[Any]:
        found: list[Any] = self.run(statement, *parameters, **given)["Items"]
        return found

    def refusal(self, statement: str, *parameters: Any, **given: Any) -> tuple[str, str]:
        """(code, text) of the error that a statement meets."""
        params = self._params(statement, parameters, given)
        refused: tuple[str, str] = self.desk.refusal("ExecuteStatement", **params)
        return refused

    @staticmethod
    def _params(statement: str, parameters: tuple[Any, ...], given: Any) -> dict[str, Any]:
        asked = {"Parameters": list(parameters)} if parameters else {}
        return {"Statement": statement, **asked, **given}

    def fill(self) -> list[Any]:
        """Write twelve plays of three people, and answer them."""
        items = [
            {"pk": {"S": pk}, "sk": {"N": str(sk)}, "g": {"S": "g" + str(sk % 2)},
             "l": {"S": "l" + str(3 - sk)}, "v": {"N": str(sk * 10)}}
            for pk in "abc" for sk in range(4)
        ]  # fmt: skip
        for item in items:
            self.desk.ask("PutItem", TableName="plays", Item=item)
        return items

    def records(self, table: str) -> list[Any]:
        """All change records of a table: kind and images, in the order of their numbers."""
        arn = self.desk.described(table)["LatestStreamArn"]
        shards = self.desk.ask("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"]
        found: list[Any] = []
        for shard in shards:
            iterator = self.desk.ask(
                "GetShardIterator", StreamArn=arn, ShardId=shard["ShardId"],
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]  # fmt: skip
            found += self.desk.ask("GetRecords", ShardIterator=iterator)["Records"]
        found.sort(key=lambda record: int(record["dynamodb"]["SequenceNumber"][-20:]))
        return [
            (record["eventName"], *(record["dynamodb"].get(i) for i in ("OldImage", "NewImage")))
            for record in found
        ]


@pytest.fixture
def statements(desk: Any) -> Statements:
    return Statements(desk)
