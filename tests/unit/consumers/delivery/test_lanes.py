"""A lane against a model of it: batches are fronts, full where they may be, never too large."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamstore.consumers.delivery.events import EVENT_RECORDS_BYTES
from streamstore.consumers.delivery.lanes import Entry, Lane, Shape, lane_of
from streamstore.consumers.delivery.progress import LaneProgress, Piece

SIZES = st.integers(1, 100) | st.integers(EVENT_RECORDS_BYTES // 4, EVENT_RECORDS_BYTES)
RECORDS = st.lists(st.tuples(st.integers(0, 40_000), SIZES), min_size=1, max_size=30)


def lane_with(records: list[tuple[int, int]], progress: LaneProgress) -> Lane:
    lane = Lane(0, progress, 0)
    at_ms = 0
    for place, (step_ms, size) in enumerate(records):
        at_ms += step_ms
        lane.add(Entry(place + 1, at_ms, {"n": place}, size), at_ms)
    return lane


@given(RECORDS, st.integers(1, 12), st.sampled_from([0, 60]))
def test_a_batch_is_the_longest_front_that_may_go_together(
    records: list[tuple[int, int]], batch_size: int, tumbling: int
) -> None:
    shape = Shape(batch_size, 0, tumbling)
    lane = lane_with(records, LaneProgress())
    entries = list(lane.entries)
    batch = lane.batch(shape)
    assert batch == entries[: len(batch)]

    def fits(some: list[Entry]) -> bool:
        windows = {entry.created_ms // 60_000 for entry in some} if tumbling else {0}
        small = sum(entry.size for entry in some) <= EVENT_RECORDS_BYTES or len(some) == 1
        return len(some) <= batch_size and len(windows) == 1 and small

    assert fits(batch)
    assert len(batch) == len(entries) or not fits(entries[: len(batch) + 1])
    if len(batch) < len(entries):
        assert lane.is_full(shape, len(entries)), "a batch that nothing fits to must not wait"


@given(RECORDS, st.integers(0, 35), st.lists(st.integers(1, 35), max_size=4, unique=True))
def test_pieces_cut_the_same_batches_again_and_those_that_passed_are_dropped(
    records: list[tuple[int, int]], done: int, throughs: list[int]
) -> None:
    pieces = tuple(Piece(through) for through in sorted(throughs) if through > done)
    lane = lane_with(records, LaneProgress(done, 99, 3, pieces))
    left = [number for number in range(1, len(records) + 1) if number > done]
    assert [entry.sequence for entry in lane.entries] == left
    if not left:
        return
    lane.drop_passed_pieces()
    kept = [piece.through for piece in lane.progress.pieces]
    assert kept == [piece.through for piece in pieces if piece.through >= left[0]]
    if kept:
        batch = [entry.sequence for entry in lane.batch(Shape(1))]
        assert batch == [number for number in left if number <= kept[0]]


def test_a_piece_that_is_not_all_there_yet_is_not_full() -> None:
    lane = lane_with([(0, 1)] * 3, LaneProgress(pieces=(Piece(5),)))
    assert not lane.is_full(Shape(1), distributed=3)
    assert lane.is_full(Shape(1), distributed=5)


def test_a_batching_window_begins_with_the_last_completion_or_with_what_came_after_it() -> None:
    shape = Shape(window_ms=10_000)
    lane = Lane(0, LaneProgress(), 0)
    lane.since_ms = 5_000
    lane.add(Entry(1, 0, {}, 1), 7_000)
    assert lane.deadline_ms(shape) == 15_000
    lane.take(1)
    lane.add(Entry(2, 0, {}, 1), 40_000)
    assert lane.deadline_ms(shape) == 50_000


@given(st.dictionaries(st.text(max_size=5), st.just({"S": "x"}), min_size=1, max_size=2))
def test_a_key_has_one_lane_however_its_parts_are_ordered(keys: dict[str, dict[str, str]]) -> None:
    backwards = dict(reversed(keys.items()))
    assert 0 <= lane_of(keys, 7) < 7
    assert lane_of(keys, 7) == lane_of(backwards, 7)
    assert lane_of(keys, 1) == 0
