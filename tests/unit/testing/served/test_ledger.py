"""The ledger sees each way in which a killed server could have broken its word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streamstore.testing.served import ledger
from streamstore.testing.served.ledger import Ledger, Told

Records = list[dict[str, Any]]
SINGLE, TRANSACTION = 0, 1


class Truth:
    """What an honest server would have: the records and items of each connection's writes."""

    def __init__(self, reached: dict[int, int]) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.records: Records = []
        writes = [(number, whose) for whose, last in reached.items() for number in range(last + 1)]
        for number, connection in sorted(writes):
            for key, value in ledger.write(connection, number).changes:
                self.change(key, value)

    def change(self, key: str, value: int | None) -> None:
        old = self.items.pop(key, None)
        body: dict[str, Any] = {
            "Keys": {"id": {"S": key}},
            "SequenceNumber": f"1{len(self.records) + 1:020d}",
        }
        if old is not None:
            body["OldImage"] = old
        if value is not None:
            body["NewImage"] = self.items[key] = ledger.item(key, value)
        name = "REMOVE" if value is None else "INSERT" if old is None else "MODIFY"
        self.records.append({"eventName": name, "dynamodb": body})


def settled(told: list[Told], truth: Truth, served: list[int] | None = None) -> list[str]:
    book = Ledger()
    book.settle(told, truth.records, served or [], list(truth.items.values()))
    return book.wrong


def test_all_that_was_sent_may_be_there_and_all_that_was_acknowledged_must() -> None:
    """Connection 0 was acknowledged up to 22, connection 1 up to 11."""
    told = [Told(SINGLE, 0, 25, 22), Told(TRANSACTION, 0, 14, 11)]
    verdicts = {
        (single, transaction): not settled(told, Truth({SINGLE: single, TRANSACTION: transaction}))
        for single in range(20, 28)
        for transaction in range(9, 17)
    }
    assert verdicts == {
        (single, transaction): 22 <= single <= 25 and 11 <= transaction <= 14
        for single, transaction in verdicts
    }


def lose_a_record_in_the_middle(truth: Truth) -> None:
    del truth.records[7]


def lose_an_item(truth: Truth) -> None:
    del truth.items["0/1"]


def keep_an_older_item(truth: Truth) -> None:
    truth.items["0/1"] = ledger.item("0/1", 1)


def half_an_item(truth: Truth) -> None:
    image = truth.records[3]["dynamodb"]["NewImage"]
    del image["body"]


def a_record_twice(truth: Truth) -> None:
    again = {**truth.records[9]["dynamodb"], "SequenceNumber": f"1{999:020d}"}
    truth.records.append({**truth.records[9], "dynamodb": again})


def a_number_twice(truth: Truth) -> None:
    body = truth.records[5]["dynamodb"]
    body["SequenceNumber"] = truth.records[4]["dynamodb"]["SequenceNumber"]


def another_old_image(truth: Truth) -> None:
    changed = next(it for it in truth.records if it["eventName"] == "MODIFY")
    changed["dynamodb"]["OldImage"] = ledger.item("0/0", 77)


def another_event_name(truth: Truth) -> None:
    truth.records[0]["eventName"] = "MODIFY"


def half_a_transaction(truth: Truth) -> None:
    for at in range(len(truth.records) - 1, -1, -1):
        key = truth.records[at]["dynamodb"]["Keys"]["id"]["S"]
        if key == "1/t2":
            del truth.records[at]
            truth.items[key] = ledger.item(key, 13)
            return


def two_writes_in_the_wrong_order(truth: Truth) -> None:
    bodies = [it["dynamodb"] for it in truth.records]
    first, second = [it for it in bodies if it["Keys"]["id"]["S"] == "1/t0"][:2]
    first["NewImage"], second["NewImage"] = second["NewImage"], first["NewImage"]
    second["OldImage"] = first["NewImage"]


DEFECTS: list[Callable[[Truth], None]] = [
    lose_a_record_in_the_middle,
    lose_an_item,
    keep_an_older_item,
    half_an_item,
    a_record_twice,
    a_number_twice,
    another_old_image,
    another_event_name,
    half_a_transaction,
    two_writes_in_the_wrong_order,
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda it: it.__name__)
def test_a_defect_is_seen(defect: Callable[[Truth], None]) -> None:
    told = [Told(SINGLE, 0, 25, 22), Told(TRANSACTION, 0, 14, 11)]
    truth = Truth({SINGLE: 24, TRANSACTION: 14})
    assert settled(told, truth) == []
    defect(truth)
    assert settled(told, truth) != []


def test_a_record_that_was_served_must_not_be_gone() -> None:
    told = [Told(SINGLE, 0, 25, 3)]
    truth = Truth({SINGLE: 4})
    assert settled(told, truth, [1, 5]) == []
    assert "were served are gone" in settled(told, truth, [1, 6])[0]


def test_what_was_absent_after_a_restart_must_not_come_later() -> None:
    """Writes 5 to 9 were sent and are lost; the next life begins with 10."""
    book, truth = Ledger(), Truth({SINGLE: 4})
    book.settle([Told(SINGLE, 0, 9, 3)], truth.records, [], list(truth.items.values()))
    assert book.wrong == []
    assert ledger.next_round(9) == 10
    late = Truth({SINGLE: 6})
    book.settle([Told(SINGLE, 10, 12, 9)], late.records[5:], [], list(late.items.values()))
    assert any("write 10 should be" in what for what in book.wrong)
