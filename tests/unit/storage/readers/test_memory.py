"""Reads of a store in memory, whose one connection is the writer's (engine.md 2.8)."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from streamstore.errors import Busy, StorageError, StoreClosed

COUNT = "SELECT count(*) FROM record"


@pytest.fixture
def memory(make_rig: Any) -> Any:
    return make_rig(memory=True)


def test_a_read_sees_what_is_committed_and_nothing_of_an_open_group(memory: Any) -> None:
    inside, go = threading.Event(), threading.Event()
    seen: list[Any] = []

    def hold(group: Any) -> None:
        memory.put(1)(group)
        inside.set()
        assert go.wait(10)

    writer = threading.Thread(target=memory.writer.run, args=(hold,))
    writer.start()
    assert inside.wait(10)
    reader = threading.Thread(target=lambda: seen.append(memory.ids()))
    reader.start()
    with pytest.raises(Busy), memory.readers.loop_transaction():
        pass
    assert seen == []
    go.set()
    reader.join(10)
    writer.join(10)
    assert seen == [[1]]
    with memory.readers.loop_transaction() as rx:
        assert rx.one(COUNT) == (1,)


def test_reads_may_be_nested_in_a_thread_as_those_of_a_file_may(memory: Any) -> None:
    memory.writer.run(memory.put(1))
    with memory.readers.transaction() as outer:
        with memory.readers.transaction() as inner, memory.readers.loop_transaction() as third:
            assert inner.one(COUNT) == outer.one(COUNT) == third.one(COUNT) == (1,)
        with pytest.raises(StorageError, match="over"):
            inner.one(COUNT)
        assert outer.one(COUNT) == (1,)
        assert memory.readers.oldest_seconds() > 0
        assert memory.writer.try_lead() is False
    assert memory.readers.oldest_seconds() == 0.0
    assert memory.writer.run(memory.put(2)) == 2


def test_a_read_of_another_thread_is_not_nested(memory: Any) -> None:
    with memory.readers.transaction():
        refused: list[BaseException] = []

        def read() -> None:
            try:
                with memory.readers.loop_transaction():
                    pass
            except Busy as error:
                refused.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        thread.join(10)
        assert len(refused) == 1


def test_an_exception_in_the_block_lets_go_of_the_lock(memory: Any) -> None:
    with pytest.raises(KeyError), memory.readers.transaction():
        raise KeyError
    with pytest.raises(StopIteration), memory.readers.transaction():
        raise StopIteration
    assert memory.writer.run(memory.put(1)) == 1


def test_a_closed_store_refuses(memory: Any) -> None:
    assert memory.readers.data_version() == 0
    memory.close()
    with pytest.raises(StoreClosed), memory.readers.transaction():
        pass
