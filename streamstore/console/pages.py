"""What the console shows: the store with its tables and consumers, and one table with its shards,
its items a page at a time, and its records as they come.

A page is a function of path parameters and query that gives status, type, body and headers. All is
read with the service's own calls, each bounded as those are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import orjson

from ..codec.fragments import encode_binary
from ..engine.streams.lineage import size_text
from ..errors import RequestError, ResourceNotFound
from . import HOME, lineage_svg
from .markup import Markup, document, element, table

if TYPE_CHECKING:
    from ..store import Store

HTML: Final = "text/html; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"
# Nothing from elsewhere, nothing inline, nobody around it.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_DRAWING: Final = {
    **HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}
_FILES: Final = {
    "style.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
}
_ITEMS_A_PAGE: Final = 25
_ITEM_CHARS_MAX: Final = 2_000
_SHARDS_DRAWN_MAX: Final = 500

Answer = tuple[int, str, bytes, dict[str, str]]
# What the workers of mappings tell of each mapping and shard: function, shard, behind, age_seconds.
Lags = Callable[[], Iterable[Mapping[str, Any]]]


class Console:
    """The pages of one store, by the names of PAGES. `lags` is asked each time the overview is."""

    def __init__(self, store: Store, lags: Lags) -> None:
        self._store = store
        self._lags = lags

    def overview(self, path: dict[str, str], query: dict[str, str], body: bytes) -> Answer:
        """The store: its tables from `after` on, and how far its consumers are."""
        store = self._store
        start = {"ExclusiveStartTableName": query["after"]} if query.get("after") else {}
        listed = self._call("ListTables", **start)
        rows = [self._table_row(name) for name in listed["TableNames"]]
        more: list[Markup] = []
        if "LastEvaluatedTableName" in listed:
            more.append(_next(HOME, listed["LastEvaluatedTableName"]))
        lags = [
            (lag["function"], lag["shard"], lag["behind"], f"{lag['age_seconds']:.1f} s")
            for lag in self._lags()
        ]
        return _page(
            "streamstore",
            element("h1", store.path),
            *self._warnings(),
            _facts(
                ("time", _moment(store.clock.now_ms())),
                ("region", store.settings.region),
                ("durability", store.settings.durability),
            ),
            element("h2", "Tables"),
            table(
                ("table", "status", "items", "size", "indexes", "stream", "open shards"),
                rows,
                "There is no table yet.",
            ),
            *more,
            element("h2", "Consumers"),
            table(
                ("function", "shard", "behind", "age"),
                lags,
                "Nothing consumes a stream here.",
            ),
        )

    def table(self, path: dict[str, str], query: dict[str, str], body: bytes) -> Answer:
        """One table. `after` is the key behind which its items go on, as JSON; `from` is where its
        records begin.
        """
        name = path["table"]
        try:
            described = self._call("DescribeTable", TableName=name)["Table"]
            items = self._items(name, query.get("after", ""))
        except RequestError as error:
            return _page("not found", element("h1", name), element("p", str(error)), status=404)
        return _page(
            name,
            element("h1", name),
            *self._warnings(),
            _facts(*_described(described)),
            *self._stream(name, described, query.get("from", "latest")),
            element("h2", "Items"),
            *items,
        )

    def shards(self, path: dict[str, str], query: dict[str, str], body: bytes) -> Answer:
        """The drawing of a table's shards, the newest ones where there are very many."""
        name = path["table"]
        try:
            found = self._store.shards(name)
        except ResourceNotFound as missing:
            return 404, TEXT, f"{missing}\n".encode(), HEADERS
        drawn = found[-_SHARDS_DRAWN_MAX:]
        title = f"{name}: {len(found)} shards"
        if len(drawn) < len(found):
            title += f", of which the newest {len(drawn)}"
        return 200, "image/svg+xml", lineage_svg.draw(title, drawn).encode(), _DRAWING

    def file(self, path: dict[str, str], query: dict[str, str], body: bytes) -> Answer:
        """A file that the pages name."""
        kind = _FILES.get(path["file"])
        if kind is None:
            return 404, TEXT, b"There is no such page.\n", HEADERS
        return 200, kind, files(__package__).joinpath(path["file"]).read_bytes(), HEADERS

    # Parts of pages.

    def _call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self._store.call(operation, params, replace(self._store.scope, base64_binary=True))

    def _warnings(self) -> Iterable[Markup]:
        if self._store.latched is not None:
            yield element("p", str(self._store.latched), class_="warning")

    def _table_row(self, name: str) -> tuple[object, ...]:
        described = self._call("DescribeTable", TableName=name)["Table"]
        stream = described.get("StreamSpecification", {})
        indexes = [
            *described.get("LocalSecondaryIndexes", ()),
            *described.get("GlobalSecondaryIndexes", ()),
        ]
        return (
            element("a", name, href=_path(name)),
            described["TableStatus"],
            described["ItemCount"],
            size_text(described["TableSizeBytes"]),
            len(indexes),
            stream.get("StreamViewType", "none"),
            len(self._store.engine.catalog.table(name).open_shards),
        )

    def _stream(self, name: str, described: dict[str, Any], start: str) -> Iterable[Markup]:
        yield element("h2", "Stream")
        if "LatestStreamArn" not in described:
            yield element("p", "It has no stream.", class_="empty")
            return
        drawing = element("img", src=f"{_path(name)}/shards.svg", alt=f"The shards of {name}")
        yield element("div", drawing, class_="shards")
        source = f"/streams/{quote(name)}/tail?" + urlencode({"from": start})
        others = [
            element("a", word, href=f"{_path(name)}?{urlencode({'from': word})}")
            for word in ("latest", "trim-horizon")
        ]
        yield element(
            "p",
            "Records from ",
            others[0],
            " or ",
            others[1],
            ": ",
            element("span", start, id="state"),
        )
        yield element("ol", id="records", data_source=source)

    def _items(self, name: str, after: str) -> Iterable[Markup]:
        start = {}
        if after:
            try:
                start = {"ExclusiveStartKey": orjson.loads(after)}
            except orjson.JSONDecodeError:
                return [element("p", "That is no key to go on after.", class_="empty")]
        page = self._call("Scan", TableName=name, Limit=_ITEMS_A_PAGE, **start)
        rows = [(element("code", _clipped(_json(item))),) for item in page["Items"]]
        parts = [table(("item",), rows, "There is no item here.")]
        if "LastEvaluatedKey" in page:
            parts.append(_next(_path(name), _json(page["LastEvaluatedKey"])))
        return parts


