"""The five ways to begin reading a shard."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamstore.engine.streams import positions, sequence, shards
from streamstore.errors import RecordsTrimmed, ValidationFailed

DAY = 24 * 3600


def place(lab: Any, kind: Any, *args: Any) -> Any:
    """The position of that kind in the stream's first shard."""
    shard = lab.shards()[0]
    with lab.reading() as rx:
        if kind is positions.latest:
            return kind(rx, shard)
        return kind(rx, lab.engine, lab.stream(), shard, *args)


def wire(counter: int) -> str:
    return sequence.wire(1, counter)


@given(st.integers(0, 9), st.booleans())
@settings(max_examples=20, deadline=None)
def test_at_includes_the_record_of_the_number_and_after_does_not(
    streams_lab: Any, at: int, including: bool
) -> None:
    lab = streams_lab.Lab()
    lab.create()
    numbers = lab.append(*"abcdefghij")
    kind = positions.at_sequence if including else positions.after_sequence
    labels, _ = lab.drain(place(lab, kind, wire(numbers[at])))
    assert labels == list("abcdefghij")[at if including else at + 1 :]


@pytest.mark.parametrize("kind", [positions.at_sequence, positions.after_sequence])
def test_the_starting_number_gives_everything_though_no_record_has_it(lab: Any, kind: Any) -> None:
    lab.create()
    lab.append(*"abc")
    start = lab.shard().info.start_sequence
    assert lab.drain(place(lab, kind, wire(start)))[0] == list("abc")


@pytest.mark.parametrize("kind", [positions.at_sequence, positions.after_sequence])
@pytest.mark.parametrize("closed", [False, True])
def test_numbers_of_other_shards_are_refused(lab: Any, kind: Any, closed: bool) -> None:
    lab.create()
    numbers = lab.append(*"abc")
    start = lab.shard().info.start_sequence
    lab.create("other")
    end = lab.append("z", name="other")[0]
    if closed:
        lab.change(shards.disable_stream)
        end = numbers[-1]
    wrong = [wire(start - 1), wire(end + 1), sequence.wire(2, numbers[1]), "1" * 40, "x" * 21]
    for text in wrong:
        with pytest.raises(ValidationFailed):
            place(lab, kind, text)
    place(lab, kind, wire(end))


def test_after_the_last_number_of_a_closed_shard_comes_its_end(lab: Any) -> None:
    lab.create()
    numbers = lab.append(*"abc")
    lab.change(shards.disable_stream)
    page = lab.read(place(lab, positions.after_sequence, wire(numbers[-1])))
    assert (page.records, page.next) == ([], None)


def test_a_number_between_two_records_means_the_later_one(lab: Any) -> None:
    lab.create()
    lab.create("other")
    lab.append("a")
    between = lab.append("z", name="other")[0]
    lab.append("b")
    assert lab.drain(place(lab, positions.at_sequence, wire(between)))[0] == ["b"]


@pytest.mark.parametrize("trimmed", [False, True])
def test_numbers_before_the_horizon_are_refused_at_once(lab: Any, trimmed: bool) -> None:
    lab.create()
    old = lab.append(*"abc")
    lab.advance(2 * DAY)
    new = lab.append(*"de")
    if trimmed:
        lab.trim()
    start = lab.shard().info.start_sequence
    for kind, number in [
        (positions.at_sequence, start),
        (positions.at_sequence, old[2]),
        (positions.after_sequence, old[1]),
    ]:
        with pytest.raises(RecordsTrimmed) as caught:
            place(lab, kind, wire(number))
        assert caught.value.oldest_sequence == wire(new[0])
    # After the last lost record nothing that is wanted is lost.
    position = place(lab, positions.after_sequence, wire(old[2]))
    assert lab.drain(position)[0] == ["d", "e"]


def test_latest_sees_only_what_is_written_later_whatever_other_shards_do(lab: Any) -> None:
    """DynamoDB Local answers TrimmedDataAccess here (spec I)."""
    lab.create()
    lab.create("other")
    position = place(lab, positions.latest)
    lab.append("z", name="other")
    lab.append("a")
    assert lab.drain(position)[0] == ["a"]
    position = place(lab, positions.latest)
    assert lab.read(position).records == []
    lab.append("z", name="other")
    lab.append("b")
    assert lab.drain(position)[0] == ["b"]


def test_latest_of_a_closed_shard_ends_at_once(lab: Any) -> None:
    lab.create()
    lab.append(*"abc")
    lab.change(shards.disable_stream)
    page = lab.read(place(lab, positions.latest))
    assert (page.records, page.next) == ([], None)


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(-2, 20))
@settings(max_examples=40, deadline=None)
def test_a_time_means_the_first_record_made_then_or_later(
    streams_lab: Any, pauses: list[int], offset: int
) -> None:
    lab = streams_lab.Lab()
    lab.create()
    start, made = lab.clock.now_ms(), []
    for at, pause in enumerate(pauses):
        lab.advance(pause / 1000)
        lab.append(str(at))
        made.append(lab.clock.now_ms())
    position = place(lab, positions.at_time, start + offset)
    expected = [str(at) for at, time in enumerate(made) if time >= start + offset]
    assert lab.drain(position)[0] == expected


@pytest.mark.parametrize("trimmed", [False, True])
def test_a_time_before_the_horizon_means_the_oldest_readable_record(
    lab: Any, trimmed: bool
) -> None:
    lab.create()
    lab.append(*"ab")
    lab.advance(2 * DAY)
    lab.append(*"cd")
    if trimmed:
        lab.trim()
    assert lab.drain(place(lab, positions.at_time, 0))[0] == ["c", "d"]


def test_a_checkpoint_beyond_the_last_record_is_good_while_the_shard_is_open(lab: Any) -> None:
    """A backup was restored that ends before it: nothing that comes may be missed."""
    lab.create()
    lab.append("a")
    lab.advance(60)
    lab.reopen()
    position = place(lab, positions.after_sequence, wire(lab.engine.sequence))
    lab.append("b")
    assert lab.drain(position)[0] == ["b"]
