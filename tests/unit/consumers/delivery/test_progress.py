"""Progress as bytes: what is read back is what was kept, and it is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamstore import limits
from streamstore.consumers.delivery.progress import LaneProgress, Piece, Window, pack, unpack
from streamstore.consumers.delivery.retries import Batch, Failed, Policy, Split, decide

NUMBERS = st.integers(0, 2**63 - 1)
PIECES = st.builds(Piece, NUMBERS, st.integers(0, 10_000), st.integers(0, 10**9))
LANES = st.builds(
    LaneProgress, NUMBERS, NUMBERS, st.integers(0, 10**6), st.lists(PIECES, max_size=4).map(tuple)
)
WINDOWS = st.none() | st.builds(
    Window, NUMBERS, st.binary(max_size=50), st.booleans(), st.none() | PIECES
)


@given(NUMBERS, st.lists(LANES, min_size=1, max_size=10), WINDOWS)
def test_what_is_beyond_the_checkpoint_comes_back(
    checkpoint: int, lanes: list[LaneProgress], window: Window | None
) -> None:
    blob = pack(checkpoint, lanes, window)
    kept = unpack(blob, len(lanes))
    ahead = {n: lane for n, lane in enumerate(lanes) if lane.done > checkpoint or lane.pieces}
    assert kept.lanes == ahead
    assert kept.window == window
    assert (blob is None) == (not ahead and window is None)


@given(st.lists(LANES, min_size=1, max_size=10), WINDOWS, st.integers(1, 10))
def test_another_number_of_lanes_knows_nothing_of_these(
    lanes: list[LaneProgress], window: Window | None, others: int
) -> None:
    kept = unpack(pack(0, lanes, window), others)
    if others != len(lanes):
        assert not kept.lanes
    assert kept.window == window


def test_progress_stays_small_however_a_batch_is_cut() -> None:
    """10 lanes, each with a batch of 10,000 cut down to one record."""
    policy = Policy(bisect=True)
    sizes = [10_000]
    while sizes[0] > 1:
        decision = decide(policy, Batch(sizes[0], 0), Failed(), 0)
        assert isinstance(decision, Split)
        sizes[:1] = [decision.first, sizes[0] - decision.first]
    assert len(sizes) <= 15
    pieces = tuple(Piece(2**63 - 1, 10_000, 10**9) for _ in sizes)
    blob = pack(0, [LaneProgress(2**63 - 1, 2**62, 10**6, pieces)] * 10)
    assert blob is not None
    assert len(blob) < 4096
    assert limits.READ_AHEAD_RECORDS_MAX >= 10_000, "a batch of the largest size must fit"
