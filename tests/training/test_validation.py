"""What validation says of a model is what the metrics say of it."""

from __future__ import annotations

import numpy as np
import pytest

from sedt.batch import Probabilities, Supervision
from sedt.config import TuneConfig
from sedt.data.clips import ClipShape, WindowClips
from sedt.data.recordings import Known
from sedt.decoding import Decision
from sedt.events import Event
from sedt.training.validation import score_events, score_tags

CLASSES = ["cat", "dog", "owl"]
EVENTS = [[Event(0.5, 1.5, "cat"), Event(2.5, 3.5, "dog")], [Event(0.2, 0.8, "dog")]]
DURATIONS = [4.0, 1.0]


class Silent:
    """Two recordings of which only the labels matter: reading their audio fails the test."""

    def __len__(self) -> int:
        return len(EVENTS)

    def duration_s(self, index: int) -> float:
        return DURATIONS[index]

    def known(self, index: int) -> Known:
        return Known(Supervision.STRONG, events=EVENTS[index])


def windows() -> WindowClips:
    """Of 2 s, one every second: three of the first recording, one of the second."""
    return WindowClips([Silent()], ClipShape(CLASSES, 8000, 2.0), 1.0)  # type: ignore[list-item]


def said(tags: list[list[float]], events: list[list[tuple[int, float, float]]]) -> list[Probabilities]:
    """In two batches; events are class, onset and offset in seconds of their window."""
    classes = np.zeros((len(tags), 2, 4), np.float32)
    spans = np.full((len(tags), 2, 2), 0.5, np.float32)
    for window, found in enumerate(events):
        for query, (label, onset, offset) in enumerate(found):
            classes[window, query, label] = 0.9
            spans[window, query] = (onset + offset) / 4, (offset - onset) / 2
    whole = Probabilities(classes, spans, np.array(tags, np.float32))
    return [whole.rows(slice(0, 3)), whole.rows(slice(3, None))]


RIGHT = said(
    [[0.9, 0.1, 0.1], [0.9, 0.9, 0.1], [0.1, 0.9, 0.1], [0.1, 0.9, 0.1]],
    [[(0, 0.5, 1.5)], [(0, -0.5, 0.5), (1, 1.5, 2.5)], [(1, 0.5, 1.5)], [(1, 0.2, 0.8)]],
)


def test_all_right_is_one_though_a_class_never_sounds() -> None:
    assert score_tags(windows())(RIGHT) == {"tagging": 1.0}
    scores = score_events(windows(), Decision(), TuneConfig())(RIGHT)
    assert scores == {"event_based": 1.0, "segment_based": 1.0, "tagging": 1.0}


def test_what_is_wrong_counts_for_its_class() -> None:
    wrong = said(
        [[0.9, 0.1, 0.1], [0.9, 0.9, 0.1], [0.1, 0.9, 0.1], [0.9, 0.1, 0.1]],
        [[(0, 0.5, 1.5)], [(0, -0.5, 0.5), (1, 1.5, 2.5)], [(1, 0.5, 1.5)], [(0, 0.2, 0.8)]],
    )
    # In the second recording a cat is said to be where a dog is. Of cats 2 of 2 windows, and one wrongly.
    assert score_tags(windows())(wrong)["tagging"] == pytest.approx((2 * 2 / 5 + 2 * 2 / 5) / 2)
    scores = score_events(windows(), Decision(), TuneConfig())(wrong)
    assert scores["event_based"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert scores["tagging"] == pytest.approx((2 / 3 + 2 / 3) / 2)
