"""`streamstore tail`, `export`, `clock confirm` as processes: what they print, how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import streamstore
from streamstore.cli.lines.tail import plain_lines
from streamstore.server.gate import ServerSettings
from streamstore.server.serve import Running

ROOT = Path(__file__).resolve().parents[4]


class Command:
    """One command under way."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamstore", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def label(self) -> Any:
        return json.loads(self.line())["dynamodb"]["Keys"]["id"]["S"]

    def end(self, number: int | None = None) -> tuple[int, str, str]:
        """(exit code, the rest of stdout, stderr), after a signal if one is given."""
        if number is not None:
            self.process.send_signal(number)
        out, error = self.process.communicate(timeout=30)
        return self.process.returncode, out, error


@pytest.fixture
def store(tmp_path: Path) -> Iterator[streamstore.Store]:
    with streamstore.open(tmp_path / "shop.db", background=False) as store:
        store.client.create_table(
            TableName="orders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        put(store, "a", "b")
        yield store


def put(store: streamstore.Store, *labels: str) -> None:
    for label in labels:
        store.client.put_item(TableName="orders", Item={"id": {"S": label}, "blob": {"B": b"\x00"}})


def test_a_tail_follows_a_file_beside_its_owner_until_it_is_interrupted(
    store: streamstore.Store,
) -> None:
    tail = Command("tail", "orders", "--db", store.path, "--from", "trim-horizon")
    assert [tail.label(), tail.label()] == ["a", "b"]
    store.split_shard("orders")
    put(store, "c")
    assert tail.label() == "c"
    assert tail.end(signal.SIGINT) == (0, "", "")


def test_a_tail_follows_a_server_until_the_server_ends(store: streamstore.Store) -> None:
    with Running(store) as server:
        tail = Command("tail", "orders", "--url", server.url, "--from", "trim-horizon")
        assert [tail.label(), tail.label()] == ["a", "b"]
        put(store, "c")
        record = json.loads(tail.line())
        assert record["dynamodb"]["NewImage"] == {"id": {"S": "c"}, "blob": {"B": "AA=="}}
        put(store, "d")
        assert tail.label() == "d"
    assert tail.end() == (0, "", "")


def test_a_tail_and_stats_sign_with_the_key_they_are_given(
    store: streamstore.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = store.client.describe_table(TableName="orders")["Table"]["LatestStreamArn"]
    with Running(store, ServerSettings(port=0, keys={"AKID": "s3cret/+"})) as server:
        words = ("tail", "orders", "--url", server.url, "--from", "trim-horizon")
        unsigned = Command(*words).end()
        assert unsigned[0] == 1
        assert "missing Authentication Token" in unsigned[2]
        wrong = Command(*words, "--key", "AKID:other").end()
        assert (wrong[0], "signature we calculated does not match" in wrong[2]) == (1, True)
        assert "other" not in wrong[2]
        odd = Command(*words, "--key", "AKID").end()
        assert (odd[0], "ACCESS_KEY_ID:SECRET" in odd[2]) == (1, True)
        for name in ("orders", arn):  # whose colons and slashes are percent-encoded on the way
            tail = Command("tail", name, *words[2:], "--key", "AKID:s3cret/+")
            assert [tail.label(), tail.label()] == ["a", "b"]
            assert tail.end(signal.SIGINT)[0] == 0
        monkeypatch.setenv("STREAMSTORE_KEY", "AKID:s3cret/+")
        tail = Command(*words)
        assert tail.label() == "a"
        assert tail.end(signal.SIGINT)[0] == 0
        code, out, _ = Command("stats", "--url", server.url).end()
        assert (code, json.loads(out)["writer"]["units"] > 0) == (0, True)
        code, _, said = Command("stats", "--url", server.url, "--key", "AKID:other").end()
        assert (code, "does not match" in said) == (1, True)


@pytest.mark.parametrize("door", ["--db", "--url"])
def test_a_tail_shows_what_one_of_its_filters_matches(
    store: streamstore.Store, door: str, tmp_path: Path
) -> None:
    """Judged in Lambda's form: binary is base64 text, whatever the door gives."""
    (tmp_path / "c.json").write_text('{"dynamodb":{"Keys":{"id":{"S":["c"]}}}}')
    both = '{"dynamodb":{"Keys":{"id":{"S":["b"]}},"NewImage":{"blob":{"B":["AA=="]}}}}'
    filters = ("--filter", str(tmp_path / "c.json"), "--filter", both)
    with Running(store) as server:
        where = store.path if door == "--db" else server.url
        tail = Command("tail", "orders", door, where, "--from", "trim-horizon", *filters)
        assert tail.label() == "b"
        put(store, "d", "c")
        assert tail.label() == "c"
        assert tail.end(signal.SIGINT) == (0, "", "")


def test_a_tail_begins_where_it_is_told(store: streamstore.Store) -> None:
    records = store.follow("orders", "trim-horizon").turn()
    number = records[1]["dynamodb"]["SequenceNumber"]
    tail = Command("tail", "orders", "--db", store.path, "--from", number)
    assert tail.label() == "b"
    assert tail.end(signal.SIGINT)[0] == 0


def test_a_tail_whose_reader_went_away_ends_without_a_word(store: streamstore.Store) -> None:
    tail = Command("tail", "orders", "--db", store.path, "--from", "trim-horizon")
    tail.line()
    assert tail.process.stdout is not None
    tail.process.stdout.close()  # the stream is quiet from now on
    assert tail.process.wait(30) == 0
    assert tail.process.stderr is not None
    assert tail.process.stderr.read() == ""
    tail.process.stderr.close()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("tail", "orders"), 2, "give --db or --url"),
        (("tail", "nobody", "--db", "{}"), 1, "not found"),
        (("tail", "orders", "--db", "{}", "--filter", "no.json"), 2, "can't read no.json"),
        (("tail", "orders", "--db", "{}", "--filter", '{{"a":1}}'), 2, "bad pattern"),
        (("tail", "orders", "--db", "{}", "--from", "soon"), 1, "no place to begin"),
        (("tail", "orders", "--db", "/nowhere/x.db"), 1, "there is no store"),
        (("tail", "orders", "--url", "http://127.0.0.1:9"), 1, "does not answer"),
        (("export", "nobody", "--db", "{}"), 1, "not found"),
        (("clock", "confirm", "--db", "{}"), 1, "embeds the store"),
    ],
)
def test_what_cannot_be_done_ends_with_the_reason(
    store: streamstore.Store, words: tuple[str, ...], code: int, said: str
) -> None:
    told = Command(*(word.format(store.path) for word in words)).end()
    assert told[0] == code
    assert said in told[2]
    assert "Traceback" not in told[2]


