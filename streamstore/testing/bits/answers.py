"""Everything that a store can be asked, each answer by itself: for comparing one store's with
another's.

Owns: the questions. Must not know: what right answers are.

Each answer is data or the name of the error that came in its place, so that one that is refused
doesn't hide the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ...errors import StoreError
from ...store import Store

Question = tuple[str, ...]


class Refused(NamedTuple):
    """An error in the place of an answer: its kind, and the first it says."""

    kind: str
    text: str


_PAGE: Final = 40


def everything(store: Store) -> dict[Question, Any]:
    """Answers by question. Reads are those of requests, so each is checked as a request's is."""
    found: dict[Question, Any] = {}
    names = _ask(found, ("ListTables",), lambda: store.call("ListTables", {})["TableNames"])
    for name in names or ():
        described = _ask(
            found,
            ("DescribeTable", name),
            lambda n=name: store.call("DescribeTable", {"TableName": n})["Table"],
        )
        _ask(found, ("Scan", name), lambda n=name: list(_scan(store, n, None)))
        for item in found["Scan", name] if isinstance(found["Scan", name], list) else ():
            _get(store, found, name, described, item)
        for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
            for index in (described or {}).get(kind, ()):
                at = index["IndexName"]
                _ask(found, ("Scan", name, at), lambda n=name, i=at: list(_scan(store, n, i)))
    streams = _ask(found, ("ListStreams",), lambda: store.call("ListStreams", {})["Streams"])
    for stream in streams or ():
        _stream(store, found, stream["StreamArn"])
    return found


def differences(found: dict[Question, Any], true: dict[Question, Any]) -> list[str]:
    """Answers that are neither the true ones nor refused, and questions that should not be there
    or are passed over though nothing was refused.
    """
    wrong = []
    refused = any(isinstance(answer, Refused) for answer in found.values())
    for question, answer in found.items():
        if not isinstance(answer, Refused) and answer != true.get(question):
            wrong.append(f"{' '.join(question)} is answered wrongly")
    if not refused:
        wrong += [f"{' '.join(question)} is not there" for question in true.keys() - found.keys()]
    return wrong


def _ask(found: dict[Question, Any], question: Question, read: Any) -> Any:
    """The answer, or None where it was refused; noted either way."""
    try:
        answer = found[question] = read()
    except StoreError as error:
        found[question] = Refused(type(error).__name__, str(error)[:200])
        return None
    return answer


def _scan(store: Store, table: str, index: str | None) -> Iterator[dict[str, Any]]:
    params: dict[str, Any] = {"TableName": table, "Limit": _PAGE}
    if index is not None:
        params["IndexName"] = index
    while True:
        page = store.call("Scan", dict(params))
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        params["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _get(
    store: Store,
    found: dict[Question, Any],
    table: str,
    described: dict[str, Any] | None,
    item: dict[str, Any],
) -> None:
    if described is None:
        return
    key = {
        part["AttributeName"]: item.get(part["AttributeName"]) for part in described["KeySchema"]
    }
    params = {"TableName": table, "Key": key}
    _ask(found, ("GetItem", table, repr(key)), lambda: store.call("GetItem", params).get("Item"))


def _stream(store: Store, found: dict[Question, Any], arn: str) -> None:
    described = _ask(
        found,
        ("DescribeStream", arn),
        lambda: store.call("DescribeStream", {"StreamArn": arn})["StreamDescription"],
    )
    for shard in (described or {}).get("Shards", ()):
        _ask(
            found,
            ("GetRecords", arn, shard["ShardId"]),
            lambda s=shard["ShardId"]: list(_records(store, arn, s)),
        )


def _records(store: Store, arn: str, shard: str) -> Iterator[dict[str, Any]]:
    start = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = store.call("GetShardIterator", start)["ShardIterator"]
    while iterator is not None:
        page = store.call("GetRecords", {"ShardIterator": iterator, "Limit": _PAGE})
        yield from page["Records"]
        iterator = page.get("NextShardIterator") if page["Records"] else None
