"""What a store has of followers: waiting instead of polling GetRecords."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from streamstore.errors import ResourceNotFound, ValidationFailed


def test_waiting_ends_with_a_commit_beyond_the_number_and_not_before(shop: Any) -> None:
    wait = shop.store.wait_for
    shop.put("a")
    place = shop.follow().position
    assert not wait("orders", place, 0.01)
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(wait("orders", place, 30)))
    waiting.start()
    shop.put("b")
    waiting.join(30)
    assert answers == [True]
    assert wait("orders", place, 0)


def test_what_was_committed_before_the_store_was_opened_needs_no_waiting(file_shop: Any) -> None:
    place = file_shop.follow().position
    file_shop.put("a")
    file_shop.store.reopen()
    assert file_shop.store.wait_for("orders", place, 0)


def test_a_split_ends_the_waiting(shop: Any) -> None:
    place = shop.follow().position
    answers: list[bool] = []
    waiting = threading.Thread(
        target=lambda: answers.append(shop.store.wait_for("orders", place, 30))
    )
    waiting.start()
    for _ in range(4):
        shop.split()
    waiting.join(30)
    assert answers == [True]


def test_waiting_for_nothing_is_refused(shop: Any) -> None:
    with pytest.raises(ValidationFailed):
        shop.store.wait_for("orders", "7", 0)
    shop.store.client.update_table(TableName="orders", StreamSpecification={"StreamEnabled": False})
    with pytest.raises(ResourceNotFound):
        shop.store.wait_for("orders", "1" + "7".zfill(20), 0)