def test_an_export_holds_every_item_and_last_the_place_to_follow_from(
    store: streamstore.Store,
) -> None:
    code, out, error = Command("export", "orders", "--db", store.path).end()
    assert (code, error) == (0, "")
    *items, end = map(json.loads, out.splitlines())
    assert sorted(line["Item"]["id"]["S"] for line in items) == ["a", "b"]
    assert (end["TableName"], end["Items"], len(end["Shards"])) == ("orders", 2, 4)
    put(store, "c")
    after = store.follow(end["StreamArn"], after=end["Position"]).turn()
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in after] == ["c"]


def test_a_servers_clock_is_confirmed_and_rates_are_drawn(
    store: streamstore.Store, tmp_path: Path
) -> None:
    with Running(store) as server:
        store.announce(server.url)
        code, out, _ = Command("clock", "confirm", "--db", store.path).end()
        assert code == 0
        assert json.loads(out)["held_ms"] == 0
        target = tmp_path / "lineage.svg"
        drawn = Command("shards", "show", "orders", "--db", store.path, "--svg", str(target))
        assert drawn.end() == (0, "", "")
        assert target.read_text().count("units/s") == 8
    drawn = Command("shards", "show", "orders", "--db", store.path, "--svg", "-")
    assert "</svg>" in drawn.end()[1]


def test_lines_for_people_hold_nothing_that_a_terminal_obeys() -> None:
    record = {
        "eventName": "REMOVE",
        "ShardId": "shardId-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_700_000_000,
            "Keys": {"id": {"S": "a\x1b[2J b"}, "n": {"N": "7"}, "raw": {"B": b"\x00"}},
            "SequenceNumber": "1" + "7".zfill(20),
        },
    }
    assert plain_lines([record]).decode() == (
        '2023-11-14T22:13:20Z  REMOVE  id="a\\u001b[2J b" n=7 raw=AA=='
        "  100000000000000000007  shardId-1\n"
    )
