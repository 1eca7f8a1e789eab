"""Probabilities of steps -> events, by cases worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sedt.batch import Probabilities
from sedt.decoding import Decision, RecordingPredictions, candidates, decode
from sedt.events import Event
from sedt.metrics import Collars, event_based
from sedt.tuning import MEDIANS_S, num_tries, tune

CLASSES = ["bell", "dog"]
STEP_S = 0.5
WINDOW_S = 5.0


def steps(bell: str, dog: str = "0" * 10, tags: tuple[float, float] | None = None) -> Probabilities:
    """One window of ten steps; a digit is tenths of a probability."""
    frames = np.array([[int(digit) / 10 for digit in row] for row in (bell, dog)], dtype=np.float32).T[None]
    nothing = np.zeros((1, 0, 2), dtype=np.float32)
    said = None if tags is None else np.array([tags], dtype=np.float32)
    return Probabilities(nothing, nothing, said, frames, STEP_S)


def found(probabilities: Probabilities, **decision: object) -> list[tuple[float, float, str, float]]:
    settings = {"median_s": 0.0, **decision}
    [events] = decode(probabilities, CLASSES, Decision(**settings), WINDOW_S)  # type: ignore[arg-type]
    return [(e.onset, e.offset, e.label, round(e.score or 0.0, 3)) for e in events]


def test_runs_from_the_threshold_up_are_events_and_their_mean_is_the_score() -> None:
    assert found(steps("0560007990")) == [(0.5, 1.5, "bell", 0.55), (3.0, 4.5, "bell", 0.833)]
    assert found(steps("5000000009")) == [(0.0, 0.5, "bell", 0.5), (4.5, 5.0, "bell", 0.9)]
    assert found(steps("0000000000")) == []
    assert found(steps("1" * 10), threshold=0.0) == [(0.0, 5.0, "bell", 0.1)]


def test_each_class_has_its_own_threshold_filter_and_least_length() -> None:
    both = steps("0660606600", "0660606600")
    assert found(both, threshold={"bell": 0.7, "dog": 0.5}, min_length_s=0.6) == [
        (0.5, 1.5, "dog", 0.6),
        (3.0, 4.0, "dog", 0.6),
    ]
    # A median of three steps: the lone one at 2.0 s goes, the gaps beside it close.
    filtered = found(both, median_s={"bell": 1.5, "dog": 0.0}, min_length_s=0.6)
    bell = [event[:2] for event in filtered if event[2] == "bell"]
    assert bell == [(0.5, 2.0), (2.5, 4.0)]
    assert len([event for event in filtered if event[2] == "dog"]) == 2


@pytest.mark.parametrize(
    ("seconds", "bell"),
    [
        (0.0, [(1.0, 1.5), (2.5, 4.5)]),
        (0.9, [(1.0, 1.5), (2.5, 4.5)]),  # of one step: nothing to take a median of
        (1.5, [(2.5, 4.5)]),
        (2.4, [(2.0, 4.5)]),  # of five: at 2.0 s three of them are high
    ],
)
def test_the_median_filter_takes_an_odd_number_of_steps(
    seconds: float, bell: list[tuple[float, float]]
) -> None:
    assert [event[:2] for event in found(steps("0090099990"), median_s=seconds)] == bell


def test_a_class_that_is_not_tagged_is_not_looked_for() -> None:
    both = steps("0990000000", "0990000000", tags=(0.4, 0.6))
    assert found(both) == [(0.5, 1.5, "dog", 0.9)]
    assert len(found(both, tag_threshold=0.3)) == 2


def test_events_end_with_the_audio() -> None:
    [events] = decode(steps("0000000999"), CLASSES, Decision(median_s=0.0), WINDOW_S, [4.2])
    assert [(e.onset, e.offset) for e in events] == [(3.5, 4.2)]
    [events] = decode(steps("0000000009"), CLASSES, Decision(median_s=0.0), WINDOW_S, [4.2])
    assert events == []


def test_candidates_cut_at_any_threshold_give_what_decoding_gives() -> None:
    clip = steps("0246864200", tags=(0.5, 0.5))
    [painted] = candidates(clip, CLASSES, WINDOW_S)
    for threshold, expected in ((0.35, (2.0, 2.5)), (0.25, (1.5, 3.0)), (0.15, (1.0, 3.5))):
        above = [event for event in painted if (event.score or 0) >= threshold]
        assert (above[0].onset, above[-1].offset) == expected
    [short] = candidates(clip, CLASSES, WINDOW_S, [2.2])
    assert max(event.offset for event in short) == 2.2


def test_windows_are_joined() -> None:
    first, second = steps("0000000999"), steps("0099900000")
    both = Probabilities.joined([first, second])
    predictions = RecordingPredictions(both, np.array([5.0, 5.0]), WINDOW_S, 2.5)
    decision = Decision(median_s=0.0, tag_threshold=0.0)
    events = predictions.events(CLASSES, decision)
    assert [(e.onset, e.offset, e.label) for e in events] == [(3.5, 5.0, "bell")]


def test_thresholds_and_filters_are_tuned_for_each_class() -> None:
    """A bell is soft and steady, a dog loud and broken up: no setting serves both."""
    predictions = {
        str(i): RecordingPredictions(steps("0033330000", "0990990990"), np.array([WINDOW_S]), WINDOW_S, 2.5)
        for i in range(3)
    }
    reference = {name: [Event(1.0, 3.0, "bell"), Event(0.5, 4.5, "dog")] for name in predictions}
    calls: list[int] = []
    tuned = tune(predictions, reference, CLASSES, Decision(), progress=lambda: calls.append(1))
    assert len(calls) == num_tries(predictions.values())
    assert tuned.before.macro.f1 == 0
    assert tuned.after.macro.f1 == 1
    decision = tuned.decision
    assert isinstance(decision.threshold, dict)
    assert isinstance(decision.median_s, dict)
    assert decision.threshold["bell"] <= 0.3
    assert decision.median_s["dog"] in MEDIANS_S
    estimated = {name: each.events(CLASSES, decision) for name, each in predictions.items()}
    assert event_based(reference, estimated).macro.f1 == 1


def test_filters_are_as_short_as_events_are() -> None:
    """The same sounds, ten times as fast: a filter of 0.3 s or more would leave nothing of them."""
    predictions = {
        "a": RecordingPredictions(
            replace(steps("0033330000", "0990990990"), step_s=0.05), np.array([0.5]), 0.5, 0.25
        )
    }
    reference = {"a": [Event(0.1, 0.3, "bell"), Event(0.05, 0.45, "dog")]}
    start = Decision(min_length_s=0.0)
    tuned = tune(predictions, reference, CLASSES, start, Collars(0.02, 0.02, 0.0))
    assert tuned.after.macro.f1 == 1
    assert isinstance(tuned.decision.median_s, dict)
    assert 0 < tuned.decision.median_s["dog"] < 0.5
