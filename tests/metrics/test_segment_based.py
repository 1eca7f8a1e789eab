from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedt.errors import InputError
from sedt.events import Event
from sedt.metrics import Counts, segment_based

times = st.floats(0, 6, allow_nan=False)
an_event = st.builds(
    lambda a, b, label: Event(min(a, b), max(a, b), label), times, times, st.sampled_from("ab")
)
events = st.lists(an_event, max_size=6)


def test_worked_by_hand() -> None:
    # Segments            0  1  2  3  4
    # dog, true           .  x  x  .  .     1.5-2.2 s touches 1 and 2
    # dog, found          x  x  .  .  .     0.9-2.0 s: 2.0 is the end of segment 1
    # cat, true           .  .  .  .  x     4.0-5.0 s
    # cat, found          .  .  x  .  .     2.1-2.9 s
    reference = {"1.wav": [Event(1.5, 2.2, "dog"), Event(4.0, 5.0, "cat")]}
    estimated = {"1.wav": [Event(0.9, 2.0, "dog"), Event(2.1, 2.9, "cat")]}
    scores = segment_based(reference, estimated)
    assert scores.counts == {"cat": Counts(1, 1, 0), "dog": Counts(2, 2, 1)}
    assert scores.macro.f1 == pytest.approx((0 + 0.5) / 2)
    assert scores.micro.f1 == pytest.approx(2 * 1 / (3 + 3))
    # Segment 0: an insertion. 2: the cat for the dog, a substitution. 4: a deletion.
    assert scores.error_rate == pytest.approx(3 / 3)


def test_segments_end_with_the_file_if_its_length_is_known() -> None:
    reference, estimated = {"a.wav": [Event(0, 2, "x")]}, {"a.wav": [Event(0, 9, "x")]}
    assert segment_based(reference, estimated).counts["x"] == Counts(2, 9, 2)
    assert segment_based(reference, estimated, durations={"a.wav": 3.5}).counts["x"] == Counts(2, 4, 2)


def test_finer_segments() -> None:
    reference, estimated = {"a.wav": [Event(0.0, 1.0, "x")]}, {"a.wav": [Event(0.5, 1.25, "x")]}
    assert segment_based(reference, estimated, segment_s=0.25).counts["x"] == Counts(4, 3, 2)


def test_files_without_events() -> None:
    none: dict[str, list[Event]] = {"a.wav": []}
    scores = segment_based(none, none, ["x"])
    assert scores.counts == {"x": Counts()}
    assert math.isnan(scores.macro.f1)
    assert segment_based(none, {}, []).as_dict()["per_class"] == {}


@pytest.mark.parametrize("segment_s", [0.0, -1.0, float("nan")])
def test_a_segment_has_a_length(segment_s: float) -> None:
    with pytest.raises(InputError, match="segment_s"):
        segment_based({"a.wav": []}, {}, segment_s=segment_s)


@given(events, events, st.sampled_from([0.25, 0.5, 1.0]))
def test_against_a_count_of_every_segment(true: list[Event], found: list[Event], segment_s: float) -> None:
    def active(side: list[Event], label: str) -> np.ndarray:
        starts = np.arange(0, 7, segment_s)
        rows = [
            [e.label == label and e.onset < t + segment_s and e.offset > t for t in starts] for e in side
        ] or [[False] * len(starts)]
        return np.any(rows, axis=0)

    # An event of no length has no inside, so it is left to the other tests.
    true, found = ([e for e in side if e.duration > 0] for side in (true, found))
    counts = segment_based({"f": true}, {"f": found}, ["a", "b"], segment_s).counts
    for label in "ab":
        a, b = active(true, label), active(found, label)
        assert counts[label] == Counts(a.sum(), b.sum(), (a & b).sum())
