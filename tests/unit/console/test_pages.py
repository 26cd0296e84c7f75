"""The pages over a real store: what they show, whatever it is called, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import streamstore
from streamstore.clock import ManualClock
from streamstore.console import HOME, PAGES
from streamstore.console.pages import Console
from streamstore.errors import StorageError

HOSTILE = "<script>alert('x')</script>&amp;\"'"


def create(store: streamstore.Store, name: str, **more: Any) -> None:
    store.client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": HOSTILE, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": HOSTILE, "KeyType": "HASH"}],
        **more,
    )


@pytest.fixture
def store() -> Iterator[streamstore.Store]:
    with streamstore.open(":memory:", clock=ManualClock(), background=False) as store:
        view = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        create(store, "orders", StreamSpecification=view)
        create(store, "silent")
        for number in range(60):
            item = {HOSTILE: {"S": f"{HOSTILE}{number}"}, "b": {"B": b"\x00\xff"}}
            store.client.put_item(TableName="orders", Item=item)
        yield store


@pytest.fixture
def lags() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def console(store: streamstore.Store, lags: list[dict[str, Any]]) -> Console:
    return Console(store, lambda: lags)


def shown(answer: Any, status: int = 200) -> str:
    """A page's HTML, which is safe whatever is on it."""
    got, kind, body, headers = answer
    assert (got, kind) == (status, "text/html; charset=utf-8")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    html = str(body.decode())
    assert "<script>alert" not in html
    assert html.count("<script") == html.count("</script>") == 1
    return html


def table_page(console: Console, name: str, **query: str) -> str:
    return shown(console.table({"table": name}, query, b""))


def test_the_overview_names_every_table_and_what_consumes(
    console: Console, lags: list[dict[str, Any]]
) -> None:
    html = shown(console.overview({}, {}, b""))
    assert f'href="{HOME}/tables/orders">orders</a></td><td>ACTIVE</td>' in html
    assert "KEYS_ONLY" in html
    assert "<td>none</td>" in html
    assert "Nothing consumes a stream here." in html
    lags.append({"function": HOSTILE, "shard": "shardId-1", "behind": 7, "age_seconds": 1.25})
    html = shown(console.overview({}, {}, b""))
    assert '<td>shardId-1</td><td class="number">7</td><td>1.2 s</td>' in html


def test_tables_come_a_hundred_at_a_time(store: streamstore.Store, console: Console) -> None:
    for number in range(120):
        create(store, f"t{number:03d}")
    first = shown(console.overview({}, {}, b""))
    after = re.search(r'href="([^"]*)" rel="next"', first)
    assert after is not None
    query = parse_qs(urlsplit(unescape(after[1])).query)
    second = shown(console.overview({}, {"after": query["after"][0]}, b""))
    names = re.findall(r'tables/(\w+)">', first + second)
    assert len(names) == len(set(names)) == 122


def test_a_tables_items_are_all_there_page_by_page(console: Console) -> None:
    found: set[str] = set()
    query: dict[str, str] = {}
    for _ in range(4):
        html = table_page(console, "orders", **query)
        found |= set(re.findall(r"(\d+)&quot;}", html.replace('"', "&quot;")))
        after = re.search(r'href="([^"]*)" rel="next"', html)
        if after is None:
            break
        query = {"after": parse_qs(urlsplit(unescape(after[1])).query)["after"][0]}
    assert {str(number) for number in range(60)} <= found
    assert "no key to go on after" in table_page(console, "orders", after="{")


def test_a_tables_records_are_followed_from_where_its_reader_says(console: Console) -> None:
    html = table_page(console, "orders", **{"from": "trim-horizon"})
    assert 'data-source="/streams/orders/tail?from=trim-horizon"' in html
    html = table_page(console, "orders", **{"from": '"><b>'})
    assert 'data-source="/streams/orders/tail?from=%22%3E%3Cb%3E"' in html
    html = table_page(console, "silent")
    assert "It has no stream." in html
    assert "data-source" not in html


def test_what_is_not_there_is_404_and_a_key_that_is_none_is_told(console: Console) -> None:
    assert "not found" in shown(console.table({"table": "absent"}, {}, b""), 404)
    wrong = {"after": '{"x": {"S": "1"}}'}
    assert "provided starting key" in shown(console.table({"table": "orders"}, wrong, b""), 404)
    assert console.shards({"table": "absent"}, {}, b"")[0] == 404
    assert console.file({"file": "pages.py"}, {}, b"")[0] == 404
    assert console.file({"file": "../pages.py"}, {}, b"")[0] == 404


def test_shards_are_drawn_and_files_served(store: streamstore.Store, console: Console) -> None:
    store.split_shard("orders")
    status, kind, body, headers = console.shards({"table": "orders"}, {}, b"")
    assert (status, kind) == (200, "image/svg+xml")
    assert all(shard.info.name.encode() in body for shard in store.shards("orders"))
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    for name, start in (("style.css", b":root"), ("live.js", b"//")):
        status, _, body, _ = console.file({"file": name}, {}, b"")
        assert status == 200
        assert body.startswith(start)


def test_a_latched_store_says_so_on_every_page(store: streamstore.Store, console: Console) -> None:
    store.writer.latch(StorageError("the disk <is> gone"))
    for html in (shown(console.overview({}, {}, b"")), table_page(console, "orders")):
        assert 'class="warning"' in html
        assert "the disk &lt;is&gt; gone" in html


def test_every_page_has_something_that_answers_it(console: Console) -> None:
    for name in PAGES:
        assert callable(getattr(console, name))