def _page(title: str, *body: object, status: int = 200) -> Answer:
    return status, HTML, document(title, HOME, *body), HEADERS


def _path(name: str) -> str:
    return f"{HOME}/tables/{quote(name, safe='')}"


def _next(path: str, after: str) -> Markup:
    return element(
        "p", element("a", "next", href=f"{path}?{urlencode({'after': after})}", rel="next")
    )


def _facts(*facts: tuple[str, object]) -> Markup:
    return element("table", *(element("tr", element("th", k), element("td", v)) for k, v in facts))


def _described(described: dict[str, Any]) -> Iterable[tuple[str, object]]:
    types = {
        each["AttributeName"]: each["AttributeType"] for each in described["AttributeDefinitions"]
    }
    for title, part in (("key", described), *_indexes(described)):
        keys = [f"{k['AttributeName']} ({types[k['AttributeName']]})" for k in part["KeySchema"]]
        yield title, ", ".join(keys)
    yield "status", described["TableStatus"]
    yield "items", f"{described['ItemCount']:,}, {size_text(described['TableSizeBytes'])}"
    yield "made", _moment(round(described["CreationDateTime"] * 1000))
    yield "arn", described["TableArn"]
    if "LatestStreamArn" in described:
        view = described.get("StreamSpecification", {}).get("StreamViewType", "disabled")
        yield "stream", f"{described['LatestStreamArn']} ({view})"


def _indexes(described: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        for index in described.get(kind, ()):
            yield f"index {index['IndexName']}", index


def _json(value: Any) -> str:
    return orjson.dumps(value, default=encode_binary).decode()


def _clipped(text: str) -> str:
    return text if len(text) <= _ITEM_CHARS_MAX else f"{text[:_ITEM_CHARS_MAX]}…"


def _moment(moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).isoformat(" ", "seconds")
