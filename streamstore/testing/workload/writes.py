"""Steps that write items: one at a time, in batches, in transactions, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...errors import ConditionFailed, TransactionCanceled
from ..model import Model
from .life import Life
from .step import Drawn, Step, nothing


class Writes(Drawn):
    """Item by item."""

    def put(self) -> Step:
        """A new item."""
        table = self._table()
        return self._put(table, self._item(self._fresh(table)), "put")

    def overwrite(self) -> Step:
        """An item in place of another."""
        table = self._table()
        return self._put(table, self._item(self._key(table)), "overwrite")

    def large(self) -> Step:
        """A body that lies out of line."""
        table = self._table()
        return self._put(table, self._item(self._fresh(table), 900), "large")

    def huge(self) -> Step:
        """A body of several pages."""
        table = self._table()
        return self._put(table, self._item(self._key(table), 20_000), "huge")

    def update(self) -> Step:
        """An attribute added to whatever is there, or to nothing."""
        table = self._table()
        key, mark = self._key(table), f"mark-{self._number}"
        self._number += 1

        def act(life: Life) -> None:
            life.call(
                "UpdateItem",
                TableName=table,
                Key={"id": {"S": key}},
                UpdateExpression="SET mark = :m",
                ExpressionAttributeValues={":m": {"S": mark}},
            )

        def learn(model: Model, now_ms: int) -> None:
            old = model.tables[table].items.get(key, {"id": {"S": key}})
            model.tables[table].put(now_ms, {**old, "mark": {"S": mark}})

        return Step("update", act, learn)

    def delete(self) -> Step:
        """An item removed, or nothing."""
        table = self._table()
        key = self._key(table)

        def act(life: Life) -> None:
            life.call("DeleteItem", TableName=table, Key={"id": {"S": key}})

        def learn(model: Model, now_ms: int) -> None:
            model.tables[table].delete(now_ms, key)

        return Step("delete", act, learn)

    def refused(self) -> Step:
        """A put whose condition can't hold."""
        table = self._table()
        item = self._item(self._key(table))

        def act(life: Life) -> None:
            try:
                life.call(
                    "PutItem",
                    TableName=table,
                    Item=item,
                    ConditionExpression="attribute_exists(absent)",
                )
            except ConditionFailed:
                return
            raise AssertionError("a condition that can't hold held")

        return Step("refused", act, nothing)

    def batch(self) -> Step:
        """Puts and a delete in both tables."""
        puts = {
            name: [self._item(self._fresh(name)) for _ in range(2)] for name in ("north", "south")
        }
        gone = self._random.choice(self.keys["north"][:-2] or ["absent"])

        def act(life: Life) -> None:
            requests: dict[str, list[Any]] = {
                name: [{"PutRequest": {"Item": item}} for item in items]
                for name, items in puts.items()
            }
            requests["north"].append({"DeleteRequest": {"Key": {"id": {"S": gone}}}})
            left = life.call("BatchWriteItem", RequestItems=requests)["UnprocessedItems"]
            assert not left, "a small batch is done at once"

        def learn(model: Model, now_ms: int) -> None:
            for name, items in puts.items():
                for item in items:
                    model.tables[name].put(now_ms, item)
            model.tables["north"].delete(now_ms, gone)

        return Step("batch", act, learn)

    def transact(self) -> Step:
        """Both tables at once, under a client token."""
        items = [(name, self._item(self._fresh(name))) for name in ("north", "south")]
        actions = [{"Put": {"TableName": name, "Item": item}} for name, item in items]
        token = (f"token-{self._number}", actions)

        def learn(model: Model, now_ms: int) -> None:
            for name, item in items:
                model.tables[name].put(now_ms, item)

        return Step("transact", lambda life: _transact(life, token), learn)

    def again(self) -> Iterator[Step]:
        """A transaction, its item deleted, and the same said again: it is not applied again."""
        item = self._item(self._fresh("south"))
        token = (f"twice-{self._number}", [{"Put": {"TableName": "south", "Item": item}}])
        key = item["id"]

        def learn(model: Model, now_ms: int) -> None:
            if token[0] not in model.tokens:
                model.tokens.add(token[0])
                model.tables["south"].put(now_ms, item)

        yield Step("transact", lambda life: _transact(life, token), learn)

        def forget(model: Model, now_ms: int) -> None:
            model.tables["south"].delete(now_ms, key["S"])

        def delete(life: Life) -> None:
            life.call("DeleteItem", TableName="south", Key={"id": key})

        yield Step("delete", delete, forget)
        yield Step("again", lambda life: _transact(life, token), learn)

    def canceled(self) -> Step:
        """A transaction of which one action is refused."""
        item = self._item(self._fresh("north"))

        def act(life: Life) -> None:
            absent = {"TableName": "south", "Key": {"id": {"S": "nowhere"}}}
            check = {**absent, "ConditionExpression": "attribute_exists(id)"}
            actions = [
                {"Put": {"TableName": "north", "Item": item}},
                {"ConditionCheck": check},
            ]
            try:
                life.call("TransactWriteItems", TransactItems=actions)
            except TransactionCanceled:
                return
            raise AssertionError("a transaction whose check can't hold was done")

        return Step("canceled", act, nothing)


def _transact(life: Life, token: tuple[str, list[Any]]) -> None:
    life.call("TransactWriteItems", ClientRequestToken=token[0], TransactItems=token[1])
