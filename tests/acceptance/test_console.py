"""The console in a browser: Debian's Chromium, driven over its own WebDriver, at a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

DEADLINE_SECONDS = 20
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
TABLE: dict[str, Any] = {
    "TableName": "orders",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}


class Browser:
    """One headless Chromium. What is asked of a page is asked again until it holds, by the page's
    own clock.
    """

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/session"
        options = {
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        }
        always = {"browserName": "chrome", "goog:chromeOptions": options}
        made = self._ask("", {"capabilities": {"alwaysMatch": always}})
        self._url += f"/{made['sessionId']}"
        self._ask("/timeouts", {"script": DEADLINE_SECONDS * 1000})

    def _ask(self, path: str, body: Any, method: str = "POST") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)["value"]

    def open(self, url: str) -> None:
        self._ask("/url", {"url": url})

    def get(self, script: str) -> Any:
        return self._ask("/execute/sync", {"script": f"return {script}", "args": []})

    def wait_for(self, condition: str) -> None:
        """Until a JavaScript expression holds, looked at with every frame that is drawn."""
        script = (
            "const done = arguments[0];"
            f"(function look() {{ if ({condition}) done(true); else setTimeout(look, 20); }})()"
        )
        assert self._ask("/execute/async", {"script": script, "args": []}) is True

    def end(self) -> None:
        self._ask("", None, "DELETE")


@pytest.fixture
def browser() -> Iterator[Browser]:
    driver = shutil.which("chromedriver")
    if driver is None or shutil.which("chromium") is None:
        pytest.skip("no Chromium with its driver; apt-get install chromium chromium-driver")
    process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            started = re.search(r"on port (\d+)", line)
            if started and "successfully" in line:
                break
        assert started is not None, "the driver said nothing"
        made = Browser(int(started[1]))
        yield made
        made.end()
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def test_a_table_is_looked_at_and_its_records_come_by_themselves(
    browser: Browser, start_server: Callable[..., Any]
) -> None:
    server = start_server()
    client = server.client()
    client.create_table(**TABLE)
    client.put_item(TableName="orders", Item={"id": {"S": HOSTILE}})
    browser.open(f"{server.url}/_streamstore/console")
    assert browser.get("document.querySelector('tbody a').textContent") == "orders"
    browser.get("document.querySelector('tbody a').click()")
    browser.wait_for("document.getElementById('state')?.textContent === 'live'")
    assert (
        HOSTILE
        in json.loads(browser.get("document.querySelector('td code').textContent"))["id"]["S"]
    )
    browser.wait_for("document.querySelector('.shards img').naturalWidth > 0")
    assert browser.get("document.querySelectorAll('#records li').length") == 0
    client.put_item(TableName="orders", Item={"id": {"S": HOSTILE}, "n": {"N": "2"}})
    client.delete_item(TableName="orders", Key={"id": {"S": HOSTILE}})
    browser.wait_for("document.querySelectorAll('#records li').length === 2")
    names = "[...document.querySelectorAll('#records b')].map((b) => b.textContent)"
    assert browser.get(names) == ["REMOVE", "MODIFY"], "the newest first"
    keys = browser.get("document.querySelector('#records code').textContent")
    assert json.loads(keys) == {"id": {"S": HOSTILE}}
    assert browser.get("document.title") == "orders"
    off = {"StreamEnabled": False}
    client.update_table(TableName="orders", StreamSpecification=off)
    browser.wait_for("document.getElementById('state').textContent.includes('disabled')")


def test_a_reader_that_begins_at_the_horizon_sees_what_was(
    browser: Browser, start_server: Callable[..., Any]
) -> None:
    server = start_server("--in-memory")
    client = server.client()
    client.create_table(**TABLE)
    for number in range(5):
        client.put_item(TableName="orders", Item={"id": {"S": str(number)}})
    browser.open(f"{server.url}/_streamstore/console/tables/orders?from=trim-horizon")
    browser.wait_for("document.querySelectorAll('#records li').length === 5")


def test_a_server_with_keys_has_no_console(start_server: Callable[..., Any]) -> None:
    server = start_server("--in-memory", "--key", "AKID:s3cret")
    connection = server.connection()
    connection.request("GET", "/_streamstore/console")
    assert connection.getresponse().status == 404
    connection.close()
