"""Tuning finds the thresholds that were hidden, on the recordings it is given and on no others."""

from __future__ import annotations

import numpy as np
import pytest

from sedt.batch import Probabilities
from sedt.decoding import Decision, RecordingPredictions
from sedt.errors import InputError
from sedt.events import Event
from sedt.metrics import event_based
from sedt.tuning import num_tries, tune

CLASSES = ["bell", "dog"]
WINDOW_S = 10.0


def prediction(
    *queries: tuple[float, float, str, float], tags: list[float] | None = None
) -> RecordingPredictions:
    """One window; a query is onset, offset, label and probability."""
    classes = np.zeros((1, len(queries), 3), np.float32)
    spans = np.zeros((1, len(queries), 2), np.float32)
    for q, (onset, offset, label, probability) in enumerate(queries):
        classes[0, q, CLASSES.index(label)] = probability
        spans[0, q] = [(onset + offset) / 2 / WINDOW_S, (offset - onset) / WINDOW_S]
    table = None if tags is None else np.array([tags], np.float32)
    return RecordingPredictions(Probabilities(classes, spans, table), np.array([WINDOW_S]), WINDOW_S, 5.0)


# True bells have probabilities over 0.2, false ones under it; of dogs, true are those over 0.8.
REFERENCE = {
    "a": [Event(1, 2, "bell"), Event(5, 6, "dog")],
    "b": [Event(3, 4, "bell"), Event(7, 9, "dog")],
    "c": [],
}
PREDICTIONS = {
    "a": prediction((1, 2, "bell", 0.3), (5, 6, "dog", 0.9), (8, 9, "dog", 0.72)),
    "b": prediction((3, 4, "bell", 0.25), (7, 9, "dog", 0.85), (5, 6, "bell", 0.15)),
    "c": prediction((1, 4, "dog", 0.6), (6, 8, "bell", 0.1)),
}


def test_every_class_gets_its_own_threshold() -> None:
    tuned = tune(PREDICTIONS, REFERENCE, CLASSES, Decision())
    assert tuned.after.macro.f1 == 1
    assert tuned.before.macro.f1 < 0.5
    assert isinstance(tuned.decision.threshold, dict)
    # Of those that do as well the nearest to 0.5: bells 0.15 < t <= 0.25, dogs 0.72 < t <= 0.85.
    assert tuned.decision.threshold == {"bell": 0.25, "dog": 0.75}
    found = {name: each.events(CLASSES, tuned.decision) for name, each in PREDICTIONS.items()}
    assert event_based(REFERENCE, found, CLASSES).macro.f1 == 1


def test_tag_thresholds_are_tuned_where_there_are_tags() -> None:
    reference = {"a": [Event(1, 2, "bell")], "b": []}
    predictions = {
        "a": prediction((1, 2, "bell", 0.9), tags=[0.35, 0.0]),
        "b": prediction((1, 2, "bell", 0.9), tags=[0.25, 0.0]),
    }
    tuned = tune(predictions, reference, CLASSES, Decision())
    assert tuned.after.per_class["bell"].f1 == 1
    assert tuned.decision.tag_threshold == {"bell": 0.3, "dog": 0.5}  # a dog is nowhere: it keeps its own


def test_short_false_alarms_are_dropped_by_a_minimum_length() -> None:
    reference = {str(i): [Event(1, 2, "bell")] for i in range(4)}
    predictions = {name: prediction((1, 2, "bell", 0.6), (4, 4.4, "bell", 0.9)) for name in reference}
    tuned = tune(predictions, reference, CLASSES, Decision())
    assert isinstance(tuned.decision.min_length_s, dict)
    assert tuned.decision.min_length_s["bell"] == pytest.approx(0.5)
    assert tuned.after.per_class["bell"].f1 == 1


def test_a_decision_that_nothing_betters_stays() -> None:
    perfect = {"a": prediction((1, 2, "bell", 0.9))}
    start = Decision(threshold=0.45)
    assert tune(perfect, {"a": [Event(1, 2, "bell")]}, CLASSES, start).decision is start


@pytest.mark.parametrize("tags", [None, [0.9, 0.9]])
def test_progress_is_told_as_often_as_announced(tags: list[float] | None) -> None:
    calls: list[int] = []
    predictions = {"a": prediction((1, 2, "bell", 0.3), tags=tags)}
    tune(predictions, {"a": [Event(1, 2, "bell")]}, CLASSES, Decision(), progress=lambda: calls.append(1))
    assert len(calls) == num_tries(predictions.values())


def test_nothing_to_tune_on() -> None:
    with pytest.raises(InputError, match="no event of the model's classes"):
        tune(PREDICTIONS, {"a": [Event(1, 2, "siren")]}, CLASSES, Decision())
